package imap

import (
	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"

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
	if err := s.prove(); err != nil {
		return s.fail(doingLogin, err)
	}
	s.settle(func() bool { return s.client.State() != imap.ConnStateNotAuthenticated })
	t.Mark(probe.PhaseAuth)
	// Logging in changes what the server offers; the library asks again where the answer did not say.
	return s.capabilities()
}

// prove tells the server who the user is: by XOAUTH2 where the account has a token, else by LOGIN, or by AUTHENTICATE PLAIN
// where the server forbids that. One attempt, whatever comes of it: a second one would count towards a lock.
func (s *session) prove() error {
	caps := s.client.Caps()
	switch a := s.account; {
	case a.Token != "":
		if !caps.Has(imap.AuthCap(probe.MechanismXOAuth2)) {
			return probe.Failf(probe.Auth, doingLogin, "the server offers no login by XOAUTH2, at least not without TLS")
		}
		return s.client.Authenticate(probe.XOAuth2{Login: a.Login, Token: a.Token})
	case caps.Has(imap.CapLoginDisabled) && caps.Has(imap.AuthCap(sasl.Plain)):
		return s.client.Authenticate(sasl.NewPlainClient("", a.Login, a.Secret()))
	default:
		return s.client.Login(a.Login, a.Secret()).Wait()
	}
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
