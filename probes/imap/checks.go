package imap

import (
	"github.com/emersion/go-imap/v2"

	"pegel/probes/probe"
)

// attach begins to hold what a new connection is told against what was told before, where the scenario asks for that.
func (s *session) attach(t *probe.Turn) {
	if !t.Checks() {
		return
	}
	if s.memory == nil {
		s.memory = memoryOf(t, s.target.Name, s.account)
	}
	s.tracker = newTracker(s.memory)
	s.wire.listener = newListener(s.tracker)
}

// detach keeps what the connection that ends has found.
func (s *session) detach() {
	if s.tracker == nil {
		return
	}
	s.tracker.Closed()
	if v := s.tracker.take(s.account); v != nil && s.violated == nil {
		s.violated = v
	}
	s.tracker = nil
}

// verdict turns a violation into a failure of the action that found it. A failure that ends the session stays what it is.
func (s *session) verdict(t *probe.Turn, err error) error {
	v := s.violated
	s.violated = nil
	if v == nil && s.tracker != nil {
		v = s.tracker.take(s.account)
	}
	if v == nil {
		return err
	}
	t.Violated(*v)
	if err != nil && probe.ClassOf(err).EndsSession() {
		return err
	}
	return probe.Failf(probe.Content, "check the server's answers", "%s", v.Text())
}

// names are flags as the tracker has them.
func names(flags []imap.Flag) []string {
	list := make([]string, len(flags))
	for i, flag := range flags {
		list[i] = string(flag)
	}
	return list
}
