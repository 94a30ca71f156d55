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
	e        *engine
	who      *plan.User
	account  probe.Account
	group    uint16 // of the account, by number
	end      *lineEnd
	cursor   *plan.Cursor
	shard    *record.Shard // nil: a preflight, nothing is recorded
	pace     time.Duration
	byteTime float64 // seconds for each byte sent, at least

	turn     *probe.Turn
	opening  *opening
	sessions []openSession

	began, intended time.Duration // of the action under way
	timeout         time.Duration
	limit           limit // of the actions' contexts
	newContext      func() context.Context
	openErr         error // opening a session failed during this action
	backoff         time.Duration
	saved           *saved       // variables; nil: the scenario has none
	moment          *plan.Moment // of the act under way, for its values; nil: the scenario has none

	stay *stay  // nil: a user like most
	tags uint16 // of the action under way

	target string // of the action under way
	late   bool   // the action under way was intended for a time at which the one before had not ended

	searched bool // a search for mail after the run, of an account that was searched before

	once  bool          // it arrived by itself, plays its journey once and goes
	storm *storm        // the next one that may hit it; nil: none can
	back  time.Duration // when it comes back from the last one that did

	alarm atomic.Pointer[time.Timer] // of the pause; nil: it has not begun to play

	gone  atomic.Bool   // the user is to leave
	wake  chan struct{} // closed with gone
	ended chan struct{} // closed when it has left
}

type openSession struct {
	target  string
	session probe.Session
	backend string // that answered last; empty where the platform does not tell
}

// moved says whether another backend answers a session than before, and remembers which one does.
func (u *user) moved(target, backend string) record.Move {
	if backend == "" {
		return record.MoveUnknown
	}
	for i := range u.sessions {
		s := &u.sessions[i]
		if s.target != target {
			continue
		}
		was := s.backend
		s.backend = backend
		switch was {
		case "":
			return record.MoveUnknown
		case backend:
			return record.Stayed
		}
		return record.Moved
	}
	return record.MoveUnknown
}

// foldOf is the part of the users that an account belongs to: drawn, and for the whole run.
func foldOf(account int) uint8 {
	return uint8(probe.Mix(uint64(account)+0x9e3779b97f4a7c15) % record.Folds)
}

func (e *engine) newUser(who *plan.User) *user {
	u := e.userAt(who, e.plan.Cursor(who))
	u.wake, u.ended = make(chan struct{}), make(chan struct{})
	return u
}

// userAt is a user who walks the cursor: its own, or that of a branch.
func (e *engine) userAt(who *plan.User, cursor *plan.Cursor) *user {
	u := &user{e: e, who: who, account: e.plan.Account(who.Account), group: e.plan.GroupOf(who.Account), cursor: cursor}
	if e.recorder != nil {
		u.shard = e.recorder.Shard(int(who.ID))
	}
	u.end = e.lines.end(who)
	persona := &e.plan.Personas[who.Persona]
	u.pace, u.byteTime = persona.Pace, persona.ByteTime
	if persona.Patience != nil || persona.Session != nil {
		u.stay = &stay{patience: persona.Patience}
	}
	u.turn = probe.NewTurn(u)
	u.remember()
	u.newContext = func() context.Context {
		ctx := u.limit.begin(u.e.ctx, u.timeout)
		u.stay.watch(ctx)
		return ctx
	}
	return u
}

// leave asks the user to go after the action it is at.
func (u *user) leave() {
	if !u.gone.Swap(true) {
		close(u.wake)
		if t := u.alarm.Load(); t != nil {
			t.Reset(0)
		}
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

// try performs one action for the generator itself and records nothing. Its failure may be that of the session's opening.
func (u *user) try(act *plan.Act, timeout time.Duration) error {
	u.timeout, u.openErr = timeout, nil
	u.began = u.e.now()
	u.turn.BeginLazy(u.newContext, act.Target, act.Key)
	err := u.perform(act)
	u.limit.end()
	if u.openErr != nil {
		return u.openErr
	}
	return err
}

// do performs one action and records it. The fate is kept, lost or hung.
func (u *user) do(act *plan.Act, intended time.Duration) (ended time.Duration, how fate) {
	flight := &u.e.flight[act.Protocol]
	n := flight.Add(1)
	u.intended, u.timeout, u.openErr, u.tags = intended, u.stay.bound(act.Timeout), nil, act.Tags
	u.began, u.target = u.e.now(), act.Target
	u.turn.BeginLazy(u.newContext, act.Target, act.Key)
	lacking := u.lacks(act)
	err := lacking
	if err == nil {
		err = u.perform(act)
	}
	ended = u.e.now()
	flight.Add(-1)
	if err == nil && act.Save != nil { // after the action's end: looking for values is no work of the platform
		err = u.keep(act)
	}
	gaveUp := err != nil && u.gaveUp()
	u.limit.end()
	if u.openErr != nil { // recorded as the failure of the connect action; this one never began
		if gaveUp {
			return ended, hung
		}
		return ended, lost
	}
	class := u.record(act.Action, u.turn, u.intended, u.began, ended, int(n), err)
	switch {
	case class == probe.OK:
		u.backoff = 0
		u.stay.done(act.Step)
	case gaveUp:
		return ended, hung
	case lacking != nil: // it was not sent, and a journey that goes on would fail at once for ever
		return ended, lost
	case class.EndsSession():
		return ended, lost
	}
	return ended, kept
}

// perform runs the step and turns a panic of a probe into a failure of this action.
func (u *user) perform(act *plan.Act) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = probe.Fail(probe.BadProtocol, "", fmt.Errorf("probe failed: %v", r))
		}
	}()
	if u.moment != nil {
		u.moment.Key, u.moment.Iteration = act.Key, act.Iteration
	}
	if act.Save != nil {
		u.turn.Want()
	}
	return act.Run(u.turn)
}

// noLag stands for the intended start of an action that nobody intended by itself: opening a session. It is taken as its
// beginning, and does not count in the lag.
const noLag = time.Duration(-1)

func (u *user) record(action int, turn *probe.Turn, intended, began, ended time.Duration, flight int, err error) probe.Class {
	class := probe.ClassOf(err)
	switch {
	case class != probe.OK && u.e.ctx.Err() != nil:
		class = probe.Canceled
	case class != probe.OK && u.gaveUp(): // whatever the probe makes of it
		class = probe.Timeout
	case class == probe.Canceled: // something of the probe's own ended; the run goes on, so it is a failure
		class = probe.Reset
	}
	if u.shard == nil {
		return class
	}
	s := record.Sample{Action: action, Persona: u.who.Persona, Intended: intended, Began: began, Ended: ended, Class: class, InFlight: flight}
	s.Group, s.Tags = u.group, u.tags
	if u.end != nil {
		s.Source = u.end.number
	}
	if intended == noLag {
		s.Intended, s.NoLag, s.Tags = began, true, u.e.plan.Personas[u.who.Persona].Tags
	} else if u.late {
		s.NoLag = true
	}
	s.In, s.Out = turn.Bytes()
	s.Backend = turn.Backend()
	s.Fold = foldOf(u.who.Account)
	if intended != noLag {
		s.Moved = u.moved(u.target, s.Backend)
	}
	auth := false
	if phases, any := turn.Phases(); any {
		s.Phases = phases
		auth = phases[probe.PhaseAuth] > 0
	}
	u.shard.Record(&s)
	if class != probe.OK && class != probe.Canceled {
		if outOfSockets(err) {
			u.e.unopened.Add(1)
		}
		u.e.failed(action, class, u.saved.hidden(err), u.account)
	}
	u.e.loggedIn(action, class, auth)
	return class
}

// Elapsed implements probe.Host.
func (u *user) Elapsed() time.Duration { return u.e.now() - u.began }

// Await makes the action's time-out, and the user's patience, begin after what the platform is asked to wait.
func (u *user) Await(most time.Duration) { u.timeout += most }

// Awaited takes a wait out of the action's times, as the opening of a session is.
func (u *user) Awaited(d time.Duration) {
	u.began += d
	u.intended += d
}

// Account implements probe.Host.
func (u *user) Account() probe.Account { return u.account }

// Peer implements probe.Host.
func (u *user) Peer(key uint64) probe.Account {
	return u.e.plan.Account(int(key % uint64(u.e.plan.Live())))
}

// RunID implements probe.Host.
func (u *user) RunID() string { return u.e.opt.RunID }
