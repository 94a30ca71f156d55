package imap

import (
	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

const doingLogin = "log in"

// login is the action LOGIN. A user who is logged in already logs out first and comes back on a new connection, whose
// phases are then part of the action. Where that is wanted and the server offers it, the connection is compressed from then on.
func login(decode func(any) error) (probe.Step, error) {
	params := struct {
		Compress bool `yaml:"compress"`
	}{}
	if err := decode(&params); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		s.compress = params.Compress
		if s.conn.LoggedIn {
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
		s.first()
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
		s.first()
		if err := s.conn.Noop(); err != nil {
			return s.fail("noop", err)
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// authenticate logs in where that has not happened yet, and marks the phase.
func (s *session) authenticate(t *probe.Turn) error {
	if s.conn.LoggedIn {
		return nil
	}
	if err := s.prove(); err != nil {
		return s.fail(doingLogin, err)
	}
	told := s.conn.Told()
	s.mark(t, probe.PhaseAuth)
	// Logging in changes what the server offers.
	if err := s.capabilities(told); err != nil || !s.compress || !s.conn.Can.Has(client.Deflate) {
		return err
	}
	return s.fail("compress", s.conn.Compress())
}

// prove tells the server who the user is: by XOAUTH2 where the account has a token, else by LOGIN, or by AUTHENTICATE where
// the server forbids that. One attempt, whatever comes of it: a second one would count towards a lock.
func (s *session) prove() error {
	can := s.conn.Can
	switch a := s.account; {
	case a.Token != "":
		if !can.Has(client.AuthXOAuth2) {
			return probe.Failf(probe.Auth, doingLogin, "the server offers no login by XOAUTH2, at least not without TLS")
		}
		return s.conn.AuthXOAuth2(a.Login, a.Token)
	case can.Has(client.LoginDisabled | client.AuthPlain):
		return s.conn.AuthPlain(a.Login, a.Secret())
	case can.Has(client.LoginDisabled | client.AuthLogin):
		return s.conn.AuthLogin(a.Login, a.Secret())
	default:
		return s.conn.Login(a.Login, a.Secret())
	}
}

// leave says LOGOUT and ends the connection.
func (s *session) leave() error {
	if err := s.conn.Logout(); err != nil {
		return s.fail("log out", err)
	}
	s.told = true
	s.conn.Close()
	return nil
}
