package imap

import (
	"github.com/emersion/go-imap/v2"

	"pegel/probes/probe"
)

const doingLogin = "log in"

// login is the action LOGIN. A user who is logged in already logs out first and comes back on a new connection, whose
// phases are then part of the action.
func login(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		if s.client.State() != imap.ConnStateNotAuthenticated {
			if err := s.leave(); err != nil {
				return err
			}
			if err := s.connect(t); err != nil {
				return err
			}
		}
		if err := s.authenticate(t); err != nil {
			return err
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// logout is the action LOGOUT. It ends the connection; the next step of the user makes a new one.
func logout(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.leave(); err != nil {
			return err
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// noop is the action NOOP: a check for news by a program that does not wait in IDLE.
func noop(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.authenticate(t); err != nil {
			return err
		}
		if err := s.client.Noop().Wait(); err != nil {
			return s.fail("noop", err)
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// authenticate logs in where that has not happened yet, and marks the phase.
func (s *session) authenticate(t *probe.Turn) error {
	if s.client.State() != imap.ConnStateNotAuthenticated {
		return nil
	}
	if err := s.client.Login(s.account.Login, s.account.Password).Wait(); err != nil {
		return s.fail(doingLogin, err)
	}
	s.settle(func() bool { return s.client.State() != imap.ConnStateNotAuthenticated })
	t.Mark(probe.PhaseAuth)
	// Logging in changes what the server offers; the library asks again where the answer did not say.
	return s.capabilities()
}

// leave says LOGOUT and ends the connection.
func (s *session) leave() error {
	err := s.client.Logout().Wait()
	if err != nil {
		err = s.fail("log out", err)
		if bye, _ := s.wire.cause(); bye.kind != "" && s.ctx.Err() == nil {
			err = nil // said good-bye and hung up without waiting
		}
	}
	if err == nil {
		s.told = true
		s.wire.Close()
		<-s.client.Closed()
	}
	return err
}
