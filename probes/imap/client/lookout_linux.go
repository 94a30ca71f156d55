package client

import (
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
)

// Lookout keeps watch over connections that rest in IDLE, with one goroutine for all of them: it reads what the server says
// when it says it. It may be used by any number of connections at the same time.
type Lookout struct {
	epoll *os.File
	raw   syscall.RawConn
	ended chan struct{}

	mu    sync.Mutex
	conns map[int32]*Conn
	last  int32
}

// watch is what a lookout knows of a connection.
type watch struct {
	by    *Lookout
	raw   syscall.RawConn
	token int32
	known bool // to the kernel; under the connection's mu
}

// NewLookout starts a lookout. Close ends it.
func NewLookout() (*Lookout, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("watching connections: %w", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return nil, fmt.Errorf("watching connections: %w", err)
	}
	// The runtime's own poller waits for this one, so that no thread does.
	l := &Lookout{epoll: os.NewFile(uintptr(fd), "epoll"), ended: make(chan struct{}), conns: make(map[int32]*Conn)}
	if l.raw, err = l.epoll.SyscallConn(); err != nil {
		l.epoll.Close()
		return nil, fmt.Errorf("watching connections: %w", err)
	}
	go l.run()
	return l, nil
}

// Close ends the lookout and waits for it. The connections stay as they are.
func (l *Lookout) Close() error {
	err := l.epoll.Close()
	<-l.ended
	return err
}

func (l *Lookout) run() {
	defer close(l.ended)
	var events [64]syscall.EpollEvent
	for {
		n := 0
		err := l.raw.Read(func(fd uintptr) bool {
			var err error
			n, err = syscall.EpollWait(int(fd), events[:], 0)
			return n > 0 || err != nil && err != syscall.EINTR
		})
		if err != nil {
			return
		}
		for _, event := range events[:max(n, 0)] {
			l.mu.Lock()
			c := l.conns[event.Fd]
			l.mu.Unlock()
			if c != nil {
				c.look()
			}
		}
	}
}

// admit takes a connection in, if it is one of the system's.
func (l *Lookout) admit(c *Conn) *watch {
	sys, ok := c.network.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sys.SyscallConn()
	if err != nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	l.conns[l.last] = c
	return &watch{by: l, raw: raw, token: l.last}
}

// forget lets a connection go. The kernel does by itself when it is closed.
func (w *watch) forget() {
	w.by.mu.Lock()
	defer w.by.mu.Unlock()
	delete(w.by.conns, w.token)
}

// rearm asks to be told once when there is something to read.
func (w *watch) rearm() {
	event := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | 1<<30 /* EPOLLONESHOT */, Fd: w.token}
	operation := syscall.EPOLL_CTL_ADD
	if w.known {
		operation = syscall.EPOLL_CTL_MOD
	}
	// Where it fails the connection is closed, or nobody is told: news are then found when somebody reads again.
	_ = w.by.raw.Control(func(epoll uintptr) {
		_ = w.raw.Control(func(fd uintptr) {
			w.known = syscall.EpollCtl(int(epoll), operation, int(fd), &event) == nil
		})
	})
}

// read reads what has arrived without waiting for it.
func (w *watch) read(p []byte) (n int, err error) {
	failed := w.raw.Read(func(fd uintptr) bool {
		for {
			n, err = syscall.Read(int(fd), p)
			if err != syscall.EINTR {
				return true
			}
		}
	})
	switch {
	case failed != nil:
		return 0, failed
	case err == syscall.EAGAIN:
		return 0, errNothingYet
	case err != nil:
		return 0, os.NewSyscallError("read", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}
