package plan

import (
	"time"

	"pegel/probes/probe"
)

// Act is the next thing a user does.
type Act struct {
	Action   int // index into Plan.Actions
	Verb     string
	Target   string
	Protocol int        // index into Plan.Protocols
	Run      probe.Step // nil: only think
	Timeout  time.Duration
	Key      uint64        // of the action's random draws
	Think    time.Duration // pause after the action
	First    bool          // the journey has ended and begins again with this act: the user comes back with new sessions
}

// Cursor walks one user through its journey. It allocates nothing after its creation. A cursor belongs to one goroutine.
type Cursor struct {
	plan      *Plan
	user      *User
	journey   *Journey
	fresh     bool // playing the fresh journey
	pc        int
	loops     []int
	iteration []uint64 // by step number within the plan's journeys: how often the user has been there
	idle      int      // instructions since the last act, to stop journeys that never act
	again     bool     // the journey has just ended
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

// Restart goes back to the beginning of the journey, as a user does who lost the session.
func (c *Cursor) Restart() {
	c.pc = 0
	clear(c.loops)
}

// Next returns the next act. A journey that has ended begins again, the fresh journey gives way to the normal one. ok is
// false if the journey has nothing to do at all.
func (c *Cursor) Next() (act Act, ok bool) {
	for c.idle = 0; c.idle < 10000; c.idle++ {
		if c.pc >= len(c.journey.code) {
			c.rewind()
			continue
		}
		in := &c.journey.code[c.pc]
		switch in.op {
		case opAct, opThink:
			c.pc++
			k := c.draw(in.step)
			act = Act{Action: in.action, Verb: in.verb, Target: in.target, Protocol: in.proto, Run: in.run, Timeout: in.timeout, Key: k}
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
	at := step
	if c.fresh {
		at += c.plan.Personas[c.user.Persona].Journey.steps
	}
	n := c.iteration[at]
	c.iteration[at]++
	return key(c.plan.Seed, c.user.ID, uint64(c.journey.first+step), n)
}

// Opening lists the acts by which a preflight tries a persona's ways in: for each target the first action that the journey
// has there, and its first login or discovery.
func (p *Plan) Opening(persona int) []Act {
	var acts []Act
	tried := map[string]bool{}
	for _, in := range p.Personas[persona].Journey.code {
		if in.op != opAct {
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
