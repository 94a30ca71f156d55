package imap

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
)

// script plays a server: serve is called for every connection, with a function that reads a command and returns its tag and
// the rest.
func script(t *testing.T, serve func(c net.Conn, command func() (tag, rest string))) probe.Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				lines := bufio.NewScanner(c)
				serve(c, func() (string, string) {
					if !lines.Scan() {
						return "", ""
					}
					tag, rest, _ := strings.Cut(lines.Text(), " ")
					return tag, rest
				})
			})
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
	return probetest.Target(t, "imap", "imap://"+l.Addr().String())
}

const hello = "* OK [CAPABILITY IMAP4rev1 IDLE NAMESPACE] ready\r\n"

// upTo answers commands until one begins with verb, which is handled by last.
func upTo(verb string, last func(c net.Conn, tag string)) func(net.Conn, func() (string, string)) {
	return func(c net.Conn, command func() (string, string)) {
		io.WriteString(c, hello)
		for {
			tag, rest := command()
			switch {
			case tag == "":
				return
			case strings.HasPrefix(rest, verb):
				last(c, tag)
				return
			case rest == "CAPABILITY":
				io.WriteString(c, "* CAPABILITY IMAP4rev1 IDLE NAMESPACE\r\n")
			case strings.HasPrefix(rest, "SELECT"):
				fmt.Fprintf(c, "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n")
			case strings.HasPrefix(rest, "IDLE"):
				io.WriteString(c, "+ idling\r\n")
				continue
			}
			fmt.Fprintf(c, "%s OK done\r\n", tag)
		}
	}
}

// flood writes a text until the other side has gone.
func flood(c net.Conn, text string) {
	chunk := []byte(strings.Repeat(text, 1+(64<<10)/len(text)))
	for {
		if _, err := c.Write(chunk); err != nil {
			return
		}
	}
}

// What servers do wrong, each in one action: the failure has its class, comes soon, and leaves neither goroutines nor memory.
func TestBadServers(t *testing.T) {
	wait := func(c net.Conn) { io.Copy(io.Discard, c) }
	for _, bad := range []struct {
		name, do, with string
		serve          func(net.Conn, func() (string, string))
		want           probe.Class
	}{
		{"the greeting never comes", "noop", "", func(c net.Conn, _ func() (string, string)) { wait(c) }, probe.Timeout},
		{"half a greeting", "noop", "", func(c net.Conn, _ func() (string, string)) { io.WriteString(c, "* OK rea"); wait(c) }, probe.Timeout},
		{"a greeting of garbage", "noop", "", func(c net.Conn, _ func() (string, string)) { io.WriteString(c, "\x16\x03\x01\x02\x00\r\n"); wait(c) }, probe.BadProtocol},
		{"a greeting without end", "noop", "", func(c net.Conn, _ func() (string, string)) { flood(c, "* OK ") }, probe.BadProtocol},
		{"cut before the greeting", "noop", "", func(net.Conn, func() (string, string)) {}, probe.Reset},
		{"cut in the greeting", "noop", "", func(c net.Conn, _ func() (string, string)) { io.WriteString(c, "* OK r") }, probe.Reset},
		{"cut at login", "login", "", upTo("LOGIN", func(net.Conn, string) {}), probe.Reset},
		{"cut after login", "noop", "", upTo("CAPABILITY", func(net.Conn, string) {}), probe.Reset},
		{"cut at select", "select", "", upTo("SELECT", func(c net.Conn, _ string) { io.WriteString(c, "* 3 EXI") }), probe.Reset},
		{"half a literal and cut", "fetch", "", upTo("FETCH", func(c net.Conn, _ string) {
			io.WriteString(c, "* 3 FETCH (UID 3 BODY[] {1000}\r\nReceived: from")
		}), probe.Reset},
		{"half a literal and silence", "fetch", "", upTo("FETCH", func(c net.Conn, _ string) {
			io.WriteString(c, "* 1 FETCH (UID 1 BODY[] {1000}\r\nReceived: from")
			wait(c)
		}), probe.Timeout},
		{"a literal of 1 GB", "fetch", "", upTo("FETCH", func(c net.Conn, _ string) {
			io.WriteString(c, "* 1 FETCH (UID 1 BODY[] {1073741824}\r\n")
			flood(c, "x")
		}), probe.BadProtocol},
		{"a literal larger than any number", "fetch", "", upTo("FETCH", func(c net.Conn, _ string) {
			io.WriteString(c, "* 1 FETCH (UID 1 BODY[] {99999999999999999999999}\r\n")
			flood(c, "x")
		}), probe.BadProtocol},
		{"a mailbox whose name has 1 GB", "list", "", upTo("LIST", func(c net.Conn, _ string) {
			io.WriteString(c, "* LIST () \"/\" {1073741824}\r\n")
			flood(c, "x")
		}), probe.BadProtocol},
		{"a line without end", "select", "", upTo("SELECT", func(c net.Conn, _ string) { io.WriteString(c, "* OK "); flood(c, "x") }), probe.BadProtocol},
		{"untagged responses without end", "noop", "", upTo("NOOP", func(c net.Conn, _ string) { flood(c, "* 3 EXISTS\r\n") }), probe.BadProtocol},
		{"mailboxes without end", "list", "", upTo("LIST", func(c net.Conn, _ string) { flood(c, "* LIST () \"/\" Another\r\n") }), probe.BadProtocol},
		{"messages without end", "resync", "", upTo("UID FETCH", func(c net.Conn, _ string) {
			out := bufio.NewWriter(c)
			for uid := 1; ; uid += 2 {
				if _, err := fmt.Fprintf(out, "* 1 FETCH (UID %d FLAGS ())\r\n", uid); err != nil {
					return
				}
			}
		}), probe.BadProtocol},
		{"IDLE is never granted", "idle", "", upTo("IDLE", func(c net.Conn, _ string) { wait(c) }), probe.Timeout},
		{"IDLE is refused", "idle", "", upTo("IDLE", func(c net.Conn, tag string) { fmt.Fprintf(c, "%s NO [LIMIT] no more\r\n", tag); wait(c) }), probe.Limited},
		{"IDLE is granted without end", "idle", "", upTo("IDLE", func(c net.Conn, _ string) { flood(c, "+ idling\r\n") }), probe.OK},
		{"an answer that nobody asked for", "noop", "", upTo("NOOP", func(c net.Conn, _ string) { io.WriteString(c, "T99 OK done\r\n"); wait(c) }), probe.BadProtocol},
	} {
		t.Run(bad.name, func(t *testing.T) {
			t.Parallel()
			h := probetest.NewHost(Protocol(), account, script(t, bad.serve))
			defer h.Close()
			step, err := probetest.Bind(Protocol(), bad.do, bad.with)
			if err != nil {
				t.Fatal(err)
			}
			limit := 30 * time.Second
			if bad.want == probe.Timeout {
				limit = 200 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			r := h.Do(ctx, step)
			if r.Class != bad.want {
				t.Errorf("came to %v after %v, want %v: %v", r.Class, r.Elapsed, bad.want, r.Err)
			}
		})
	}
}

// A server that has gone mad leaves nothing behind in the generator.
func TestBadServersLeaveNothing(t *testing.T) {
	mad := script(t, upTo("LIST", func(c net.Conn, _ string) { flood(c, "* LIST () \"/\" Another\r\n") }))
	silent := script(t, upTo("FETCH", func(c net.Conn, _ string) {
		io.WriteString(c, "* 1 FETCH (UID 1 BODY[] {1000}\r\nReceived: from")
		io.Copy(io.Discard, c)
	}))
	before := runtime.NumGoroutine()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	heap := memory.HeapAlloc
	for range 2 {
		for _, a := range []struct {
			target probe.Target
			do     string
		}{{mad, "list"}, {silent, "fetch"}} {
			h := probetest.NewHost(Protocol(), account, a.target)
			step, err := probetest.Bind(Protocol(), a.do, "")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			if a.do == "fetch" {
				cancel()
				ctx, cancel = context.WithTimeout(context.Background(), 100*time.Millisecond)
			}
			if r := h.Do(ctx, step); r.Class == probe.OK {
				t.Errorf("%s succeeded", a.do)
			}
			cancel()
			h.Close()
		}
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > before {
		stacks := make([]byte, 64<<10)
		t.Errorf("%d goroutines before, %d after:\n%s", before, n, stacks[:runtime.Stack(stacks, true)])
	}
	runtime.GC()
	runtime.ReadMemStats(&memory)
	if memory.HeapAlloc > heap+(32<<20) {
		t.Errorf("%d MiB are kept", (memory.HeapAlloc-heap)>>20)
	}
}

// A server that closes IDLE fails the one action that finds it out; the user goes on.
func TestServerClosesIdle(t *testing.T) {
	for _, farewell := range []struct {
		says string
		want probe.Class
	}{{"* BYE Disconnected for inactivity.\r\n", probe.Reset}, {"* BYE Server shutting down.\r\n", probe.Overload}, {"", probe.Reset}} {
		var once sync.Once
		ended := make(chan struct{})
		target := script(t, func(c net.Conn, command func() (string, string)) {
			upTo("IDLE", func(c net.Conn, _ string) {
				io.WriteString(c, "+ idling\r\n* 4 EXISTS\r\n"+farewell.says)
				c.Close()
				once.Do(func() { close(ended) })
			})(c, command)
		})
		h := probetest.NewHost(Protocol(), account, target)
		defer h.Close()
		if r := do(t, h, "idle", ""); r.Err != nil {
			t.Fatal(r.Err)
		}
		<-ended
		if r := do(t, h, "noop", ""); r.Class != farewell.want {
			t.Errorf("%q came to %v, want %v: %v", farewell.says, r.Class, farewell.want, r.Err)
		}
		if r := do(t, h, "noop", ""); r.Err != nil {
			t.Errorf("after %q the user does not go on: %v", farewell.says, r.Err)
		}
	}
}

// IDLE is issued again on one session, and what comes meanwhile is known.
func TestIdleAgain(t *testing.T) {
	var idles atomic.Int32
	target := script(t, func(c net.Conn, command func() (string, string)) {
		io.WriteString(c, hello)
		var idling string
		for {
			tag, rest := command()
			switch {
			case tag == "":
				return
			case tag == "DONE":
				// In two pieces, the first of which ends within the answer.
				fmt.Fprintf(c, "* 5 EXISTS\r\n%s O", idling)
				io.WriteString(c, "K idled\r\n")
				continue
			case strings.HasPrefix(rest, "IDLE"):
				idling = tag
				idles.Add(1)
				fmt.Fprintf(c, "* 3 EXISTS\r\n+ idling\r\n* 4 EXISTS\r\n* OK Still here\r\n")
				continue
			case rest == "CAPABILITY":
				io.WriteString(c, "* CAPABILITY IMAP4rev1 IDLE\r\n")
			case strings.HasPrefix(rest, "SELECT"):
				fmt.Fprintf(c, "* 3 EXISTS\r\n")
			}
			fmt.Fprintf(c, "%s OK done\r\n", tag)
		}
	})
	h := probetest.NewHost(Protocol(), account, target)
	defer h.Close()
	for range 4 {
		if r := do(t, h, "idle", ""); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	if r := do(t, h, "noop", ""); r.Err != nil {
		t.Fatal(r.Err)
	}
	s, _ := h.OpenSession("imap")
	if n := s.(*session).count(); n != 5 {
		t.Errorf("%d messages are known, want 5", n)
	}
	if n := idles.Load(); n != 4 {
		t.Errorf("the server saw %d IDLEs, want 4", n)
	}
}
