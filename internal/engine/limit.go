package engine

import (
	"context"
	"sync"
	"time"
)

// limit makes the contexts of one user's actions, one after the other. Each action wants one, and the standard library's cost as much as a
// fifth of a short IMAP action: a timer, two maps of children, channels. So the timer is the user's and is left alone as long as it fires
// early enough, and what ends the run is asked for once for each session and not for each action.
type limit struct {
	begun bool // an action has asked for its context; only the user's own goroutine looks at it

	mu      sync.Mutex
	current *actionContext // nil: no action is under way
	timer   *time.Timer    // nil before the first action of a session
	fires   time.Time      // when the timer does; zero: it does not
	unhook  func() bool    // from the run's context
}

// begin is the context of an action that may take so long. end must be called before the next begin.
func (l *limit) begin(run context.Context, timeout time.Duration) *actionContext {
	c := &actionContext{deadline: time.Now().Add(timeout)}
	l.begun = true
	l.mu.Lock()
	l.current = c
	switch {
	case l.timer == nil:
		l.timer, l.fires = time.AfterFunc(timeout, l.fired), c.deadline
	case l.fires.IsZero() || c.deadline.Before(l.fires):
		l.timer.Reset(timeout)
		l.fires = c.deadline
	}
	if l.unhook == nil {
		l.unhook = context.AfterFunc(run, func() { l.stop(run) })
	}
	l.mu.Unlock()
	if err := run.Err(); err != nil { // the hook may have run before
		c.end(err)
	}
	return c
}

// fired ends the action whose time is over. The timer may have been set for one before it.
func (l *limit) fired() {
	l.mu.Lock()
	c := l.current
	l.fires = time.Time{}
	if c == nil || l.timer == nil {
		l.mu.Unlock()
		return
	}
	if left := time.Until(c.deadline); left > 0 {
		l.timer.Reset(left)
		l.fires = c.deadline
		l.mu.Unlock()
		return
	}
	l.mu.Unlock()
	c.end(context.DeadlineExceeded)
}

// stop ends the action under way with the run.
func (l *limit) stop(run context.Context) {
	l.mu.Lock()
	c := l.current
	l.mu.Unlock()
	if c != nil {
		c.end(run.Err())
	}
}

// end ends the context of the action that is over.
func (l *limit) end() {
	if !l.begun {
		return
	}
	l.begun = false
	l.mu.Lock()
	c := l.current
	l.current = nil
	l.mu.Unlock()
	if c != nil {
		c.end(context.Canceled)
	}
}

// rest lets go of the timer and of the run until the next begin.
func (l *limit) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
		l.timer, l.fires = nil, time.Time{}
	}
	if l.unhook != nil {
		l.unhook()
		l.unhook = nil
	}
}

// actionContext is a context.Context without values. It is as safe for concurrent use as others, also after its action.
type actionContext struct {
	deadline time.Time

	mu    sync.Mutex
	err   error
	done  chan struct{} // nil as long as nobody asked for it
	hooks []*func()
	few   [2]*func() // where the first hooks are kept
}

var _ context.Context = (*actionContext)(nil)

// Deadline implements context.Context.
func (c *actionContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Done implements context.Context.
func (c *actionContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		}
	}
	return c.done
}

// Err implements context.Context.
func (c *actionContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Value implements context.Context.
func (c *actionContext) Value(any) any { return nil }

// AfterFunc has f called in a goroutine of its own when the context ends, unless the function that it returns is called before; that
// tells whether it was. The context package uses it for contexts made from this one.
func (c *actionContext) AfterFunc(f func()) (stop func() bool) {
	hook := &f
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f()
		return func() bool { return false }
	}
	if c.hooks == nil {
		c.hooks = c.few[:0]
	}
	c.hooks = append(c.hooks, hook)
	return func() bool { return c.unhook(hook) }
}

func (c *actionContext) unhook(hook *func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, h := range c.hooks {
		if h == hook {
			last := len(c.hooks) - 1
			c.hooks[i], c.hooks[last] = c.hooks[last], nil
			c.hooks = c.hooks[:last]
			return true
		}
	}
	return false
}

// end ends the context; only the first reason counts.
func (c *actionContext) end(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = why
	if c.done != nil {
		close(c.done)
	}
	for _, h := range c.hooks {
		go (*h)()
	}
	c.hooks = nil
}
