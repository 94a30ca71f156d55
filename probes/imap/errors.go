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

// classOf says what a refusal means. The response codes are those of RFC 5530 and of its kin; where a server sends none,
// its words decide, and the words looked for are those of Dovecot, Cyrus and Courier.
func (st statusLine) classOf(atLogin bool) probe.Class {
	switch st.code {
	case "LIMIT", "OVERQUOTA", "TOOBIG", "TOOMANY":
		return probe.Limited
	case "UNAVAILABLE", "INUSE", "SERVERBUG":
		return probe.Overload
	case "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED":
		return probe.Auth
	case "NOPERM", "CONTACTADMIN", "PRIVACYREQUIRED":
		return probe.Denied
	case "CLIENTBUG", "PARSE":
		return probe.BadProtocol
	case "NONEXISTENT", "TRYCREATE", "ALREADYEXISTS", "CANNOT":
		return probe.Content
	}
	if st.kind == "BAD" {
		return probe.BadProtocol
	}
	text := strings.ToLower(st.text)
	if containsAny(text, "too many", "maximum number", "limit") {
		return probe.Limited
	}
	if containsAny(text, "unavailable", "temporar", "try again", "internal error", "overload", "shutting down", "out of memory") {
		return probe.Overload
	}
	switch {
	case st.kind == "BYE":
		return probe.Reset
	case atLogin:
		return probe.Auth
	}
	return probe.Content
}

func containsAny(text string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
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
	return probe.Failf(st.classOf(doing == doingLogin), doing, "server answered %s %s", st.kind, s.scrub(text))
}

// scrub takes the secrets out of a text, in case that a server repeats what it was sent.
func (s *session) scrub(text string) string { return s.account.Redact(text) }
