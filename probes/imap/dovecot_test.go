//go:build linux

package imap

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv/real"
)

// aclDovecot gives Dovecot a public namespace with rights, and limits that a test reaches.
const aclDovecot = `
mail_max_userip_connections = 3
mail_plugins = $mail_plugins acl
protocol imap {
  mail_plugins = $mail_plugins imap_acl
}
namespace public {
  type = public
  separator = /
  prefix = shared/
  location = sdbox:%[1]s/public
  subscriptions = no
  list = children
  mailbox team01 {
    auto = create
  }
}
plugin {
  acl = vfile:%[1]s/rights
}
service imap {
  service_count = 1
  client_limit = 1
  process_min_avail = 0
  process_limit = 8
}
`

// Dovecot as packages have it: what its namespaces, rights and limits look like to a user.
func TestDovecot(t *testing.T) {
	if missing := real.Missing(); len(missing) > 0 {
		t.Skipf("real servers cannot be started here, missing: %s", strings.Join(missing, ", "))
	}
	dir, err := os.MkdirTemp("/var/tmp", "pegel-imap-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	rights := "shared/team01 user=u00001 lrswipkxtea\nshared/team01 user=u00002 lrs\nshared/team01 user=u00003 l\n"
	if err := os.WriteFile(filepath.Join(dir, "rights"), []byte(rights), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "public"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "public"), 0o777); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stack, err := real.Start(ctx, real.Options{
		Accounts: 20, Ports: real.Ports{Free: true}, Tweaks: real.Tweaks{DovecotExtra: fmt.Sprintf(aclDovecot, dir)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Close() })
	roots := probetest.Roots(t, stack.CAFile)
	target := probetest.Target(t, "imap", stack.IMAPDirect)
	target.TLS = &tls.Config{RootCAs: roots}
	user := func(n int) *probetest.Host {
		login := real.Account(n)
		return probetest.NewHost(Protocol(), probe.Account{Login: login, Address: login, Password: stack.Password}, target)
	}
	expect := func(h *probetest.Host, verb, with string, want probe.Class) {
		t.Helper()
		if r := do(t, h, verb, with); r.Class != want {
			t.Errorf("%s %s: %v, want %v: %v", verb, with, r.Class, want, r.Err)
		}
	}

	// The whole day of a program, by every action.
	h := user(1)
	for _, a := range [][2]string{
		{"login", ""}, {"discover", ""}, {"append", "mailbox: INBOX\nsize: 2KB"}, {"append", `mailbox: '\Sent'`}, {"check", "others: status"},
		{"append", "mailbox: INBOX\nsize: 2KB"}, {"append", "mailbox: INBOX\nsize: 2KB"}, {"check", ""}, {"resync", "by: changes"},
		{"store", "mailbox: INBOX"}, {"resync", "by: changes"}, {"resync", `mailbox: "*"`}, {"idle", "mailbox: INBOX"}, {"idle", ""},
		{"move", ""}, {"move", "by: copy"}, {"expunge", `mailbox: '\Trash'`}, {"sync", `mailbox: "*"`},
		{"list", "of: shared"}, {"rights", "mailbox: shared/team01\nneed: lrswi\nacl: true"},
		{"append", "mailbox: shared/team01\nsize: 2KB"}, {"fetch", "mailbox: shared/team01"},
	} {
		expect(h, a[0], a[1], probe.OK)
	}
	s, err := h.OpenSession("imap")
	if err != nil {
		t.Fatal(err)
	}
	if known := s.(*session).synced["INBOX"]; known.modSeq == 0 || known.validity == 0 {
		t.Errorf("after resync by changes %+v is known", known)
	}
	h.Close()

	// Several users of one functional mailbox, with less and less rights.
	h = user(2)
	expect(h, "fetch", "mailbox: shared/team01", probe.OK)
	expect(h, "rights", "mailbox: shared/team01\nneed: lrw", probe.Denied)
	h.Close()
	for n := 3; n <= 4; n++ { // one may only look it up, the other not even that
		h = user(n)
		expect(h, "select", "mailbox: shared/team01", probe.Denied)
		expect(h, "select", "mailbox: Nowhere", probe.Content)
		h.Close()
	}

	// mail_max_userip_connections, then process_limit: the one is a refusal, the other a wait.
	var held []*probetest.Host
	defer func() {
		for _, h := range held {
			h.Close()
		}
	}()
	for range 3 {
		held = append(held, user(5))
		expect(held[len(held)-1], "login", "", probe.OK)
	}
	h = user(5)
	expect(h, "login", "", probe.Limited)
	h.Close()
	for n := 6; n <= 10; n++ {
		held = append(held, user(n))
		expect(held[len(held)-1], "login", "", probe.OK)
	}
	h = user(11)
	defer h.Close()
	step, err := probetest.Bind(Protocol(), "login", "")
	if err != nil {
		t.Fatal(err)
	}
	soon, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	if r := h.Do(soon, step); r.Class != probe.Timeout && r.Class != probe.Overload {
		t.Errorf("beyond process_limit: %v, want timeout or overload: %v", r.Class, r.Err)
	}
}
