package smtp

import (
	"github.com/emersion/go-sasl"

	"pegel/probes/probe"
)

const doingLogin = "log in"

// login is the action AUTH. A user who is logged in already comes back on a new connection, whose phases are then part of
// the action.
func login(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		if s.loggedIn {
			if err := s.connect(t); err != nil {
				return err
			}
		}
		mechanism := s.mechanism()
		if mechanism == nil {
			return s.noMechanism()
		}
		if err := s.authenticate(t, mechanism); err != nil {
			return err
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// mechanism is how to log in, by the best way that the server offers; nil if it offers none.
func (s *session) mechanism() sasl.Client {
	switch a := s.account; {
	case a.Token != "":
		if s.client.SupportsAuth(probe.MechanismXOAuth2) {
			return probe.XOAuth2{Login: a.Login, Token: a.Token}
		}
	case s.client.SupportsAuth(sasl.Plain):
		return sasl.NewPlainClient("", a.Login, a.Secret())
	case s.client.SupportsAuth(sasl.Login):
		return sasl.NewLoginClient(a.Login, a.Secret())
	}
	return nil
}

// noMechanism is the failure of an account whose way to log in the server does not offer.
func (s *session) noMechanism() error {
	ways := "PLAIN or LOGIN"
	if s.account.Token != "" {
		ways = probe.MechanismXOAuth2
	}
	return probe.Failf(probe.Auth, doingLogin, "the server offers no login by %s, at least not without TLS", ways)
}

// authenticate logs in and marks the phase.
func (s *session) authenticate(t *probe.Turn, mechanism sasl.Client) error {
	if err := s.client.Auth(mechanism); err != nil {
		return s.fail(doingLogin, err)
	}
	s.loggedIn, s.answered = true, true
	t.Mark(probe.PhaseAuth)
	return nil
}

// noop is the action NOOP, which keeps a connection from being closed for silence.
func noop(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.client.Noop(); err != nil {
			return s.fail("noop", err)
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// quit is the action QUIT. It ends the connection; the next step of the user makes a new one.
func quit(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.client.Quit(); err != nil {
			return s.fail("quit", err)
		}
		s.client = nil // the next begin connects
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}
