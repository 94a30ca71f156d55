package ownership

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"

	"github.com/emersion/go-imap/v2"

	"pegel/probes/probe"
)

// Verifier looks for the items of a batch in its target accounts. It remembers how far it has looked, so that looking
// again is cheap.
type Verifier struct {
	work   Work
	target Platform
	pass   Pass
	prints *index
	marks  []*Sketch // of each move; nil without fingerprints

	byOwner  map[string]int    // move of a source
	objects  map[string]object // canaries of the batch in calendars and address books
	accounts []*watched
}

// watched is one target account and what is known of it. It belongs to one goroutine at a time.
type watched struct {
	index int
	move  Move
	mark  *Sketch
	hash  *hasher
	read  *reader // open while a pass is followed
	davs  map[Kind]*dav

	owners   map[string]bool     // sources whose items belong here: its own, and others where a batch merges accounts
	upTo     map[string]position // by mailbox
	tags     map[string]string   // by calendar or address book
	looked   bool                // once to the end
	messages int
	own      map[string]bool // Message-IDs and UIDs of its own canaries
	has      []bool          // of its sketch
	unsigned map[string]bool // places of what looks like the batch's canaries but has no right signature
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
func NewVerifier(target Platform, work Work, pass Pass, prints *Fingerprints) (*Verifier, error) {
	v := &Verifier{work: work, target: target, pass: pass, byOwner: map[string]int{}, objects: work.objectIndex(), marks: make([]*Sketch, len(work.Moves))}
	owners := work.ownersAt(func(m Move) string { return m.Target })
	for i, m := range work.Moves {
		v.byOwner[canonical(m.Source)] = i
		w := &watched{index: i, move: m, owners: owners[canonical(m.Target)], davs: map[Kind]*dav{}, upTo: map[string]position{}, tags: map[string]string{},
			own: map[string]bool{}, unsigned: map[string]bool{}, foreign: newSuspects()}
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
func (v *Verifier) Once(ctx context.Context, done func(Move, error)) []Finding {
	v.guard().again()
	var mu sync.Mutex
	parallel(ctx, len(v.accounts), v.work.Connections, func(i int) {
		w := v.accounts[i]
		w.err = v.look(ctx, w)
		if w.err == nil && w.read != nil {
			w.err = v.reach(w)
		}
		w.hangUp()
		if done != nil {
			mu.Lock()
			defer mu.Unlock()
			done(w.move, w.err)
		}
	})
	return v.findings(ctx)
}

// guard is that of the sides; nil where they have none.
func (v *Verifier) guard() *Guard {
	for _, side := range v.target {
		return side.Guard
	}
	return nil
}

// findings is what is known of all accounts. Those that the end of the context left out have an error.
func (v *Verifier) findings(ctx context.Context) []Finding {
	list := make([]Finding, len(v.accounts))
	for _, w := range v.accounts {
		if w.err == nil && !w.looked && ctx.Err() != nil {
			w.err = errors.New("not looked at")
		}
	}
	proven, thin := v.judge()
	for i, w := range v.accounts {
		list[i] = v.finding(w)
		list[i].Foreign, list[i].Doubtful = proven[i], thin[i]
	}
	return list
}

func (w *watched) hangUp() {
	if w.read != nil {
		w.read.close()
		w.read = nil
	}
	for kind, d := range w.davs {
		d.close()
		delete(w.davs, kind)
	}
}

// look reads what is new in one account: in its own mailboxes, calendars and address books. An account whose login was refused is not
// tried again, for that could lock it.
func (v *Verifier) look(ctx context.Context, w *watched) error {
	if probe.ClassOf(w.err) == probe.Auth {
		return w.err
	}
	var err error
	if side, ok := v.target[Mail]; ok {
		err = v.lookAtMail(ctx, side, w)
	}
	for _, kind := range Kinds() {
		if side, ok := v.target[kind]; ok && kind != Mail && err == nil {
			err = v.lookAtObjects(ctx, side, kind, w)
		}
	}
	if err == nil {
		w.looked = true
	}
	return err
}

// lookAtObjects looks for canaries in calendars or address books; those that say that nothing has changed are left out.
func (v *Verifier) lookAtObjects(ctx context.Context, side Side, kind Kind, w *watched) (err error) {
	d := w.davs[kind]
	if d == nil {
		if d, err = side.openDAV(ctx, kind, w.move.Target); err != nil {
			return err
		}
		w.davs[kind] = d
	}
	list, err := d.collections(ctx)
	for i := 0; err == nil && i < len(list); i++ {
		c := list[i]
		if c.tag != "" && w.tags[c.url.Path] == c.tag {
			continue
		}
		err = d.titled(ctx, c, func(at *url.URL, _, data string) {
			if o, _, ok := readObject(v.work.Key, kind, data, v.objects); ok {
				v.object(w, o, at.Path, Item{Kind: kind, Mailbox: c.url.Path})
			} else if objectClaims(data, v.work.Run) {
				w.unsigned[at.Path] = true
			}
		})
		if err == nil {
			w.tags[c.url.Path] = c.tag
		}
	}
	if err != nil {
		w.hangUp()
		return d.fail(ctx, err)
	}
	return nil
}

// targetOf is where the items of a source belong.
func (v *Verifier) targetOf(owner string) string {
	if i, ok := v.byOwner[owner]; ok {
		return v.work.Moves[i].Target
	}
	return ""
}

// ownersAt are the sources whose items belong into each account of a side: one each, unless the batch merges accounts.
func (w Work) ownersAt(account func(Move) string) map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for _, m := range w.Moves {
		at := canonical(account(m))
		if all[at] == nil {
			all[at] = map[string]bool{}
		}
		all[at][canonical(m.Source)] = true
	}
	return all
}
