package ownership

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
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

func (v *Verifier) lookAtMail(ctx context.Context, side Side, w *watched) (err error) {
	if w.read == nil {
		if w.read, err = side.open(ctx, w.move.Target); err != nil {
			return err
		}
	}
	w.read.wake()
	defer func() {
		if err == nil {
			err = w.read.leave()
		}
		if err != nil {
			w.hangUp()
			err = fmt.Errorf("%s on %s: %w", w.move.Target, side.Target.Name, interrupted(ctx, err, err))
		}
	}()
	folders, err := w.read.folders(true)
	for i := 0; err == nil && i < len(folders); i++ {
		f := folders[i]
		if seen, known := w.upTo[f.name]; known && f.next != 0 && seen == (position{f.validity, f.next}) {
			continue
		}
		err = v.lookIn(w, f.name)
	}
	return err
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
					v.canary(w, c, Item{Mail, mailbox, uint32(m.uid)})
				} else if claimsRun(m.header, v.work.Run) {
					w.unsigned[fmt.Sprint(m.uid, " ", box.validity, " ", mailbox)] = true
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
			v.print(w, w.hash.hash(id), Item{Mail, mailbox, uint32(m.uid)})
		}
	})
	return candidates, err
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

// object puts an event or a contact to its owner.
func (v *Verifier) object(w *watched, o object, path string, at Item) {
	switch {
	case !w.owners[canonical(o.owner)]:
		if !w.foreign.seen[path] {
			w.foreign.seen[path] = true
			w.foreign.canary(canonical(o.owner), at)
		}
	case o.run == v.work.Run:
		w.own[o.id(v.work.Key)] = true
	}
}

// canary puts a signed message to its owner. Those of other batches are nobody's loss, but may be foreign.
func (v *Verifier) canary(w *watched, c canary, at Item) {
	switch {
	case !w.owners[canonical(c.owner)]:
		w.foreign.canary(canonical(c.owner), at)
	case c.run == v.work.Run:
		w.own[c.messageID(v.work.Key)] = true
	}
	if w.mark == nil {
		w.messages++
	}
}

// print judges one message by its hash. It is foreign where the account's source surely did not have it and only accounts had it
// whose mail belongs elsewhere.
func (v *Verifier) print(w *watched, h uint64, at Item) {
	if i, mine := w.mark.find(h); mine {
		w.has[i] = true
		return
	}
	if !w.mark.covers(h) {
		return
	}
	owners := v.prints.having(h)
	for _, e := range owners {
		if w.owners[canonical(v.work.Moves[e.account].Source)] {
			return
		}
	}
	if len(owners) > 0 {
		w.foreign.print(h, at)
	}
}

// expected tells whether the pass, or one before it, has carried an item over for certain.
func (v *Verifier) expected(a age) bool { return a == young || v.pass == Deferred }

// countPrints is how many messages of an account's sketch should be there, and are.
func (v *Verifier) countPrints(w *watched) (c Count) {
	if w.mark == nil {
		return c
	}
	for i, a := range w.mark.Ages {
		if v.expected(a) {
			c.Expected++
			if w.has[i] {
				c.Present++
			}
		}
	}
	return c
}

// countObjects is the same for canaries in calendars or address books, which the core pass carries over.
func (v *Verifier) countObjects(w *watched, kind Kind) (c Count) {
	if _, ok := v.target[kind]; !ok {
		return c
	}
	for _, o := range objectsOf(kind, v.work.Run, w.move.Source) {
		c.Expected++
		if w.own[o.id(v.work.Key)] {
			c.Present++
		}
	}
	return c
}

// countCanaries is the same for canaries in mail.
func (v *Verifier) countCanaries(w *watched) (c Count) {
	if _, ok := v.target[Mail]; !ok {
		return c
	}
	for _, item := range canariesOf(v.work.Run, w.move.Source, v.work.Limit) {
		if item.pass == Deferred && v.pass != Deferred {
			continue
		}
		c.Expected++
		if w.own[item.messageID(v.work.Key)] {
			c.Present++
		}
	}
	return c
}

// finding is what is known of an account by now, but for foreign items.
func (v *Verifier) finding(w *watched) Finding {
	f := Finding{Source: w.move.Source, Target: w.move.Target, Messages: w.messages, Shared: w.shared, Unsigned: len(w.unsigned), Canaries: v.countCanaries(w),
		Events: v.countObjects(w, Events), Contacts: v.countObjects(w, Contacts), Fingerprints: v.countPrints(w)}
	if w.err != nil {
		f.Err, f.Error = w.err, w.err.Error()
	} else {
		own := f.Own()
		f.Missing = own.Expected - own.Present
	}
	return f
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
