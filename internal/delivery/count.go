package delivery

import (
	"cmp"
	"fmt"
	"slices"

	"pegel/internal/corpus"
)

// Count is what a run's mail came to. All but Messages are pairs of message and recipient; each surely accepted pair is
// in exactly one of Delivered, Elsewhere, Lost and Unseen. It is the content of delivery.json in the archive.
type Count struct {
	Messages  int // sent to accounts of the scenario, uncertain ones included
	Accepted  int // surely
	Delivered int // seen in INBOX
	Late      int // of Delivered and Elsewhere: had not come by the first look after the run
	Elsewhere int // seen in another mailbox of the recipient only: filtered or moved
	Lost      int // not there after the wait
	Unseen    int // not seen, but the account was not looked through in the end either
	Twice     int // in INBOX more than once, of the surely accepted, though sent once
	Wrong     int // in the INBOX of an account that is no recipient

	Again      int // of Accepted: sent once more, because the answer to an earlier final dot never came
	AgainTwice int // of them: in INBOX more than once, which is legal

	Uncertain        int // the answer to the final dot never came, to none of the tries
	UncertainArrived int // of them: seen
	UncertainTwice   int // of them: more than once, which is legal

	Untracked int       // beyond what is followed
	Examples  []Example // some of each kind
}

// The kinds of examples.
const (
	Lost  = "lost"
	Twice = "twice"
	Wrong = "wrong"
)

// Example is one message that went wrong. It names no address and no secret.
type Example struct {
	Kind      string
	MessageID string
	Account   int // index of the account that lacks it, or in whose mailbox it lies
}

// mostExamples of each kind are named.
const mostExamples = 20

// String is one line for people.
func (c *Count) String() string {
	return fmt.Sprintf("%d accepted, %d delivered, %d late, %d lost, %d twice, %d in a wrong mailbox", c.Accepted, c.Delivered, c.Late, c.Lost, c.Twice, c.Wrong)
}

// Count sums up the ledger as it is now. The examples are the first of each kind by key, the same for the same mail.
func (l *Ledger) Count() Count {
	c := Count{Untracked: int(l.untracked.Load())}
	l.mu.Lock()
	defer l.mu.Unlock()
	bad := map[string][]pair{}
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		for key, m := range s.messages {
			if m.flags&known == 0 { // nobody of this run has sent it: appended, or before the run
				continue
			}
			if m.first >= 0 {
				c.Messages++
			}
			for i := m.first; i >= 0; i = s.slots[i].next {
				if kind := c.add(&s.slots[i], l.looked); kind != "" {
					bad[kind] = append(bad[kind], pair{key, s.slots[i].account})
				}
			}
		}
		s.mu.Unlock()
		for kind, list := range bad { // so that the lists stay short, however much is wrong
			bad[kind] = first(list)
		}
	}
	for _, kind := range []string{Lost, Twice, Wrong} {
		for _, f := range bad[kind] {
			c.Examples = append(c.Examples, Example{Kind: kind, MessageID: corpus.MessageID(l.run, f.key), Account: int(f.account)})
		}
	}
	return c
}

// pair is one message for one account.
type pair struct {
	key     uint64
	account int32
}

func first(list []pair) []pair {
	slices.SortFunc(list, func(a, b pair) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.account, b.account)) })
	return list[:min(len(list), mostExamples)]
}

// add counts one pair, and returns what is wrong with it.
func (c *Count) add(x *slot, looked map[int32]bool) (kind string) {
	seen := x.state&(inInbox|inOther) != 0
	switch {
	case x.state&wanted == 0:
		c.Wrong++
		return Wrong
	case x.state&sure == 0:
		c.Uncertain++
		if seen {
			c.UncertainArrived++
		}
		if x.state&repeated != 0 {
			c.UncertainTwice++
		}
		return ""
	}
	c.Accepted++
	if x.state&tardy != 0 {
		c.Late++
	}
	switch {
	case x.state&inInbox != 0:
		c.Delivered++
	case seen:
		c.Elsewhere++
	case looked[x.account]:
		c.Lost++
		kind = Lost
	default:
		c.Unseen++
	}
	if x.state&again != 0 {
		c.Again++
	}
	switch {
	case x.state&repeated == 0:
	case x.state&again != 0:
		c.AgainTwice++
	default:
		c.Twice++
		kind = Twice
	}
	return kind
}

// Recipients are the accounts that somebody has sent mail to, by rising index.
func (l *Ledger) Recipients() []int { return l.having(func(*slot) bool { return true }) }

// Outstanding are the accounts that lack a surely accepted message, by rising index.
func (l *Ledger) Outstanding() []int {
	return l.having(func(x *slot) bool { return x.state&sure != 0 && x.state&(inInbox|inOther) == 0 })
}

// having are the accounts with a pair that they are a recipient of and that passes.
func (l *Ledger) having(pass func(*slot) bool) []int {
	set := map[int]bool{}
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		for _, m := range s.messages {
			for i := m.first; m.flags&known != 0 && i >= 0; i = s.slots[i].next {
				if x := &s.slots[i]; x.state&wanted != 0 && pass(x) {
					set[int(x.account)] = true
				}
			}
		}
		s.mu.Unlock()
	}
	list := make([]int, 0, len(set))
	for account := range set {
		list = append(list, account)
	}
	slices.Sort(list)
	return list
}
