package main

import (
	"os"
	"slices"
	"sync"
)

// interrupts passes signals on to whoever handles them at the moment: the runs under way. Where nobody does, an interrupt
// ends the command at once.
type interrupts struct {
	mu       sync.Mutex
	handlers []chan os.Signal
}

// take makes the caller a handler until it calls release.
func (i *interrupts) take() (signals <-chan os.Signal, release func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	c := make(chan os.Signal, 4)
	i.handlers = append(i.handlers, c)
	return c, func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.handlers = slices.DeleteFunc(i.handlers, func(h chan os.Signal) bool { return h == c })
	}
}

// pass hands a signal to all handlers; it is false where there is none.
func (i *interrupts) pass(s os.Signal) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, h := range i.handlers {
		select {
		case h <- s:
		default: // this one has had enough of them
		}
	}
	return len(i.handlers) > 0
}
