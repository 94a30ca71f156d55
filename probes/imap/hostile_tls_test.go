package imap

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"pegel/probes/imap/client"
	"pegel/probes/probe"
	"pegel/probes/probetest"
)

// returned waits until no more goroutines run than before.
func returned(t *testing.T, before int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		stacks := make([]byte, 64<<10)
		t.Errorf("%d goroutines before, %d after:\n%s", before, n, stacks[:runtime.Stack(stacks, true)])
	}
}

// What goes wrong with TLS, from the first byte and after STARTTLS: the failure has its class, says what it was, and leaves no
// goroutine behind.
func TestBadTLS(t *testing.T) {
	server, trusting := probetest.Certificate(t)
	handshake := func(c net.Conn) { _ = tls.Server(c, server).Handshake() }
	for _, bad := range []struct {
		name   string
		config func(*tls.Config)
		serve  func(net.Conn)
		want   probe.Class
		says   string
	}{
		{"a certificate that has expired", func(c *tls.Config) { c.Time = func() time.Time { return time.Now().AddDate(0, 0, 3) } }, handshake, probe.TLS, "expired"},
		{"a certificate that is not valid yet", func(c *tls.Config) { c.Time = func() time.Time { return time.Now().AddDate(0, 0, -3) } }, handshake, probe.TLS, "not yet valid"},
		{"a certificate for another name", func(c *tls.Config) { c.ServerName = "mail.example.test" }, handshake, probe.TLS, "mail.example.test"},
		{"cut before the handshake", nil, func(net.Conn) {}, probe.Reset, ""},
		{"cut in the handshake", nil, func(c net.Conn) {
			io.ReadFull(c, make([]byte, 5)) // the header of the client's first message
			io.WriteString(c, "\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03")
		}, probe.Reset, ""},
		{"silence in the handshake", nil, func(c net.Conn) { io.Copy(io.Discard, c) }, probe.Timeout, ""},
		{"no TLS at all", nil, func(c net.Conn) {
			io.ReadFull(c, make([]byte, 5)) // the header of the client's first message
			io.WriteString(c, hello)
			io.Copy(io.Discard, c)
		}, probe.TLS, ""},
	} {
		for _, start := range []string{"", "required"} {
			t.Run(strings.TrimSpace(bad.name+" "+start), func(t *testing.T) {
				target := script(t, func(c net.Conn, command func() (string, string)) {
					if start != "" {
						io.WriteString(c, "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")
						tag, _ := command()
						io.WriteString(c, tag+" OK go\r\n")
					}
					bad.serve(c)
				})
				target.TLS = trusting.Clone()
				if bad.config != nil {
					bad.config(target.TLS)
				}
				if target.StartTLS = start; start == "" {
					target.URL.Scheme = "imaps"
				}
				limit := 30 * time.Second
				if bad.want == probe.Timeout {
					limit = 200 * time.Millisecond
				}
				before := runtime.NumGoroutine()
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				h := probetest.NewHost(Protocol(), account, target)
				r := h.Open(ctx, "")
				h.Close()
				if r.Class != bad.want || !strings.Contains(r.Err.Error(), bad.says) {
					t.Errorf("came to %v, want %v with %q: %v", r.Class, bad.want, bad.says, r.Err)
				}
				cancel()
				returned(t, before)
			})
		}
	}
}

// A server that talks without end during IDLE ends the connection of whoever listens, and fails the next action of whoever does not.
func TestEndlessIdle(t *testing.T) {
	target := script(t, upTo("IDLE", func(c net.Conn, _ string) {
		io.WriteString(c, "+ idling\r\n")
		flood(c, "* 4 EXISTS\r\n")
	}))
	before := runtime.NumGoroutine()
	h := probetest.NewHost(Protocol(), account, target)
	if r := do(t, h, "idle", ""); r.Err != nil {
		t.Fatal(r.Err)
	}
	if r := do(t, h, "noop", ""); r.Class != probe.BadProtocol {
		t.Errorf("came to %v: %v", r.Class, r.Err)
	}
	h.Close()
	returned(t, before)

	lookout, err := client.NewLookout()
	if err != nil {
		t.Skip(err)
	}
	h = probetest.NewHost(Protocol(), account, target)
	r := h.Do(t.Context(), step(func(turn *probe.Turn, s *session) error {
		if err := s.use(turn, "", false); err != nil {
			return err
		}
		if err := s.conn.Idle(); err != nil {
			return err
		}
		s.conn.Watch(lookout)
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			s.conn.Wake() // the lookout has let go of it
			if s.conn.Err() != nil {
				return s.fail("wait", s.conn.Err())
			}
			s.conn.Watch(lookout)
		}
		t.Error("the connection is still there")
		return nil
	}))
	if r.Class != probe.BadProtocol {
		t.Errorf("whoever listens: came to %v: %v", r.Class, r.Err)
	}
	h.Close()
	if err := lookout.Close(); err != nil {
		t.Error(err)
	}
	returned(t, before)
}
