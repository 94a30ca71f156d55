package ownership

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/emersion/go-imap/v2"
)

// Verifier looks for the items of a batch in its target accounts. It remembers how far it has looked, so that looking
// again is cheap.
type Verifier struct {
	work   Work
	target Side
	pass   Pass
	prints *index
	marks  []*Sketch // of each move; nil without fingerprints

	byOwner  map[string]int // move of a source
	accounts []*watched
}

// watched is one target account and what is known of it. It belongs to one goroutine at a time.
type watched struct {
	index int
	move  Move
	mark  *Sketch
	hash  *hasher
	read  *reader // open while a pass is followed

	upTo     map[string]position // by mailbox
	messages int
	own      map[string]bool // Message-IDs of its own canaries
	has      []bool          // of its sketch
	foreign  suspects
	shared   []Shared
	err      error
}

// position is how far a mailbox has been looked at.
type position struct {
	validity uint32
	next     imap.UID
}

// NewVerifier makes a Verifier for the items that the pass and those before it carry over: after the core pass only the newest are missed. prints may be
// nil: then only canaries are looked for, else every source of the batch must be in it.
func NewVerifier(target Side, work Work, pass Pass, prints *Fingerprints) (*Verifier, error) {
	v := &Verifier{work: work, target: target, pass: pass, byOwner: map[string]int{}, marks: make([]*Sketch, len(work.Moves))}
	for i, m := range work.Moves {
		v.byOwner[canonical(m.Source)] = i
		w := &watched{index: i, move: m, upTo: map[string]position{}, own: map[string]bool{}, foreign: newSuspects()}
		if prints != nil {
			mark, ok := prints.Of(work.Key, m.Source)
			if !ok {
				return nil, fmt.Errorf("%s: there is no fingerprint of source %s", m.SourceAt(), m.Source)
			}
			v.marks[i], w.mark, w.hash, w.has = mark, mark, work.Key.hasher(), make([]bool, len(mark.Hashes))
		}
		v.accounts = append(v.accounts, w)
	}
	if prints != nil {
		v.prints = newIndex(v.marks)
	}
	return v, nil
}

// Once looks at every account, its shared mailboxes included, and closes its connections again. done, if not nil, is called after each
// account, one call at a time.
func (v *Verifier) Once(ctx context.Context, done func(Finding)) []Finding {
	var mu sync.Mutex
	parallel(ctx, len(v.accounts), v.work.Connections, func(i int) {
		w := v.accounts[i]
		w.err = v.look(ctx, w)
		if w.err == nil {
			w.err = v.reach(w)
		}
		w.hangUp()
		if done != nil {
			f := v.finding(w)
			mu.Lock()
			defer mu.Unlock()
			done(f)
		}
	})
	return v.findings(ctx)
}

// findings is what is known of all accounts. Those that the end of the context left out have an error.
func (v *Verifier) findings(ctx context.Context) []Finding {
	list := make([]Finding, len(v.accounts))
	for i, w := range v.accounts {
		if w.err == nil && len(w.upTo) == 0 && ctx.Err() != nil {
			w.err = errors.New("not looked at")
		}
		list[i] = v.finding(w)
	}
	return list
}

func (w *watched) hangUp() {
	if w.read != nil {
		w.read.close()
		w.read = nil
	}
}

// look reads what is new in one account's own mailboxes.
func (v *Verifier) look(ctx context.Context, w *watched) (err error) {
	if w.read == nil {
		if w.read, err = v.target.open(ctx, w.move.Target); err != nil {
			return err
		}
	}
	folders, err := w.read.folders(true)
	for i := 0; err == nil && i < len(folders); i++ {
		f := folders[i]
		if seen, known := w.upTo[f.name]; known && f.next != 0 && seen == (position{f.validity, f.next}) {
			continue
		}
		err = v.lookIn(w, f.name)
	}
	if err != nil {
		w.hangUp()
		return fmt.Errorf("%s on %s: %w", w.move.Target, v.target.Target.Name, interrupted(ctx, err, err))
	}
	return nil
}

// lookIn reads what is new in one mailbox.
func (v *Verifier) lookIn(w *watched, mailbox string) error {
	box, err := w.read.examine(mailbox)
	if err != nil {
		return err
	}
	from := imap.UID(1)
	if seen, known := w.upTo[mailbox]; known && seen.validity == box.validity {
		from = max(1, seen.next)
	}
	next := max(from, box.next)
	if box.held > 0 && (box.next == 0 || from < box.next) {
		candidates, err := v.marked(w, mailbox, from, &next)
		if err == nil && len(candidates) > 0 {
			err = w.read.fetch(candidates, canaryFields, false, func(m message) {
				if c, ok := readCanary(v.work.Key, m.header); ok {
					v.canary(w, c, Item{mailbox, uint32(m.uid)})
				}
			})
		}
		if err != nil {
			return err
		}
	}
	w.upTo[mailbox] = position{box.validity, next}
	return nil
}

// marked finds what may be canaries. With fingerprints it reads all Message-IDs and judges them by the way.
func (v *Verifier) marked(w *watched, mailbox string, from imap.UID, next *imap.UID) (imap.UIDSet, error) {
	note := func(uid imap.UID) { *next = max(*next, uid+1) }
	if w.mark == nil {
		return w.read.ours(from) // those that arrive meanwhile have UIDs above what EXAMINE said, and are looked at again
	}
	candidates := imap.UIDSet{}
	err := w.read.fetch(imap.UIDSet{{Start: from}}, []string{messageIDField}, false, func(m message) {
		if m.uid < from { // the last message is in every range that ends with *
			return
		}
		note(m.uid)
		w.messages++
		id := messageIDOf(m.header)
		if strings.HasSuffix(id, domainEnd) {
			candidates.AddNum(m.uid)
		}
		if id != "" {
			v.print(w, w.hash.hash(id), Item{mailbox, uint32(m.uid)})
		}
	})
	return candidates, err
}

// canary puts a signed item to its owner. Those of other batches are nobody's loss, but may be foreign.
func (v *Verifier) canary(w *watched, c canary, at Item) {
	switch {
	case c.owner != canonical(w.move.Source):
		v.foreignCanary(w, c, at)
	case c.run == v.work.Run:
		w.own[c.messageID(v.work.Key)] = true
	}
	if w.mark == nil {
		w.messages++
	}
}

func (v *Verifier) foreignCanary(w *watched, c canary, at Item) { w.foreign.canary(c.owner, at) }

// print judges one message by its hash. It is foreign where the account's source surely did not have it and another one did.
func (v *Verifier) print(w *watched, h uint64, at Item) {
	if i, mine := w.mark.find(h); mine {
		w.has[i] = true
		return
	}
	if !w.mark.covers(h) {
		return
	}
	var owners []string
	for _, e := range v.prints.having(h) {
		owners = append(owners, canonical(v.work.Moves[e.account].Source))
	}
	if len(owners) > 0 {
		w.foreign.hash(h, owners, at)
	}
}

// expected tells whether the pass, or one before it, has carried an item over for certain.
func (v *Verifier) expected(a age) bool { return a == young || v.pass == Deferred }

// finding is what is known of an account by now.
func (v *Verifier) finding(w *watched) Finding {
	f := Finding{Source: w.move.Source, Target: w.move.Target, Messages: w.messages, Shared: w.shared, Foreign: w.foreign.list(v.targetOf)}
	if w.err != nil {
		f.Err, f.Error = w.err, w.err.Error()
	}
	for _, c := range canariesOf(v.work.Run, w.move.Source, v.work.Limit) {
		if c.pass == Deferred && v.pass != Deferred {
			continue
		}
		f.Canaries.Expected++
		if w.own[c.messageID(v.work.Key)] {
			f.Canaries.Present++
		}
	}
	if w.mark != nil {
		for i, a := range w.mark.Ages {
			if v.expected(a) {
				f.Fingerprints.Expected++
				if w.has[i] {
					f.Fingerprints.Present++
				}
			}
		}
	}
	if w.err == nil {
		f.Missing = f.Canaries.Expected - f.Canaries.Present + f.Fingerprints.Expected - f.Fingerprints.Present
	}
	return f
}

// targetOf is where the mail of a source belongs.
func (v *Verifier) targetOf(owner string) string {
	if i, ok := v.byOwner[owner]; ok {
		return v.work.Moves[i].Target
	}
	return ""
}
