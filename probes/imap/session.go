package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"

	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// session is one connection of one user, and what the user's program remembers about it.
type session struct {
	target  probe.Target
	account probe.Account

	conn *client.Conn // nil: none was made, or it was closed

	mailbox  string          // selected, "" if none
	last     string          // selected last, on whatever connection
	own      []uint32        // messages in the selected mailbox known to be pegel's, by UID
	heard    announced       // what was announced in the selected mailbox while the user was waiting
	waiting  bool            // what is announced is heard when it is said
	searched bool            // own has been looked for
	exists   map[string]bool // mailboxes known to exist
	alone    *registry       // what migrate has to do, where the target has none for all its sessions
	compress bool            // where the server offers that
	work     *workList       // what copy takes from this session, see copy.go

	// What the user's program keeps beyond the connection.
	boxes  []string          // all mailboxes, nil if not asked
	looked map[string]uint32 // messages in a mailbox when it looked last, see check.go
	synced map[string]synced // see resync.go

	// Where answers are held against former ones; nil where they are not. See listener.go.
	memory   *accountMemory
	tracker  *tracker // of this connection
	violated *probe.Violation

	spaces *client.Namespaces // nil if not asked
	uses   map[string]string  // special use (lower case): mailbox; nil if not asked

	second  bool            // beside the user's own connection, for one action: its phases are none of the action's
	turn    *probe.Turn     // of the action under way
	marks   func()          // marks the first byte in it
	ctx     context.Context // of the action under way
	unguard func() bool
	in, out int64 // bytes already reported
	// told is true if the end of the connection was reported or wanted, so that the next step may simply connect again.
	told bool
}

var (
	_ probe.Session = (*session)(nil)
	_ client.News   = (*session)(nil)
)

// shared is what all users of a target have in common.
type shared struct {
	lookout *client.Lookout // nil: the system has none
	passes  *registry       // what migrators have to do
}

// prepare makes what the users of a target share, and starts its lookout. Where the system has none, what arrives during IDLE is noticed later, and since
// when it had been there is then not known.
func prepare(context.Context, probe.Target) (io.Closer, error) {
	lookout, err := client.NewLookout()
	if err != nil {
		lookout = nil
	}
	return &shared{lookout: lookout, passes: newRegistry()}, nil
}

// Close ends the lookout.
func (s *shared) Close() error {
	if s.lookout == nil {
		return nil
	}
	return s.lookout.Close()
}

// lookout is the target's, nil if there is none.
func (s *session) lookout() *client.Lookout {
	if all, ok := s.target.Shared.(*shared); ok {
		return all.lookout
	}
	return nil
}

// open makes a session: connection, TLS, greeting.
func open(t *probe.Turn, target probe.Target, account probe.Account) (probe.Session, error) {
	s := newSession(t, target, account)
	err := s.connect(t)
	s.end(t, err)
	if err != nil {
		s.Close()
		return nil, err
	}
	t.Mark(probe.PhaseComplete)
	return s, nil
}

func newSession(t *probe.Turn, target probe.Target, account probe.Account) *session {
	s := &session{target: target, account: account, turn: t}
	s.marks = func() { s.turn.Mark(probe.PhaseFirstByte) }
	return s
}

// connect opens the connection up to the greeting. It is done by a goroutine of its own, which ends with it, because dialling
// and TLS need a stack many times as deep as all that comes after, and the user's own would keep it for as long as it waits.
func (s *session) connect(t *probe.Turn) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil { // the engine's own net is spread below the user's goroutine
				done <- probe.Failf(probe.BadProtocol, "connect", "probe failed: %v", r)
			}
		}()
		done <- s.establish(t)
	}()
	return <-done
}

// establish is what connect does. It marks the phases. The context guards the connection until end.
func (s *session) establish(t *probe.Turn) error {
	s.shut()
	s.ctx = t.Context()
	network, err := s.target.DialContext(s.ctx, "tcp", address(s.target))
	if err != nil {
		return s.fail("connect", err)
	}
	s.conn, s.in, s.out = client.New(network, s.attach(t), nil), 0, 0
	s.conn.News = s
	s.guard()
	s.mark(t, probe.PhaseConnect)

	if s.target.URL.Scheme == "imaps" {
		if err := s.startTLS(); err != nil {
			return err
		}
		s.mark(t, probe.PhaseTLS)
	}
	if err := s.conn.Greeting(); err != nil {
		return s.fail("read the greeting", err)
	}
	told := s.conn.Told()
	s.mark(t, probe.PhaseGreeting)
	if s.target.URL.Scheme != "imaps" && s.target.StartTLS != "" {
		upgraded, err := s.upgrade()
		if err != nil {
			return err
		}
		if upgraded {
			s.mark(t, probe.PhaseTLS)
			told = false // what was said before TLS, above all the capabilities, must be forgotten
		}
	}
	return s.capabilities(told)
}

// capabilities asks what the server can do, unless it has just told.
func (s *session) capabilities(told bool) error {
	if told {
		return nil
	}
	return s.fail("ask for capabilities", s.conn.Capability())
}

// upgrade does STARTTLS. A server that refuses it is left in plain text if the target says "optional".
func (s *session) upgrade() (bool, error) {
	const doing = "start TLS"
	required := s.target.StartTLS == "required"
	if s.conn.LoggedIn {
		if required {
			return false, probe.Failf(probe.TLS, doing, "the server logs in before TLS")
		}
		return false, nil
	}
	err := s.conn.AskStartTLS()
	var refused *client.Refused
	switch {
	case errors.As(err, &refused) && required:
		return false, probe.Failf(probe.TLS, doing, "%s", s.scrub(refused.Error()))
	case errors.As(err, &refused):
		return false, nil
	case err != nil:
		return false, s.fail(doing, err)
	}
	if err := s.startTLS(); err != nil {
		return false, err
	}
	return true, nil
}

// startTLS puts TLS on the connection. The target's configuration serves all users as it is where it names the server.
func (s *session) startTLS() error {
	const doing = "TLS handshake"
	config := s.target.TLS
	if config == nil || config.ServerName == "" {
		if config = config.Clone(); config == nil {
			config = &tls.Config{}
		}
		config.ServerName = s.target.URL.Hostname()
	}
	err := s.conn.StartTLS(config)
	if err != nil && s.ctx.Err() == nil && probe.ClassOf(err) == probe.BadProtocol {
		var own *probe.Error
		if !errors.As(err, &own) {
			return probe.Fail(probe.TLS, doing, err) // alerts of the other side have no type of their own
		}
	}
	return s.fail(doing, err)
}

// begin readies the session for one action: it finds out whether the connection is still there, and ends an IDLE.
func (s *session) begin(t *probe.Turn) error {
	s.ctx, s.turn = t.Context(), t
	if s.conn != nil {
		s.conn.Wake()
	}
	if s.broken() {
		if s.told {
			return s.connect(t)
		}
		return s.fail("use the connection", errLost)
	}
	s.guard()
	s.conn.Begin()
	return s.endIdle()
}

// mark marks a phase of making the user's own connection.
func (s *session) mark(t *probe.Turn, phase probe.Phase) {
	if !s.second {
		t.Mark(phase)
	}
}

// first marks the first byte of what the server answers to the command that comes next.
func (s *session) first() { s.conn.First(s.marks) }

// end finishes the action that begin started.
func (s *session) end(t *probe.Turn, err error) {
	if s.unguard != nil {
		s.unguard()
		s.unguard = nil
	}
	broken := s.broken()
	if s.conn != nil {
		in, out := s.conn.Transferred()
		t.Transferred(in-s.in, out-s.out)
		s.in, s.out = in, out
		s.rest(t)
	}
	s.told = s.told && broken || err != nil
}

// rest leaves the connection alone until the next action. In IDLE somebody listens meanwhile where somebody wants to know.
func (s *session) rest(t *probe.Turn) {
	switch {
	case !s.conn.Idling():
		s.conn.Rest()
	case t.FollowsMail():
		s.conn.Watch(s.lookout())
	default:
		s.conn.Watch(nil)
	}
}

// guard cuts the connection when the context ends.
func (s *session) guard() { s.unguard = probe.AfterFunc(s.ctx, s.conn.Cut) }

// broken tells whether the connection has ended.
func (s *session) broken() bool { return s.conn == nil || s.conn.Err() != nil }

// Close closes the connection without LOGOUT, as a program that is killed or loses its network.
func (s *session) Close() error {
	s.shut()
	return nil
}

// shut closes the connection and forgets what was known about it.
func (s *session) shut() {
	if s.unguard != nil {
		s.unguard()
		s.unguard = nil
	}
	if s.conn != nil {
		s.conn.Close()
	}
	s.detach()
	s.conn = nil
	s.unselect()
	s.spaces, s.uses = nil, nil
}

// unselect forgets what was known about the selected mailbox.
func (s *session) unselect() {
	s.mailbox, s.own, s.searched, s.waiting = "", nil, false, false
	s.heard = announced{}
}

// Exists implements client.News.
func (s *session) Exists(messages uint32) {
	if s.waiting {
		s.heard.exists(messages)
	}
}

// Expunged implements client.News.
func (s *session) Expunged(number uint32) { s.heard.expunged(number) }

// address is host:port of a target.
func address(target probe.Target) string {
	port := target.URL.Port()
	if port == "" {
		port = "143"
		if target.URL.Scheme == "imaps" {
			port = "993"
		}
	}
	return net.JoinHostPort(target.URL.Hostname(), port)
}
