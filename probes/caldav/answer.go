package caldav

import (
	"pegel/probes/probe"
	"pegel/probes/probe/dav"
)

// answer reads the scheduling inbox and accepts the invitations of pegel's in it. Where the server offers no inbox there is
// nothing to do.
func answer(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return dav.Step(func(t *probe.Turn, s *dav.Session) error {
		if err := s.Ready(t); err != nil {
			return err
		}
		return s.Answer(t, t.Account().Address)
	}), nil
}
