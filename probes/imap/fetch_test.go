package imap

import (
	"io"
	"net"
	"strings"
	"testing"

	"pegel/probes/probetest"
)

// A person with an empty mailbox sees an empty list, which takes a round trip; what came meanwhile is shown.
func TestHeadersOfEmptyMailbox(t *testing.T) {
	for _, c := range []struct{ noop, want string }{
		{"", "SELECT NOOP"},
		{"* 1 EXISTS\r\n", "SELECT NOOP FETCH"},
	} {
		said := make(chan string, 10)
		target := script(t, func(conn net.Conn, command func() (string, string)) {
			io.WriteString(conn, "* OK [CAPABILITY IMAP4rev1] ready\r\n")
			for {
				tag, rest := command()
				verb, _, _ := strings.Cut(rest, " ")
				switch verb {
				case "":
					return
				case "SELECT":
					io.WriteString(conn, "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n")
				case "NOOP":
					io.WriteString(conn, c.noop)
				case "FETCH":
					io.WriteString(conn, headerOf(1, 1, 10, "a")+"\r\n")
				}
				if verb == "SELECT" || verb == "NOOP" || verb == "FETCH" {
					said <- verb
				}
				io.WriteString(conn, tag+" OK done\r\n")
			}
		})
		h := probetest.NewHost(Protocol(), account, target)
		r := do(t, h, "fetch_headers", "")
		h.Close()
		close(said)
		var verbs []string
		for verb := range said {
			verbs = append(verbs, verb)
		}
		if got := strings.Join(verbs, " "); r.Err != nil || got != c.want {
			t.Errorf("%q: said %s, want %s; %v", c.noop, got, c.want, r.Err)
		}
	}
}
