package imap

import (
	"github.com/emersion/go-imap/v2"

	"pegel/probes/probe"
)

// idle is the action IDLE. It is over as soon as the server has said that it waits, because how long the user then waits
// is no latency: the think time after it is the waiting. The next step on the session ends the IDLE with DONE and waits
// for the server's answer to that before it does its own work.
func idle(decode func(any) error) (probe.Step, error) {
	var params inMailbox
	if err := decode(&params); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.use(t, params.Mailbox.In(t), false); err != nil {
			return err
		}
		doing := "idle in " + s.mailbox
		if !s.client.Caps().Has(imap.CapIdle) {
			return probe.Failf(probe.Content, doing, "the server offers no IDLE")
		}
		waiting, err := s.client.Idle()
		if err != nil {
			return s.fail(doing, err)
		}
		s.idling = waiting
		t.Mark(probe.PhaseFirstByte)
		return nil
	}), nil
}

// endIdle says DONE if the session is in IDLE.
func (s *session) endIdle() error {
	waiting := s.idling
	if waiting == nil {
		return nil
	}
	s.idling = nil
	if err := waiting.Close(); err != nil {
		return s.fail("end idle", err)
	}
	return s.fail("end idle", waiting.Wait())
}
