package testenv

import (
	"context"
	"sync"
	"time"
)

// workers are the processes of a server that serves one request each at a time, for as long as it takes: a long poll holds one
// until it is answered. nil: there are as many as are needed.
type workers struct {
	free chan struct{}
	quit <-chan struct{} // closed with the platform

	mu      sync.Mutex
	last    time.Time
	in      int
	queue   int
	busy    float64 // seconds
	waited  float64
	served  int64
	measure ResourceStats
}

func newWorkers(name string, limit int, quit <-chan struct{}) *workers {
	if limit <= 0 {
		return nil
	}
	w := &workers{free: make(chan struct{}, limit), quit: quit, last: time.Now()}
	w.measure = ResourceStats{Name: name, Kind: "workers", Limit: limit, QueueLimit: -1}
	return w
}

// count moves the counters on by what has passed, and changes them.
func (w *workers) count(in, queue int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	passed := now.Sub(w.last).Seconds()
	w.last = now
	w.busy += passed * float64(w.in)
	w.waited += passed * float64(w.queue)
	w.in += in
	w.queue += queue
	if in < 0 {
		w.served++
	}
}

// take waits for a worker; the result is false if ctx or the platform ended first.
func (w *workers) take(ctx context.Context) bool {
	if w == nil {
		return true
	}
	w.count(0, 1)
	select {
	case w.free <- struct{}{}:
		w.count(1, -1)
		return true
	case <-ctx.Done():
	case <-w.quit: // a server does not notice a client that leaves before it has read its request
	}
	w.count(0, -1)
	return false
}

// give gives the worker back.
func (w *workers) give() {
	if w == nil {
		return
	}
	<-w.free
	w.count(-1, 0)
}

// stats reads the counters; nothing where the workers are not limited.
func (w *workers) stats() []ResourceStats {
	if w == nil {
		return nil
	}
	w.count(0, 0)
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.measure
	s.InUse, s.Queue, s.Busy, s.Wait, s.Served = w.in, w.queue, w.busy, w.waited, w.served
	return []ResourceStats{s}
}
