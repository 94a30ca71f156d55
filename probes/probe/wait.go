package probe

import "time"

// waiter is a Host that keeps what the platform was asked to wait for apart from what an action took.
type waiter interface {
	Await(most time.Duration)
	Awaited(d time.Duration)
}

// Await says that the platform is going to be asked to hold its answer back for up to so long, as a long poll does: the action may
// take so much longer than its time-out. A step calls it before it asks for Context, else it has no effect.
func (t *Turn) Await(most time.Duration) {
	if host, ok := t.host.(waiter); ok && t.ctx == nil && most > 0 {
		host.Await(most)
	}
}

// Awaited says that so much of the time since the last mark was such waiting. It is no latency: it counts neither in the action's
// times nor in its phases.
func (t *Turn) Awaited(d time.Duration) {
	if host, ok := t.host.(waiter); ok && d > 0 {
		host.Awaited(min(d, t.host.Elapsed()-t.last))
	}
}
