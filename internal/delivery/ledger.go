// Package delivery keeps account of the mail of one run: which messages the platform has taken responsibility for, and in
// which mailboxes they were seen.
//
// An entry is a pair of message and recipient. A message that was accepted must be seen once in the INBOX of each
// recipient and in nobody else's. Sightings may come before the sender has its 250, in any order and any number of times;
// what they come to does not depend on the order. A message whose acceptance is uncertain, because the connection was
// lost after the final dot, may legally be missing or be there twice, and is counted apart.
//
// Only mail of the run counts, recognised by its Message-ID, whose 64 bits of key are all that is kept of it.
package delivery

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pegel/internal/corpus"
	"pegel/probes/probe"
)

// Most is how many pairs of message and recipient a ledger follows by default: some 300 MB. What is sent beyond is counted
// and not followed.
const Most = 4_000_000

const shards = 64

// Ledger is the account of one run. Its methods may be called from many goroutines.
type Ledger struct {
	run      string
	accounts map[string]int32 // by address in lower case
	most     int64

	pairs       atomic.Int64 // slots in use
	outstanding atomic.Int64 // surely accepted pairs that were not seen yet
	untracked   atomic.Int64
	last        atomic.Int64 // when a message was taken last, in nanoseconds

	shards [shards]shard

	mu     sync.Mutex
	looked map[int32]bool // accounts whose mail was looked through after the wait
}

// shard holds the messages whose keys end alike.
type shard struct {
	mu       sync.Mutex
	messages map[uint64]message
	slots    []slot
	_        [64]byte // keeps neighbours' locks off this cache line
}

// message is 16 bytes; its pairs hang on it as a list.
type message struct {
	at      int64 // accepted, nanoseconds on the run's clock
	first   int32 // index of its first slot; none where negative
	persona uint16
	flags   uint8
}

const known = 1 // sent by somebody of this run, and told so

// slot is one message for one account: 20 bytes.
type slot struct {
	account, next int32
	uid, validity uint32
	state         uint8
}

const (
	wanted    = 1 << iota // the account is a recipient
	inInbox               // seen in INBOX
	inOther               // seen in another mailbox of the account
	repeated              // seen in INBOX under two UIDs at least
	announced             // seen before it was accepted, by somebody who was waiting
	tardy                 // had not come by the first look after the run
	sure                  // the platform has said that it took it
	again                 // a try's answer never came, or it was sent twice: a copy is legal
)

// New makes the ledger of a run over n accounts with their addresses. Two accounts with one address are one.
func New(run string, n int, address func(int) string) *Ledger {
	l := &Ledger{run: run, accounts: make(map[string]int32, n), most: Most, looked: map[int32]bool{}}
	for i := range n {
		a := strings.ToLower(address(i))
		if _, taken := l.accounts[a]; !taken {
			l.accounts[a] = int32(i)
		}
	}
	for i := range l.shards {
		l.shards[i].messages = map[uint64]message{}
	}
	return l
}

func (l *Ledger) shard(key uint64) *shard { return &l.shards[probe.Mix(key)%shards] }

// Sent enters a message that a user of the persona has sent to these addresses, taken at the given time of the run. acked
// is false where the platform's answer never came. A message sent again has its first time. Once a recipient's copy has been
// acknowledged it must arrive, but where any try went without an answer, or there were two, more copies of it are legal.
// Addresses that belong to no account are not followed. early is the number of recipients to whom the message was announced
// before the sender had its answer: it was no time on its way to them.
func (l *Ledger) Sent(id string, to []string, persona int, at time.Duration, acked bool) (early int) {
	key, ours := corpus.KeyOf(l.run, id)
	if !ours {
		return 0
	}
	s := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	m, there := s.messages[key]
	if !there {
		m.first = -1
	}
	if m.flags&known == 0 {
		m.at, m.persona = int64(at), uint16(persona)
	}
	m.flags |= known
	for _, address := range to {
		account, local := l.accounts[strings.ToLower(address)]
		if !local {
			continue
		}
		i := s.find(m.first, account)
		if i < 0 {
			if i = l.add(s, &m, account); i < 0 {
				continue
			}
		}
		early += s.slots[i].sent(acked, &l.outstanding)
	}
	s.messages[key] = m
	for now := int64(at); ; {
		last := l.last.Load()
		if now <= last || l.last.CompareAndSwap(last, now) {
			return early
		}
	}
}

// sent notes a try to send, and returns 1 where the message was announced before that.
func (x *slot) sent(acked bool, outstanding *atomic.Int64) (early int) {
	before := x.state
	x.state |= wanted
	if !acked || before&wanted != 0 {
		x.state |= again
	}
	if !acked || before&sure != 0 {
		return 0
	}
	x.state |= sure
	switch {
	case before&(inInbox|inOther) == 0:
		outstanding.Add(1)
	case before&announced != 0 && x.state&again == 0:
		return 1
	}
	return 0
}

// Arrival is a message seen for the first time by a recipient who was waiting for it.
type Arrival struct {
	Accepted, Visible time.Duration // on the run's clock
	Persona           int           // of the sender
	Outstanding       int           // messages that were still on their way, this one included
}

// Seen enters that the account with this address has seen a message. visible and since are Sighting.Visible and Since on
// the run's clock, 0 where not known; late says that the account was looked through before, after the run, in vain. ok is
// true once for each pair, if how long the way took is known.
func (l *Ledger) Seen(address string, sight probe.Sighting, visible, since time.Duration, late bool) (a Arrival, ok bool) {
	key, ours := corpus.KeyOf(l.run, sight.ID)
	account, local := l.accounts[strings.ToLower(address)]
	if !ours || !local {
		return Arrival{}, false
	}
	s := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	m, there := s.messages[key]
	if !there {
		m.first = -1
	}
	i := s.find(m.first, account)
	if i < 0 {
		if !strings.EqualFold(sight.Mailbox, "INBOX") { // a copy of one's own, such as in Sent
			return Arrival{}, false
		}
		if i = l.add(s, &m, account); i < 0 {
			return Arrival{}, false
		}
		s.messages[key] = m
	}
	x := &s.slots[i]
	before := x.state
	if !strings.EqualFold(sight.Mailbox, "INBOX") {
		x.state |= inOther
	} else {
		if before&inInbox != 0 && x.validity == sight.Validity && x.uid != sight.UID {
			x.state |= repeated
		}
		x.state |= inInbox
		x.uid, x.validity = sight.UID, sight.Validity
	}
	if visible > 0 && m.flags&known == 0 {
		x.state |= announced
	}
	if before&(inInbox|inOther) != 0 || before&wanted == 0 {
		return Arrival{}, false
	}
	if late {
		x.state |= tardy
	}
	if x.state&sure == 0 {
		return Arrival{}, false
	}
	a = Arrival{Accepted: time.Duration(m.at), Visible: max(visible, time.Duration(m.at)), Persona: int(m.persona), Outstanding: int(l.outstanding.Add(-1)) + 1}
	return a, visible > 0 && since <= time.Duration(m.at) && x.state&again == 0
}

// find is the index of an account's slot in the list that begins at first; -1: it has none.
func (s *shard) find(first, account int32) int32 {
	for i := first; i >= 0; i = s.slots[i].next {
		if s.slots[i].account == account {
			return i
		}
	}
	return -1
}

// add makes a slot; -1: the ledger is full.
func (l *Ledger) add(s *shard, m *message, account int32) int32 {
	if l.pairs.Add(1) > l.most {
		l.pairs.Add(-1)
		l.untracked.Add(1)
		return -1
	}
	s.slots = append(s.slots, slot{account: account, next: m.first})
	m.first = int32(len(s.slots) - 1)
	return m.first
}

// Last is when a message was taken last; 0: none was.
func (l *Ledger) Last() time.Duration { return time.Duration(l.last.Load()) }

// Looked notes that an account's mail was looked through after everything had had its time to arrive: what it lacks now is
// lost.
func (l *Ledger) Looked(account int) {
	l.mu.Lock()
	l.looked[int32(account)] = true
	l.mu.Unlock()
}
