package testenv

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/google/go-cmp/cmp"
)

// loggedIn is an IMAP client of account i; the channel gets the number of messages whenever the server tells it unasked.
func loggedIn(t *testing.T, p *Platform, i int) (*imapclient.Client, <-chan uint32) {
	t.Helper()
	exists := make(chan uint32, 100)
	c, err := imapclient.DialInsecure(host(p.URLs.IMAP), &imapclient.Options{
		UnilateralDataHandler: &imapclient.UnilateralDataHandler{Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages != nil {
				exists <- *data.NumMessages
			}
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Login(p.Login(i), p.Password()).Wait(); err != nil {
		t.Fatal(err)
	}
	return c, exists
}

func selected(t *testing.T, p *Platform, i int) *imapclient.Client {
	t.Helper()
	c, _ := loggedIn(t, p, i)
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

func appendMail(t *testing.T, c *imapclient.Client, box, raw string, options *imap.AppendOptions) *imap.AppendData {
	t.Helper()
	cmd := c.Append(box, int64(len(raw)), options)
	_, writeErr := cmd.Write([]byte(raw))
	closeErr := cmd.Close()
	data, err := cmd.Wait()
	if err := errors.Join(writeErr, closeErr, err); err != nil {
		t.Errorf("appending to %s: %v", box, err)
		return &imap.AppendData{}
	}
	return data
}

// workMailbox reads, marks, searches and appends, as a client does that shares its mailbox with others.
func workMailbox(t *testing.T, c *imapclient.Client) {
	box, err := c.Select("INBOX", nil).Wait()
	if err != nil {
		t.Error(err)
		return
	}
	if _, err := c.Fetch(imap.SeqSetNum(1, 2), &imap.FetchOptions{UID: true, Flags: true, Envelope: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true}}).Collect(); err != nil {
		t.Error(err)
	}
	whole := []*imap.FetchItemBodySection{{}}
	if _, err := c.Fetch(imap.SeqSetNum(box.NumMessages), &imap.FetchOptions{BodySection: whole}).Collect(); err != nil {
		t.Error(err)
	}
	flags := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagFlagged, "$Own"}}
	if _, err := c.Store(imap.UIDSetNum(3), flags, nil).Collect(); err != nil {
		t.Error(err)
	}
	if _, err := c.UIDSearch(&imap.SearchCriteria{Text: []string{"office"}}, nil).Wait(); err != nil {
		t.Error(err)
	}
	appendMail(t, c, "INBOX", "Subject: x\r\n\r\nx\r\n", nil)
	drop := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}
	if err := c.Store(imap.UIDSetNum(1), drop, nil).Close(); err != nil {
		t.Error(err)
	}
	if err := c.Expunge().Close(); err != nil {
		t.Error(err)
	}
}

func imapCode(err error) string {
	var answer *imap.Error
	if !errors.As(err, &answer) {
		return "no answer"
	}
	return string(answer.Type) + " " + string(answer.Code)
}

func TestIMAPCharges(t *testing.T) {
	p := start(t, Options{MessagesPerAccount: 25})
	c := selected(t, p, 1)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	fetch := func(set imap.NumSet, options *imap.FetchOptions) []*imapclient.FetchMessageBuffer {
		t.Helper()
		messages, err := c.Fetch(set, options).Collect()
		must(err)
		return messages
	}
	before := charged(p)
	expect := func(what string, want map[string]int64) {
		t.Helper()
		now, diff := charged(p), map[string]int64{}
		for op, n := range now {
			if n != before[op] {
				diff[op] = n - before[op]
			}
		}
		if !maps.Equal(diff, want) {
			t.Errorf("%s is charged %v, want %v", what, diff, want)
		}
		before = now
	}
	all := imap.SeqSet{{Start: 1, Stop: 0}}
	header := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Subject"}, Peek: true}
	body := []*imap.FetchItemBodySection{{Peek: true}}

	if got := fetch(all, &imap.FetchOptions{Envelope: true, BodySection: []*imap.FetchItemBodySection{header}}); len(got) != 25 {
		t.Errorf("%d messages fetched, want 25", len(got))
	}
	expect("fetching headers", map[string]int64{"imap.fetch_headers": 1})
	fetch(imap.SeqSetNum(5), &imap.FetchOptions{BodySection: body})
	expect("fetching one body", map[string]int64{"imap.fetch": 1})
	if got := fetch(all, &imap.FetchOptions{BodySection: body}); len(got) != 25 {
		t.Errorf("%d messages fetched, want 25", len(got))
	}
	expect("fetching 25 bodies", map[string]int64{"imap.sync": 3})

	_, err := c.List("", "*", &imap.ListOptions{ReturnStatus: &imap.StatusOptions{NumMessages: true}}).Collect()
	must(err)
	expect("LIST", map[string]int64{"imap.list": 1})
	_, err = c.Status("INBOX", &imap.StatusOptions{NumUnseen: true}).Wait()
	must(err)
	expect("STATUS", map[string]int64{"imap.status": 1})
	_, err = c.Search(&imap.SearchCriteria{}, nil).Wait()
	must(err)
	expect("SEARCH", map[string]int64{"imap.search": 1})
	must(c.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close())
	expect("STORE", map[string]int64{"imap.store": 1})
	appendMail(t, c, "Drafts", "Subject: x\r\n\r\nx\r\n", nil)
	expect("APPEND", map[string]int64{"imap.append": 1})
	appendMail(t, c, copyTarget, "Subject: x\r\n\r\nx\r\n", nil)
	expect("APPEND to Migrated", map[string]int64{"imap.copy": 1})
	must(c.Noop().Wait())
	idle, err := c.Idle()
	must(err)
	must(idle.Close())
	must(idle.Wait())
	must(c.Logout().Wait())
	expect("NOOP, IDLE and LOGOUT", map[string]int64{})
}

func TestIMAPWrongPassword(t *testing.T) {
	p := start(t, Options{})
	for _, login := range [][2]string{{p.Login(1), "wrong"}, {"nobody@example.test", p.Password()}} {
		c, err := imapclient.DialInsecure(host(p.URLs.IMAP), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := imapCode(c.Login(login[0], login[1]).Wait()); got != "NO AUTHENTICATIONFAILED" {
			t.Errorf("login of %s answers %s", login[0], got)
		}
		c.Close()
	}
	if got := charged(p); len(got) > 0 {
		t.Errorf("charged %v for wrong passwords", got)
	}
}

func TestIMAPRefusals(t *testing.T) {
	p := refusing(t, "imap.login")
	c, err := imapclient.DialInsecure(host(p.URLs.IMAP), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := imapCode(c.Login(p.Login(1), p.Password()).Wait()); got != "NO LIMIT" {
		t.Errorf("refused login answers %s", got)
	}

	p = refusing(t, "imap.select", "imap.append")
	c, _ = loggedIn(t, p, 1)
	_, err = c.Select("INBOX", nil).Wait()
	if got := imapCode(err); got != "NO UNAVAILABLE" {
		t.Errorf("refused SELECT answers %s", got)
	}
	cmd := c.Append("INBOX", 4, nil)
	cmd.Write([]byte("a\r\n\r"))
	cmd.Close()
	if _, err = cmd.Wait(); imapCode(err) != "NO UNAVAILABLE" {
		t.Errorf("refused APPEND answers %v", err)
	}
	if _, err := c.Status("INBOX", &imap.StatusOptions{NumMessages: true}).Wait(); err != nil {
		t.Errorf("the session did not survive a refusal: %v", err)
	}
}

func TestIMAPAppendKeepsDateAndFlags(t *testing.T) {
	p := start(t, Options{})
	c := selected(t, p, 1)
	when := time.Date(2019, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600))
	const raw = "From: a@example.test\r\nSubject: kept\r\nX-Canary: 4711\r\n\r\nbody\r\n"
	data := appendMail(t, c, "INBOX", raw, &imap.AppendOptions{Time: when, Flags: []imap.Flag{imap.FlagFlagged, "$Forwarded"}})

	found, err := c.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "X-Canary", Value: "4711"}}}, nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]imap.UID{data.UID}, found.AllUIDs()); diff != "" {
		t.Errorf("SEARCH HEADER: %s", diff)
	}
	whole := &imap.FetchItemBodySection{Peek: true}
	got, err := c.Fetch(imap.UIDSetNum(data.UID), &imap.FetchOptions{InternalDate: true, Flags: true, RFC822Size: true, BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	if !got[0].InternalDate.Equal(when) {
		t.Errorf("internal date %v, want %v", got[0].InternalDate, when)
	}
	if string(got[0].FindBodySection(whole)) != raw || got[0].RFC822Size != int64(len(raw)) {
		t.Errorf("text %q", got[0].FindBodySection(whole))
	}
	if diff := cmp.Diff([]imap.Flag{imap.FlagFlagged, "$Forwarded"}, got[0].Flags); diff != "" {
		t.Errorf("flags: %s", diff)
	}
}

func TestIMAPIdleTellsNewMail(t *testing.T) {
	p := start(t, Options{MessagesPerAccount: 3})
	c, exists := loggedIn(t, p, 4)
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	idle, err := c.Idle()
	if err != nil {
		t.Fatal(err)
	}
	if err := sendMail(p, "", p.Login(4), "Now"); err != nil {
		t.Fatal(err)
	}
	select {
	case n := <-exists:
		if n != 4 {
			t.Errorf("told of %d messages, want 4", n)
		}
	case <-time.After(time.Minute):
		t.Fatal("not told of new mail within a minute")
	}
	if err := idle.Close(); err != nil {
		t.Error(err)
	}
	if err := idle.Wait(); err != nil {
		t.Error(err)
	}
}

// What one session removes or moves, another sees without its own numbers going wrong.
func TestIMAPTwoSessions(t *testing.T) {
	p := start(t, Options{MessagesPerAccount: 5})
	a, b := selected(t, p, 1), selected(t, p, 1)
	gone := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}
	if err := a.Store(imap.SeqSetNum(1, 3), gone, nil).Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Expunge().Close(); err != nil {
		t.Fatal(err)
	}
	if n := a.Mailbox().NumMessages; n != 3 {
		t.Errorf("after EXPUNGE the session counts %d messages, want 3", n)
	}
	// b still knows five messages: its number 4 is the message with UID 4.
	got, err := b.Fetch(imap.SeqSetNum(4), &imap.FetchOptions{UID: true}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].UID != 4 {
		t.Fatalf("number 4 is %+v, want UID 4", got)
	}
	moved, err := b.Move(imap.UIDSetNum(4, 5), "Archive").Wait()
	if err != nil {
		t.Fatal(err)
	}
	if want := imap.UIDSetNum(1, 2).String(); moved.DestUIDs.String() != want {
		t.Errorf("moved to UIDs %v, want %v", moved.DestUIDs, want)
	}
	for _, c := range []*imapclient.Client{a, b} {
		if err := c.Noop().Wait(); err != nil {
			t.Fatal(err)
		}
		if n := c.Mailbox().NumMessages; n != 1 {
			t.Errorf("after MOVE a session counts %d messages, want 1", n)
		}
	}
	status, err := a.Status("Archive", &imap.StatusOptions{NumMessages: true, UIDNext: true}).Wait()
	if err != nil {
		t.Fatal(err)
	}
	if *status.NumMessages != 2 || status.UIDNext != 3 {
		t.Errorf("Archive: %+v", status)
	}
}

func TestIMAPSearch(t *testing.T) {
	p := start(t, Options{MessagesPerAccount: -1})
	c := selected(t, p, 1)
	old := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	appendMail(t, c, "INBOX", "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nalpha\r\n", &imap.AppendOptions{Time: old, Flags: []imap.Flag{imap.FlagSeen}})
	appendMail(t, c, "INBOX", "Subject: two\r\n\r\nbeta\r\n"+strings.Repeat("x", 500), nil)
	appendMail(t, c, "INBOX", "Subject: three\r\n\r\nalpha beta\r\n", &imap.AppendOptions{Flags: []imap.Flag{"$Own"}})
	for _, test := range []struct {
		name     string
		criteria imap.SearchCriteria
		want     []imap.UID
	}{
		{"everything", imap.SearchCriteria{}, []imap.UID{1, 2, 3}},
		{"unseen", imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}}, []imap.UID{2, 3}},
		{"keyword", imap.SearchCriteria{Flag: []imap.Flag{"$own"}}, []imap.UID{3}},
		{"before", imap.SearchCriteria{Before: old.AddDate(0, 0, 1)}, []imap.UID{1}},
		{"since", imap.SearchCriteria{Since: old.AddDate(0, 0, 1)}, []imap.UID{2, 3}},
		{"larger", imap.SearchCriteria{Larger: 300}, []imap.UID{2}},
		{"body", imap.SearchCriteria{Body: []string{"ALPHA"}}, []imap.UID{1, 3}},
		{"subject", imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "grüße"}}}, []imap.UID{1}},
		{"not", imap.SearchCriteria{Not: []imap.SearchCriteria{{Body: []string{"alpha"}}}}, []imap.UID{2}},
		{"or", imap.SearchCriteria{Or: [][2]imap.SearchCriteria{{{Larger: 300}, {Flag: []imap.Flag{imap.FlagSeen}}}}}, []imap.UID{1, 2}},
		{"range", imap.SearchCriteria{UID: []imap.UIDSet{{{Start: 2, Stop: 0}}}}, []imap.UID{2, 3}},
	} {
		got, err := c.UIDSearch(&test.criteria, nil).Wait()
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(test.want, got.AllUIDs()); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

func TestIMAPMailboxes(t *testing.T) {
	p := start(t, Options{})
	c, _ := loggedIn(t, p, 1)
	if err := c.Create("Projects/Tide", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if got := imapCode(c.Create("inbox", nil).Wait()); got != "NO ALREADYEXISTS" {
		t.Errorf("creating inbox again answers %s", got)
	}
	if err := c.Rename("Projects/Tide", "Projects/Ebb", nil).Wait(); err != nil {
		t.Error(err)
	}
	list, err := c.List("", "*", &imap.ListOptions{ReturnSpecialUse: true}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, box := range list {
		for _, attr := range box.Attrs {
			got[box.Mailbox] += string(attr)
		}
		got[box.Mailbox] += ""
	}
	want := map[string]string{"INBOX": "", "Drafts": "\\Drafts", "Sent": "\\Sent", "Junk": "\\Junk", "Trash": "\\Trash", "Archive": "\\Archive", "Projects/Ebb": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("LIST: %s", diff)
	}
	if _, err := c.Select("iNbOx", &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		t.Fatal(err)
	}
	seen := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagSeen}}
	if got := imapCode(c.Store(imap.SeqSetNum(1), seen, nil).Close()); got != "NO READ-ONLY" {
		t.Errorf("STORE after EXAMINE answers %s", got)
	}
	if got := imapCode(c.Delete("INBOX").Wait()); got != "NO NONEXISTENT" {
		t.Errorf("deleting INBOX answers %s", got)
	}
}

func TestIMAPSourceIsFreeAndApart(t *testing.T) {
	p := start(t, Options{SourceAccounts: true, MessagesPerAccount: 6})
	c, err := imapclient.DialInsecure(host(p.URLs.IMAPSource), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(p.Login(2), p.Password()).Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	whole := []*imap.FetchItemBodySection{{Peek: true}}
	got, err := c.Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{BodySection: whole}).Collect()
	if err != nil || len(got) != 6 {
		t.Fatalf("%d messages, %v; want 6", len(got), err)
	}
	appendMail(t, c, "INBOX", "Subject: only here\r\n\r\nx\r\n", nil)
	if n := charged(p); len(n) > 0 {
		t.Errorf("the old platform was charged %v", n)
	}
	target, _ := loggedIn(t, p, 2)
	status, err := target.Status("INBOX", &imap.StatusOptions{NumMessages: true}).Wait()
	if err != nil || *status.NumMessages != 6 {
		t.Errorf("the new platform has %v messages (%v), want 6", status, err)
	}
}
