package plan

import (
	"time"

	"pegel/probes/probe"
)

// Act is the next thing a user does.
type Act struct {
	Action    int // index into Plan.Actions
	Verb      string
	Target    string
	Protocol  int        // index into Plan.Protocols
	Run       probe.Step // nil: only think
	Timeout   time.Duration
	Key       uint64        // of the action's random draws
	Step      int           // its number among those of its user, whatever the iteration
	Iteration uint64        // how often the user had been at this step
	Needs     []int         // variables that must have been saved before, by Plan.Variables
	Save      *Save         // what is taken from the answer; nil: nothing
	Think     time.Duration // pause after the action
	Tags      uint16        // number in Plan.TagSets, from 1; 0: none
	First     bool          // the journey has ended and begins again with this act: the user comes back with new sessions

	// Every above 0: the user waits for the next beat, so long after the one before; Begins: for the first one, Think from now.
	Every  time.Duration
	Begins bool
	// Lockstep: the first beat is the next multiple of Every since the run began, for all users.
	Lockstep bool
	// Branches, not nil: the user does all of them at the same time and goes on when each has come to its end.
	Branches []*Cursor
}

// Cursor walks one user through its journey. It allocates nothing after its creation. A cursor belongs to one goroutine.
type Cursor struct {
	plan      *Plan
	user      *User
	journey   *Journey
	pc        int
	loops     []int
	iteration []uint64 // by step number within the plan's journeys: how often the user has been there
	fresh     bool     // playing the fresh journey
	again     bool     // the journey has just ended
	once      bool     // the cursor ends with the journey
	sessions  uint32   // drawn so far
	aside     *aside   // nil: the user does one thing at a time

	answers Answers // nil: nothing has been answered
}

// Cursor starts a user's script: the fresh journey first where it has one and the user is fresh.
func (p *Plan) Cursor(u *User) *Cursor {
	persona := &p.Personas[u.Persona]
	c := &Cursor{plan: p, user: u}
	steps, loops := persona.Journey.steps, persona.Journey.loops
	if persona.Fresh != nil {
		steps, loops = steps+persona.Fresh.steps, max(loops, persona.Fresh.loops)
	}
	c.iteration = make([]uint64, steps)
	c.loops = make([]int, loops)
	c.journey, c.fresh = persona.Journey, false
	if u.Fresh && persona.Fresh != nil {
		c.journey, c.fresh = persona.Fresh, true
	}
	return c
}

// Restart goes back to the beginning of the journey, or of the branch, as a user does who lost the session.
func (c *Cursor) Restart() {
	if b := c.branch(); b != nil {
		c.pc = b.from
		clear(c.loops[b.firstLoop:b.lastLoop])
		return
	}
	c.pc = 0
	clear(c.loops)
	if c.answers != nil {
		c.answers.Forget()
	}
}

// idleMost is how many instructions in a row may pass without an act: a journey that never acts stops.
const idleMost = 10000

// Next returns the next act. A journey that has ended begins again, the fresh journey gives way to the normal one. ok is
// false if the journey has nothing to do at all, and at the end of a branch.
func (c *Cursor) Next() (act Act, ok bool) {
	for range idleMost {
		if c.pc >= len(c.journey.code) {
			if c.once {
				return Act{}, false
			}
			c.rewind()
			continue
		}
		in := &c.journey.code[c.pc]
		switch in.op {
		case opAct, opThink:
			c.pc++
			k, n := c.drawn(in.step)
			act = Act{Step: c.journey.first + in.step, Iteration: n, Needs: in.needs, Save: in.save, Action: in.action, Verb: in.verb, Target: in.target, Protocol: in.proto, Run: in.run, Timeout: in.timeout, Key: k, Tags: in.tags}
			if in.think != nil {
				act.Think = in.think.Draw(probe.Mix(k ^ 0x5851f42d4c957f2d))
			}
			if in.op == opAct {
				act.First, c.again = c.again, false
			}
			return act, true
		case opChoose:
			u := unit(c.draw(in.step))
			for i, w := range in.weights {
				if u < w {
					c.pc = in.to[i]
					break
				}
			}
		case opIf:
			c.decide(in)
		case opJump:
			c.pc = in.to[0]
		case opLoop:
			c.loops[in.loop]++
			if in.times == 0 || c.loops[in.loop] < in.times {
				c.pc = in.to[0]
			} else {
				c.loops[in.loop] = 0
				c.pc++
			}
		case opFirstBeat:
			c.pc++
			k := c.draw(in.step)
			return Act{Key: k, Every: in.every, Begins: true, Lockstep: in.lockstep, Think: time.Duration(unit(k) * float64(in.every))}, true
		case opBeat:
			c.pc++
			return Act{Every: in.every}, true
		case opParallel:
			act = Act{Branches: c.branches(c.pc, in), First: c.again}
			c.pc, c.again = in.to[0], false
			return act, true
		case opEnd:
			return Act{}, false
		}
	}
	return Act{}, false
}

func (c *Cursor) rewind() {
	c.Restart()
	c.again = !c.fresh // the fresh journey goes over into the normal one within the same sessions
	if c.fresh {
		c.fresh = false
		c.journey = c.plan.Personas[c.user.Persona].Journey
	}
}

func (c *Cursor) draw(step int) uint64 {
	k, _ := c.drawn(step)
	return k
}

// drawn is the key of the user's next time at a step, and how often it has been there before.
func (c *Cursor) drawn(step int) (k, iteration uint64) {
	at := step
	if c.fresh {
		at += c.plan.Personas[c.user.Persona].Journey.steps
	}
	n := c.iteration[at]
	c.iteration[at]++
	return key(c.plan.Seed, c.user.ID, uint64(c.journey.first+step), n), n
}

// Opening lists the acts by which a preflight tries a persona's ways in: for each target the first action that the journey
// has there, and its first login or discovery.
func (p *Plan) Opening(persona int) []Act {
	var acts []Act
	tried := map[string]bool{}
	for _, in := range p.Personas[persona].Journey.code {
		if in.op != opAct || len(in.needs) > 0 { // what needs an answer cannot be tried by itself
			continue
		}
		entry := in.verb == "login" || in.verb == "discover"
		if tried[in.target] && (!entry || tried[in.target+" entry"]) {
			continue
		}
		tried[in.target] = true
		tried[in.target+" entry"] = tried[in.target+" entry"] || entry
		acts = append(acts, Act{Action: in.action, Verb: in.verb, Target: in.target, Protocol: in.proto, Run: in.run, Timeout: in.timeout, Key: key(p.Seed, 1<<40, uint64(in.step), 0)})
	}
	return acts
}
