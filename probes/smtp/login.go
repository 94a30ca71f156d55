package smtp

import (
	"encoding/base64"
	"errors"

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
			s.report(t)
			if err := s.connect(t); err != nil {
				return err
			}
		}
		if !s.canLogIn() {
			return s.noMechanism()
		}
		if err := s.authenticate(t); err != nil {
			return err
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// canLogIn tells whether the server offers a way to log in that fits the account.
func (s *session) canLogIn() bool {
	if s.account.Token != "" {
		return s.offers.xoauth2
	}
	return s.offers.plain || s.offers.login
}

// noMechanism is the failure of an account whose way to log in the server does not offer.
func (s *session) noMechanism() error {
	ways := "PLAIN or LOGIN"
	if s.account.Token != "" {
		ways = probe.MechanismXOAuth2
	}
	return probe.Failf(probe.Auth, doingLogin, "the server offers no login by %s, at least not without TLS", ways)
}

// authenticate logs in by the best way that the server offers (RFC 4954) and marks the phase.
func (s *session) authenticate(t *probe.Turn) error {
	var (
		command string
		answers []string // to the server's challenges, whatever they say: servers word those of LOGIN differently
	)
	switch a := s.account; {
	case a.Token != "":
		_, response, err := probe.XOAuth2{Login: a.Login, Token: a.Token}.Start()
		if err != nil {
			return probe.Fail(probe.Auth, doingLogin, err)
		}
		command, answers = "AUTH XOAUTH2 "+coded(string(response)), []string{"\x01"} // a challenge comes with a refusal only
	case s.offers.plain:
		command = "AUTH PLAIN " + coded("\x00"+a.Login+"\x00"+a.Secret())
	default:
		command, answers = "AUTH LOGIN", []string{a.Login, a.Secret()}
	}
	err := s.ask(command, loggedIn)
	for _, answer := range answers {
		var asked *reply
		if !errors.As(err, &asked) || asked.code != challenge.code {
			break
		}
		err = s.ask(coded(answer), loggedIn)
	}
	if err != nil {
		return s.fail(doingLogin, err)
	}
	s.loggedIn = true
	t.Mark(probe.PhaseAuth)
	return nil
}

func coded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// noop is the action NOOP, which keeps a connection from being closed for silence.
func noop(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.ask("NOOP", done); err != nil {
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
		if err := s.ask("QUIT", goodbye); err != nil {
			return s.fail("quit", err)
		}
		t.Mark(probe.PhaseComplete)
		s.report(t)
		s.Close() // the next begin connects
		return nil
	}), nil
}
