package stock

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"pegel/probes/probe"
)

// Clean removes the messages of the runs that begin with Prefix, wherever in the accounts' own folders they are now. A message
// is removed only if its signature is right. Folders stay. A dry run counts and changes nothing. Failures and error are as of Fill.
func Clean(ctx context.Context, o Options, dry bool) ([]Failure, error) {
	w := newWork(o)
	return w.each(ctx, len(o.Accounts), func(ctx context.Context, n int) error {
		if err := clean(ctx, o, o.Accounts[n], dry); err != nil {
			return err
		}
		o.Tally.Accounts.Add(1)
		return nil
	}, func(n int) probe.Account { return o.Accounts[n] })
}

func clean(ctx context.Context, o Options, account probe.Account, dry bool) error {
	c, err := Dial(ctx, o.Target, account)
	if err != nil {
		return err
	}
	defer c.Close()
	names, err := c.folders()
	if err != nil {
		return err
	}
	for _, name := range names {
		select {
		case <-o.Stop:
			return ErrStopped
		default:
		}
		if err := c.cleanFolder(o, name, dry); err != nil {
			return fmt.Errorf("folder %s: %w", name, err)
		}
	}
	return nil
}

// cleanFolder removes pegel's messages of one folder. Folders without any are only examined, which keeps their \Recent flags.
func (c *Client) cleanFolder(o Options, name string, dry bool) error {
	box, err := c.Select(name, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil || box.NumMessages == 0 {
		return c.fail("select", err)
	}
	var ours []imap.UID
	astray := 0
	unsigned, err := c.marked(o.Prefix, o.Secret, func(list []found) {
		for _, f := range list {
			ours = append(ours, f.uid)
			if !strings.EqualFold(f.mark.Owner, c.account.Address) {
				astray++
			}
		}
	})
	o.Tally.Unsigned.Add(int64(unsigned))
	if err != nil || len(ours) == 0 {
		return err
	}
	o.Tally.Astray.Add(int64(astray))
	if dry {
		o.Tally.Removed.Add(int64(len(ours)))
		return nil
	}
	again, err := c.Select(name, nil).Wait()
	if err != nil {
		return c.fail("select", err)
	}
	if again.UIDValidity != box.UIDValidity {
		return fmt.Errorf("its UIDVALIDITY changed from %d to %d; nothing was removed here", box.UIDValidity, again.UIDValidity)
	}
	return c.remove(ours, o)
}

// remove marks and expunges messages. Without UID EXPUNGE (UIDPLUS, RFC 4315) everything that is marked would go, so what others
// have marked is looked for before, and refused.
func (c *Client) remove(uids []imap.UID, o Options) error {
	ours := map[imap.UID]bool{}
	for _, uid := range uids {
		ours[uid] = true
	}
	plus := c.Caps().Has(imap.CapUIDPlus) || c.Caps().Has(imap.CapIMAP4rev2)
	for part := range slices.Chunk(uids, chunk) {
		select {
		case <-o.Stop:
			return ErrStopped
		default:
		}
		if !plus {
			if err := c.nothingElseDeleted(ours); err != nil {
				return err
			}
		}
		set := imap.UIDSetNum(part...)
		if err := c.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
			return c.fail("mark as deleted", err)
		}
		expunge := c.Expunge
		if plus {
			expunge = func() *imapclient.ExpungeCommand { return c.UIDExpunge(set) }
		}
		if err := expunge().Close(); err != nil {
			return c.fail("expunge", err)
		}
		o.Tally.Removed.Add(int64(len(part)))
	}
	return nil
}

// nothingElseDeleted refuses a folder in which somebody has marked a message as deleted that is none of ours.
func (c *Client) nothingElseDeleted(ours map[imap.UID]bool) error {
	data, err := c.UIDSearch(&imap.SearchCriteria{Flag: []imap.Flag{imap.FlagDeleted}}, nil).Wait()
	if err != nil {
		return c.fail("search for deleted messages", err)
	}
	others := 0
	for _, uid := range data.AllUIDs() {
		if !ours[uid] {
			others++
		}
	}
	if others > 0 {
		return fmt.Errorf("%d messages of others are marked as deleted, and the server has no UID EXPUNGE that would spare them; nothing more was removed here: expunge or unmark them first", others)
	}
	return nil
}
