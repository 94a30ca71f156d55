package real

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// line leads connections on to another port of this machine and holds what is said back for a time, in each direction, as a
// distance or a slow answer does. What waits needs no processor, so that a busy machine changes it little.
type line struct {
	listener net.Listener
	to       string
	latency  time.Duration

	mu     sync.Mutex
	open   map[net.Conn]bool
	closed bool
	wg     sync.WaitGroup
}

// chunk is what was read at once, and when it may be written.
type chunk struct {
	text []byte
	due  time.Time
}

const chunksWaiting = 256 // of one direction; the sender is read no further then

func newLine(port, to int, latency time.Duration) (*line, error) {
	l, err := net.Listen("tcp4", loopback(port))
	if err != nil {
		return nil, fmt.Errorf("listening for a line with latency: %w", err)
	}
	x := &line{listener: l, to: loopback(to), latency: latency, open: map[net.Conn]bool{}}
	x.wg.Go(x.serve)
	return x, nil
}

func (x *line) serve() {
	for {
		client, err := x.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(pollEvery) // no descriptors, perhaps
			continue
		}
		if !x.keep(client) {
			return
		}
		x.wg.Go(func() {
			defer x.drop(client)
			server, err := net.DialTimeout("tcp4", x.to, askLimit)
			if err != nil || !x.keep(server) {
				return
			}
			defer x.drop(server)
			var both sync.WaitGroup
			both.Go(func() { x.lead(server, client) })
			both.Go(func() { x.lead(client, server) })
			both.Wait()
		})
	}
}

// lead hands on what one side says until it ends, and then tells the other.
func (x *line) lead(to, from net.Conn) {
	chunks := make(chan chunk, chunksWaiting)
	var writing sync.WaitGroup
	writing.Go(func() {
		failed := false
		for c := range chunks {
			if failed {
				continue
			}
			time.Sleep(time.Until(c.due))
			if _, err := to.Write(c.text); err != nil {
				failed = true
				_ = from.Close() // nobody listens any more
			}
		}
		if half, ok := to.(*net.TCPConn); ok {
			_ = half.CloseWrite() // may be gone
		}
	})
	for {
		buffer := make([]byte, 16<<10)
		n, err := from.Read(buffer)
		if n > 0 {
			chunks <- chunk{buffer[:n], time.Now().Add(x.latency)}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				_ = to.Close()
			}
			break
		}
	}
	close(chunks)
	writing.Wait()
}

// keep notes a connection to be closed with the line; it closes it at once where that is closed already.
func (x *line) keep(c net.Conn) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		_ = c.Close()
		return false
	}
	x.open[c] = true
	return true
}

func (x *line) drop(c net.Conn) {
	x.mu.Lock()
	delete(x.open, c)
	x.mu.Unlock()
	_ = c.Close() // may be closed already
}

func (x *line) close() error {
	err := x.listener.Close()
	x.mu.Lock()
	x.closed = true
	for c := range x.open {
		_ = c.Close()
	}
	x.mu.Unlock()
	x.wg.Wait()
	return err
}
