package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"pegel/probes/probe"
)

// session is one connection of one user.
type session struct {
	target  probe.Target
	account probe.Account

	wire     *wire
	offers   offers
	out      []byte // the commands to be written next, reused
	loggedIn bool
	fresh    bool // the connection was made within the action under way
	words    int  // how many replies it has given within it
	dirty    bool // a transaction was broken off and must be reset
	timed    bool // the connection has a deadline of its own

	ctx      context.Context // of the action under way
	unguard  func() bool
	in, sent int64 // bytes already reported
}

var _ probe.Session = (*session)(nil)

// patience bounds one answer where the action's context has no deadline (RFC 5321, section 4.5.3.2, asks for 2 to 10
// minutes).
const patience = 5 * time.Minute

// open makes a session: connection, TLS, greeting, EHLO.
func open(t *probe.Turn, target probe.Target, account probe.Account) (probe.Session, error) {
	s := &session{target: target, account: account}
	err := s.connect(t)
	s.end(t, err)
	if err != nil {
		s.Close()
		return nil, err
	}
	t.Mark(probe.PhaseComplete)
	return s, nil
}

// connect opens the connection up to the answer to EHLO and marks the phases. The context guards it until end.
func (s *session) connect(t *probe.Turn) error {
	s.Close()
	s.ctx, s.fresh = t.Context(), true
	conn, err := s.target.DialContext(s.ctx, "tcp", address(s.target))
	if err != nil {
		return s.fail("connect", err)
	}
	s.wire, s.in, s.sent, s.timed = &wire{Conn: conn}, 0, 0, false
	s.guard()
	t.Mark(probe.PhaseConnect)

	if s.target.URL.Scheme == "smtps" {
		if err := s.handshake(); err != nil {
			return err
		}
		t.Mark(probe.PhaseTLS)
	}
	if err := s.read(ready, nil); err != nil {
		return s.fail("read the greeting", err)
	}
	t.Mark(probe.PhaseGreeting)
	if err := s.hello(); err != nil {
		return err
	}
	if s.target.URL.Scheme == "smtps" || s.target.StartTLS == "" {
		return nil
	}
	upgraded, err := s.upgrade()
	if err != nil || !upgraded {
		return err
	}
	t.Mark(probe.PhaseTLS)
	return s.hello() // what was offered in plain text is not to be believed (RFC 3207, section 4.2)
}

// upgrade does STARTTLS. A server that does not offer it is left in plain text if the target says "optional".
func (s *session) upgrade() (bool, error) {
	const doing = "start TLS"
	if !s.offers.startTLS {
		if s.target.StartTLS == "required" {
			return false, probe.Failf(probe.TLS, doing, "the server does not offer STARTTLS")
		}
		return false, nil
	}
	if err := s.ask("STARTTLS", ready); err != nil {
		var refused *reply
		if errors.As(err, &refused) && refused.code != 421 {
			return false, probe.Failf(probe.TLS, doing, "the server offers STARTTLS and refuses it: %s", s.scrub(refused.Error()))
		}
		return false, s.fail(doing, err)
	}
	if s.wire.ahead() > 0 {
		// Whatever a third party puts in before TLS would be taken for the server's word after it.
		return false, probe.Failf(probe.BadProtocol, doing, "the server spoke out of turn")
	}
	return true, s.handshake()
}

// ask sends one command and reads its reply.
func (s *session) ask(command string, want codes) error {
	s.out = append(append(s.out[:0], command...), "\r\n"...)
	if err := s.flush(); err != nil {
		return err
	}
	return s.read(want, nil)
}

// flush sends the commands that have been put into out. Where the connection is broken already, the server may have said why.
func (s *session) flush() error {
	err := s.send(s.out)
	s.out = s.out[:0]
	return err
}

// send is flush for a message.
func (s *session) send(p []byte) error {
	err := s.wire.send(p)
	if err == nil || s.ctx.Err() != nil {
		return err
	}
	var last *reply
	if errors.As(s.read(codes{}, nil), &last) {
		return last
	}
	return err
}

// handshake puts TLS on the connection.
func (s *session) handshake() error {
	const doing = "TLS handshake"
	config := s.target.TLS.Clone()
	if config == nil {
		config = &tls.Config{}
	}
	if config.ServerName == "" {
		config.ServerName = s.target.URL.Hostname()
	}
	conn := tls.Client(counted{s.wire}, config)
	if err := conn.HandshakeContext(s.ctx); err != nil {
		if s.ctx.Err() == nil && probe.ClassOf(err) == probe.BadProtocol {
			return probe.Fail(probe.TLS, doing, err) // alerts of the other side have no type of their own
		}
		return s.fail(doing, err)
	}
	s.wire.secure = conn
	return nil
}

// begin readies the session for one action.
func (s *session) begin(t *probe.Turn) error {
	s.ctx, s.fresh, s.words = t.Context(), false, 0
	if s.wire == nil {
		return s.connect(t)
	}
	s.guard()
	return nil
}

// end finishes the action that begin started.
func (s *session) end(t *probe.Turn, err error) {
	s.release()
	s.report(t)
	if err != nil && (probe.ClassOf(err).EndsSession() || closing(err)) {
		s.Close()
	}
}

// report tells the bytes that went over the connection since the last report.
func (s *session) report(t *probe.Turn) {
	if s.wire != nil {
		t.Transferred(s.wire.in-s.in, s.wire.out-s.sent)
		s.in, s.sent = s.wire.in, s.wire.out
	}
}

// stale tells whether a failure only means that the connection had been closed before this action began.
func (s *session) stale(err error) bool {
	if s.fresh || s.ctx.Err() != nil {
		return false
	}
	return s.words == 0 && probe.ClassOf(err) == probe.Reset || s.farewell(err)
}

// farewell tells whether the server's only word within the action was that it closes the connection.
func (s *session) farewell(err error) bool { return s.words == 1 && closing(err) }

// closing tells whether the server announced that it closes the connection (RFC 5321, section 3.8).
func closing(err error) bool {
	var refused *reply
	return errors.As(err, &refused) && refused.code == 421
}

// guard closes the connection when the context ends. A context without a deadline of its own is given one.
func (s *session) guard() {
	w := s.wire
	s.unguard = probe.AfterFunc(s.ctx, func() { w.Conn.Close() })
	if _, limited := s.ctx.Deadline(); !limited {
		w.SetDeadline(time.Now().Add(patience))
		s.timed = true
	} else if s.timed {
		w.SetDeadline(time.Time{})
		s.timed = false
	}
}

// release ends what guard began.
func (s *session) release() {
	if s.unguard != nil {
		s.unguard()
		s.unguard = nil
	}
}

// Close closes the connection without QUIT, as a program that is killed or loses its network.
func (s *session) Close() error {
	s.release()
	if s.wire != nil {
		s.wire.Conn.Close()
	}
	s.wire, s.out, s.offers, s.loggedIn, s.dirty = nil, nil, offers{}, false, false
	return nil
}

// address is host:port of a target.
func address(target probe.Target) string {
	port := target.URL.Port()
	if port == "" {
		port = "587"
		if target.URL.Scheme == "smtps" {
			port = "465"
		}
	}
	return net.JoinHostPort(target.URL.Hostname(), port)
}

// hostname is how a client without a name introduces itself: by its address (RFC 5321, section 4.1.3).
func hostname(conn net.Conn) string {
	host, _, err := net.SplitHostPort(conn.LocalAddr().String())
	ip := net.ParseIP(host)
	switch {
	case err != nil || ip == nil:
		return "localhost"
	case ip.To4() == nil:
		return "[IPv6:" + ip.String() + "]"
	}
	return "[" + ip.String() + "]"
}
