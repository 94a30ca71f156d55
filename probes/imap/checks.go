package imap

import (
	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// attach begins to hold what a new connection is told against what was told before, where the scenario asks for that. It
// returns who is to be told, nil for nobody.
func (s *session) attach(t *probe.Turn) client.Observer {
	if !t.Checks() {
		return nil
	}
	if s.memory == nil {
		s.memory = memoryOf(t, s.target.Name, s.account)
	}
	s.tracker = newTracker(s.memory)
	return newListener(s.tracker)
}

// storing says that a STORE of flags of one message of the selected mailbox is about to be sent. Accounts whose answers are not
// checked share mailboxes with such as are, so their STOREs count as well, through whichever target they go.
func (s *session) storing(uid uint32, add bool, flags []string) {
	if s.tracker != nil {
		s.tracker.storing(uid, add, flags)
		return
	}
	if validity := s.conn.Box.Validity; validity != 0 && s.turn.Inspected() {
		claimsOf(s.turn).touch(validity, uid, accountNumber(s.account))
	}
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
