package main

import (
	"os"
	"sync"
)

// interrupts passes signals on to whoever handles them at the moment: a run under way. Where nobody does, an interrupt
// ends the command at once.
type interrupts struct {
	mu      sync.Mutex
	handler chan os.Signal
}

// take makes the caller the handler until it calls release.
func (i *interrupts) take() (signals <-chan os.Signal, release func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	c := make(chan os.Signal, 4)
	i.handler = c
	return c, func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.handler = nil
	}
}

// pass hands a signal to the handler; it is false where there is none.
func (i *interrupts) pass(s os.Signal) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.handler == nil {
		return false
	}
	select {
	case i.handler <- s:
	default: // the handler has had enough of them
	}
	return true
}
