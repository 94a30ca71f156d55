//go:build linux

package real

import (
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"
)

// Functional mailboxes belong to their teams, and accounts that do not exist to nobody.
func TestAccounts(t *testing.T) {
	needServers(t)
	s, err := Start(t.Context(), Options{Accounts: 12, SharedMailboxes: true, KnownRecipients: true, Ports: Ports{Free: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	secure, err := clientTLS(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}

	mine := SharedMailbox(1)
	if mine != "shared/team02" || SharedMailbox(11) != mine || SharedMailbox(9) != "shared/team10" || SharedMailbox(10) != "shared/team01" {
		t.Fatalf("account 1 has %s", mine)
	}
	a, b := login(t, s.IMAP, secure, Account(1), s.Password), login(t, s.IMAP, secure, Account(11), s.Password)
	other := login(t, s.IMAP, secure, Account(2), s.Password)
	spaces, err := a.Namespace().Wait()
	if err != nil || len(spaces.Shared) != 1 || spaces.Shared[0].Prefix != sharedPrefix {
		t.Errorf("NAMESPACE: %+v, %v", spaces, err)
	}
	if !a.Caps().Has(imap.CapACL) {
		t.Errorf("no ACL among %v", a.Caps())
	}
	if own, err := a.List("", "*", nil).Collect(); err != nil || len(own) != 5 {
		t.Errorf("%d mailboxes of the account's own (%v), want 5", len(own), err)
	}
	for _, c := range []*imapclient.Client{a, other} {
		if all, err := c.List("", sharedPrefix+"*", nil).Collect(); err != nil || len(all) != sharedTeams {
			t.Errorf("%d functional mailboxes (%v), want %d", len(all), err, sharedTeams)
		}
	}
	rights, err := a.MyRights(mine).Wait()
	if err != nil || !strings.HasPrefix(rights.Rights.String(), "lr") || strings.ContainsAny(rights.Rights.String(), "kxa") {
		t.Errorf("rights to %s: %+v, %v", mine, rights, err)
	}
	appendTo(t, a, mine)
	if box, err := b.Select(mine, nil).Wait(); err != nil || box.NumMessages != sharedMail+1 {
		t.Errorf("the colleague sees %+v, %v; want one message more", box, err)
	}
	if box, err := other.Select(mine, nil).Wait(); err == nil {
		t.Errorf("somebody else sees %+v", box)
	}
	if box, err := other.Select(SharedMailbox(2), nil).Wait(); err != nil || box.NumMessages != sharedMail {
		t.Errorf("another team's first look: %+v, %v", box, err)
	}

	nobody := Account(13)
	c, err := imapclient.DialTLS(host(t, s.IMAP), &imapclient.Options{TLSConfig: secure.Clone()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(nobody, s.Password).Wait(); err == nil {
		t.Errorf("%s logs in and does not exist", nobody)
	}
	inbound, err := smtp.Dial(host(t, s.SMTPInbound))
	if err != nil {
		t.Fatal(err)
	}
	defer inbound.Close()
	for name, client := range map[string]*smtp.Client{"inbound": inbound, "submission": submission(t, s, secure)} {
		if err := client.Mail(Account(2), nil); err != nil {
			t.Fatal(err)
		}
		if err := client.Rcpt(nobody, nil); err == nil || !strings.Contains(err.Error(), "unknown") {
			t.Errorf("%s: recipient %s: %v, want unknown", name, nobody, err)
		}
		if err := client.Rcpt(strings.ToUpper(Account(12)), nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func appendTo(t *testing.T, c *imapclient.Client, mailbox string) {
	t.Helper()
	message := "Subject: for all\r\n\r\nx\r\n"
	command := c.Append(mailbox, int64(len(message)), nil)
	if _, err := command.Write([]byte(message)); err != nil {
		t.Fatal(err)
	}
	if err := command.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := command.Wait(); err != nil {
		t.Fatal(err)
	}
}
