package testenv

import (
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
)

// trackedListener knows its open connections, so that all of them can be ended: the mail servers' libraries forget
// connections that were accepted while they were closing.
type trackedListener struct {
	net.Listener

	mu     sync.Mutex
	closed bool
	conns  map[*trackedConn]struct{}

	accepted, in, out atomic.Int64 // connections so far, bytes from clients and to them
}

type trackedConn struct {
	net.Conn
	listener *trackedListener
}

// listen opens a TCP listener; port 0 takes a free one.
func listen(host string, port int) (*trackedListener, error) {
	ln, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("opening a listener of the embedded platform: %w", err)
	}
	return &trackedListener{Listener: ln, conns: make(map[*trackedConn]struct{})}, nil
}

func (l *trackedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conn := &trackedConn{Conn: c, listener: l}
	l.accepted.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		c.Close()
	} else {
		l.conns[conn] = struct{}{}
	}
	return conn, nil
}

func (c *trackedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.listener.in.Add(int64(n))
	return n, err
}

func (c *trackedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.listener.out.Add(int64(n))
	return n, err
}

func (c *trackedConn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.conns, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// hangUp closes every open connection, and every later one at once.
func (l *trackedListener) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for c := range l.conns {
		c.Conn.Close()
	}
}

// open is the number of open connections.
func (l *trackedListener) open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}
