package imap

import (
	"errors"
	"fmt"
	"io"

	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// errLost stands for a connection that has ended, where nothing says why.
var errLost = fmt.Errorf("connection was lost: %w", io.EOF)

// fail classifies what a command came to; nil stays nil.
func (s *session) fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	var (
		own     *probe.Error
		refused *client.Refused
	)
	switch {
	case errors.As(err, &own):
		return err
	case errors.As(err, &refused):
		return s.refusal(doing, refused.Status)
	case s.ctx.Err() != nil:
		// The connection was cut because the context had ended.
		return probe.Fail(probe.ClassOf(s.ctx.Err()), doing, s.ctx.Err())
	}
	if s.conn != nil {
		if bye := s.conn.Bye(); bye.Kind != "" {
			return s.refusal(doing, bye)
		}
		if cause := s.conn.Err(); cause != nil {
			if errors.As(cause, &own) {
				return cause
			}
			err = cause
		}
	}
	return probe.Failf(probe.ClassOf(err), doing, "%s", s.scrub(err.Error()))
}

// refusal makes an error of a status response.
func (s *session) refusal(doing string, st client.Status) error {
	when := working
	if doing == doingLogin {
		when = loggingIn
	}
	return probe.Fail(classOf(st, when), doing, &answered{code: st.Code, text: "server answered " + st.Kind + " " + s.scrub(st.Text)})
}

// answered is a refusal of the server, without secrets.
type answered struct{ code, text string }

func (a *answered) Error() string { return a.text }

// scrub takes the secrets out of a text, in case that a server repeats what it was sent.
func (s *session) scrub(text string) string { return s.account.Redact(text) }
