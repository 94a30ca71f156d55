//go:build linux

package imap

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv/real"
)

// Dovecot with a process for each session (one that has many of an account deadlocks on its own locks, panics, and drops them), under
// several connections of the same accounts that append, store, move, expunge and look at the same mailboxes breaks
// no rule, and checkpoints agree.
func TestDovecotKeepsState(t *testing.T) {
	if missing := real.Missing(); len(missing) > 0 {
		t.Skipf("real servers cannot be started here, missing: %s", strings.Join(missing, ", "))
	}
	stack, err := real.Start(t.Context(), real.Options{Accounts: 10, Tweaks: real.Tweaks{DovecotStock: true}, Ports: real.Ports{Free: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			logs, _ := filepath.Glob(filepath.Join(stack.Dir, "log", "dovecot*"))
			for _, log := range logs {
				text, _ := os.ReadFile(log)
				for line := range strings.Lines(string(text)) {
					if !strings.Contains(line, ": Info: ") {
						t.Log(line)
					}
				}
			}
		}
		stack.Close()
	})
	roots := probetest.Roots(t, stack.CAFile)
	target := probetest.Target(t, "imap", stack.IMAPDirect)
	target.TLS = &tls.Config{RootCAs: roots}

	actions := [][2]string{
		{"append", "mailbox: INBOX\nsize: 1KB"}, {"append", "mailbox: Work\nsize: 1KB"}, {"fetch_headers", "mailbox: INBOX"}, {"fetch_headers", "mailbox: Work"},
		{"resync", "by: changes"}, {"resync", `mailbox: "*"`}, {"noop", ""}, {"check", "others: status"}, {"idle", "mailbox: INBOX"}, {"sync", "mailbox: Work"},
		{"store", "mailbox: Work\nflag: flagged"}, {"store", "mailbox: INBOX\nflag: seen\nset: off"}, {"store", "mailbox: INBOX\nflag: pegel-key"},
		{"move", "mailbox: INBOX\ninto: Work"}, {"move", "mailbox: Work\ninto: INBOX\nby: copy"}, {"expunge", "mailbox: Work\nmost: 3"}, {"logout", ""},
		{"checkpoint", "mailbox: INBOX"}, {"select", "mailbox: Work"}, {"store", "mailbox: Work\nflag: seen"},
	}
	inspector := new(probetest.Inspector)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	var cut atomic.Int64
	for k := range 6 { // two accounts with three connections each
		wg.Go(func() {
			login := real.Account(1 + k%2)
			h := probetest.NewHost(Protocol(), probe.Account{Index: k % 2, Login: login, Address: login, Password: stack.Password}, target)
			h.Inspect, h.Key = inspector, uint64(k)<<32
			defer h.Close()
			r := rand.New(rand.NewPCG(uint64(k), 7))
			for range 60 {
				a := actions[r.IntN(len(actions))]
				step, err := probetest.Bind(Protocol(), a[0], a[1])
				if err != nil {
					t.Error(err)
					return
				}
				got := h.Do(ctx, step)
				// An empty mailbox, and a message that another connection has just moved, are no mistakes.
				switch got.Class {
				case probe.OK, probe.Content:
				case probe.Reset:
					cut.Add(1)
					t.Logf("%s: %v", a[0], got.Err)
				default:
					t.Errorf("%s: %v", a[0], got.Err)
				}
			}
		})
	}
	wg.Wait()
	if n := cut.Load(); n > 0 {
		if text, _ := os.ReadFile(filepath.Join(stack.Dir, "log", "dovecot.log")); !bytes.Contains(text, []byte(": Panic: ")) {
			t.Errorf("%d connections were cut off, and Dovecot says nothing of it", n)
		} else if !t.Failed() {
			// It kills the sessions of one account that lock each other out, in the middle of what they are at.
			t.Skipf("nothing can be said: Dovecot itself broke down under %d sessions (Panic in its log)", n)
		}
	}
	for _, v := range inspector.Violations() {
		t.Errorf("%s\n%s", v.Text(), v.Transcript)
	}
	owned, known := 0, 0
	for k := range 2 {
		h := probetest.NewHost(Protocol(), account, target)
		h.Inspect = inspector
		m := h.Kept(accountKey{"imap", k}, func() any { return newMemory(0, nil) }).(*accountMemory)
		owned, known = owned+len(m.own), known+m.messages
		if n := size(m); n > memoryBudget {
			t.Errorf("an account's memory has %d bytes", n)
		}
		for _, own := range m.own {
			if own.held != 0 {
				known++
			}
		}
	}
	if owned == 0 || known == 0 {
		t.Error("nothing was followed: " + fmt.Sprint(owned, known))
	}
}
