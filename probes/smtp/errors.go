package smtp

import (
	"errors"
	"fmt"

	"github.com/emersion/go-smtp"

	"pegel/probes/probe"
)

// classOf says what a reply other than the wanted one means (RFC 5321, section 4.2; RFC 3463). Enhanced codes x.7.* are
// about policy: in a temporary refusal that is a limit on rate or connections, in a permanent one a prohibition.
func classOf(reply *smtp.SMTPError) probe.Class {
	subject, detail := reply.EnhancedCode[1], reply.EnhancedCode[2]
	switch code := reply.Code; {
	case code >= 400 && code < 500:
		if subject == 7 || code == 452 && subject == 5 && detail == 3 { // too many recipients
			return probe.Limited
		}
		return probe.Overload
	case code == 530, code == 534, code == 535, code == 538:
		return probe.Auth
	case code == 552: // size or quota
		return probe.Limited
	case code >= 500 && code <= 504 && subject != 7, code == 555:
		return probe.BadProtocol
	case code == 554, code >= 500 && subject == 7:
		return probe.Denied
	case code >= 500 && code < 600:
		return probe.Content
	}
	return probe.BadProtocol
}

// enhanced reads the enhanced status code that a text begins with; zero if it has none.
func enhanced(text string) smtp.EnhancedCode {
	var e smtp.EnhancedCode
	if n, err := fmt.Sscanf(text, "%d.%d.%d ", &e[0], &e[1], &e[2]); n != 3 && err != nil {
		return smtp.EnhancedCode{}
	}
	return e
}

// fail classifies what a command came to; nil stays nil.
func (s *session) fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	var (
		own     *probe.Error
		refused *smtp.SMTPError
	)
	switch {
	case errors.As(err, &own):
		return err
	case errors.As(err, &refused):
		return probe.Fail(classOf(refused), doing, &smtp.SMTPError{
			Code: refused.Code, EnhancedCode: refused.EnhancedCode,
			Message: s.scrub(refused.Message),
		})
	case s.ctx.Err() != nil:
		// The connection was closed because the context had ended.
		return probe.Fail(probe.ClassOf(s.ctx.Err()), doing, s.ctx.Err())
	}
	return probe.Failf(probe.ClassOf(err), doing, "%s", s.scrub(err.Error()))
}

// scrub takes the secrets out of a text, in case that a server repeats what it was sent.
func (s *session) scrub(text string) string { return s.account.Redact(text) }
