package imap

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
)

// view is what one connection knows of the mailbox that it has selected.
type view struct {
	mailbox string // "": none
	open    bool   // SELECT has been answered
	since   uint64 // when SELECT was sent, on the account's clock
	before  told   // what was known of the mailbox then
	box     *boxMemory
	count   uint32

	permanent     []string // PERMANENTFLAGS
	permanentTold bool

	// Messages whose number and UID are remembered, by rising number: a sample by UID, and the last one that was fetched.
	anchors []anchor
	mask    uint32 // of the sample: UIDs whose hash has none of these bits
	last    anchor
}

// anchor is a message whose number and UID are known.
type anchor struct {
	seq, uid uint32
	modSeq   uint64 // 0: not told
}

// mostAnchors bounds what a connection remembers: 32 × 16 bytes.
const mostAnchors = 32

// sampled tells whether a message belongs to a sample. It is the same for all connections, whatever the order in which they
// come across messages.
func sampled(uid, mask uint32) bool { return uid*0x9e3779b1>>8&mask == 0 }

// Selecting says that SELECT or EXAMINE of a mailbox, by its decoded name, is about to be sent: from here on the mailbox before is
// closed, and EXISTS is that of this one.
func (t *tracker) Selecting(mailbox string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.endStore(false)
	t.view = view{mailbox: boxName(mailbox), since: t.memory.now(), anchors: t.view.anchors[:0]}
	t.view.before, t.view.box = t.memory.told(t.view.mailbox)
}

// Unselected says that no mailbox is selected: the server refused.
func (t *tracker) Unselected() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.view = view{}
}

// Selected says what came of SELECT.
func (t *tracker) Selected(box opened) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := &t.view
	if v.mailbox == "" {
		return
	}
	v.open, v.count = true, box.exists
	v.permanent, v.permanentTold = box.permanent, box.permanent != nil
	now, same := t.memory.opened(v.mailbox, box, v.box)
	old := v.before
	v.box = now
	if !same || old.validity == 0 || box.validity == 0 {
		return // nobody knew it, it was made anew meanwhile, or the server has no stable UIDs
	}
	switch {
	case box.validity != old.validity:
		t.found(ruleUIDValidity, "UIDVALIDITY "+decimal(old.validity), "%d", box.validity)
	case box.uidNext != 0 && box.uidNext <= old.topUID:
		t.found(ruleUIDNext, "UIDNEXT above "+decimal(old.topUID)+", which a message has", "%d", box.uidNext)
	case box.highestModSeq != 0 && box.highestModSeq < old.topModSeq:
		t.found(ruleModSeq, "HIGHESTMODSEQ "+strconv.FormatUint(old.topModSeq, 10)+" or above", "%d", box.highestModSeq)
	}
}

// Exists implements client.Observer.
func (t *tracker) Exists(n uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := &t.view
	if !v.open {
		return // of the mailbox that is being selected; selected tells it
	}
	if n < v.count {
		t.found(ruleExists, decimal(v.count)+" messages or more, for none was expunged", "%d EXISTS", n)
		v.forgetAbove(n)
	}
	v.count = n
}

// Expunged implements client.Observer.
func (t *tracker) Expunged(seq uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := &t.view
	if !v.open {
		return
	}
	if seq == 0 || seq > v.count {
		t.found(ruleExpunge, "a number from 1 to "+decimal(v.count), "%d EXPUNGE", seq)
		return
	}
	t.removing("EXPUNGE")
	v.count--
	v.anchors = slices.DeleteFunc(v.anchors, func(a anchor) bool { return a.seq == seq })
	for i := range v.anchors {
		if v.anchors[i].seq > seq {
			v.anchors[i].seq--
		}
	}
	switch {
	case v.last.seq == seq:
		v.last = anchor{}
	case v.last.seq > seq:
		v.last.seq--
	}
}

// removing checks the moment at which the server says that messages have gone: not while it answers a command that names
// messages by their numbers (RFC 9051, section 7.5.1).
func (t *tracker) removing(what string) {
	if c, ok := t.commands.only(); ok {
		switch c.verb {
		case "FETCH", "STORE", "SEARCH":
			t.found(ruleExpunge, "no "+what+" while "+c.verb+" is answered", "one")
		}
	}
}

// Vanished implements client.Observer.
func (t *tracker) Vanished(set []byte, earlier bool) {
	if earlier {
		return // gone before the mailbox was selected: never counted
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	v := &t.view
	if !v.open {
		return
	}
	uids, ok := uidRanges(set)
	if !ok {
		return // what nobody understands is for the client to complain about
	}
	var n uint64
	for _, r := range uids {
		n += uint64(r.last-r.first) + 1
	}
	if n > uint64(v.count) {
		t.found(ruleExpunge, "at most "+decimal(v.count)+" messages that vanish", "%d", n)
		v.forgetAbove(0)
		v.count = 0
		return
	}
	t.removing("VANISHED")
	v.count -= uint32(n)
	below := func(uid uint32) (gone uint32, itself bool) {
		for _, r := range uids {
			if r.first <= uid && uid <= r.last {
				itself = true
			}
			if r.first < uid {
				gone += min(uid-1, r.last) - r.first + 1
			}
		}
		return gone, itself
	}
	v.anchors = slices.DeleteFunc(v.anchors, func(a anchor) bool { _, itself := below(a.uid); return itself })
	for i := range v.anchors {
		gone, _ := below(v.anchors[i].uid)
		v.anchors[i].seq -= min(gone, v.anchors[i].seq)
	}
	if gone, itself := below(v.last.uid); itself {
		v.last = anchor{}
	} else {
		v.last.seq -= min(gone, v.last.seq)
	}
}

// uidRange are UIDs from first to last, both included.
type uidRange struct{ first, last uint32 }

// uidRanges reads a set of UIDs such as "1:3,7".
func uidRanges(set []byte) (ranges []uidRange, ok bool) {
	for part := range bytes.SplitSeq(set, []byte(",")) {
		from, to, isRange := bytes.Cut(part, []byte(":"))
		if !isRange {
			to = from
		}
		first, ok := number(from, 1<<32-1)
		last, also := number(to, 1<<32-1)
		if !ok || !also {
			return nil, false
		}
		ranges = append(ranges, uidRange{uint32(min(first, last)), uint32(max(first, last))})
	}
	return ranges, true
}

// Fetched is told each FETCH response.
func (t *tracker) Fetched(m *fetchedMessage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := &t.view
	if !v.open {
		return
	}
	if m.seq == 0 || m.seq > v.count {
		t.found(ruleSequence, "a number from 1 to "+decimal(v.count), "%d FETCH", m.seq)
		return
	}
	uid := m.uid
	if uid == 0 { // without its UID it is known where its number is
		i, known := v.find(m.seq)
		switch {
		case known:
			uid = v.anchors[i].uid
		case v.last.seq == m.seq:
			uid = v.last.uid
		default:
			return
		}
	}
	if !t.placed(m.seq, uid, m.modSeq) {
		return
	}
	t.remember(uid, m)
}

// placed checks number, UID and MODSEQ of a message against its neighbours, and remembers them.
func (t *tracker) placed(seq, uid uint32, modSeq uint64) bool {
	v := &t.view
	i, known := v.find(seq)
	var near [4]anchor // those between whose numbers and UIDs this one must lie
	n := 0
	if v.last.seq != 0 {
		near[n] = v.last
		n++
	}
	if i > 0 {
		near[n] = v.anchors[i-1]
		n++
	}
	for k := i; k < min(i+2, len(v.anchors)); k++ {
		near[n] = v.anchors[k]
		n++
	}
	for _, a := range near[:n] {
		if wrong := misplaced(a, seq, uid); wrong != "" {
			t.found(ruleUIDOrder, wrong, "message %d with UID %d", seq, uid)
			v.anchors, v.last = v.anchors[:0], anchor{seq, uid, modSeq}
			return false
		}
		if a.seq == seq && modSeq != 0 {
			if modSeq < a.modSeq {
				t.found(ruleModSeq, fmt.Sprintf("MODSEQ %d or above of UID %d", a.modSeq, uid), "%d", modSeq)
			}
		}
	}
	if modSeq == 0 && v.last.seq == seq {
		modSeq = v.last.modSeq
	}
	v.last = anchor{seq, uid, modSeq}
	switch {
	case known:
		if modSeq != 0 {
			v.anchors[i].modSeq = modSeq
		}
	case sampled(uid, v.mask):
		for len(v.anchors) >= mostAnchors {
			v.mask = v.mask<<1 | 1
			v.anchors = slices.DeleteFunc(v.anchors, func(a anchor) bool { return !sampled(a.uid, v.mask) })
		}
		if sampled(uid, v.mask) {
			i, _ = v.find(seq)
			v.anchors = slices.Insert(v.anchors, i, v.last)
		}
	}
	return true
}

// misplaced says what contradicts that the message with a number has a UID, given one that is known; "" is nothing. Between two
// messages there are at least as many UIDs as numbers.
func misplaced(a anchor, seq, uid uint32) string {
	switch {
	case a.seq == seq && a.uid != uid:
		return fmt.Sprintf("UID %d of message %d, as before", a.uid, seq)
	case a.seq < seq && (uid < a.uid || uid-a.uid < seq-a.seq):
		return fmt.Sprintf("a UID of at least %d, because message %d has %d", uint64(a.uid)+uint64(seq-a.seq), a.seq, a.uid)
	case a.seq > seq && (uid > a.uid || a.uid-uid < a.seq-seq):
		return fmt.Sprintf("a UID of at most %d, because message %d has %d", int64(a.uid)-int64(a.seq-seq), a.seq, a.uid)
	}
	return ""
}

// find is where the anchor with a number is or belongs.
func (v *view) find(seq uint32) (int, bool) {
	return slices.BinarySearchFunc(v.anchors, seq, func(a anchor, seq uint32) int {
		switch {
		case a.seq < seq:
			return -1
		case a.seq > seq:
			return 1
		}
		return 0
	})
}

// forgetAbove drops what is known of messages beyond n.
func (v *view) forgetAbove(n uint32) {
	v.anchors = slices.DeleteFunc(v.anchors, func(a anchor) bool { return a.seq > n })
	if v.last.seq > n {
		v.last = anchor{}
	}
}

func decimal(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// number reads a decimal number of at most limit.
func number(word []byte, limit uint64) (n uint64, ok bool) {
	if len(word) == 0 || len(word) > 19 {
		return 0, false
	}
	for _, c := range word {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, n <= limit
}
