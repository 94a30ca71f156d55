package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pegel/probes/probe"
)

// opening is the Host of the action NAME.connect, with a stopwatch of its own.
type opening struct {
	*user
	turn   *probe.Turn
	began  time.Duration
	cancel context.CancelFunc
	make   func() context.Context
}

// Elapsed implements probe.Host.
func (o *opening) Elapsed() time.Duration { return o.e.now() - o.began }

// OpenSession implements probe.Host: sessions may not open sessions.
func (o *opening) OpenSession(target string) (probe.Session, error) {
	return nil, fmt.Errorf("opening a session may not ask for the session with %s", target)
}

// OpenSession implements probe.Host. Opening is an action of its own: its time is taken out of the action that asked for
// the session, and if it fails, that action has not happened.
func (u *user) OpenSession(name string) (probe.Session, error) {
	for i := range u.sessions {
		if u.sessions[i].target == name {
			return u.sessions[i].session, nil
		}
	}
	target, ok := u.e.opt.Targets[name]
	if !ok {
		return nil, fmt.Errorf("the scenario has no target %q", name)
	}
	target = u.end.over(u.detour(target))
	protocol := u.e.plan.Protocol(name)
	if protocol.Open == nil {
		return nil, fmt.Errorf("no journey uses the target %q", name)
	}
	if u.opening == nil {
		o := &opening{user: u}
		o.turn = probe.NewTurn(o)
		o.make = func() context.Context {
			ctx, cancel := context.WithTimeout(u.e.ctx, u.timeout)
			o.cancel = cancel
			u.stay.watch(ctx)
			return ctx
		}
		u.opening = o
	}
	o := u.opening
	flight := int(u.e.flight[slices.Index(u.e.plan.Protocols(), protocol.Name)].Load())
	var watched context.Context
	if u.stay != nil {
		watched = u.stay.ctx
	}
	o.began = u.e.now()
	o.turn.BeginLazy(o.make, name, u.who.ID)
	s, err := protocol.Open(o.turn, target, u.account)
	ended := u.e.now()
	if o.cancel != nil {
		o.cancel()
		o.cancel = nil
	}
	u.record(u.e.plan.ConnectAction(name), o.turn, noLag, o.began, ended, flight, err)
	u.began += ended - o.began
	u.intended += ended - o.began
	if err != nil {
		u.openErr = err
		return nil, err
	}
	u.stay.watch(watched)
	u.sessions = append(u.sessions, openSession{target: name, session: s})
	return s, nil
}

// closeSessions closes the user's sessions, those of its branches included.
func (u *user) closeSessions() {
	if u.stay != nil {
		for _, b := range u.stay.branches {
			b.closeSessions()
		}
	}
	for _, s := range u.sessions {
		_ = s.session.Close() // what cannot be closed is gone already
	}
	u.sessions = u.sessions[:0]
	u.limit.rest()
}
