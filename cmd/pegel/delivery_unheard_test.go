package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pegel/internal/archive"
	"pegel/probes/probetest"
)

// swallower stands between a client and a mail server that speaks in plain text, and swallows every fifth answer to a final dot.
// Afterwards it is silent, or closes the connection.
type swallower struct {
	server string
	closes bool

	mu        sync.Mutex
	heard     int
	swallowed int
}

func (s *swallower) start(t *testing.T) (url string) {
	t.Helper()
	return "smtp://" + probetest.Between(t, strings.TrimPrefix(s.server, "smtp://"), s.pass)
}

func (s *swallower) pass(client, server net.Conn) {
	var up sync.WaitGroup
	up.Go(func() {
		io.Copy(server, client)
		server.Close()
	})
	defer up.Wait()
	defer client.Close()
	defer server.Close()
	for answers := bufio.NewReader(server); ; {
		line, err := answers.ReadBytes('\n')
		if err != nil {
			return
		}
		if bytes.HasPrefix(line, []byte("250")) && bytes.Contains(line, []byte("queued as")) && s.takes() {
			if s.closes {
				return
			}
			io.Copy(io.Discard, answers) // until the client has had enough
			return
		}
		if _, err := client.Write(line); err != nil {
			return
		}
	}
}

func (s *swallower) takes() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard++; s.heard%5 != 0 {
		return false
	}
	s.swallowed++
	return true
}

// Postfix takes a mail, and its answer to the final dot never reaches the client, which tries again: as a mail server, after its
// own time-out or the end of the connection, or as a user who loses patience. Both copies arrive. That is legal, is reported apart
// and costs no verdict, whereas a mail that was sent again and did not arrive at all would be lost.
func TestUnheardAnswer(t *testing.T) {
	stack := mailStack(t, 60, quickQueue)
	server := `journeys.send=[{repeat: {for: session}, steps: [{do: smtp.send, with: {size: 2KB, as: mta, answer: 1s, backoff: 300ms}, think: 100ms}]}]`
	for _, c := range []struct {
		name   string
		closes bool
		set    string
	}{
		{"silent", false, server},
		{"closed", true, server},
		{"patience", false, `personas=[{name: sender, journey: send, patience: {after: 1500ms, then: retry, most: 3}}]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &swallower{server: stack.SMTPInbound, closes: c.closes}
			m := sendMail(t, stack, s.start(t), c.set, "load.stages={users: [10], ramp: 200ms, settle: 200ms, hold: 5s}")
			d, lie := m.d, audit(t, stack, m.run)
			if d.Broken() || m.code == exitObjective || d.Unseen > 0 || d.Delivered != d.Accepted || d.AgainTwice == 0 || d.AgainTwice > d.Again {
				t.Errorf("exit code %d: %+v\n%s", m.code, *d, m.said)
			}
			if n := lie.twice(); n != d.AgainTwice+d.UncertainTwice {
				t.Errorf("%d lie twice, the ledger has %+v", n, *d)
			}
			// Some were under way when the run ended; the preflight's may be one.
			if n := d.Again + d.Uncertain; n > s.swallowed || n < s.swallowed/2 {
				t.Errorf("%d answers were swallowed, the ledger has %+v", s.swallowed, *d)
			}
			html, err := os.ReadFile(filepath.Join(m.dir, archive.ReportFile))
			if err != nil || !bytes.Contains(html, []byte("legally twice")) || bytes.Contains(html, []byte("Mail lost, doubled or misdelivered")) {
				t.Errorf("the report does not tell them apart: %v", err)
			}
			t.Logf("%d answers swallowed: %+v", s.swallowed, *d)
		})
	}
}
