//go:build linux

package main

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// wire passes TCP connections on to an address, and can cut them off. It changes nothing of what they carry.
type wire struct {
	to     string
	listen net.Listener
	mute   atomic.Bool // nothing comes through, and nobody is told

	mu    sync.Mutex
	live  map[*net.TCPConn]*net.TCPConn // the client's side to the server's; nil before there is one
	group sync.WaitGroup
}

// newWire listens on a free port until the test ends.
func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{to: to, listen: l, live: map[*net.TCPConn]*net.TCPConn{}}
	w.group.Go(w.accept)
	t.Cleanup(func() {
		l.Close()
		w.cut(1, nil)
		w.group.Wait()
	})
	return w
}

func (w *wire) address() string { return w.listen.Addr().String() }

func (w *wire) accept() {
	for {
		c, err := w.listen.Accept()
		if err != nil {
			return
		}
		client := c.(*net.TCPConn)
		w.mu.Lock()
		w.live[client] = nil
		w.mu.Unlock()
		w.group.Go(func() { w.pass(client) })
	}
}

// pass carries one connection until either side ends it. How it ended is passed on, too: a reset as a reset.
func (w *wire) pass(client *net.TCPConn) {
	defer func() {
		w.mu.Lock()
		delete(w.live, client)
		w.mu.Unlock()
	}()
	s, err := net.DialTimeout("tcp", w.to, 5*time.Second)
	if err != nil {
		reset(client)
		return
	}
	server := s.(*net.TCPConn)
	w.mu.Lock()
	w.live[client] = server
	w.mu.Unlock()
	var both sync.WaitGroup
	carry := func(to, from *net.TCPConn) {
		buf := make([]byte, 16<<10)
		for {
			n, err := from.Read(buf)
			for w.mute.Load() {
				time.Sleep(10 * time.Millisecond)
			}
			if _, failed := to.Write(buf[:n]); failed != nil {
				reset(from)
				return
			}
			switch {
			case err == io.EOF:
				to.CloseWrite()
				return
			case err != nil:
				reset(to)
				return
			}
		}
	}
	both.Go(func() { carry(server, client) })
	both.Go(func() { carry(client, server) })
	both.Wait()
	client.Close()
	server.Close()
}

// cut resets a share of the connections on both sides, those that rng draws, and returns how many; nil draws nothing.
func (w *wire) cut(share float64, rng *rand.Rand) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for client, server := range w.live {
		if rng != nil && rng.Float64() >= share {
			continue
		}
		n++
		reset(client)
		if server != nil {
			reset(server)
		}
	}
	return n
}

// reset ends a connection without a word.
func reset(c *net.TCPConn) {
	c.SetLinger(0)
	c.Close()
}
