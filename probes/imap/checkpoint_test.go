package imap

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
)

// frozenServer plays a server with one mailbox that tells of messages that have gone only where it may: within NOOP.
type frozenServer struct {
	offers  string // capabilities besides
	numbers bool   // the mailbox has HIGHESTMODSEQ
	news    string // comes with the first connection's FETCH

	// before is called with each command and the number of its connection, and may change the messages.
	before func(f *frozenServer, connection int, verb string)

	mu          sync.Mutex
	uids        []int
	connections int
}

func (f *frozenServer) serve(c net.Conn, command func() (string, string)) {
	f.mu.Lock()
	f.connections++
	number := f.connections
	f.mu.Unlock()
	fmt.Fprintf(c, "* OK [CAPABILITY IMAP4rev1%s] ready\r\n", f.offers)
	var view []int
	for {
		tag, rest := command()
		if tag == "" {
			return
		}
		verb, _, _ := strings.Cut(rest, " ")
		f.mu.Lock()
		if f.before != nil {
			f.before(f, number, verb)
		}
		now := slices.Clone(f.uids)
		f.mu.Unlock()
		end := "OK done"
		switch verb {
		case "CAPABILITY":
			fmt.Fprintf(c, "* CAPABILITY IMAP4rev1%s\r\n", f.offers)
		case "EXAMINE":
			view = now
			fmt.Fprintf(c, "* %d EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n", len(view))
			if f.numbers {
				io.WriteString(c, "* OK [HIGHESTMODSEQ 9] ok\r\n")
			} else {
				io.WriteString(c, "* OK [NOMODSEQ] ok\r\n")
			}
		case "NOOP":
			for i := len(view) - 1; i >= 0; i-- {
				if !slices.Contains(now, view[i]) {
					view = slices.Delete(view, i, i+1)
					fmt.Fprintf(c, "* %d EXPUNGE\r\n", i+1)
				}
			}
		case "FETCH":
			if strings.Contains(rest, "MODSEQ") && !f.numbers {
				end = "BAD no mod-sequences here"
				break
			}
			if number == 1 {
				io.WriteString(c, f.news)
			}
			for i, uid := range view {
				fmt.Fprintf(c, "* %d FETCH (UID %d FLAGS () RFC822.SIZE 10)\r\n", i+1, uid)
			}
		}
		fmt.Fprintf(c, "%s %s\r\n", tag, end)
	}
}

// What a server may do is no violation.
func TestCheckpointAgrees(t *testing.T) {
	twinAsked := false
	for name, server := range map[string]*frozenServer{
		// One message goes while the second connection is made, another between the two connections' NOOPs.
		"messages go meanwhile": {before: func(f *frozenServer, connection int, verb string) {
			switch {
			case verb == "EXAMINE" && connection == 2:
				f.uids = []int{1, 3}
			case verb == "NOOP" && connection == 2 && !twinAsked:
				twinAsked = true
				f.uids = []int{1}
			}
		}},
		"a mailbox without MODSEQ": {offers: " CONDSTORE"},
		"news of flags":            {news: "* 2 FETCH (UID 2 FLAGS ())\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			server.uids = []int{1, 2, 3}
			h := probetest.NewHost(Protocol(), account, script(t, server.serve))
			defer h.Close()
			if r := do(t, h, "checkpoint", ""); r.Err != nil {
				t.Error(r.Err)
			}
		})
	}
	if !twinAsked {
		t.Error("the second message has not gone")
	}
}

// The pause between two rounds is pegel's own and no latency.
func TestCheckpointPauseIsNoLatency(t *testing.T) {
	server := &frozenServer{uids: []int{1, 2, 3}, before: func(f *frozenServer, connection int, verb string) {
		if f.uids = []int{1, 2, 3}; connection == 2 {
			f.uids = []int{1, 2}
		}
	}}
	h := probetest.NewHost(Protocol(), account, script(t, server.serve))
	defer h.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if r := h.Open(ctx, ""); r.Err != nil {
		t.Fatal(r.Err)
	}
	step, err := probetest.Bind(Protocol(), "checkpoint", "")
	if err != nil {
		t.Fatal(err)
	}
	from := time.Now()
	r := h.Do(ctx, step)
	if r.Class != probe.Content {
		t.Fatalf("%v, want a violation: %v", r.Class, r.Err)
	}
	if paused := time.Since(from) - r.Elapsed; paused < checkpointPause {
		t.Errorf("of the pause only %v was taken out of %v", paused, r.Elapsed)
	}
}
