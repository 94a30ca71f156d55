// Package plan compiles a scenario into a deterministic schedule of virtual users.
//
// A plan is a pure function of (scenario, seed): the same bytes and seed give the same users, start times, journeys and
// random draws, whatever the machine. Draws need no state: each is a hash of (seed, user, step, iteration), so that a
// user who fails or waits does not shift the draws of any other. Every step is compiled before the first packet; an
// unknown action or parameter is an error with its place in the scenario file.
package plan

import (
	"time"

	"pegel/probes/probe"
	"pegel/scenarios"
)

// Plan is a compiled scenario.
type Plan struct {
	Scenario   *scenarios.Scenario
	Seed       uint64
	Accounts   *scenarios.AccountList
	Actions    []string                  // names by action index; opening a session is one, NAME.connect
	Personas   []Persona                 // by persona index
	Situations []Stage                   // played after all of them; where stages are chosen during the run, their index is not known before
	Stages     []Stage                   // adaptive: the first one; Next makes the others
	Arms       []*Arm                    // of an experiment that discriminates; nil: none
	Most       int                       // number of stages, adaptive: at most
	To         int                       // adaptive: the highest number of active users; 0: the stages are fixed
	Active     []User                    // active users; a stage takes the first ones, of each persona its number of them
	Fixed      []User                    // users beside them, there from the first stage to the last
	Copiers    []User                    // copying users of the core pass, at work while a stage copies
	Deferred   []User                    // of the deferred pass
	Arrivals   []Arrivals                // open processes beside all of them
	Delivered  int                       // index of the action delivery.inbox; negative: mail is not followed
	Sweep      *Sweep                    // nil: mail is not followed
	Targets    []string                  // names of the targets that any journey uses
	byPersona  [][]*User                 // active users by persona, in order
	connect    map[string]int            // protocol name → index of its connect action
	names      []string                  // of the protocols in use, by Act.Protocol
	protocol   map[string]probe.Protocol // target name → protocol

	dimensions dimensions
	values     values
	asked      scenarios.Pos // the first if that depends on answers
}

// Persona is a compiled persona.
type Persona struct {
	Name     string
	Journey  *Journey
	Fresh    *Journey // nil: none
	Copy     bool
	Pace     time.Duration // copy personas: mean distance between two actions of one user; 0: none
	ByteTime float64       // copy personas: seconds of one user for each byte sent, at least; 0: not limited
	Share    float64       // of the active users
	Active   float64       // active users per account
	Tags     uint16        // number in Plan.TagSets of what its sessions are opened under, from 1; 0: none

	Patience    *scenarios.Patience      // with its defaults; nil: waits until the action's time-out
	Session     *scenarios.SessionLength // nil: stays until its stage sends it away
	Connections map[string]int           // by target: how many connections one user may keep; those not listed are the probe's choice
}

// Build compiles a scenario against the table of protocols. The error is a *scenarios.Errors where the scenario is at
// fault.
func Build(s *scenarios.Scenario, protocols []probe.Protocol) (*Plan, error) {
	accounts, err := s.AccountList()
	if err != nil {
		return nil, err
	}
	p := &Plan{Scenario: s, Seed: s.Seed, Accounts: accounts, connect: map[string]int{}, protocol: map[string]probe.Protocol{}}
	c := &compiler{plan: p, protocols: protocols, errs: scenarios.NewErrors()}
	p.dimensions.numberGroups(accounts.GroupNames())
	p.feeders()
	p.personas(c)
	p.delivery(c)
	if err := c.errs.Err(); err != nil {
		return nil, err
	}
	if len(p.Actions) == 0 {
		return nil, refuse(s, s.Field(scenarios.Pos{}, "journeys"), "give a journey an action, such as do: web.login", "the scenario sends nothing: no persona has an action")
	}
	if err := p.stages(); err != nil {
		return nil, err
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
		persona := Persona{Name: from.Name, Copy: from.Copy != scenarios.NoPass}
		if share, ok := s.Activity.ByPersona[from.Name]; ok && sum > 0 {
			persona.Active = share.Mid()
			persona.Share = share.Mid() / sum
		}
		if n, rate := s.Wave.Copy.Of(from.Copy); n > 0 && rate > 0 {
			persona.Pace = time.Duration(float64(n) / rate * float64(time.Second))
		}
		if n, _ := s.Wave.Copy.Of(from.Copy); n > 0 && s.Wave.Copy.BytesPerSecond() > 0 {
			persona.ByteTime = float64(n) / s.Wave.Copy.BytesPerSecond()
		}
		persona.behaviour(&from)
		c.tags = from.Tags
		persona.Tags = c.tagSet(from.Pos, from.Tags, nil)
		c.pass = from.Copy
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

// Protocol is the protocol that serves a target.
func (p *Plan) Protocol(target string) probe.Protocol { return p.protocol[target] }

// Protocols are the names of the protocols in use, by Act.Protocol.
func (p *Plan) Protocols() []string { return p.names }

// ConnectAction is the index of the action that opening a session with the target is recorded as.
func (p *Plan) ConnectAction(target string) int { return p.connect[p.protocol[target].Name] }

// Account is the probe's view of account i.
func (p *Plan) Account(i int) probe.Account {
	c := p.Accounts.Credentials(i)
	return probe.Account{Index: i, Login: c.Login, Address: c.Address, Password: c.Password, AppPassword: c.AppPassword, Token: c.Token}
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
