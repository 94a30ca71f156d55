package plan

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"pegel/scenarios"
)

// Stage is one plateau of load.
type Stage struct {
	Index              int
	Users              int   // active users
	Mix                []int // of them by persona; 0 for those who are no active users
	Mixed              bool  // the shares of the personas differ from those of the activity
	Fresh              int   // accounts that are switched over in this stage
	Copiers            int   // copying users at work
	Rate               float64
	Batch              string
	Live               int  // accounts live
	Beyond             bool // more accounts than are live now
	Ramp, Settle, Hold time.Duration
	// SettleMost and HoldMost are how long both may last where what is measured asks for it; 0: as planned.
	SettleMost, HoldMost time.Duration

	Together  bool           // its users arrive all at once
	Pass      scenarios.Pass // which the copying users do
	Arm       string         // of the experiment; empty: there is none
	Situation string         // that is played; empty: none, the stage is one of the load
	Storm     *Storm         // nil: none
}

// Duration is the length of the stage.
func (s Stage) Duration() time.Duration { return s.Ramp + s.Settle + s.Hold }

func (s Stage) String() string {
	if s.Arm != "" {
		return fmt.Sprintf("stage %d: %d users, %s", s.Index+1, s.Users, s.Arm)
	}
	return fmt.Sprintf("stage %d: %d users", s.Index+1, s.Users)
}

// level is a stage before its users are known.
type level struct {
	users int
	copy  bool
	mix   []int // of an experiment with the mix; nil: as the activity has it
	arm   string
}

// stages lays out the stages and the users who play them.
func (p *Plan) stages() error {
	s := p.Scenario
	if p.ActivePerAccount() == 0 {
		return refuse(s, s.Load.Pos, "give a persona its share of the accounts under activity", "the stages have nobody to play them: no persona has an activity")
	}
	loads := p.loads()
	if len(loads) == 0 {
		return refuse(s, s.Load.Pos, "give load.stages, or wave.live and wave.batches", "the scenario has no stage")
	}
	levels := p.levels(loads)
	to := 0
	if s.Load.Order == scenarios.Adaptive {
		to = s.Load.Stages.To
	}
	if err := p.users(max(to, slices.Max(append(p.played(), loads...))), levels); err != nil {
		return err
	}
	if err := p.lay(); err != nil {
		return err
	}
	if p.Arms != nil {
		levels = p.armed(loads)
	}
	if p.To, p.Most = to, len(levels); to > 0 {
		p.Most = s.Load.StagesMax
	}
	for _, l := range levels {
		p.Stages = append(p.Stages, p.stage(p.Stages, l))
	}
	p.situations()
	p.arrivals()
	return nil
}

// loads are the numbers of active users in the order in which they are played; of adaptive stages the first one.
func (p *Plan) loads() []int {
	s := p.Scenario
	if s.Load.Order == scenarios.Adaptive {
		return []int{s.Load.Stages.From}
	}
	list := p.once()
	if len(list) == 0 { // the stages follow from the wave: before the first batch, and after each
		live := s.Wave.Live
		for i := -1; i < len(s.Wave.Batches); i++ {
			if i >= 0 {
				live += s.Wave.Batches[i].Accounts
			}
			if users := int(float64(live) * p.ActivePerAccount()); users > 0 {
				list = append(list, users)
			}
		}
	}
	return p.replicated(list)
}

// levels adds to the loads what tells other effects from that of the load. With copy traffic each load is played twice, in
// the order off on, on off, off on …: in each two pairs (ABBA) a linear drift takes as much from off as from on. The mix
// of personas is changed at the middle load, to both sides and next to each other. The first load comes once more at the end:
// what has changed there is drift.
func (p *Plan) levels(loads []int) []level {
	c, x := p.Scenario.Wave.Copy, p.Scenario.Experiment()
	sorted := slices.Sorted(slices.Values(loads))
	middle := slices.Index(loads, sorted[len(sorted)/2])
	var list []level
	for k, n := range loads {
		on := copies(c, k)
		if x.Copy {
			list = append(list, level{users: n, copy: k%2 == 1}, level{users: n, copy: k%2 == 0})
			on = false
		} else {
			list = append(list, level{users: n, copy: on})
		}
		if k == middle && x.Mix > 0 {
			list = append(list, level{users: n, copy: on, mix: p.tilted(n, x.Mix)}, level{users: n, copy: on, mix: p.tilted(n, -x.Mix)})
		}
	}
	if x.Repeat {
		list = append(list, list[0])
	}
	return list
}

func copies(c scenarios.Copy, stage int) bool {
	switch c.Stages {
	case "none":
		return false
	case "alternate":
		return stage%2 == 0
	}
	return c.Concurrency > 0
}

// tilted divides users among the personas with each one's share changed by a part of it: some get more, the others less,
// so that the sum changes little, and then all are scaled to it. The largest shares are placed first, each on the side that
// is lighter so far. Whole users go to the largest remainders.
func (p *Plan) tilted(users int, part float64) []int {
	order := make([]int, 0, len(p.Personas))
	for k := range p.Personas {
		if p.Personas[k].Share > 0 {
			order = append(order, k)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(p.Personas[b].Share, p.Personas[a].Share)
	})
	weight := make([]float64, len(p.Personas))
	var side, sum float64
	for _, k := range order {
		share, sign := p.Personas[k].Share, 1.0
		if side > 0 {
			sign = -1
		}
		side += sign * share
		weight[k] = share * (1 + sign*part)
		sum += weight[k]
	}
	mix, left := make([]int, len(p.Personas)), users
	for _, k := range order {
		weight[k] *= float64(users) / sum
		mix[k] = int(weight[k])
		weight[k] -= float64(mix[k])
		left -= mix[k]
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(weight[b], weight[a]) })
	for _, k := range order[:left] {
		mix[k]++
	}
	return mix
}

// stage makes the stage that follows those before.
func (p *Plan) stage(before []Stage, l level) Stage {
	s := p.Scenario
	st := Stage{Index: len(before), Users: l.users, Mix: l.mix, Mixed: l.mix != nil, Arm: l.arm, Together: s.Load.Arrive == scenarios.Together}
	st.Ramp, st.Settle, st.Hold = p.times(st.Index)
	st.SettleMost, st.HoldMost = s.Load.Stages.SettleMost.D(), s.Load.Stages.HoldMost.D()
	st.Live = p.accountsFor(l.users)
	if st.Mixed {
		for k, n := range st.Mix {
			if n > 0 {
				st.Live = max(st.Live, p.byPersona[k][n-1].Account+1)
			}
		}
	} else {
		st.Mix = p.mix(l.users)
	}
	if s.Wave.Live > 0 {
		known := s.Wave.Live
		for _, b := range before {
			if l.arm == "" || b.Users != l.users { // arms of one load have the same fresh accounts
				known = max(known, b.Live)
			}
		}
		st.Beyond = st.Live > s.Wave.Live
		st.Fresh = max(0, st.Live-known)
		st.Batch = p.batchOf(st.Live)
	}
	if l.copy {
		p.copying(&st, scenarios.CorePass)
	}
	return st
}

// Next is the stage that follows those done at so many active users, which are kept from 1 to To.
func (p *Plan) Next(done []Stage, users int) Stage {
	return p.stage(done, level{users: min(max(users, 1), p.To), copy: copies(p.Scenario.Wave.Copy, len(done))})
}

// accountsFor is the number of live accounts that so many active users stand for.
func (p *Plan) accountsFor(users int) int {
	per := p.ActivePerAccount()
	if per == 0 {
		return users
	}
	return int(math.Ceil(float64(users)/per - 1e-9))
}

// batchOf names the last batch that has come when so many accounts are live.
func (p *Plan) batchOf(live int) string {
	n := p.Scenario.Wave.Live
	name := ""
	for _, b := range p.Scenario.Wave.Batches {
		if live <= n {
			break
		}
		name = b.Name
		n += b.Accounts
	}
	return name
}

// Duration is the length of all stages, those of situations included; adaptive: of the most.
func (p *Plan) Duration() time.Duration {
	var d time.Duration
	for _, s := range p.Stages {
		d += s.Duration()
	}
	d = d * time.Duration(p.Most) / time.Duration(len(p.Stages))
	for i := range p.Situations {
		d += p.Situations[i].Duration()
	}
	return d
}

// Live is the number of accounts that have a mailbox in this plan's run, at least 1: recipients are drawn from them.
func (p *Plan) Live() int {
	live := max(1, p.Scenario.Wave.Live)
	if p.Scenario.Wave.Live == 0 {
		live = max(live, p.accountsFor(p.To))
		for i := range p.Stages {
			live = max(live, p.Stages[i].Live)
		}
		for i := range p.Situations {
			live = max(live, p.Situations[i].Live)
		}
	}
	return min(live, p.Accounts.Len())
}
