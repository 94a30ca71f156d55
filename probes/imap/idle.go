package imap

import (
	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// idle is the action IDLE. It is over as soon as the server has said that it waits, because how long the user then waits
// is no latency: the think time after it is the waiting. The next step on the session ends the IDLE with DONE and waits
// for the server's answer to that before it does its own work. So a loop of idle with a think time of 29 minutes is what
// RFC 2177 asks of a program that must not be logged out: IDLE, issued again before half an hour is over.
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
		if !s.conn.Can.Has(client.Idle) {
			return probe.Failf(probe.Content, doing, "the server offers no IDLE")
		}
		if s.waiting = t.FollowsMail() && s.conn.Watchable(s.lookout()); s.waiting {
			s.heard.begin(s.count())
		}
		s.first()
		if err := s.conn.Idle(); err != nil {
			return s.fail(doing, err)
		}
		return nil
	}), nil
}

// endIdle says DONE if the session is in IDLE.
func (s *session) endIdle() error {
	if !s.conn.Idling() {
		return nil
	}
	err := s.conn.Done()
	s.waiting = false
	return s.fail("end idle", err)
}
