package ownership

import (
	"context"
	"fmt"
	"strings"

	"github.com/emersion/go-imap/v2"
)

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
