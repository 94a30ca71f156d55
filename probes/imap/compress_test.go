//go:build linux

package imap

import (
	"context"
	"crypto/tls"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv/real"
)

// With Dovecot's plugin a compressed connection brings the same mail with less than half the bytes, goes on after IDLE and after a
// loss, and gets messages back as they were written. Without the wish it is not compressed.
func TestDovecotCompresses(t *testing.T) {
	if missing := real.Missing(); len(missing) > 0 {
		t.Skipf("real servers cannot be started here, missing: %s", strings.Join(missing, ", "))
	}
	found, _ := filepath.Glob("/usr/lib*/dovecot/modules/lib*_imap_zlib_plugin.so")
	if more, _ := filepath.Glob("/usr/lib/*/dovecot/modules/lib*_imap_zlib_plugin.so"); len(found)+len(more) == 0 {
		t.Skip("this Dovecot has no plugin imap_zlib")
	}
	stack, err := real.Start(t.Context(), real.Options{Accounts: 5, Ports: real.Ports{Free: true}, Tweaks: real.Tweaks{
		DovecotExtra: "protocol imap {\n  mail_plugins = $mail_plugins imap_zlib\n}\n",
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Close() })
	roots := probetest.Roots(t, stack.CAFile)
	target := probetest.Target(t, "imap", stack.IMAPDirect)
	target.TLS = &tls.Config{RootCAs: roots}
	shared, err := prepare(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	defer shared.Close()
	target.Shared = shared
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	received := map[bool]int64{}
	for _, compress := range []bool{false, true} {
		h := probetest.NewHost(Protocol(), probe.Account{Login: real.Account(1), Address: real.Account(1), Password: stack.Password}, target)
		defer h.Close()
		act := func(verb, with string) {
			t.Helper()
			step, err := probetest.Bind(Protocol(), verb, with)
			if err != nil {
				t.Fatal(err)
			}
			if r := h.Do(ctx, step); r.Err != nil {
				t.Fatalf("compress %v: %s: %v", compress, verb, r.Err)
			}
		}
		conn := func() *session {
			s, err := h.OpenSession("imap")
			if err != nil {
				t.Fatal(err)
			}
			return s.(*session)
		}
		with := ""
		if compress {
			with = "compress: true"
		} else {
			for range 20 {
				act("append", "mailbox: INBOX\nsize: 20KB")
			}
		}
		act("login", with)
		if got := conn().conn.Compressed(); got != compress {
			t.Fatalf("compressed is %v, want %v", got, compress)
		}
		act("select", "")
		before, _ := conn().conn.Transferred()
		act("sync", "")
		after, _ := conn().conn.Transferred()
		received[compress] = after - before
		for range 2 {
			act("idle", "")
			time.Sleep(20 * time.Millisecond) // an IDLE without anything to hear
			act("fetch_headers", "last: 20")
		}
		act("append", "mailbox: INBOX\nsize: 20KB")
		act("logout", "")
		act("noop", "")
		if got := conn().conn.Compressed(); got != compress {
			t.Errorf("after the connection was made anew compressed is %v, want %v", got, compress)
		}
	}
	if received[true]*2 > received[false] {
		t.Errorf("compressed %d bytes came, else %d", received[true], received[false])
	}
	t.Logf("compressed %d bytes came, else %d", received[true], received[false])
}
