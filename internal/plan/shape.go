package plan

import (
	"hash/fnv"
	"math"
	"slices"
	"time"

	"pegel/probes/probe"
	"pegel/scenarios"
)

// Storm is what a situation does to the active users when its hold begins: a share of them loses its sessions.
type Storm struct {
	Logins   float64       // share of the active users
	Within   time.Duration // they come back within this time, each after an offset of its own
	Together bool          // or all at once
}

// replicated plays the list of loads as often as asked for. Each time it is shuffled anew where the order is random, so that every
// load has its place early and late.
func (p *Plan) replicated(list []int) []int {
	var all []int
	for k := range max(1, p.Scenario.Load.Replicate) {
		once := slices.Clone(list)
		if p.Scenario.Load.Order == scenarios.Randomised {
			for i := len(once) - 1; i > 0; i-- { // Fisher–Yates
				j := int(key(p.Seed, uint64(k), 1<<20, uint64(i)) % uint64(i+1))
				once[i], once[j] = once[j], once[i]
			}
		}
		all = append(all, once...)
	}
	return all
}

// once is the list of loads as the scenario has it; nil where it follows from the wave.
func (p *Plan) once() []int {
	switch l := &p.Scenario.Load; {
	case l.Day != nil:
		return l.Day.Users()
	case l.Soak != nil:
		n, _ := l.Soak.Cuts()
		return slices.Repeat([]int{l.Soak.Users}, n)
	default:
		return l.Stages.List()
	}
}

// times are ramp, settle and hold of a stage. An hour of a day gives five minutes of sixty to the change and five to settling, as
// does the first stage of a soak before its hold; the others of a soak follow each other without a gap.
func (p *Plan) times(index int) (ramp, settle, hold time.Duration) {
	l := &p.Scenario.Load
	switch {
	case l.Day != nil:
		hour := l.Day.Hour.D()
		return hour / 12, hour / 12, hour - 2*(hour/12)
	case l.Soak != nil:
		_, cut := l.Soak.Cuts()
		if index > 0 {
			return 0, 0, cut
		}
		return cut / 12, cut / 12, cut
	}
	return l.Stages.Ramp.D(), l.Stages.Settle.D(), l.Stages.Hold.D()
}

// situations lays out a stage for each situation that is played, after all others.
func (p *Plan) situations() {
	for i := range p.Scenario.Situations {
		s := &p.Scenario.Situations[i]
		if s.At == 0 {
			continue
		}
		st := p.stage(slices.Concat(p.Stages, p.Situations), level{users: s.At})
		st.Ramp, st.Settle, _ = p.times(0)
		st.Situation, st.Together = s.Name, false
		st.SettleMost, st.HoldMost = 0, 0 // what is played is played as it is written
		if s.Hold > 0 {
			st.Hold = s.Hold.D()
		}
		if st.Settle == 0 { // everybody is to be there before anything happens
			st.Settle = max(2*time.Second, st.Hold/5)
		}
		pass := scenarios.Pass(s.Copy)
		switch c := p.Scenario.Wave.Copy; {
		case s.Copy == "none":
			pass = scenarios.NoPass
		case s.Copy == "" && c.Stages != "none":
			pass = scenarios.CorePass
		}
		p.copying(&st, pass)
		if s.Logins > 0 {
			st.Storm = &Storm{Logins: s.Logins, Within: s.Within.D(), Together: s.Together}
		}
		p.Situations = append(p.Situations, st)
	}
}

// copying puts the users of a copy pass to work in a stage.
func (p *Plan) copying(st *Stage, pass scenarios.Pass) {
	st.Copiers, st.Rate, st.Pass = 0, 0, scenarios.NoPass
	if pass == scenarios.CorePass && len(p.Copiers) > 0 || pass == scenarios.DeferredPass && len(p.Deferred) > 0 {
		st.Copiers, st.Rate = p.Scenario.Wave.Copy.Of(pass)
		st.Pass = pass
	}
}

// played are the loads of the situations that are played.
func (p *Plan) played() []int {
	var list []int
	for i := range p.Scenario.Situations {
		if at := p.Scenario.Situations[i].At; at > 0 {
			list = append(list, at)
		}
	}
	return list
}

// stepStorm is the step of the keys by which a storm takes its users; the iteration is the situation's place in the list.
const stepStorm = 1 << 25

// Reconnects tells whether a user loses its sessions when a situation's hold begins, and after how long it comes back.
func (p *Plan) Reconnects(st *Stage, u *User) (after time.Duration, ok bool) {
	if st.Storm == nil {
		return 0, false
	}
	place := slices.IndexFunc(p.Situations, func(s Stage) bool { return s.Situation == st.Situation })
	k := key(p.Seed, u.ID, stepStorm, uint64(place))
	switch {
	case unit(k) >= st.Storm.Logins:
		return 0, false
	case st.Storm.Together:
		return 0, true
	}
	return time.Duration(unit(probe.Mix(k^0x5851f42d4c957f2d)) * float64(st.Storm.Within)), true
}

// shapeDigest covers what the stages do beside their numbers of users: arriving at once, situations, the pace of copying.
func (p *Plan) shapeDigest() Digest {
	var sum Digest
	for i := range p.Stages {
		if p.Stages[i].Together {
			h := fnv.New64a()
			put(h, uint64(i), 1)
			sum[0] += h.Sum64()
		}
	}
	for i := range p.Situations {
		s := &p.Situations[i]
		h := fnv.New64a()
		h.Write([]byte(s.Situation + "\x00" + string(s.Pass)))
		put(h, uint64(i), uint64(s.Users), uint64(s.Copiers), uint64(s.Ramp), uint64(s.Settle), uint64(s.Hold))
		if storm := s.Storm; storm != nil {
			put(h, math.Float64bits(storm.Logins), uint64(storm.Within))
			if storm.Together {
				put(h, 1)
			}
		}
		sum[0] += h.Sum64()
	}
	if days := p.Scenario.Wave.Copy.Days(); days > 0 {
		h := fnv.New64a()
		put(h, uint64(days), 3)
		sum[0] += h.Sum64()
	}
	for i := range p.Personas {
		if pace := p.Personas[i].Pace; pace > 0 {
			h := fnv.New64a()
			put(h, uint64(i), uint64(pace), 2)
			sum[0] += h.Sum64()
		}
		if byteTime := p.Personas[i].ByteTime; byteTime > 0 {
			h := fnv.New64a()
			put(h, uint64(i), math.Float64bits(byteTime), 4)
			sum[0] += h.Sum64()
		}
	}
	return sum
}
