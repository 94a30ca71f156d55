package engine

import (
	"time"

	"pegel/internal/plan"
)

// storm is a situation in which users lose their sessions. It is announced to all of them at once by a channel that closes; each
// finds out by itself whether it is hit. The storms of a run are a chain, so that who was busy meets each of them later.
type storm struct {
	begun chan struct{}
	next  *storm // set before begun is closed, as the others below

	stage *plan.Stage
	at    time.Duration
}

// announced is the channel that closes when the storm begins; nil for who is never hit.
func (s *storm) announced() <-chan struct{} {
	if s == nil {
		return nil
	}
	return s.begun
}

// storms tells whether any situation has one.
func storms(p *plan.Plan) bool {
	for i := range p.Situations {
		if p.Situations[i].Storm != nil {
			return true
		}
	}
	return false
}

// strike lets the storm of a stage begin, where it has one.
func (e *engine) strike(st *plan.Stage, at time.Duration) {
	if st.Storm == nil {
		return
	}
	s := e.storm
	s.next, s.stage, s.at = &storm{begun: make(chan struct{})}, st, at
	e.storm = s.next
	close(s.begun)
}

// struck meets the storms that have begun since it was asked last, and tells whether any of them hit the user.
func (u *user) struck() bool {
	hit := false
	for {
		select {
		case <-u.storm.announced():
			s := u.storm
			u.storm = s.next
			if after, ok := u.e.plan.Reconnects(s.stage, u.who); ok {
				u.back, hit = s.at+after, true
			}
		default:
			return hit
		}
	}
}

// rest is pause for who has no session: no storm can take any. It is false where the user is to leave.
func (u *user) rest(timer *time.Timer, at time.Duration) bool {
	for {
		switch u.pause(timer, at, 0) {
		case goesOn:
			return true
		case cutOff:
		default:
			return false
		}
	}
}
