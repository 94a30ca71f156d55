package line

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// serve answers each connection with what handle does, on loopback.
func serve(t *testing.T, handle func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c)
			}()
		}
	}()
	return l.Addr().String()
}

func dial(t *testing.T, e *End, address string) net.Conn {
	t.Helper()
	c, err := e.Dial(new(net.Dialer).DialContext)(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// megabyte answers each byte with a million bytes.
func megabyte(c net.Conn) {
	body := bytes.Repeat([]byte{'x'}, 1e6)
	var one [1]byte
	for {
		if _, err := io.ReadFull(c, one[:]); err != nil {
			return
		}
		if _, err := c.Write(body); err != nil {
			return
		}
	}
}

// atLeast fails if took is under what arithmetic says, and says how far above a busy machine made it. The exact time is a
// matter of the benchmark.
func atLeast(t *testing.T, what string, took, want time.Duration) {
	t.Helper()
	t.Logf("%s: %v, by arithmetic %v", what, took, want)
	if took < want-want/100 || took > 3*want+20*time.Second {
		t.Errorf("%s took %v, want %v", what, took, want)
	}
}

func TestArithmetic(t *testing.T) {
	address := serve(t, megabyte)
	home := &Line{RoundTrip: 40 * time.Millisecond, Down: 10e6 / 8, Up: 2e6 / 8}
	began := time.Now()
	c := dial(t, home.End(1), address)
	atLeast(t, "connecting", time.Since(began), 40*time.Millisecond)
	for range 2 {
		began = time.Now()
		if _, err := c.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, c, 1); err != nil {
			t.Fatal(err)
		}
		atLeast(t, "first byte", time.Since(began), 40*time.Millisecond)
		if _, err := io.CopyN(io.Discard, c, 1e6-1); err != nil {
			t.Fatal(err)
		}
		atLeast(t, "a megabyte down", time.Since(began), 840*time.Millisecond)
	}
}

func TestUpload(t *testing.T) {
	got := make(chan int64, 1)
	address := serve(t, func(c net.Conn) {
		n, _ := io.CopyN(io.Discard, c, 250_000)
		got <- n
		_, _ = c.Write([]byte{1})
		_, _ = io.Copy(io.Discard, c)
	})
	home := &Line{RoundTrip: 30 * time.Millisecond, Up: 10e6 / 8}
	c := dial(t, home.End(1), address)
	began := time.Now()
	for range 10 { // many writes wait for one round trip
		if _, err := c.Write(make([]byte, 25_000)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.CopyN(io.Discard, c, 1); err != nil {
		t.Fatal(err)
	}
	atLeast(t, "250 kB up", time.Since(began), 230*time.Millisecond)
	if n := <-got; n != 250_000 {
		t.Errorf("%d bytes came", n)
	}
}

// Two users behind one entry share it; two connections of one user share its own line.
func TestShared(t *testing.T) {
	address := serve(t, megabyte)
	entry := &Line{Down: 20e6 / 8, Shared: true}
	home := &Line{Down: 20e6 / 8, RoundTrip: 5 * time.Millisecond, Via: entry}
	one := home.End(1)
	for name, ends := range map[string][]*End{"two users": {home.End(2), home.End(3)}, "one user": {one, one}} {
		began := time.Now()
		done := make(chan error, len(ends))
		for _, e := range ends {
			c := dial(t, e, address)
			go func() {
				if _, err := c.Write([]byte{1}); err != nil {
					done <- err
					return
				}
				_, err := io.CopyN(io.Discard, c, 1e6)
				done <- err
			}()
		}
		for range ends {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		atLeast(t, name, time.Since(began), 805*time.Millisecond)
	}
}

func TestJitterIsDrawnTheSame(t *testing.T) {
	l := &Line{RoundTrip: 10 * time.Millisecond, Jitter: 5 * time.Millisecond}
	a, b, other := l.End(7), l.End(7), l.End(8)
	differs := false
	for range 100 {
		x, y, z := a.trip(), b.trip(), other.trip()
		if x != y || x < 10*time.Millisecond || x > 15*time.Millisecond {
			t.Fatalf("%v and %v", x, y)
		}
		differs = differs || x != z
	}
	if !differs {
		t.Error("two users have the same jitter")
	}
}

// Deadlines and closing end a Read that waits for the line, and a deadline loses nothing.
func TestCalledAway(t *testing.T) {
	address := serve(t, func(c net.Conn) {
		_, _ = c.Write([]byte("hello"))
		_, _ = io.Copy(io.Discard, c)
	})
	c := dial(t, (&Line{RoundTrip: 2 * time.Second}).End(1), address)
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var p [10]byte
	if n, err := c.Read(p[:]); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%d, %v", n, err)
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if n, err := io.ReadFull(c, p[:5]); string(p[:n]) != "hello" {
		t.Fatalf("%q, %v", p[:n], err)
	}

	slow := dial(t, (&Line{RoundTrip: time.Second, Up: 100}).End(2), address)
	ended := make(chan error, 2)
	go func() {
		_, err := slow.Read(p[:])
		ended <- err
	}()
	go func() {
		_, err := slow.Write(make([]byte, 1<<20))
		ended <- err
	}()
	time.Sleep(20 * time.Millisecond)
	slow.Close()
	for range 2 {
		select {
		case err := <-ended:
			if err == nil {
				t.Error("no error after closing")
			}
		case <-time.After(20 * time.Second):
			t.Fatal("closing does not end what waits for the line")
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := (&Line{RoundTrip: time.Hour}).End(3).Dial(new(net.Dialer).DialContext)(ctx, "tcp", address); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("dialling over an endless line: %v", err)
	}
}
