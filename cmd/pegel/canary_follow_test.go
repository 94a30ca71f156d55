package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// gate passes connections on to a server, as long as it is open.
type gate struct {
	url string

	mu     sync.Mutex
	closed bool
	passed int // connections so far
	conns  map[net.Conn]bool
}

func newGate(t *testing.T, to string) *gate {
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	server := u.Host
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u.Host = ln.Addr().String()
	g := &gate{url: u.String(), conns: map[net.Conn]bool{}}
	var passing sync.WaitGroup
	passing.Go(func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", server)
			if err != nil {
				in.Close()
				continue
			}
			g.mu.Lock()
			g.conns[in], g.conns[out] = true, true
			g.passed++
			shut := g.closed
			g.mu.Unlock()
			if shut {
				in.Close()
				out.Close()
				continue
			}
			for _, c := range [][2]net.Conn{{in, out}, {out, in}} {
				passing.Go(func() {
					_, _ = io.Copy(c[0], c[1]) // ends when either is closed
					c[0].Close()
					c[1].Close()
				})
			}
		}
	})
	t.Cleanup(func() { ln.Close(); g.shut(); passing.Wait() })
	return g
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for c := range g.conns {
		c.Close()
	}
	clear(g.conns)
}

// count is how many connections there were since the last call.
func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.passed
	g.passed = 0
	return n
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = false
}

// await waits until something has been said.
func await(t *testing.T, said *lockedBuffer, words string) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !strings.Contains(said.String(), words); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q was not said in\n%s", words, said.String())
		}
	}
}

// A target that is down for a while does not end following: it is told, tried again, and the swap is found afterwards.
func TestCanaryFollowOutage(t *testing.T) {
	onBoth(t, 4, func(t *testing.T, m *migration) {
		m.dav = ""
		gate := newGate(t, m.target)
		direct := m.target
		m.target = gate.url
		scenario, batch := m.files(t)
		for i := range m.accounts {
			m.put(t, m.source, m.login("s", i), "INBOX", old(5, m.login("s", i)))
		}
		m.pegel(t, exitOK, "canary", "plant", scenario, "--accounts", batch)
		m.target = direct
		m.copy(t, true, nil)
		var out bytes.Buffer
		said := &lockedBuffer{}
		vars := map[string]string{"PEGEL_PASSWORD": m.password, "PEGEL_CANARY_KEY": "a-key-of-many-characters"}
		follow := func() int {
			return run(t.Context(), []string{"canary", "verify", scenario, "--accounts", batch, "--follow", "--every", "200ms", "--for", "5m"}, environment{stdout: &out,
				stderr: said, getenv: func(name string) (string, bool) { v, ok := vars[name]; return v, ok }})
		}
		code := make(chan int, 1)
		go func() { code <- follow() }()
		await(t, said, "looked at once")
		gate.shut()
		await(t, said, "4 accounts could not be looked at, and are tried again")
		gate.open()
		await(t, said, "all accounts can be looked at again")
		m.copy(t, false, map[int]int{0: 1, 1: 0})
		select {
		case c := <-code:
			if c != exitObjective {
				t.Errorf("exit code %d\n%s", c, said.String())
			}
		case <-time.After(60 * time.Second):
			t.Fatalf("the swap is not found after an outage\n%s", said.String())
		}
	})
}

// What comes into a mailbox that was looked at before, over the same connection, is seen as well: a server may tell the state of the
// mailbox that is open as it was when it was opened.
func TestCanaryFollowAfterNews(t *testing.T) {
	onBoth(t, 3, func(t *testing.T, m *migration) {
		m.dav = ""
		scenario, batch := m.files(t)
		for i := range m.accounts {
			m.put(t, m.source, m.login("s", i), "INBOX", old(5, m.login("s", i)))
		}
		m.pegel(t, exitOK, "canary", "plant", scenario, "--accounts", batch)
		m.copy(t, true, nil)
		var out bytes.Buffer
		said := &lockedBuffer{}
		vars := map[string]string{"PEGEL_PASSWORD": m.password, "PEGEL_CANARY_KEY": "a-key-of-many-characters"}
		code := make(chan int, 1)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			code <- run(ctx, []string{"canary", "verify", scenario, "--accounts", batch, "--follow", "--every", "100ms", "--for", "5m"}, environment{stdout: &out,
				stderr: said, getenv: func(name string) (string, bool) { v, ok := vars[name]; return v, ok }})
		}()
		await(t, said, "looked at once")
		for i := range m.accounts { // of nobody in the batch; INBOX is then what was looked at last
			m.put(t, m.target, m.login("t", i), "INBOX", map[string]int{"news@elsewhere.example": 1})
		}
		time.Sleep(2 * time.Second) // some looks; on a slow machine fewer
		m.copy(t, false, map[int]int{0: 1, 1: 0})
		select {
		case c := <-code:
			if c != exitObjective {
				t.Errorf("exit code %d\n%s", c, said.String())
			}
		case <-time.After(60 * time.Second):
			cancel()
			<-code
			t.Fatalf("the swap is not found after other news\n%s", said.String())
		}
	})
}
