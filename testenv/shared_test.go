package testenv

import (
	"testing"

	"github.com/emersion/go-imap/v2"
)

// A functional mailbox is one for all of its team, and refused to everybody else.
func TestSharedMailboxes(t *testing.T) {
	p := start(t, Options{MessagesPerAccount: 4})
	mine := SharedMailbox(3)
	if mine != "shared/team04" || SharedMailbox(13) != mine {
		t.Fatalf("account 3 has %s, account 13 %s", mine, SharedMailbox(13))
	}
	a, _ := loggedIn(t, p, 3)
	b, _ := loggedIn(t, p, 13)
	c, _ := loggedIn(t, p, 5)

	spaces, err := a.Namespace().Wait()
	if err != nil || len(spaces.Shared) != 1 || spaces.Shared[0].Prefix != sharedPrefix {
		t.Errorf("NAMESPACE: %+v, %v", spaces, err)
	}
	list, err := a.List("", sharedPrefix+"*", nil).Collect()
	if err != nil || len(list) != sharedTeams {
		t.Errorf("%d mailboxes are listed (%v), want %d", len(list), err, sharedTeams)
	}
	if own, err := a.List("", "*", nil).Collect(); err != nil || len(own) != 6 {
		t.Errorf("%d mailboxes of the account's own (%v), want 6", len(own), err)
	}
	appendMail(t, a, mine, "Subject: for all\r\n\r\nx\r\n", nil)
	box, err := b.Select(mine, nil).Wait()
	if err != nil || box.NumMessages != 5 {
		t.Fatalf("the colleague sees %+v, %v; want 5 messages", box, err)
	}
	flags := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagFlagged}}
	if err := b.Store(imap.SeqSetNum(5), flags, nil).Close(); err != nil {
		t.Error(err)
	}
	if _, err = c.Select(mine, nil).Wait(); imapCode(err) != "NO NOPERM" {
		t.Errorf("somebody else is answered %v", err)
	}
	if _, err := c.Status(mine, &imap.StatusOptions{NumMessages: true}).Wait(); imapCode(err) != "NO NOPERM" {
		t.Errorf("STATUS of somebody else is answered %v", err)
	}
	if _, err := c.Select("shared/team99", nil).Wait(); imapCode(err) != "NO NONEXISTENT" {
		t.Errorf("a mailbox that is not there is answered %v", err)
	}
	if err := c.Create("shared/mine", nil).Wait(); imapCode(err) != "NO NOPERM" {
		t.Errorf("CREATE is answered %v", err)
	}
}
