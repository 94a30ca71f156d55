package smtp

import (
	"errors"
	"fmt"

	"pegel/probes/probe"
)

// fail classifies what a command came to; nil stays nil.
func (s *session) fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	var (
		own     *probe.Error
		refused *reply
	)
	switch {
	case errors.As(err, &own):
		return err
	case errors.As(err, &refused):
		clean := *refused
		clean.text = s.scrub(refused.text)
		return probe.Fail(classOf(refused), doing, &clean)
	case s.ctx.Err() != nil:
		// The connection was closed because the context had ended.
		return probe.Fail(probe.ClassOf(s.ctx.Err()), doing, s.ctx.Err())
	}
	return probe.Failf(probe.ClassOf(err), doing, "%s", s.scrub(err.Error()))
}

// unheard is the failure of a mail that was sent whole and whose answer was not understood, or did not come.
func (s *session) unheard(doing string, err error) error {
	class := probe.ClassOf(err)
	if s.ctx.Err() != nil {
		class, err = probe.ClassOf(s.ctx.Err()), s.ctx.Err()
	}
	return probe.Fail(class, doing, fmt.Errorf("%w: %s", probe.ErrMayBeTaken, s.scrub(err.Error())))
}

// scrub takes the secrets out of a text, in case that a server repeats what it was sent.
func (s *session) scrub(text string) string { return s.account.Redact(text) }
