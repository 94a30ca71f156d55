package imap

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"pegel/probes/probe"
)

// honest is a server of one mailbox, as the rules allow it: connections see what they saw when they looked last, answers are of
// some moment between question and arrival, and others change the mailbox meanwhile.
type honest struct {
	r                 *rand.Rand
	validity, uidNext uint32
	modSeq            uint64
	messages          []honestMessage
}

type honestMessage struct {
	uid    uint32
	modSeq uint64
	flags  []string
}

// size and envelope are functions of the UID.
func (m *honestMessage) size() int64      { return int64(m.uid)*7 + 1 }
func (m *honestMessage) envelope() uint64 { return uint64(m.uid)*0x9e3779b97f4a7c15 | 1 }

func (h *honest) deliver(flags ...string) uint32 {
	h.modSeq++
	h.uidNext += 1 + uint32(h.r.IntN(3))
	uid := h.uidNext
	h.uidNext++
	h.messages = append(h.messages, honestMessage{uid, h.modSeq, flags})
	return uid
}

func (h *honest) find(uid uint32) *honestMessage {
	for i := range h.messages {
		if h.messages[i].uid == uid {
			return &h.messages[i]
		}
	}
	return nil
}

func (h *honest) flag(m *honestMessage, flag string, on bool) {
	h.modSeq++
	m.modSeq = h.modSeq
	m.flags = slices.DeleteFunc(slices.Clone(m.flags), func(f string) bool { return f == flag })
	if on {
		m.flags = append(m.flags, flag)
	}
}

// honestConn is one connection: it asks, is answered, and the answer arrives.
type honestConn struct {
	tr      *tracker
	tag     int
	seen    []honestMessage // what it has been told of, as it was
	open    bool
	arrives []func() // in order; nil: nothing is under way
	answer  func()
}

func (c *honestConn) ask(verb string) string {
	c.tag++
	tag := fmt.Sprintf("A%d", c.tag)
	c.tr.Sent([]byte(tag + " " + verb))
	return tag
}

func (c *honestConn) later(f func()) { c.arrives = append(c.arrives, f) }

func (c *honestConn) done(tag string) { c.later(func() { c.tr.Received([]byte(tag + " OK done")) }) }

// catchUp tells what has happened since the connection looked last.
func (c *honestConn) catchUp(h *honest) {
	var ranges string
	for i := 0; i < len(c.seen); {
		if h.find(c.seen[i].uid) != nil {
			i++
			continue
		}
		if uid, n := c.seen[i].uid, uint32(i+1); h.r.IntN(2) == 0 {
			c.later(func() { c.tr.Expunged(n) })
		} else {
			ranges = fmt.Sprint(uid)
			set := ranges
			c.later(func() { c.tr.Vanished([]byte(set), false) })
		}
		c.seen = slices.Delete(c.seen, i, i+1)
	}
	if len(c.seen) != len(h.messages) || h.r.IntN(3) == 0 {
		n := uint32(len(h.messages))
		c.later(func() { c.tr.Exists(n) })
	}
	c.seen = slices.Clone(h.messages)
}

// tell sends one FETCH response of what the connection sees.
func (c *honestConn) tell(r *rand.Rand, i int) {
	m := c.seen[i]
	f := fetchedMessage{seq: uint32(i + 1), uid: m.uid, size: -1}
	if r.IntN(2) == 0 {
		f.size = m.size()
	}
	if r.IntN(2) == 0 {
		f.envelope = m.envelope()
	}
	if r.IntN(2) == 0 {
		f.flags, f.flagsTold = m.flags, true
	}
	if r.IntN(2) == 0 {
		f.modSeq = m.modSeq
	}
	c.later(func() { c.tr.Fetched(&f) })
}

// step does one thing that may happen. others says that somebody else may take flags from the messages of this account.
func (c *honestConn) step(h *honest) {
	if len(c.arrives) > 0 {
		c.arrives[0]()
		c.arrives = c.arrives[1:]
		return
	}
	if c.answer != nil {
		answer := c.answer
		c.answer = nil
		answer()
		return
	}
	own := []string{`\Seen`, `\Flagged`, "key"}
	switch k := h.r.IntN(20); {
	case !c.open || k == 0: // SELECT, at times after the connection was lost in the middle of something
		if k == 0 && h.r.IntN(2) == 0 {
			c.tr.Closed()
			c.tr = newTracker(c.tr.memory)
			c.open = false
		}
		c.tr.Selecting("INBOX")
		tag := c.ask("SELECT INBOX")
		c.answer = func() {
			c.seen, c.open = slices.Clone(h.messages), true
			box := opened{validity: h.validity, uidNext: h.uidNext, exists: uint32(len(h.messages)), highestModSeq: h.modSeq}
			if h.r.IntN(4) == 0 {
				box.uidNext, box.highestModSeq = 0, 0
			}
			c.done(tag)
			c.later(func() { c.tr.Selected(box) })
		}
	case k < 6: // NOOP, or IDLE
		tag := c.ask("NOOP")
		c.answer = func() {
			before := slices.Clone(c.seen)
			c.catchUp(h)
			for i := range c.seen {
				if j := slices.IndexFunc(before, func(m honestMessage) bool { return m.uid == c.seen[i].uid }); j < 0 || before[j].modSeq != c.seen[i].modSeq {
					c.tell(h.r, i)
				}
			}
			c.done(tag)
		}
	case k < 9: // APPEND by the user
		flags := own[:h.r.IntN(3)]
		tag := c.ask("APPEND INBOX")
		c.answer = func() {
			uid := h.deliver(flags...)
			c.done(tag)
			validity, tr := h.validity, c.tr
			c.later(func() { tr.appended("INBOX", validity, uid, flags) })
		}
	case k < 14 && len(c.seen) > 0: // STORE by the user, of any message that the connection sees
		i := h.r.IntN(len(c.seen))
		uid, flag, on := c.seen[i].uid, own[h.r.IntN(3)], h.r.IntN(3) > 0
		c.tr.storing(uid, on, []string{flag})
		tag := c.ask("UID STORE")
		c.answer = func() {
			m := h.find(uid)
			ok := m != nil && h.r.IntN(10) > 0
			if ok {
				h.flag(m, flag, on)
				c.seen[i].flags, c.seen[i].modSeq = m.flags, m.modSeq
				if h.r.IntN(2) == 0 {
					c.tell(h.r, i)
				}
			}
			c.done(tag)
			tr := c.tr
			c.later(func() { tr.stored(ok) })
		}
	case len(c.seen) > 0: // FETCH of what it sees, which may be old
		from := h.r.IntN(len(c.seen))
		tag := c.ask("FETCH")
		c.answer = func() {
			for i := from; i < len(c.seen) && i < from+6; i++ {
				c.tell(h.r, i)
			}
			c.done(tag)
		}
	}
}

// history plays a random legal history and returns what was found, which is nothing.
func history(seed uint64, steps int) (*probe.Violation, *accountMemory) {
	r := rand.New(rand.NewPCG(seed, 1))
	h := &honest{r: r, validity: 1 + uint32(seed%1000), uidNext: 1, modSeq: 1}
	for range r.IntN(400) {
		h.deliver()
	}
	memory := newMemory(1, new(claims))
	conns := make([]*honestConn, 1+r.IntN(4))
	for i := range conns {
		conns[i] = &honestConn{tr: newTracker(memory)}
	}
	for range steps {
		switch k := r.IntN(60); {
		case k == 0:
			h.deliver()
		case k == 1 && len(h.messages) > 0: // somebody else removes a message
			i := r.IntN(len(h.messages))
			h.modSeq++
			h.messages = slices.Delete(h.messages, i, i+1)
		case k == 2 && len(h.messages) > 0: // or adds a flag
			h.flag(&h.messages[r.IntN(len(h.messages))], `\Answered`, true)
		default:
			c := conns[r.IntN(len(conns))]
			c.step(h)
			if v := c.tr.take(probe.Account{}); v != nil {
				return v, memory
			}
		}
	}
	return nil, memory
}

// No legal history is a violation.
func TestLegalHistories(t *testing.T) {
	for seed := range uint64(40) {
		v, memory := history(seed, 2000)
		if v != nil {
			t.Fatalf("seed %d: %s\n%s", seed, v.Text(), v.Transcript)
		}
		if n := size(memory); n > memoryBudget {
			t.Fatalf("seed %d: an account's memory has %d bytes", seed, n)
		}
	}
}

func FuzzLegalHistories(f *testing.F) {
	f.Add(uint64(1), uint16(500))
	f.Fuzz(func(t *testing.T, seed uint64, steps uint16) {
		if v, _ := history(seed, int(steps%5000)); v != nil {
			t.Fatalf("%s\n%s", v.Text(), v.Transcript)
		}
	})
}

// size is what an account's memory takes.
func size(a *accountMemory) int {
	n := int(unsafe.Sizeof(*a)) + 8*cap(a.boxes) + cap(a.own)*int(unsafe.Sizeof(ownMessage{})) + 16*cap(a.keywords)
	for _, b := range a.boxes {
		n += int(unsafe.Sizeof(*b)) + len(b.name) + cap(b.known)*int(unsafe.Sizeof(knownMessage{}))
	}
	for _, k := range a.keywords {
		n += len(k)
	}
	return n
}

// However many mailboxes and messages an account has, its memory stays within the budget, and still knows a share of the messages
// of every mailbox.
func TestMemoryIsBounded(t *testing.T) {
	a := newMemory(1, new(claims))
	tr := newTracker(a)
	flags := []string{`\Seen`}
	for k := range 12 {
		name := fmt.Sprintf("a mailbox with a name of some length %d", k)
		tr.Selecting(name)
		tr.Selected(opened{validity: 1, exists: 20_000})
		for uid := range uint32(20_000) {
			tr.Fetched(&fetchedMessage{seq: uid + 1, uid: uid + 1, size: 100, envelope: 3, flags: flags, flagsTold: true})
		}
		for i := range uint32(40) {
			tr.appended(name, 1, 20_001+i, []string{fmt.Sprintf("keyword-%d-%d", k, i)})
		}
	}
	if v := tr.take(probe.Account{}); v != nil {
		t.Error(v.Text())
	}
	if n := size(a); n > memoryBudget {
		t.Errorf("%d bytes", n)
	}
	sum := 0
	for _, b := range a.boxes {
		sum += len(b.known)
		if len(b.known) == 0 {
			t.Errorf("nothing is known of %s", b.name)
		}
	}
	if len(a.boxes) != mostBoxes || sum != a.messages || sum < mostMessages/4 || len(tr.view.anchors) < mostAnchors/8 {
		t.Errorf("%d mailboxes, %d messages (%d counted), %d anchors", len(a.boxes), sum, a.messages, len(tr.view.anchors))
	}
	t.Logf("%d bytes, %d messages", size(a), sum)
}
