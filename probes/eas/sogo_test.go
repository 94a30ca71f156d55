package eas

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
)

// countChanges makes Dovecot count the changes of an INBOX (CONDSTORE), which it does from the first time on that a client asks for
// it. Before that SOGo finds no mail for its phones. PEGEL_SOGO_IMAP is SOGo's IMAP server.
func countChanges(t *testing.T, login string) {
	t.Helper()
	c, err := net.Dial("tcp", os.Getenv("PEGEL_SOGO_IMAP"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "a LOGIN %s secret\r\nb SELECT INBOX (CONDSTORE)\r\nc LOGOUT\r\n", login)
	if said, err := io.ReadAll(c); err != nil || !strings.Contains(string(said), "b OK") {
		t.Fatalf("%v: %s", err, said)
	}
}

// sogo is a phone of a user of a running SOGo, whose address stands in PEGEL_SOGO (http://127.0.0.1:8080/Microsoft-Server-ActiveSync);
// it has the users u1 to u99@example.test with the password secret.
func sogo(t *testing.T, login string) *probetest.Host {
	t.Helper()
	address := os.Getenv("PEGEL_SOGO")
	if address == "" {
		t.Skip("PEGEL_SOGO does not name a SOGo with ActiveSync")
	}
	target := probetest.Target(t, "eas", address)
	shared, err := prepare(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	target.Shared = shared
	h := probetest.NewHost(Protocol(), probe.Account{Login: login, Address: login + "@example.test", Password: "secret"}, target)
	t.Cleanup(h.Close)
	return h
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
	h := sogo(t, "u29")
	countChanges(t, "u29")
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
