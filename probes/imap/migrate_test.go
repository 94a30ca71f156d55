//go:build linux

package imap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv/real"
)

// cutter passes a connection on until so many bytes have gone towards the server, then cuts it, within a message or between two.
type cutter struct {
	server string
	after  int64
	cuts   atomic.Int64
}

func (c *cutter) start(t *testing.T) string { return probetest.Between(t, c.server, c.pass) }

func (c *cutter) pass(client, server net.Conn) {
	var down sync.WaitGroup
	down.Go(func() {
		io.Copy(client, server)
		client.Close()
	})
	if n, _ := io.CopyN(server, client, c.after); n == c.after {
		c.cuts.Add(1)
	}
	client.Close()
	server.Close()
	down.Wait()
}

// side is one of the two platforms of a migration.
type side struct {
	*real.Stack
	roots *x509.CertPool
}

func startSide(t *testing.T) side {
	t.Helper()
	stack, err := real.Start(t.Context(), real.Options{Accounts: 5, Ports: real.Ports{Free: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Close() })
	roots := probetest.Roots(t, stack.CAFile)
	return side{stack, roots}
}

// client is a logged-in connection of the test's own.
func (s *side) client(t *testing.T) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialTLS(strings.TrimPrefix(s.IMAPDirect, "imaps://"), &imapclient.Options{TLSConfig: &tls.Config{RootCAs: s.roots}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Login(real.Account(1), s.Password).Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

func put1(t *testing.T, c *imapclient.Client, mailbox, text string, daysOld int, flags ...imap.Flag) {
	t.Helper()
	cmd := c.Append(mailbox, int64(len(text)), &imap.AppendOptions{Flags: flags, Time: time.Now().AddDate(0, 0, -daysOld).Add(-time.Hour)})
	if _, err := cmd.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	cmd.Close()
	if _, err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

// fill puts an account's mail into the source: old and new, in several mailboxes, with flags, without a Message-ID, and one message
// twice. It returns how many messages are younger than a week, and how many there are.
func fill(t *testing.T, c *imapclient.Client) (young, all int) {
	t.Helper()
	for _, mailbox := range []string{"Projekte/Überblick", "Projekte", "Empty"} {
		if err := c.Create(mailbox, nil).Wait(); err != nil && !strings.Contains(err.Error(), "exists") {
			t.Fatal(err)
		}
	}
	for i := range 40 {
		mailbox := []string{"INBOX", "Projekte/Überblick", "Sent"}[i%3]
		id := fmt.Sprintf("Message-ID: <m%d@old.example>\r\n", i)
		if i == 5 || i == 25 {
			id = ""
		}
		text := fmt.Sprintf("From: a@old.example\r\nSubject: number %d\r\nDate: Mon, 02 Mar 2026 08:00:00 +0000\r\n%s\r\n%s", i, id, strings.Repeat("some text\r\n", 100+i*40))
		flags := [][]imap.Flag{{imap.FlagSeen}, nil, {imap.FlagFlagged, "$Work"}}[i%3]
		age := i / 2
		if age >= 7 {
			age += 3 // nothing lies near the border, where the hour of the day decides
		}
		if i == 6 {
			put1(t, c, mailbox, text, age, flags...) // twice
			young, all = young+1, all+1
		}
		put1(t, c, mailbox, text, age, flags...)
		if all++; age < 7 {
			young++
		}
	}
	return young, all
}

// A pass is copied by two connections of one account whose connection to the target is cut again and again, then by another run
// that finds everything there; then the rest. Everything is in the target once, byte for byte, with dates, flags and folders.
// Then the copy is damaged in every way, and the comparison tells which.
func TestMigrate(t *testing.T) {
	if missing := real.Missing(); len(missing) > 0 {
		t.Skipf("real servers cannot be started here, missing: %s", strings.Join(missing, ", "))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	from, to := startSide(t), startSide(t)
	young, all := fill(t, from.client(t))

	cut := &cutter{server: strings.TrimPrefix(to.IMAPDirect, "imaps://"), after: 12_000}
	way := cut.start(t)
	user := func(address string, together *shared) *probetest.Host {
		target, source := probetest.Target(t, "imap", address), probetest.Target(t, "imap.source", from.IMAPDirect)
		target.TLS, source.TLS, target.Shared = &tls.Config{RootCAs: to.roots}, &tls.Config{RootCAs: from.roots}, together
		h := probetest.NewHost(Protocol(), probe.Account{Login: real.Account(1), Address: real.Account(1), Password: to.Password}, target, source)
		t.Cleanup(h.Close)
		return h
	}
	// run copies until nothing is left, and returns how often something failed.
	run := func(h *probetest.Host, with string) (failed int) {
		step, err := probetest.Bind(Protocol(), "migrate", with)
		if err != nil {
			t.Error(err)
			return
		}
		for idle := 0; idle < 2; {
			if ctx.Err() != nil {
				t.Error("there is no end to it")
				return
			}
			h.Answer = nil
			if r := h.Do(ctx, step); r.Err != nil {
				if !r.Class.EndsSession() {
					t.Error(r.Err)
				}
				failed, idle = failed+1, 0
				h.Drop("imap")
				h.Drop("imap.source")
				continue
			}
			var said struct{ Left *int }
			if err := json.Unmarshal(h.Answer, &said); err != nil || said.Left == nil {
				t.Errorf("%q: %v", h.Answer, err)
				return
			}
			if idle++; *said.Left > 0 {
				idle = 0
			}
		}
		return failed
	}
	verify := func(h *probetest.Host, with string) (probe.Copies, error) {
		t.Helper()
		h.Copies = nil
		r := do(t, h, "verify_copy", with)
		if len(h.Copies) != 1 {
			t.Fatalf("%d reports: %v", len(h.Copies), r.Err)
		}
		return h.Copies[0], r.Err
	}

	together := &shared{passes: newRegistry()}
	var both sync.WaitGroup
	var failed atomic.Int64
	for range 2 {
		both.Go(func() { failed.Add(int64(run(user("imaps://"+way, together), "days: 7"))) })
	}
	both.Wait()
	if cut.cuts.Load() == 0 || failed.Load() == 0 {
		t.Errorf("%d connections were cut, %d actions failed", cut.cuts.Load(), failed.Load())
	}
	h := user(to.IMAPDirect, together)
	got, err := verify(h, "days: 7\ndigest: body")
	// A message whose answer was lost on the way was copied, and then found there.
	if want := (probe.Copies{Pass: "core", Copied: got.Copied, Source: young, Alike: young}); err != nil || !reflect.DeepEqual(got, want) || got.Copied == 0 || got.Copied > young {
		t.Errorf("%v: %+v, want %+v", err, got, want)
	}
	t.Logf("%d connections were cut, %d actions failed: %+v", cut.cuts.Load(), failed.Load(), got)

	// Another run: nothing is copied again; the deferred pass then copies the rest.
	h = user(to.IMAPDirect, &shared{passes: newRegistry()})
	run(h, "days: 7")
	if got, err := verify(h, "days: 7"); err != nil || got.Copied != 0 || got.There != young || got.Alike != young {
		t.Errorf("the second run: %v: %+v", err, got)
	}
	run(h, "older: 7")
	if got, err := verify(h, "digest: body"); err != nil || got.Source != all || got.Alike != all {
		t.Errorf("in the end: %v: %+v, want %d", err, got, all)
	}
	there := to.client(t)
	for mailbox, want := range map[string]uint32{"Empty": 0, "Projekte/Überblick": 13} {
		if data, err := there.Select(mailbox, nil).Wait(); err != nil || data.NumMessages != want {
			t.Errorf("%s: %v, %+v, want %d messages", mailbox, err, data, want)
		}
	}

	// Damage.
	if _, err := there.Select("Sent", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := there.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	if err := there.Expunge().Close(); err != nil {
		t.Fatal(err)
	}
	if err := there.Store(imap.SeqSetNum(1, 2), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagAnswered}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := there.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := there.Copy(imap.SeqSetNum(1), "INBOX").Wait(); err != nil {
		t.Fatal(err)
	}
	if err := there.Store(imap.SeqSetNum(2), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	changed := fetchWhole(t, there, 2)
	if err := there.Expunge().Close(); err != nil {
		t.Fatal(err)
	}
	put1(t, there, "INBOX", strings.Replace(changed, "some text", "SOME TEXT", 1), 30) // as long as it was, with another text and date
	got, err = verify(h, "digest: body")
	if probe.ClassOf(err) != probe.Content || got.Missing != 1 || got.Flags != 2 || got.Twice != 1 || got.Differing != 1 || got.Alike != all-4 {
		t.Errorf("after the damage: %v: %+v", err, got)
	}
}

func fetchWhole(t *testing.T, c *imapclient.Client, number uint32) string {
	t.Helper()
	got, err := c.Fetch(imap.SeqSetNum(number), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{Peek: true}}}).Collect()
	if err != nil || len(got) != 1 {
		t.Fatalf("%d messages: %v", len(got), err)
	}
	return string(got[0].BodySection[0].Bytes)
}
