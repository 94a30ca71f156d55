package eas

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv/real"
)

// countChanges makes Dovecot count the changes of an account's INBOX (CONDSTORE), which it does from the first time on that a client
// asks for it. Before that SOGo finds no mail for its phones.
func countChanges(t *testing.T, stack *real.Stack, number int) {
	t.Helper()
	address, err := url.Parse(stack.IMAPDirect)
	if err != nil {
		t.Fatal(err)
	}
	roots := probetest.Roots(t, stack.CAFile)
	c, err := tls.Dial("tcp", address.Host, &tls.Config{RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "a LOGIN %s %s\r\nb SELECT INBOX (CONDSTORE)\r\nc LOGOUT\r\n", real.Account(number), stack.Password)
	if said, err := io.ReadAll(c); err != nil || !strings.Contains(string(said), "b OK") {
		t.Fatalf("%v: %s", err, said)
	}
}

// sogo starts SOGo and gives the phone of its account 1.
func sogo(t *testing.T) (*real.Stack, *probetest.Host) {
	t.Helper()
	o := real.Options{Accounts: 10, SOGo: &real.SOGo{Workers: 4}, Ports: real.Ports{Free: true}}
	if missing := o.Missing(); len(missing) > 0 {
		t.Skipf("not tested against SOGo: missing %v", missing)
	}
	stack, err := real.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	})
	countChanges(t, stack, 1)
	account := probe.Account{Login: real.Account(1), Address: real.Account(1), Password: stack.Password}
	h := probetest.NewHost(Protocol(), account, phoneTarget(t, stack.ActiveSync))
	t.Cleanup(h.Close)
	return stack, h
}

func do(t *testing.T, h *probetest.Host, verb, with string) probetest.Result {
	t.Helper()
	step, err := probetest.Bind(Protocol(), verb, with)
	if err != nil {
		t.Fatal(err)
	}
	r := h.Do(t.Context(), step)
	t.Logf("%s %s: %v in %v, %d in, %d out: %v", verb, with, r.Class, r.Elapsed.Round(time.Millisecond), r.In, r.Out, r.Err)
	return r
}

func must(t *testing.T, h *probetest.Host, verb, with string) probetest.Result {
	t.Helper()
	r := do(t, h, verb, with)
	if r.Err != nil {
		t.Fatalf("%s %s: %v", verb, with, r.Err)
	}
	return r
}

// TestSOGo does everything a phone does.
func TestSOGo(t *testing.T) {
	_, h := sogo(t)
	h.Key = uint64(time.Now().UnixNano())
	must(t, h, "options", "")
	must(t, h, "provision", "")
	must(t, h, "folders", "initial: true")
	for _, folder := range []string{"inbox", "calendar", "contacts"} {
		must(t, h, "sync", "{folder: "+folder+", initial: true, window: 50}")
	}
	must(t, h, "send", "{to: self, size: 4KB}")
	must(t, h, "send", "{to: self, invites: true}")
	r := must(t, h, "ping", "heartbeat: 10s")
	if r.Elapsed > 8*time.Second {
		t.Errorf("the wait counts as latency: %v", r.Elapsed)
	}
	began := time.Now()
	for do(t, h, "respond", "").Err != nil {
		if time.Since(began) > 30*time.Second {
			t.Fatal("the invitation has not come")
		}
		time.Sleep(time.Second)
	}
	must(t, h, "sync", "folder: calendar")
	must(t, h, "sync", "")
	began = time.Now()
	r = must(t, h, "ping", "{heartbeat: 15s, folders: [inbox]}")
	if waited := time.Since(began); r.Elapsed > waited/2 {
		t.Errorf("a Ping that waited %v counts with %v", waited, r.Elapsed)
	}
}
