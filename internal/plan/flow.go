package plan

import (
	"maps"
	"slices"
	"time"

	"pegel/probes/probe"
	"pegel/scenarios"
)

// branch is the part of a journey's code that is done beside others.
type branch struct {
	name                string
	from                int // first instruction; the last is opEnd
	firstLoop, lastLoop int // loop counters inside, the last one excluded
}

// every compiles steps on a beat: first the wait for a random part of it, then the steps and the wait for the next, for ever.
func (c *compiler) every(j *Journey, s *scenarios.Step) {
	j.describe("every", s.Every.D().String()) // also where it comes after the acts that enter the digest by themselves
	j.code = append(j.code, instruction{op: opFirstBeat, step: j.newStep(), every: s.Every.D(), lockstep: s.Lockstep})
	if s.Lockstep {
		j.describe("lockstep")
	}
	begin := len(j.code)
	c.steps(j, s.Steps)
	j.code = append(j.code, instruction{op: opBeat, every: s.Every.D()}, instruction{op: opJump, to: []int{begin}})
}

// parallel compiles branches one after the other, each with an end. Their steps are numbered as any others, so that a branch
// has draws of its own.
func (c *compiler) parallel(j *Journey, s *scenarios.Step) {
	branches := s.Parallel
	at := len(j.code)
	j.code = append(j.code, instruction{op: opParallel})
	list := make([]branch, 0, len(branches))
	for i := range branches {
		j.describe("branch", branches[i].Name)
		b := branch{name: branches[i].Name, from: len(j.code), firstLoop: j.loops}
		c.steps(j, branches[i].Steps)
		b.lastLoop = j.loops
		j.code = append(j.code, instruction{op: opEnd})
		list = append(list, b)
	}
	j.code[at].branches, j.code[at].to = list, []int{len(j.code)}
	if j.parallel == (scenarios.Pos{}) {
		j.parallel = s.Pos
	}
}

// Parallel is where users begin to do several things at the same time in this journey, and whether they do.
func (j *Journey) Parallel() (scenarios.Pos, bool) {
	if j == nil || j.parallel == (scenarios.Pos{}) {
		return scenarios.Pos{}, false
	}
	return j.parallel, true
}

// branches readies the cursors of a parallel step's branches at their beginnings. They are made once, share the counters of the
// cursor that they come from, of which each uses its own, and belong to one goroutine each while they are walked.
func (c *Cursor) branches(at int, in *instruction) []*Cursor {
	if c.aside == nil {
		c.aside = &aside{}
	}
	list := c.aside.beside[at]
	if list == nil {
		for i := range in.branches {
			list = append(list, &Cursor{plan: c.plan, user: c.user, aside: &aside{branch: &in.branches[i]}, loops: c.loops, iteration: c.iteration, answers: c.answers})
		}
		if c.aside.beside == nil {
			c.aside.beside = map[int][]*Cursor{}
		}
		c.aside.beside[at] = list
	}
	for _, b := range list {
		b.journey, b.fresh = c.journey, c.fresh
		b.Restart()
	}
	return list
}

// Branch is the name of the branch that the cursor walks, empty where it has none or the cursor is a user's own.
func (c *Cursor) Branch() string {
	if b := c.branch(); b != nil {
		return b.name
	}
	return ""
}

// aside is what only cursors with branches, and those of branches, have.
type aside struct {
	branch *branch           // nil: the user's own cursor
	beside map[int][]*Cursor // cursors of branches, by instruction
}

func (c *Cursor) branch() *branch {
	if c.aside == nil {
		return nil
	}
	return c.aside.branch
}

// Again goes to the beginning of the persona's journey as a user does who comes back after an absence: the next act is First. A
// fresh journey is over then, finished or not.
func (c *Cursor) Again() {
	c.fresh = false
	c.journey = c.plan.Personas[c.user.Persona].Journey
	c.Restart()
	c.again = true
}

// AwayAfterLeaving is how long a user is away who lost patience and whose persona has no absence of its own.
const AwayAfterLeaving = 5 * time.Minute

// shortestSession bounds drawn lengths: a session of no length would begin again and again without any time going by.
const shortestSession = time.Second

// Session draws the user's next session: how long it stays and how long it is away afterwards. A length of 0 is one that does
// not end by itself; away is then for a user who loses patience. Each call is another session.
func (c *Cursor) Session() (length, away time.Duration) {
	s := c.plan.Personas[c.user.Persona].Session
	if s == nil {
		return 0, AwayAfterLeaving
	}
	k := key(c.plan.Seed, c.user.ID, 1<<24, uint64(c.sessions))
	c.sessions++
	return max(s.Length.Draw(k), shortestSession), s.Away.Draw(probe.Mix(k ^ 0x5851f42d4c957f2d))
}

// Leaving is how long a user is away who loses patience in a session after which it would be away so long.
func (p *Persona) Leaving(away time.Duration) time.Duration {
	if p.Session == nil || p.Session.Away.Kind == "" {
		return AwayAfterLeaving
	}
	return away
}

// defaultMost is how often in a row an impatient user reloads or tries again before it leaves.
const defaultMost = 3

// behaviour takes over what a persona is like.
func (p *Persona) behaviour(from *scenarios.Persona) {
	p.Session, p.Connections = from.Session, maps.Clone(from.Connections)
	if from.Patience != nil {
		patience := *from.Patience
		if patience.Most == 0 {
			patience.Most = defaultMost
		}
		p.Patience = &patience
	}
}

// digestSessions is how many sessions of each user enter the digest.
const digestSessions = 8

// behaviourDigest adds what a persona is like; nothing for one that is like all others.
func (p *Plan) behaviourDigest(h *digester, u *User) {
	persona := &p.Personas[u.Persona]
	if w := persona.Patience; w != nil {
		h.put(uint64(w.After), uint64(w.Most))
		h.text(w.Then)
	}
	if persona.Session != nil {
		c := p.Cursor(u)
		for range digestSessions {
			length, away := c.Session()
			h.put(uint64(length), uint64(away))
		}
	}
	for _, target := range slices.Sorted(maps.Keys(persona.Connections)) {
		h.text(target)
		h.put(uint64(persona.Connections[target]))
	}
}

// Of each branch the first acts enter the digest, and of all the branches of a user so many; of its own they are digestActs.
const (
	digestOfBranch   = 8
	digestBranchActs = 192
)

// actsDigest adds the first acts that a cursor walks, and of their branches as many as are left.
func (p *Plan) actsDigest(h *digester, c *Cursor, left *int) {
	most := digestActs
	if c.branch() != nil {
		most = digestOfBranch
		*left -= most
	}
	for range most {
		act, ok := c.Next()
		if !ok {
			break
		}
		h.text(p.Actions[act.Action])
		h.text(act.Target)
		h.put(act.Key, uint64(act.Think), uint64(act.Timeout))
		if act.Every > 0 {
			h.put(uint64(act.Every))
		}
		if act.Branches != nil && *left > 0 {
			p.branchesDigest(h, act.Branches, left)
		}
	}
}

// branchesDigest adds the first acts of each branch.
func (p *Plan) branchesDigest(h *digester, branches []*Cursor, left *int) {
	for i, c := range branches {
		h.text(c.Branch())
		h.put(uint64(i), uint64(len(branches)))
		if *left <= 0 {
			break
		}
		p.actsDigest(h, c, left)
	}
}
