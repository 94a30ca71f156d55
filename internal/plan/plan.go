// Package plan compiles a scenario into a deterministic schedule of virtual users.
//
// A plan is a pure function of (scenario, seed): the same bytes and seed give the same users, start times, journeys and
// random draws, whatever the machine. Draws need no state: each is a hash of (seed, user, step, iteration), so that a
// user who fails or waits does not shift the draws of any other. Every step is compiled before the first packet; an
// unknown action or parameter is an error with its place in the scenario file.
package plan

import (
	"fmt"
	"math"
	"slices"
	"time"

	"pegel/probes/probe"
	"pegel/scenarios"
)

// Plan is a compiled scenario.
type Plan struct {
	Scenario *scenarios.Scenario
	Seed     uint64
	Accounts *scenarios.AccountList
	Actions  []string  // names by action index; opening a session is one, NAME.connect
	Personas []Persona // by persona index
	Stages   []Stage
	Active   []User                    // active users in the order in which stages take them
	Fixed    []User                    // users beside them, there from the first stage to the last
	Copiers  []User                    // copying users, at work while a stage copies
	Targets  []string                  // names of the targets that any journey uses
	connect  map[string]int            // protocol name → index of its connect action
	names    []string                  // of the protocols in use, by Act.Protocol
	protocol map[string]probe.Protocol // target name → protocol
}

// Persona is a compiled persona.
type Persona struct {
	Name    string
	Journey *Journey
	Fresh   *Journey // nil: none
	Copy    bool
	Pace    time.Duration // copy personas: mean distance between two actions of one user; 0: none
	Share   float64       // of the active users
	Active  float64       // active users per account
}

// User is one virtual user.
type User struct {
	ID      uint64 // unique in the plan, key of the user's draws
	Persona int
	Account int
	Start   float64 // in [0, 1): share of the ramp of its first stage at which it arrives
	Fresh   bool    // its account is switched over in the stage in which it first appears
}

// Stage is one plateau of load.
type Stage struct {
	Index              int
	Users              int // active users
	Fresh              int // accounts that are switched over in this stage
	Copiers            int // copying users at work
	Rate               float64
	Batch              string
	Live               int  // accounts live
	Beyond             bool // more accounts than are live now
	Ramp, Settle, Hold time.Duration
}

// Duration is the length of the stage.
func (s Stage) Duration() time.Duration { return s.Ramp + s.Settle + s.Hold }

// Build compiles a scenario against the table of protocols. The error is a *scenarios.Errors where the scenario is at
// fault.
func Build(s *scenarios.Scenario, protocols []probe.Protocol) (*Plan, error) {
	accounts, err := s.AccountList()
	if err != nil {
		return nil, err
	}
	p := &Plan{Scenario: s, Seed: s.Seed, Accounts: accounts, connect: map[string]int{}, protocol: map[string]probe.Protocol{}}
	c := &compiler{plan: p, protocols: protocols, errs: scenarios.NewErrors()}
	p.personas(c)
	if err := c.errs.Err(); err != nil {
		return nil, err
	}
	if err := p.stages(); err != nil {
		return nil, err
	}
	p.users()
	if top := p.topAccount(); top >= accounts.Len() {
		return nil, refuse(s, s.Accounts.Pos, "raise accounts.count, or lower the stages or the activity",
			"the stages need %d accounts, the scenario has %d", top+1, accounts.Len())
	}
	return p, nil
}

func refuse(s *scenarios.Scenario, pos scenarios.Pos, hint, format string, args ...any) error {
	errs := scenarios.NewErrors()
	errs.Add(s.Problem(pos, hint, format, args...))
	return errs.Err()
}

func (p *Plan) personas(c *compiler) {
	s := p.Scenario
	var sum float64 // in the personas' order: sums of fractions depend on it, and with them who plays what
	for _, from := range s.Personas {
		sum += s.Activity.ByPersona[from.Name].Mid()
	}
	step := 0
	for _, from := range s.Personas {
		persona := Persona{Name: from.Name, Copy: from.Copy}
		if share, ok := s.Activity.ByPersona[from.Name]; ok && sum > 0 {
			persona.Active = share.Mid()
			persona.Share = share.Mid() / sum
		}
		if from.Copy && s.Wave.Copy.Rate > 0 && s.Wave.Copy.Concurrency > 0 {
			persona.Pace = time.Duration(float64(s.Wave.Copy.Concurrency) / s.Wave.Copy.Rate * float64(time.Second))
		}
		persona.Journey = c.journey(s.Journeys[from.Journey], &step)
		if from.Fresh != "" {
			persona.Fresh = c.journey(s.Journeys[from.Fresh], &step)
		}
		p.Personas = append(p.Personas, persona)
	}
}

// ActivePerAccount is the number of active users for each live account.
func (p *Plan) ActivePerAccount() float64 {
	var sum float64
	for _, persona := range p.Personas {
		sum += persona.Active
	}
	return sum
}

// accountsFor is the number of live accounts that so many active users stand for.
func (p *Plan) accountsFor(users int) int {
	per := p.ActivePerAccount()
	if per == 0 {
		return users
	}
	return int(math.Ceil(float64(users)/per - 1e-9))
}

func (p *Plan) stages() error {
	s := p.Scenario
	if p.ActivePerAccount() == 0 {
		return refuse(s, s.Load.Pos, "give a persona its share of the accounts under activity", "the stages have nobody to play them: no persona has an activity")
	}
	list := s.Load.Stages.List()
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
	if len(list) == 0 {
		return refuse(s, s.Load.Pos, "give load.stages, or wave.live and wave.batches", "the scenario has no stage")
	}
	if s.Load.Order == "randomised" {
		list = slices.Clone(list)
		for i := len(list) - 1; i > 0; i-- { // Fisher–Yates
			j := int(key(p.Seed, 0, 1<<20, uint64(i)) % uint64(i+1))
			list[i], list[j] = list[j], list[i]
		}
	}
	before := s.Wave.Live
	for i, users := range list {
		st := Stage{Index: i, Users: users, Ramp: s.Load.Stages.Ramp.D(), Settle: s.Load.Stages.Settle.D(), Hold: s.Load.Stages.Hold.D()}
		st.Live = p.accountsFor(users)
		if s.Wave.Live > 0 {
			st.Beyond = st.Live > s.Wave.Live
			st.Fresh = max(0, st.Live-max(before, s.Wave.Live))
			st.Batch = p.batchOf(st.Live)
		}
		before = max(before, st.Live)
		if copies(s.Wave.Copy, i) {
			st.Copiers, st.Rate = s.Wave.Copy.Concurrency, s.Wave.Copy.Rate
		}
		p.Stages = append(p.Stages, st)
	}
	return nil
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

// users lays out the active users so that every prefix of the list has the personas' shares as exactly as whole users
// can: each place goes to the persona that is furthest behind (largest-deficit rule).
func (p *Plan) users() {
	top := 0
	for _, st := range p.Stages {
		top = max(top, st.Users)
	}
	count := make([]int, len(p.Personas))
	p.Active = make([]User, 0, top)
	for n := range top {
		best, most := -1, math.Inf(-1)
		for k, persona := range p.Personas {
			if persona.Share > 0 {
				if d := persona.Share*float64(n+1) - float64(count[k]); d > most {
					best, most = k, d
				}
			}
		}
		if best < 0 {
			break
		}
		u := User{ID: uint64(n), Persona: best, Account: int(float64(count[best]) / p.Personas[best].Active)}
		u.Start = unit(key(p.Seed, u.ID, 1<<21, 0))
		u.Fresh = p.Scenario.Wave.Live > 0 && u.Account >= p.Scenario.Wave.Live
		count[best]++
		p.Active = append(p.Active, u)
	}
	id := uint64(1) << 32 // fixed users and copiers have numbers of their own, whatever the number of active users
	for k, persona := range p.Personas {
		from := p.Scenario.Personas[k]
		if persona.Share > 0 {
			continue
		}
		n := from.Count
		if persona.Copy {
			n = p.Scenario.Wave.Copy.Concurrency
		}
		for j := range n {
			u := User{ID: id, Persona: k, Account: j % p.Accounts.Len()}
			u.Start = unit(key(p.Seed, u.ID, 1<<21, 0))
			id++
			if persona.Copy { // copiers work on the accounts that come next
				u.Account = (p.Scenario.Wave.Live + j) % p.Accounts.Len()
				p.Copiers = append(p.Copiers, u)
			} else {
				p.Fixed = append(p.Fixed, u)
			}
		}
	}
}

func (p *Plan) topAccount() int {
	top := 0
	for _, u := range p.Active {
		top = max(top, u.Account)
	}
	return top
}

// Protocol is the protocol that serves a target.
func (p *Plan) Protocol(target string) probe.Protocol { return p.protocol[target] }

// Protocols are the names of the protocols in use, by Act.Protocol.
func (p *Plan) Protocols() []string { return p.names }

// ConnectAction is the index of the action that opening a session with the target is recorded as.
func (p *Plan) ConnectAction(target string) int { return p.connect[p.protocol[target].Name] }

// Account is the probe's view of account i.
func (p *Plan) Account(i int) probe.Account {
	login, address, password := p.Accounts.At(i)
	return probe.Account{Index: i, Login: login, Address: address, Password: password}
}

// Duration is the length of all stages.
func (p *Plan) Duration() time.Duration {
	var d time.Duration
	for _, s := range p.Stages {
		d += s.Duration()
	}
	return d
}

// key is the random key of (seed, user, step, iteration).
func key(seed, user, step, iteration uint64) uint64 {
	const golden = 0x9e3779b97f4a7c15
	h := probe.Mix(seed + golden)
	h = probe.Mix(h ^ (user+1)*golden)
	h = probe.Mix(h ^ (step+1)*0xd1b54a32d192ed03)
	return probe.Mix(h ^ (iteration+1)*0x8cb92ba72f3d8dd7)
}

// unit maps a uniformly distributed number to [0, 1).
func unit(u uint64) float64 { return float64(u>>11) / (1 << 53) }

func (s Stage) String() string {
	return fmt.Sprintf("stage %d: %d users", s.Index+1, s.Users)
}

// Live is the number of accounts that have a mailbox in this plan's run, at least 1: recipients are drawn from them.
func (p *Plan) Live() int {
	live := max(1, p.Scenario.Wave.Live)
	if p.Scenario.Wave.Live == 0 {
		for _, s := range p.Stages {
			live = max(live, s.Live)
		}
	}
	return min(live, p.Accounts.Len())
}

// ActiveUser is the i-th active user, also where i lies beyond the plan's own stages: the pattern of personas and
// accounts goes on, accounts are taken from the beginning again when there are no more.
func (p *Plan) ActiveUser(i int) User {
	if i < len(p.Active) {
		return p.Active[i]
	}
	n := len(p.Active)
	u := p.Active[i%n]
	u.ID = uint64(i)
	u.Account = (u.Account + i/n*max(1, p.topAccount())) % p.Accounts.Len()
	u.Start = unit(key(p.Seed, u.ID, 1<<21, 0))
	return u
}
