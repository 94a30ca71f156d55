package main

import (
	"context"
	"time"

	"pegel/probes/probe"
)

// actionLimit bounds one action.
const actionLimit = 2 * time.Minute

// soleUser is one user who does actions one by one and is not measured.
type soleUser struct {
	ctx      context.Context
	protocol probe.Protocol
	target   probe.Target
	account  probe.Account
	peer     probe.Account
	run      string
	session  probe.Session
	began    time.Time
}

var _ probe.Host = (*soleUser)(nil)

func (u *soleUser) do(verb string, key uint64) error {
	step, err := u.protocol.Actions[verb](func(any) error { return nil })
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(u.ctx, actionLimit)
	defer cancel()
	u.began = time.Now()
	t := probe.NewTurn(u)
	t.Begin(ctx, u.target.Name, probe.Mix(key))
	err = step(t)
	if probe.ClassOf(err).EndsSession() {
		u.close()
	}
	return err
}

func (u *soleUser) close() {
	if u.session != nil {
		u.session.Close()
		u.session = nil
	}
}

// OpenSession implements probe.Host.
func (u *soleUser) OpenSession(string) (probe.Session, error) {
	if u.session != nil {
		return u.session, nil
	}
	t := probe.NewTurn(u)
	ctx, cancel := context.WithTimeout(u.ctx, actionLimit)
	defer cancel()
	t.Begin(ctx, u.target.Name, 0)
	s, err := u.protocol.Open(t, u.target, u.account)
	if err == nil {
		u.session = s
	}
	return s, err
}

// Elapsed implements probe.Host.
func (u *soleUser) Elapsed() time.Duration { return time.Since(u.began) }

// Account implements probe.Host.
func (u *soleUser) Account() probe.Account { return u.account }

// Peer implements probe.Host.
func (u *soleUser) Peer(uint64) probe.Account { return u.peer }

// RunID implements probe.Host.
func (u *soleUser) RunID() string { return u.run }

// Await implements probe.Host; actionLimit bounds an action.
func (u *soleUser) Await(time.Duration) {}

// Awaited implements probe.Host.
func (u *soleUser) Awaited(time.Duration) {}
