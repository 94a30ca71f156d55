package engine

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// pauses stop the course of the stages: nobody arrives, and no phase of a stage ends. Users at work, arrivals of open
// processes and copying go on. What was to come is put off by as long as the pause lasts.
type pauses struct {
	mu      sync.Mutex
	gone    time.Duration // in pauses that are over
	from    time.Duration // beginning of the one under way
	resumed chan struct{} // closed at its end; nil: there is none
}

// now returns how long pauses that are over have taken in all, and the channel that is closed at the end of the one under
// way; nil: there is none.
func (p *pauses) now() (time.Duration, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone, p.resumed
}

// set begins a pause or ends it; changed is false where it is so already. took is how long one has lasted that ends.
func (p *pauses) set(paused bool, at time.Duration) (took time.Duration, changed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if paused == (p.resumed != nil) {
		return 0, false
	}
	if paused {
		p.from, p.resumed = at, make(chan struct{})
		return 0, true
	}
	took = at - p.from
	p.gone += took
	close(p.resumed)
	p.resumed = nil
	return took, true
}

// control listens to Options.Pause and Options.Abort until ctx ends.
func (e *engine) control(ctx context.Context) {
	for {
		select {
		case why := <-e.opt.Abort:
			e.abort(&AbortError{Text: why})
		case paused := <-e.opt.Pause:
			now := e.now()
			took, changed := e.pauses.set(paused, now)
			switch {
			case changed && paused:
				e.event(Event{At: now, Kind: Note, Text: fmt.Sprintf(pausedText, e.users.Load())})
			case changed:
				e.event(Event{At: now, Kind: Note, Text: fmt.Sprintf(resumedText, took.Round(time.Second))})
			}
		case <-ctx.Done():
			return
		}
	}
}

// Both are recognised when the archive is judged.
const (
	pausedText  = "the operator paused the ramp at %d users"
	resumedText = "the operator resumed the ramp after %v"
)

// arrival waits until a user is to arrive, pauses not counted, and returns when that was; ok is false where the user is to
// leave before. done is what pauses had taken when the time was set.
func (u *user) arrival(timer *time.Timer, at, done time.Duration) (time.Duration, bool) {
	for {
		if !u.rest(timer, at) {
			return at, false
		}
		gone, resumed := u.e.pauses.now()
		switch {
		case resumed != nil:
			select {
			case <-resumed:
			case <-u.wake:
				return at, false
			case <-u.e.ctx.Done():
				return at, false
			}
		case gone == done:
			return at, true
		default:
			at += gone - done
			done = gone
		}
	}
}
