package imap

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"pegel/probes/probe"
)

// lookAgain is how long a migrator that has copied everything waits before it looks for what has come to the source since.
const lookAgain = time.Minute

// mostRefusals is how often a message is tried, at one look through both sides each. One that is too large will always be refused,
// another only while the target has no room.
const mostRefusals = 3

// registry has the passes of all accounts of one target, so that an account's connections share them.
type registry struct {
	mu sync.Mutex
	by map[passKey]*passWork
}

type passKey struct {
	login string
	what  migration
}

func newRegistry() *registry { return &registry{by: map[passKey]*passWork{}} }

// passes are the target's; a session without a target's own has them to itself.
func (s *session) passes() *registry {
	if all, ok := s.target.Shared.(*shared); ok {
		return all.passes
	}
	if s.alone == nil {
		s.alone = newRegistry()
	}
	return s.alone
}

func (r *registry) of(login string, what migration) *passWork {
	what.Digest = ""
	r.mu.Lock()
	defer r.mu.Unlock()
	key := passKey{login, what}
	if r.by[key] == nil {
		r.by[key] = newPassWork()
	}
	return r.by[key]
}

// passWork is what is still to be copied of one account's pass. While one connection looks through both sides the others go on with
// what is known to be left, and settle what they have.
type passWork struct {
	looking chan struct{} // full while a connection looks through both sides

	mu      sync.Mutex // all that follows; it is held for moments only
	loaded  time.Time  // zero: both sides are to be looked through
	boxes   []boxWork
	left    int
	flying  map[flight]bool // claimed and not settled
	touched map[flight]bool // claimed or settled since the look under way began, which may have missed that; nil: none is under way
	doubt   bool            // that look has to be followed by another
	refusal map[flight]int  // how often a message was refused
	reasons []probe.Refusal // of the first of them
	news    bool            // what was refused has become fewer since it was told
	copied  int
	there   int // at the first look; -1: there was none
}

func newPassWork() *passWork {
	return &passWork{looking: make(chan struct{}, 1), flying: map[flight]bool{}, refusal: map[flight]int{}, there: -1}
}

// counts are what a pass has come to.
type counts struct {
	copied, there int
	refused       int // messages that were refused and are not in the target, as far as is known
}

func (p *passWork) counted() counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return counts{p.copied, max(p.there, 0), len(p.refusal)}
}

// tell tells what is known of the pass: a comparison, or nil for what was refused alone, where anything is or was when it was told last.
// It is told in the order in which it has come about, and again and again, for nobody listens before the load begins.
func (p *passWork) tell(t *probe.Turn, sum *probe.Copies, pass string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if sum == nil {
		if !p.news && len(p.refusal) == 0 {
			return
		}
		sum = &probe.Copies{Pass: pass, Uncompared: true}
	}
	sum.Copied, sum.There, sum.Refused = p.copied, max(p.there, 0), len(p.refusal)
	for _, r := range p.reasons {
		r.Tries = p.refusal[flight{r.Mailbox, r.UID}]
		sum.Refusals = append(sum.Refusals, r)
	}
	p.news = false
	t.Copied(*sum)
}

// boxWork is one mailbox with the messages to be copied.
type boxWork struct {
	from, to string
	todo     []uint32
}

type flight struct {
	from string
	uid  uint32
}

// job is one message to be copied.
type job struct {
	flight
	to string
	id string // Message-ID, "" where it is not known
	no error  // why it was refused
}

// claim takes the next message; nil: none is left, or none is known yet because another connection still looks through both sides,
// and left is not 0 then. left counts those after it.
func (p *passWork) claim(t *probe.Turn, source, target *session, m *migration) (*job, int, error) {
	select {
	case p.looking <- struct{}{}:
	default:
		if j, left := p.next(); j != nil {
			return j, left, nil
		}
		if !p.await(t) {
			return nil, 1, nil // at least: what is being looked for
		}
	}
	defer func() { <-p.looking }()
	if p.stale() {
		if err := p.load(source, target, m); err != nil {
			return nil, 0, err
		}
	}
	j, left := p.next()
	return j, left, nil
}

// await waits to be the one that looks, at most for half of the time that the action has: the rest is for its own work, and to wait
// for another connection must not end the session. false: that was too short.
func (p *passWork) await(t *probe.Turn) bool {
	from := time.Now()
	defer func() { t.Awaited(time.Since(from)) }() // of pegel's own making, and no latency
	var enough <-chan time.Time
	if deadline, limited := t.Context().Deadline(); limited {
		timer := time.NewTimer(time.Until(deadline) / 2)
		defer timer.Stop()
		enough = timer.C
	}
	select {
	case p.looking <- struct{}{}:
		return true
	case <-enough:
	case <-t.Context().Done():
	}
	return false
}

// stale tells whether both sides have to be looked through.
func (p *passWork) stale() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.loaded.IsZero() || p.left == 0 && time.Since(p.loaded) > lookAgain
}

// next claims a message among those known to be left, nil where there is none.
func (p *passWork) next() (*job, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.boxes {
		b := &p.boxes[i]
		if len(b.todo) == 0 {
			continue
		}
		j := &job{flight: flight{b.from, b.todo[0]}, to: b.to}
		b.todo = b.todo[1:]
		p.left--
		p.flying[j.flight] = true
		p.touch(j.flight)
		return j, p.left
	}
	return nil, 0
}

// touch notes a message for the look under way. p.mu is held.
func (p *passWork) touch(f flight) {
	if p.touched != nil {
		p.touched[f] = true
	}
}

// settle ends a claim.
func (p *passWork) settle(j *job, how fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.flying, j.flight)
	p.touch(j.flight)
	switch how {
	case copied:
		p.copied++
		p.accept(j.flight)
	case vanished:
		p.accept(j.flight)
	case refused:
		p.refuse(j)
	case uncertain:
		p.loaded, p.doubt = time.Time{}, true
	}
}

// accept forgets that a message was refused, if it was. p.mu is held.
func (p *passWork) accept(f flight) {
	if p.refusal[f] == 0 {
		return
	}
	delete(p.refusal, f)
	p.forget()
}

// forget forgets why messages were refused that no longer are. p.mu is held.
func (p *passWork) forget() {
	p.news = true
	p.reasons = slices.DeleteFunc(p.reasons, func(r probe.Refusal) bool { return p.refusal[flight{r.Mailbox, r.UID}] == 0 })
}

// mostReason bounds the texts that are kept of a refused message, in bytes.
const mostReason = 300

// refuse notes that a message was refused. p.mu is held.
func (p *passWork) refuse(j *job) {
	p.refusal[j.flight]++
	reason := ""
	if j.no != nil {
		reason = j.no.Error()
	}
	reason = strings.ToValidUTF8(reason[:min(len(reason), mostReason)], "")
	i := slices.IndexFunc(p.reasons, func(r probe.Refusal) bool { return r.Mailbox == j.from && r.UID == j.uid })
	switch {
	case i >= 0:
		p.reasons[i].Reason = reason
	case len(p.reasons) < probe.MostRefusals:
		p.reasons = append(p.reasons, probe.Refusal{Mailbox: j.from, UID: j.uid, MessageID: j.id, Reason: reason})
	}
}

// load finds out what is in the source and not in the target. p.looking is full.
func (p *passWork) load(source, target *session, m *migration) error {
	p.mu.Lock()
	p.touched, p.doubt = maps.Clone(p.flying), false
	p.mu.Unlock()
	boxes, there, err := missing(source, target, m)
	p.mu.Lock()
	defer p.mu.Unlock()
	touched := p.touched
	p.touched = nil
	if err != nil {
		return err
	}
	left, refusal := 0, map[flight]int{}
	for i := range boxes {
		b := &boxes[i]
		b.todo = slices.DeleteFunc(b.todo, func(uid uint32) bool {
			f := flight{b.from, uid}
			times := p.refusal[f]
			if times > 0 {
				refusal[f] = times
			}
			return touched[f] || times >= mostRefusals
		})
		left += len(b.todo)
	}
	if len(refusal) < len(p.refusal) {
		defer p.forget()
	}
	p.boxes, p.left, p.refusal, p.loaded = boxes, left, refusal, time.Now()
	if p.doubt {
		p.loaded = time.Time{}
	}
	if p.there < 0 {
		p.there = there
	}
	return nil
}
