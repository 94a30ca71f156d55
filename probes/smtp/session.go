package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"pegel/probes/probe"
)

// session is one connection of one user.
type session struct {
	target  probe.Target
	account probe.Account

	wire     *wire
	client   *smtp.Client
	loggedIn bool
	fresh    bool // the connection was made within the action under way
	answered bool // the server has answered within the action under way
	refused  bool // a transaction was broken off and must be reset

	ctx     context.Context // of the action under way
	unguard func() bool
	in, out int64 // bytes already reported
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

// connect opens the connection up to EHLO and marks the phases. The context guards it until end.
func (s *session) connect(t *probe.Turn) error {
	s.Close()
	s.ctx, s.fresh = t.Context(), true
	conn, err := s.target.DialContext(s.ctx, "tcp", address(s.target))
	if err != nil {
		return s.fail("connect", err)
	}
	s.wire, s.in, s.out = &wire{Conn: conn}, 0, 0
	s.guard()
	t.Mark(probe.PhaseConnect)

	if s.target.URL.Scheme == "smtps" {
		if err := s.handshake(); err != nil {
			return err
		}
		t.Mark(probe.PhaseTLS)
	}
	// The greeting and what leads to STARTTLS are read here, for the library neither tells when the greeting was there
	// nor lets STARTTLS be optional.
	text := newDialogue(s.wire)
	greeting, err := text.read(220)
	if err != nil {
		return s.fail("read the greeting", err)
	}
	t.Mark(probe.PhaseGreeting)
	if s.target.URL.Scheme != "smtps" && s.target.StartTLS != "" {
		upgraded, err := s.upgrade(text)
		if err != nil {
			return err
		}
		if upgraded {
			t.Mark(probe.PhaseTLS)
		}
	}
	greeting, _, _ = strings.Cut(greeting, "\n")
	s.wire.ahead = append([]byte("220 "+greeting+"\r\n"), text.rest()...)
	s.client = smtp.NewClient(s.wire)
	s.limit()
	return s.fail("say EHLO", s.client.Hello(hostname(s.wire)))
}

// upgrade does STARTTLS. A server that does not offer it is left in plain text if the target says "optional".
func (s *session) upgrade(text *dialogue) (bool, error) {
	const doing = "start TLS"
	offered, err := text.ask(250, "EHLO "+hostname(s.wire))
	if err != nil {
		return false, s.fail("say EHLO", err)
	}
	if !offersStartTLS(offered) {
		if s.target.StartTLS == "required" {
			return false, probe.Failf(probe.TLS, doing, "the server does not offer STARTTLS")
		}
		return false, nil
	}
	if _, err := text.ask(220, "STARTTLS"); err != nil {
		return false, s.fail(doing, err)
	}
	if len(text.rest()) > 0 {
		// Whatever a third party puts in before TLS would be taken for the server's word after it.
		return false, probe.Failf(probe.BadProtocol, doing, "the server spoke out of turn")
	}
	return true, s.handshake()
}

func offersStartTLS(answer string) bool {
	for line := range strings.SplitSeq(answer, "\n") {
		if strings.EqualFold(strings.TrimSpace(line), "STARTTLS") {
			return true
		}
	}
	return false
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
	s.ctx, s.fresh, s.answered = t.Context(), false, false
	if s.client == nil {
		return s.connect(t)
	}
	s.guard()
	s.limit()
	return nil
}

// end finishes the action that begin started.
func (s *session) end(t *probe.Turn, err error) {
	if s.unguard != nil {
		s.unguard()
		s.unguard = nil
	}
	if s.wire != nil {
		in, out := s.wire.in.Load(), s.wire.out.Load()
		t.Transferred(in-s.in, out-s.out)
		s.in, s.out = in, out
	}
	if err != nil && (probe.ClassOf(err).EndsSession() || closing(err)) {
		s.Close()
	}
}

// stale tells whether a failure only means that the connection had been closed before this action began.
func (s *session) stale(err error) bool {
	if s.fresh || s.answered || s.ctx.Err() != nil {
		return false
	}
	return probe.ClassOf(err) == probe.Reset || closing(err)
}

// closing tells whether the server announced that it closes the connection (RFC 5321, section 3.8).
func closing(err error) bool {
	var refused *smtp.SMTPError
	return errors.As(err, &refused) && refused.Code == 421
}

// guard closes the connection when the context ends, because the library knows no contexts.
func (s *session) guard() {
	w := s.wire
	s.unguard = context.AfterFunc(s.ctx, func() { w.Conn.Close() })
}

// limit gives the library the time that the action has left.
func (s *session) limit() {
	left := patience
	if deadline, ok := s.ctx.Deadline(); ok {
		left = min(left, time.Until(deadline))
	}
	s.client.CommandTimeout, s.client.SubmissionTimeout = left, left
}

// Close closes the connection without QUIT, as a program that is killed or loses its network.
func (s *session) Close() error {
	if s.unguard != nil {
		s.unguard()
		s.unguard = nil
	}
	if s.wire != nil {
		s.wire.Conn.Close()
	}
	s.wire, s.client, s.loggedIn, s.refused = nil, nil, false, false
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
