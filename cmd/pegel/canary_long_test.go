package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"pegel/testenv/real"
)

// all does something for every account, eight at a time.
func all(accounts int, do func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range 8 {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range accounts {
		next <- i
	}
	close(next)
	wg.Wait()
}

// appendAll puts messages that were read elsewhere into a mailbox, with their dates.
func appendAll(t *testing.T, c *imapclient.Client, list []*imapclient.FetchMessageBuffer) {
	for _, item := range list {
		raw := item.BodySection[0].Bytes
		cmd := c.Append("INBOX", int64(len(raw)), &imap.AppendOptions{Time: item.InternalDate})
		_, _ = cmd.Write(raw)
		_ = cmd.Close()
		if _, err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// The batch at its full size on a real Dovecot: 800 accounts, of which 40 are permuted, pairwise and in rings, in the deferred pass only. Each
// of them is named with its owner and none else, by canaries and by fingerprints alone, and both followers stop within 30 s of the first
// message in a wrong mailbox.
func TestLongCanary800AccountsOnDovecot(t *testing.T) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("takes some minutes: set PEGEL_LONG=1")
	}
	const accounts, each, newsletters = 800, 10, 3
	stack, err := real.Start(t.Context(), real.Options{Accounts: 2 * accounts, Ports: real.Ports{Free: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Close() })
	m := &migration{source: stack.IMAPDirect, target: stack.IMAPDirect, ca: stack.CAFile, password: stack.Password, accounts: accounts,
		login: func(side string, i int) string {
			return real.Account(i + 1 + map[string]int{"s": 0, "t": accounts}[side])
		}}
	scenario, batch := m.files(t)
	prints := filepath.Join(m.dir, "prints")
	all(accounts, func(i int) {
		ages := map[string]int{}
		for k := range each {
			ages[fmt.Sprintf("m%d.%s", k, m.login("s", i))] = []int{1, 3, 20, 100, 1000}[k%5]
		}
		for k := range newsletters {
			ages[fmt.Sprintf("newsletter%d@example.test", k)] = 30 + k
		}
		m.put(t, m.source, m.login("s", i), "INBOX", ages)
	})
	timed := func(what string, args ...string) {
		began := time.Now()
		m.pegel(t, exitOK, args...)
		t.Logf("%s: %.1f s", what, time.Since(began).Seconds())
	}
	timed("fingerprint", "canary", "fingerprint", scenario, "--accounts", batch, "--out", prints)
	timed("plant", "canary", "plant", scenario, "--accounts", batch)

	wrong := map[int]int{}
	for i := 0; i < 20; i += 2 { // ten pairs
		wrong[i*7], wrong[(i+1)*7] = (i+1)*7, i*7
	}
	for k := range 5 { // five rings of four
		ring := []int{600 + k, 620 + k, 640 + k, 660 + k}
		for i, from := range ring {
			wrong[from] = ring[(i+1)%4]
		}
	}
	section := []*imap.FetchItemBodySection{{Peek: true}}
	var first sync.Once
	var firstWrong time.Time
	pass := func(what *imap.SearchCriteria, swapped map[int]int) {
		all(accounts, func(i int) {
			from, to := m.dial(t, m.source, m.login("s", i)), i
			defer from.Close()
			if other, ok := swapped[i]; ok {
				to = other
			}
			into := m.dial(t, m.target, m.login("t", to))
			defer into.Close()
			if _, err := from.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
				t.Error(err)
			}
			found, err := from.UIDSearch(what, nil).Wait()
			if err != nil {
				t.Error(err)
				return
			}
			list, err := from.Fetch(imap.UIDSetNum(found.AllUIDs()...), &imap.FetchOptions{UID: true, InternalDate: true, BodySection: section}).Collect()
			if err != nil {
				t.Error(err)
			}
			if to != i {
				first.Do(func() { firstWrong = time.Now() })
			}
			appendAll(t, into, list)
		})
	}
	limit := time.Now().AddDate(0, 0, -7)
	pass(&imap.SearchCriteria{Since: limit}, nil)
	timed("verify after the core pass", "canary", "verify", scenario, "--accounts", batch, "--pass", "core", "--fingerprints", prints)

	ready, ended := make(chan struct{}, 2), make(chan time.Time, 2)
	var followers sync.WaitGroup
	for _, args := range [][]string{nil, {"--fingerprints", prints, "--run", "none"}} {
		followers.Go(func() {
			out, at := m.follow(t, ready, append([]string{scenario, "--accounts", batch, "--for", "6m"}, args...))
			var v verified
			if err := json.Unmarshal([]byte(out), &v); err != nil || !v.Stopped {
				t.Errorf("%v in %s", err, out)
			}
			ended <- at
			t.Logf("follower %v stopped %.1f s after the first wrong message", args, at.Sub(firstWrong).Seconds())
		})
	}
	<-ready
	<-ready
	pass(&imap.SearchCriteria{Before: limit}, wrong)
	followers.Wait()
	for range 2 {
		if at := <-ended; firstWrong.IsZero() || at.Before(firstWrong) || at.Sub(firstWrong) > 30*time.Second {
			t.Errorf("a follower stopped %s after the first wrong message", at.Sub(firstWrong))
		}
	}
	for name, args := range map[string][]string{"canaries": nil, "fingerprints": {"--fingerprints", prints, "--run", "none"}} {
		v := m.verify(t, exitObjective, append([]string{scenario, "--accounts", batch}, args...)...)
		whose, _ := v.foreign()
		t.Logf("verify by %s: %.1f s, %d accounts with foreign items", name, v.Seconds, len(whose))
		if v.Seconds > 120 || len(whose) != len(wrong) || len(wrong) != 40 {
			t.Errorf("%s: %.1f s, %d accounts with foreign items, want %d", name, v.Seconds, len(whose), len(wrong))
		}
		for from, to := range wrong {
			if got := whose[m.login("t", to)]; got != m.login("s", from) {
				t.Errorf("%s: %s has items of %q, want %s", name, m.login("t", to), got, m.login("s", from))
			}
		}
	}
	began := time.Now()
	m.pegel(t, exitObjective, "canary", "remove", scenario, "--accounts", batch)
	t.Logf("remove: %.1f s", time.Since(began).Seconds())
}
