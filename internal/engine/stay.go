package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"pegel/internal/plan"
	"pegel/scenarios"
)

// stay is what only some users have: an end of their session, limited patience, branches. Others have none, because there are
// many of them and most of the time they wait.
type stay struct {
	until    time.Duration // end of the session; 0: none
	patience *scenarios.Patience
	shorter  bool // patience ends the action under way before its time-out
	hung     int  // actions given up in a row
	hungAt   int  // the last one of them
	ctx      context.Context
	branches map[*plan.Cursor]*user
	quit     *quit // of a branch: shared by all that are done at the same time
}

// quit is closed by the first branch whose user is fed up.
type quit struct {
	c    chan struct{}
	once sync.Once
}

// begin starts a session: it draws how long it is, and how long the user is away after it.
func (s *stay) begin(c *plan.Cursor, at time.Duration) (away time.Duration) {
	if s == nil {
		return 0
	}
	length, away := c.Session()
	if length > 0 {
		s.until = at + length
	}
	return away
}

// fate is what an action comes to for the one who did it.
type fate uint8

const (
	kept     fate = iota
	lost          // the session cannot be used any more
	hung          // given up because it took too long; lostPatience says what then
	retried       // it is done again
	reloaded      // the journey begins again
	left          // the user is away for a while
)

// bound is how long an action with this time-out may take before the user gives up.
func (s *stay) bound(timeout time.Duration) time.Duration {
	if s == nil {
		return timeout
	}
	s.ctx = nil
	if s.patience == nil {
		return timeout
	}
	s.shorter = s.patience.After.D() <= timeout
	return min(timeout, s.patience.After.D())
}

// watch keeps the context that ends with the user's patience.
func (s *stay) watch(ctx context.Context) {
	if s != nil && s.patience != nil {
		s.ctx = ctx
	}
}

// gaveUp tells whether it was the user's patience that ended the action under way, and not the time-out of its target.
func (u *user) gaveUp() bool {
	s := u.stay
	return s != nil && s.patience != nil && s.shorter && s.ctx != nil && errors.Is(s.ctx.Err(), context.DeadlineExceeded) && u.e.ctx.Err() == nil
}

// lostPatience says what the user does about an action that it gave up.
func (s *stay) lostPatience(step int) fate {
	s.hung++
	s.hungAt = step
	if s.patience.Then == scenarios.Leave || s.hung > s.patience.Most {
		s.hung = 0
		if s.quit != nil {
			s.quit.once.Do(func() { close(s.quit.c) })
		}
		return left
	}
	if s.patience.Then == scenarios.Retry {
		return retried
	}
	return reloaded
}

// done notes that a step has succeeded: the one that hung does not any more.
func (s *stay) done(step int) {
	if s != nil && s.hungAt == step {
		s.hung = 0
	}
}

// beside does all branches at the same time, each with sessions and a backoff of its own, and waits for them. The result is why
// the user cannot go on, or that the steps are done, and when the last branch ended.
func (u *user) beside(branches []*plan.Cursor, at time.Duration) (reason, time.Duration) {
	if u.stay == nil {
		u.stay = new(stay)
	}
	s := u.stay
	common := s.quit
	if common == nil {
		common = &quit{c: make(chan struct{})}
	}
	type result struct {
		why   reason
		ended time.Duration
	}
	results := make([]result, len(branches))
	var wg sync.WaitGroup
	for i, c := range branches {
		b := s.branches[c]
		if b == nil {
			b = u.branch(c, i, len(branches))
		}
		b.stay.until, b.stay.quit = s.until, common
		b.once, b.storm = u.once, u.storm
		wg.Go(func() {
			timer := time.NewTimer(time.Hour)
			defer timer.Stop()
			why, ended := b.play(timer, at)
			results[i] = result{why, ended}
		})
	}
	wg.Wait()
	all := result{stepsDone, at}
	for _, r := range results {
		all.why, all.ended = max(all.why, r.why), max(all.ended, r.ended)
	}
	return all.why, all.ended
}

// branch is the user at one of several things at the same time. It lives as long as the user, so that its sessions are still
// there when the step comes round again.
func (u *user) branch(c *plan.Cursor, i, of int) *user {
	b := u.e.userAt(u.who, c)
	b.wake, b.end, b.arm = u.wake, u.end, u.arm
	b.pace = u.pace * time.Duration(of)
	if u.shard != nil {
		b.shard = u.e.recorder.Shard(int(u.who.ID) + i)
	}
	if b.stay == nil {
		b.stay = new(stay)
	}
	if u.stay.branches == nil {
		u.stay.branches = map[*plan.Cursor]*user{}
	}
	u.stay.branches[c] = b
	return b
}

// Connections is how many connections the persona keeps to a target; 0: not said. Turn.Connections asks for it.
func (u *user) Connections(target string) int {
	return u.e.plan.Personas[u.who.Persona].Connections[target]
}
