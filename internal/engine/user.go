package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"pegel/internal/plan"
	"pegel/internal/record"
	"pegel/probes/probe"
)

// user is one virtual user at work. It is the probes' Host.
type user struct {
	e       *engine
	who     *plan.User
	account probe.Account
	cursor  *plan.Cursor
	shard   *record.Shard // nil: a preflight, nothing is recorded
	pace    time.Duration

	turn     *probe.Turn
	opening  *opening
	sessions []openSession

	began, intended time.Duration // of the action under way
	timeout         time.Duration
	cancel          context.CancelFunc // of the action's context, nil while there is none
	newContext      func() context.Context
	openErr         error // opening a session failed during this action
	backoff         time.Duration
	sample          record.Sample

	gone  atomic.Bool   // the user is to leave
	wake  chan struct{} // closed with gone
	ended chan struct{} // closed when it has left
}

type openSession struct {
	target  string
	session probe.Session
}

func (e *engine) newUser(who *plan.User) *user {
	u := &user{e: e, who: who, account: e.plan.Account(who.Account), cursor: e.plan.Cursor(who), wake: make(chan struct{}), ended: make(chan struct{})}
	if e.recorder != nil {
		u.shard = e.recorder.Shard(int(who.ID))
	}
	u.pace = e.plan.Personas[who.Persona].Pace
	u.turn = probe.NewTurn(u)
	u.newContext = func() context.Context {
		ctx, cancel := context.WithTimeout(u.e.ctx, u.timeout)
		u.cancel = cancel
		return ctx
	}
	return u
}

// leave asks the user to go after the action it is at.
func (u *user) leave() {
	if !u.gone.Swap(true) {
		close(u.wake)
	}
}

// run plays the user's journey from the time it arrives until it is asked to leave.
func (u *user) run(arrival time.Duration) {
	defer u.closeSessions()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	if !u.sleep(timer, arrival) {
		return
	}
	u.e.users.Add(1)
	defer u.e.users.Add(-1)
	intended := arrival
	for {
		act, ok := u.cursor.Next()
		if !ok {
			return
		}
		if act.Run == nil {
			intended += act.Think
		} else {
			if act.First {
				u.closeSessions()
			}
			ended, lost := u.do(&act, intended)
			switch {
			case lost:
				intended = ended + u.lost(act.Key)
			case u.pace > 0: // a beat with jitter: the next one is intended, whenever this one ended
				intended = max(ended, intended+time.Duration(float64(u.pace)*(0.5+float64(act.Key>>11)/(1<<53))))
			default:
				intended = ended + act.Think
			}
		}
		if !u.sleep(timer, intended) {
			return
		}
	}
}

// sleep waits until the run's clock shows at. It is false if the user is to leave.
func (u *user) sleep(timer *time.Timer, at time.Duration) bool {
	if u.gone.Load() {
		return false
	}
	d := at - u.e.now()
	if d <= 0 {
		return true
	}
	timer.Reset(d)
	select {
	case <-timer.C:
		return true
	case <-u.wake:
		return false
	case <-u.e.ctx.Done():
		return false
	}
}

// lost closes all sessions and starts the journey again after a pause, as a client does that was cut off.
func (u *user) lost(key uint64) time.Duration {
	u.closeSessions()
	u.cursor.Restart()
	limit := 60 * u.e.opt.Backoff
	u.backoff = min(max(2*u.backoff, u.e.opt.Backoff), limit)
	half := u.backoff / 2
	return half + time.Duration(float64(half)*float64(key>>11)/(1<<53)) // equal jitter, so that users do not come back in lockstep
}

// do performs one action and records it. lost says that the user's session is gone.
func (u *user) do(act *plan.Act, intended time.Duration) (ended time.Duration, lost bool) {
	flight := &u.e.flight[act.Protocol]
	n := flight.Add(1)
	u.intended, u.timeout, u.openErr = intended, act.Timeout, nil
	u.began = u.e.now()
	u.turn.BeginLazy(u.newContext, act.Target, act.Key)
	err := u.perform(act.Run)
	ended = u.e.now()
	flight.Add(-1)
	if u.cancel != nil {
		u.cancel()
		u.cancel = nil
	}
	if u.openErr != nil { // recorded as the failure of the connect action; this one never began
		return ended, true
	}
	class := u.record(act.Action, u.turn, u.intended, u.began, ended, int(n), err)
	if class == probe.OK {
		u.backoff = 0
	}
	return ended, class.EndsSession()
}

// perform runs the step and turns a panic of a probe into a failure of this action.
func (u *user) perform(step probe.Step) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = probe.Fail(probe.BadProtocol, "", fmt.Errorf("probe failed: %v", r))
		}
	}()
	return step(u.turn)
}

// noLag stands for the intended start of an action that nobody intended by itself: opening a session. It is taken as its
// beginning, and does not count in the lag.
const noLag = time.Duration(-1)

func (u *user) record(action int, turn *probe.Turn, intended, began, ended time.Duration, flight int, err error) probe.Class {
	class := probe.ClassOf(err)
	switch {
	case class != probe.OK && u.e.ctx.Err() != nil:
		class = probe.Canceled
	case class == probe.Canceled: // something of the probe's own ended; the run goes on, so it is a failure
		class = probe.Reset
	}
	if u.shard == nil {
		return class
	}
	s := &u.sample
	*s = record.Sample{Action: action, Persona: u.who.Persona, Intended: intended, Began: began, Ended: ended, Class: class, InFlight: flight}
	if intended == noLag {
		s.Intended, s.NoLag = began, true
	}
	s.In, s.Out = turn.Bytes()
	s.Backend = turn.Backend()
	if phases, any := turn.Phases(); any {
		s.Phases = phases
	}
	u.shard.Record(s)
	if class != probe.OK && class != probe.Canceled {
		u.e.failed(action, class, err, u.account.Password)
	}
	return class
}

// Elapsed implements probe.Host.
func (u *user) Elapsed() time.Duration { return u.e.now() - u.began }

// Account implements probe.Host.
func (u *user) Account() probe.Account { return u.account }

// Peer implements probe.Host.
func (u *user) Peer(key uint64) probe.Account {
	return u.e.plan.Account(int(key % uint64(u.e.plan.Live())))
}

// RunID implements probe.Host.
func (u *user) RunID() string { return u.e.opt.RunID }
