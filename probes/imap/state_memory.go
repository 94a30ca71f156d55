package imap

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"pegel/probes/probe"
)

// accountMemory is what all connections of one account with one target have been told. It takes at most memoryBudget bytes:
// of large mailboxes a sample of the messages, chosen by UID and so the same for all connections.
//
// What two connections are told can only be compared where one answer was asked for after the other had come, for a server
// may answer two of them from different moments. clock orders the two.
type accountMemory struct {
	account uint32 // its number and one
	claims  *claims
	clock   atomic.Uint64

	mu       sync.Mutex
	boxes    []*boxMemory
	messages int          // in all boxes
	own      []ownMessage // whose flags are followed, the oldest first
	loose    int          // STOREs under way of other messages
	looseEnd uint64       // when the last of them ended, on the clock
	keywords []string     // by their bit
}

// The bounds of an account's memory.
const (
	mostBoxes    = 8
	mostMessages = 72 // of all boxes together
	mostOwn      = 16 // messages that the account's users appended
	mostKeywords = 12
	mostName     = 48 // bytes; a mailbox whose name is longer is not compared between connections
	memoryBudget = 4 << 10
)

// The budget holds: this does not compile where it does not. The room that a mailbox's slices have too much is 104 bytes, a
// keyword with its place is 48.
var _ [memoryBudget - int(unsafe.Sizeof(accountMemory{})) - mostMessages*int(unsafe.Sizeof(knownMessage{})) -
	mostBoxes*(int(unsafe.Sizeof(boxMemory{}))+mostName+104) - mostOwn*int(unsafe.Sizeof(ownMessage{})) - mostKeywords*48]struct{}

// boxMemory is one mailbox of one account.
type boxMemory struct {
	name      string
	validity  uint32
	topUID    uint32 // highest UID that was seen
	topModSeq uint64
	mask      uint32         // of the sample
	known     []knownMessage // by rising UID
}

// knownMessage is what was told of one message.
type knownMessage struct {
	uid      uint32
	size     uint32 // and one; 0: not told
	envelope uint32 // folded digest; 0: not told
}

// told is what was known of a mailbox at some time.
type told struct {
	validity, topUID uint32
	topModSeq        uint64
}

// now is a new moment on the account's clock.
func (a *accountMemory) now() uint64 { return a.clock.Add(1) }

// boxName is the name of a mailbox by which it is known: INBOX has many spellings.
func boxName(mailbox string) string {
	if strings.EqualFold(mailbox, inbox) {
		return inbox
	}
	return mailbox
}

// box is the memory of a mailbox, nil where there is none. a.mu is held.
func (a *accountMemory) box(name string) *boxMemory {
	for _, b := range a.boxes {
		if b.name == name {
			return b
		}
	}
	return nil
}

// told is what is known of a mailbox now.
func (a *accountMemory) told(name string) (told, *boxMemory) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.box(name)
	if b == nil {
		return told{}, nil
	}
	return told{b.validity, b.topUID, b.topModSeq}, b
}

// opened takes in what SELECT told. was is the mailbox's memory when SELECT was sent; same says that it still is. The result
// is nil where the account has too many mailboxes.
func (a *accountMemory) opened(name string, box opened, was *boxMemory) (b *boxMemory, same bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b = a.box(name)
	same = b != nil && b == was
	if b != nil && b.validity != box.validity {
		a.drop(b)
		b = nil
	}
	if b == nil {
		if len(a.boxes) >= mostBoxes || len(name) > mostName {
			return nil, same
		}
		b = &boxMemory{name: name, validity: box.validity}
		a.boxes = append(a.boxes, b)
	}
	b.topModSeq = max(b.topModSeq, box.highestModSeq)
	return b, same
}

// created forgets a mailbox that pegel has just made: it may have a new UIDVALIDITY.
func (a *accountMemory) created(mailbox string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if b := a.box(boxName(mailbox)); b != nil {
		a.drop(b)
	}
}

func (a *accountMemory) drop(b *boxMemory) {
	a.messages -= len(b.known)
	a.own = slices.DeleteFunc(a.own, func(m ownMessage) bool { return m.box == b })
	a.boxes = slices.DeleteFunc(a.boxes, func(x *boxMemory) bool { return x == b })
}

// holds tells whether a mailbox's memory is still the account's. a.mu is held.
func (a *accountMemory) holds(b *boxMemory) bool { return b != nil && slices.Contains(a.boxes, b) }

// message is the memory of a message, which is begun where it belongs to the sample; else nil. The pointer is valid while a.mu
// is held and no other message is begun.
func (a *accountMemory) message(b *boxMemory, uid uint32) *knownMessage {
	find := func(m knownMessage, uid uint32) int { return cmp.Compare(m.uid, uid) }
	i, known := slices.BinarySearchFunc(b.known, uid, find)
	if known {
		return &b.known[i]
	}
	if !sampled(uid, b.mask) || !a.room(b, uid) {
		return nil
	}
	i, _ = slices.BinarySearchFunc(b.known, uid, find)
	if len(b.known) == cap(b.known) { // grown in small steps, for the sake of the budget
		b.known = append(make([]knownMessage, 0, len(b.known)+8), b.known...)
	}
	b.known = slices.Insert(b.known, i, knownMessage{uid: uid})
	a.messages++
	return &b.known[i]
}

// room thins out the sample of the mailbox that has most of it until there is room, and tells whether a message of b still
// belongs to its sample.
func (a *accountMemory) room(b *boxMemory, uid uint32) bool {
	for a.messages >= mostMessages {
		large := slices.MaxFunc(a.boxes, func(x, y *boxMemory) int { return len(x.known) - len(y.known) })
		large.mask = large.mask<<1 | 1
		kept := make([]knownMessage, 0, len(large.known)/2+8)
		for _, m := range large.known {
			if sampled(m.uid, large.mask) {
				kept = append(kept, m)
			}
		}
		a.messages -= len(large.known) - len(kept)
		large.known = kept
	}
	return sampled(uid, b.mask)
}

// remember holds a FETCH response against what all connections were told of the message. t.mu is held.
func (t *tracker) remember(uid uint32, m *fetchedMessage) {
	a, v := t.memory, &t.view
	if v.box == nil || v.box.validity == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.holds(v.box) {
		return
	}
	b := v.box
	b.topUID = max(b.topUID, uid)
	b.topModSeq = max(b.topModSeq, m.modSeq)
	if m.flagsTold {
		t.checkFlags(b, uid, m.flags)
	}
	// No message has no bytes: that is how Dovecot fills in one that another session has removed, before it may say so.
	if m.size < 0 && m.envelope == 0 || m.size == 0 {
		return
	}
	known := a.message(b, uid)
	if known == nil {
		return
	}
	if m.size >= 0 {
		size := uint32(min(m.size, 1<<32-2)) + 1
		if known.size != 0 && known.size != size {
			t.found(ruleMessage, decimal(known.size-1)+" bytes of UID "+decimal(uid)+", as before", "%d", m.size)
		}
		known.size = size
	}
	if m.envelope != 0 {
		digest := max(uint32(m.envelope^m.envelope>>32), 1)
		if known.envelope != 0 && known.envelope != digest {
			t.found(ruleMessage, "the envelope of UID "+decimal(uid)+" as before", "another one")
		}
		known.envelope = digest
	}
}

// runKey and accountKey are what the run keeps for this package.
type (
	runKey     struct{}
	accountKey struct {
		target  string
		account int
	}
)

// memoryOf is the memory of the user's account with a target.
func memoryOf(t *probe.Turn, target string, account probe.Account) *accountMemory {
	return t.Kept(accountKey{target, account.Index}, func() any {
		return &accountMemory{account: accountNumber(account), claims: claimsOf(t)}
	}).(*accountMemory)
}

// claimsOf are the run's.
func claimsOf(t *probe.Turn) *claims {
	return t.Kept(runKey{}, func() any { return new(claims) }).(*claims)
}

// accountNumber is an account among those that claim messages, never 0.
func accountNumber(account probe.Account) uint32 { return uint32(account.Index) + 1 }
