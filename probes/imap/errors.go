package imap

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-imap/v2"

	"pegel/probes/probe"
)

// errLost stands for a connection that has ended, where nothing says why.
var errLost = fmt.Errorf("connection was lost: %w", io.EOF)

// statusLine is a status response (RFC 9051, section 7.1).
type statusLine struct {
	kind string // OK NO BAD BYE PREAUTH, "" if it was none
	code string // response code without its arguments, upper case
	text string // with the response code
}

// parseStatus reads a status response with the given tag ("*" for untagged).
func parseStatus(line, tag string) statusLine {
	rest, tagged := strings.CutPrefix(strings.TrimRight(line, "\r\n"), tag+" ")
	if !tagged {
		return statusLine{}
	}
	kind, text, _ := strings.Cut(rest, " ")
	st := statusLine{kind: strings.ToUpper(kind), text: text}
	switch st.kind {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
	default:
		return statusLine{}
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if inner, _, ok = strings.Cut(inner, "]"); ok {
			code, _, _ := strings.Cut(inner, " ")
			st.code = strings.ToUpper(code)
		}
	}
	return st
}

// fail classifies what a command came to; nil stays nil.
func (s *session) fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	var (
		own     *probe.Error
		refused *imap.Error
	)
	switch {
	case errors.As(err, &own):
		return err
	case errors.As(err, &refused):
		st := statusLine{kind: string(refused.Type), code: strings.ToUpper(string(refused.Code)), text: refused.Text}
		return s.refusal(doing, st)
	case s.ctx.Err() != nil:
		// The connection was closed because the context had ended.
		return probe.Fail(probe.ClassOf(s.ctx.Err()), doing, s.ctx.Err())
	}
	if s.wire != nil {
		bye, cause := s.wire.cause()
		if bye.kind != "" {
			return s.refusal(doing, bye)
		}
		if cause != nil {
			err = cause
		}
	}
	return probe.Failf(probe.ClassOf(err), doing, "%s", s.scrub(err.Error()))
}

// refusal makes an error of a status response.
func (s *session) refusal(doing string, st statusLine) error {
	text := st.text
	if st.code != "" && !strings.HasPrefix(text, "[") {
		text = fmt.Sprintf("[%s] %s", st.code, text)
	}
	when := working
	if doing == doingLogin {
		when = loggingIn
	}
	return probe.Fail(st.classOf(when), doing, &answered{code: st.code, text: "server answered " + st.kind + " " + s.scrub(text)})
}

// answered is a refusal of the server, without secrets.
type answered struct{ code, text string }

func (a *answered) Error() string { return a.text }

// scrub takes the secrets out of a text, in case that a server repeats what it was sent.
func (s *session) scrub(text string) string { return s.account.Redact(text) }
