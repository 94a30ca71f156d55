//go:build linux

package imap

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"pegel/probes/probe"
	"pegel/probes/probetest"
)

// following is a user whose mail somebody keeps account of.
type following struct{ *probetest.Host }

func (following) FollowsMail() bool           { return true }
func (following) Sent(string, []string, bool) {}
func (following) Seen(probe.Sighting)         {}

// What comes during IDLE has a time only where it is heard when it comes: not on a connection that is no socket of the system.
func TestIdleKnowsTimesOnlyWhereItListens(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		target := script(t, func(c net.Conn, command func() (string, string)) {
			io.WriteString(c, hello)
			idling := ""
			for {
				tag, rest := command()
				switch verb, _, _ := strings.Cut(rest, " "); {
				case tag == "":
					return
				case tag == "DONE":
					tag = idling
				case verb == "SELECT":
					io.WriteString(c, "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n")
				case verb == "CAPABILITY":
					io.WriteString(c, "* CAPABILITY IMAP4rev1 IDLE\r\n")
				case verb == "IDLE":
					idling = tag
					io.WriteString(c, "+ idling\r\n* 4 EXISTS\r\n")
					continue
				}
				fmt.Fprintf(c, "%s OK done\r\n", tag)
			}
		})
		if dial := target.DialContext; hidden {
			target.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				c, err := dial(ctx, network, address)
				return struct{ net.Conn }{c}, err
			}
		}
		together, err := prepare(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		defer together.Close()
		target.Shared = together
		h := probetest.NewHost(Protocol(), account, target)
		defer h.Close()
		if r := h.Open(t.Context(), ""); r.Err != nil {
			t.Fatal(r.Err)
		}
		turn := probe.NewTurn(following{h})
		for _, verb := range []string{"select", "idle", "noop"} {
			step, err := probetest.Bind(Protocol(), verb, "")
			if err != nil {
				t.Fatal(err)
			}
			turn.Begin(t.Context(), "imap", 1)
			if err := step(turn); err != nil {
				t.Fatalf("%s: %v", verb, err)
			}
		}
		opened, err := h.OpenSession("imap")
		if err != nil {
			t.Fatal(err)
		}
		s := opened.(*session)
		if heard := len(s.heard.counts); s.count() != 4 || heard != map[bool]int{false: 1, true: 0}[hidden] {
			t.Errorf("hidden %v: %d messages, %d heard of", hidden, s.count(), heard)
		}
	}
}
