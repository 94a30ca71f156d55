package ownership

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// Removed is what Remove did in one account of one platform.
type Removed struct {
	Account  string `json:"account"`
	Mail     int    `json:"mail"`
	Events   int    `json:"events"`
	Contacts int    `json:"contacts"`
	Foreign  int    `json:"foreign"`  // canaries of other owners: evidence, left alone
	Unsigned int    `json:"unsigned"` // what looks like a canary of the batch without a right signature: left alone
	Error    string `json:"error,omitempty"`

	Err error `json:"-"`
}

// Remove takes the batch's canaries out of the accounts of one platform, wherever in their own mailboxes, calendars and address books they are:
// those whose signature is right and whose owner belongs there. A dry run counts and changes nothing. account says which of a move's
// accounts is meant. What is removed stays so when the work is interrupted, and doing it again removes the rest.
func Remove(ctx context.Context, at Platform, work Work, account func(Move) string, dry bool) []Removed {
	owners, objects := work.ownersAt(account), work.objectIndex()
	var names []string
	for _, m := range work.Moves {
		if !slices.ContainsFunc(names, func(name string) bool { return canonical(name) == canonical(account(m)) }) {
			names = append(names, account(m))
		}
	}
	all := make([]Removed, len(names))
	for i, name := range names {
		all[i] = Removed{Account: name, Err: errors.New("not begun")}
	}
	parallel(ctx, len(names), work.Connections, func(i int) {
		r := remover{Removed: Removed{Account: names[i]}, work: work, owners: owners[canonical(names[i])], objects: objects, dry: dry}
		for _, kind := range Kinds() {
			if side, ok := at[kind]; ok && r.Err == nil {
				if kind == Mail {
					r.Err = r.mail(ctx, side)
				} else {
					r.Err = r.davObjects(ctx, side, kind)
				}
			}
		}
		all[i] = r.Removed
	})
	for i := range all {
		if all[i].Err != nil {
			all[i].Error = all[i].Err.Error()
		}
	}
	return all
}

// remover works on one account.
type remover struct {
	Removed
	work    Work
	owners  map[string]bool
	objects map[string]object
	dry     bool
}

// mine tells whether a signed item is to be removed here; those of other batches are none of this one's business.
func (r *remover) mine(run, owner string) bool {
	if run != r.work.Run {
		return false
	}
	if !r.owners[canonical(owner)] {
		r.Foreign++
		return false
	}
	return true
}

func (r *remover) mail(ctx context.Context, side Side) error {
	read, err := side.open(ctx, r.Account)
	if err != nil {
		return err
	}
	defer read.close()
	folders, err := read.folders(false)
	for i := 0; err == nil && i < len(folders); i++ {
		err = r.mailbox(read, folders[i].name)
	}
	if err != nil {
		return fmt.Errorf("%s on %s: %w", r.Account, side.Target.Name, interrupted(ctx, errors.New(read.account.Redact(err.Error())), err))
	}
	return nil
}

// mailbox looks with EXAMINE, and selects only where there is something to be removed.
func (r *remover) mailbox(read *reader, name string) error {
	box, err := read.examine(name)
	if err != nil || box.held == 0 {
		return err
	}
	candidates, err := read.ours(1)
	if err != nil || len(candidates) == 0 {
		return err
	}
	ours := imap.UIDSet{}
	err = read.fetch(candidates, canaryFields, false, func(m message) {
		if c, ok := readCanary(r.work.Key, m.header); ok {
			if r.mine(c.run, c.owner) {
				ours.AddNum(m.uid)
			}
		} else if claimsRun(m.header, r.work.Run) {
			r.Unsigned++
		}
	})
	if err != nil || len(ours) == 0 {
		return err
	}
	uids, _ := ours.Nums()
	if !r.dry {
		if err := read.expunge(box, ours, uids); err != nil {
			return err
		}
	}
	r.Mail += len(uids)
	return nil
}

// expunge removes messages. Without UID EXPUNGE (UIDPLUS, RFC 4315) everything that is marked would go, so a mailbox in which
// somebody else has marked anything is refused.
func (r *reader) expunge(seen folder, set imap.UIDSet, uids []imap.UID) error {
	now, err := r.client.Select(seen.name, nil).Wait()
	if err != nil {
		return fmt.Errorf("select %s: %w", seen.name, err)
	}
	if now.UIDValidity != seen.validity {
		return fmt.Errorf("the UIDVALIDITY of %s changed meanwhile; nothing was removed there", seen.name)
	}
	remove := func() *imapclient.ExpungeCommand { return r.client.UIDExpunge(set) }
	if !r.client.Caps().Has(imap.CapUIDPlus) && !r.client.Caps().Has(imap.CapIMAP4rev2) {
		found, err := r.client.UIDSearch(&imap.SearchCriteria{Flag: []imap.Flag{imap.FlagDeleted}}, nil).Wait()
		if err != nil {
			return fmt.Errorf("search for deleted messages: %w", err)
		}
		if slices.ContainsFunc(found.AllUIDs(), func(uid imap.UID) bool { return !slices.Contains(uids, uid) }) {
			return fmt.Errorf("others have messages marked as deleted in %s, and the server has no UID EXPUNGE that would spare them: expunge or unmark them first", seen.name)
		}
		remove = r.client.Expunge
	}
	if err := r.client.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		return fmt.Errorf("mark canaries as deleted: %w", err)
	}
	if err := remove().Close(); err != nil {
		return fmt.Errorf("expunge canaries: %w", err)
	}
	return nil
}

func (r *remover) davObjects(ctx context.Context, side Side, kind Kind) error {
	d, err := side.openDAV(ctx, kind, r.Account)
	if err != nil {
		return err
	}
	defer d.close()
	type found struct {
		at   *url.URL
		etag string
	}
	list, err := d.collections(ctx)
	for i := 0; err == nil && i < len(list); i++ {
		var ours []found
		err = d.titled(ctx, list[i], func(at *url.URL, etag, data string) {
			o, sure, ok := readObject(r.work.Key, kind, data, r.objects)
			switch {
			case ok && !sure, !ok && objectClaims(data, r.work.Run):
				r.Unsigned++
			case ok && r.mine(o.run, o.owner):
				ours = append(ours, found{at, etag})
			}
		})
		for k := 0; err == nil && k < len(ours); k++ {
			if !r.dry {
				err = d.remove(ctx, ours[k].at, ours[k].etag)
			}
			if err == nil && kind == Events {
				r.Events++
			} else if err == nil {
				r.Contacts++
			}
		}
		if err == nil && !r.dry && len(ours) > 0 {
			err = d.removeEmpty(ctx, list[i])
		}
	}
	if err != nil {
		return d.fail(ctx, err)
	}
	return nil
}
