package line

import (
	"context"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Dial makes dial go over the line: connecting takes a round trip more, and what it returns is shaped.
func (e *End) Dial(dial func(ctx context.Context, network, address string) (net.Conn, error)) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		inner, err := dial(ctx, network, address)
		if ctx.Err() == nil { // a refusal travels as far as a connection
			wait := time.NewTimer(e.trip())
			defer wait.Stop()
			select {
			case <-wait.C:
			case <-ctx.Done():
			}
		}
		switch {
		case err != nil:
			return nil, err
		case ctx.Err() != nil:
			_ = inner.Close() // it is given up
			return nil, ctx.Err()
		}
		return e.shape(inner), nil
	}
}

// conn is a connection over a line.
//
// The whole round trip is added where an answer is read, none where a request is written: a caller who writes twice and
// then reads waits for one round trip, as on a real line, without anybody else having to carry the bytes meanwhile.
type conn struct {
	net.Conn
	end *End

	reading sync.Mutex // one Read at a time
	held    []byte     // read from below, but the reader was called away before it had come over the line
	heldDue time.Time
	last    time.Time // when the bytes read last were due; nothing overtakes them

	writing sync.Mutex

	mu     sync.Mutex
	asked  time.Time     // when the last request had passed the line: no answer to it came earlier
	came   time.Time     // when bytes came that were waited for; what lies ready afterwards may have come as early
	trip   time.Duration // of the answer under way
	until  [2]time.Time  // deadlines of reading and writing; zero: none
	change chan struct{} // closed when a deadline changes or the connection is closed
	closed bool
}

func (e *End) shape(inner net.Conn) net.Conn {
	now := time.Now()
	return &conn{Conn: inner, end: e, asked: now, came: now, trip: e.trip(), change: make(chan struct{})}
}

// Read implements net.Conn. It returns bytes once they would have come over the line.
func (c *conn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if len(p) == 0 {
		return c.Conn.Read(p)
	}
	if len(c.held) == 0 {
		if limit := piece(c.end.down); len(p) > limit {
			p = p[:limit]
		}
		ready := c.ready()
		n, err := c.Conn.Read(p)
		if n == 0 {
			return 0, err
		}
		due := c.due(n, ready)
		if c.sleep(due, toRead) == nil {
			return n, err
		}
		c.held, c.heldDue = append([]byte(nil), p[:n]...), due
		return 0, c.sleep(due, toRead)
	}
	if err := c.sleep(c.heldDue, toRead); err != nil {
		return 0, err
	}
	n := copy(p, c.held)
	if c.held = c.held[n:]; len(c.held) == 0 {
		c.held = nil
	}
	return n, nil
}

// due is when n bytes read just now have come over the line. ready says that they lay there before.
func (c *conn) due(n int, ready bool) time.Time {
	c.mu.Lock()
	if !ready {
		c.came = time.Now()
		c.trip = c.end.trip()
	}
	came, trip := c.came, c.trip
	if c.asked.After(came) {
		came = c.asked
	}
	c.mu.Unlock()
	due := pass(c.end.down, n, came).Add(trip)
	if due.Before(c.last) {
		due = c.last
	}
	c.last = due
	return due
}

// What a deadline is for.
const (
	toRead = iota
	toWrite
)

// sleep waits until a time, or answers as Read and Write do when their deadline passes or the connection is closed before.
func (c *conn) sleep(due time.Time, which int) error {
	for {
		c.mu.Lock()
		until, change, closed := c.until[which], c.change, c.closed
		c.mu.Unlock()
		now := time.Now()
		switch {
		case closed:
			return net.ErrClosed
		case !until.IsZero() && !until.After(now):
			return os.ErrDeadlineExceeded
		case !due.After(now):
			return nil
		}
		wake := due
		if !until.IsZero() && until.Before(due) {
			wake = until
		}
		timer := time.NewTimer(wake.Sub(now))
		select {
		case <-timer.C:
		case <-change:
		}
		timer.Stop()
	}
}

// Write implements net.Conn. It returns when the last byte has left the user's end.
func (c *conn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	written := 0
	size := piece(c.end.up)
	// What is written while an answer still comes in, such as that a window is open again, asks for nothing new.
	within := c.ready()
	for len(p) > 0 {
		part := p[:min(len(p), size)]
		if len(c.end.up) > 0 {
			if err := c.sleep(pass(c.end.up, len(part), time.Now()), toWrite); err != nil {
				return written, err
			}
		}
		n, err := c.Conn.Write(part)
		written += n
		if !within {
			c.mu.Lock()
			c.asked, c.trip = time.Now(), c.end.trip()
			c.mu.Unlock()
		}
		if err != nil {
			return written, err
		}
		p = p[n:]
	}
	return written, nil
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	c.deadline(t, toRead, toWrite)
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.deadline(t, toRead)
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.deadline(t, toWrite)
	return c.Conn.SetWriteDeadline(t)
}

func (c *conn) deadline(t time.Time, which ...int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range which {
		c.until[w] = t
	}
	if !c.closed {
		close(c.change)
		c.change = make(chan struct{})
	}
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.change)
	}
	c.mu.Unlock()
	return c.Conn.Close()
}

// Below is the connection that is shaped, for those who want to know how it is and neither read nor write.
func (c *conn) Below() net.Conn { return c.Conn }

// ready tells whether bytes lie there to be read. Where the system cannot tell they are taken as coming only now, which makes the
// line longer than it is.
func (c *conn) ready() bool {
	below, ok := c.Conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := below.SyscallConn()
	if err != nil {
		return false
	}
	n := 0
	if raw.Control(func(fd uintptr) { n = waiting(fd) }) != nil {
		return false
	}
	return n > 0
}
