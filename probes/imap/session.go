package imap

import (
	"context"
	"net"
	"runtime"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"pegel/probes/probe"
)

// session is one connection of one user, and what the user's program remembers about it.
type session struct {
	target  probe.Target
	account probe.Account

	wire   *wire
	client *imapclient.Client
	idling *idling

	mailbox  string          // selected, "" if none
	last     string          // selected last, on whatever connection
	readOnly bool            // it was EXAMINEd
	own      []imap.UID      // messages in the selected mailbox known to be pegel's
	heard    announced       // what was announced in the selected mailbox while the user was waiting
	searched bool            // own has been looked for
	exists   map[string]bool // mailboxes known to exist
	work     *workList       // what copy takes from this session, see copy.go
	state    synced          // of the selected mailbox, as SELECT told

	// What the user's program keeps beyond the connection.
	boxes  []string          // all mailboxes, nil if not asked
	looked map[string]uint32 // messages in a mailbox when it looked last, see check.go
	synced map[string]synced // see resync.go

	// Where answers are held against former ones; nil where they are not. See observer.go.
	memory   *accountMemory
	tracker  *tracker // of this connection
	violated *probe.Violation

	spaces *imap.NamespaceData // nil if not asked
	uses   map[string]string   // special use (lower case): mailbox; nil if not asked

	ctx     context.Context // of the action under way
	unguard func() bool
	in, out int64 // bytes already reported
	// told is true if the end of the connection was reported or wanted, so that the next step may simply connect again.
	told bool
}

var _ probe.Session = (*session)(nil)

// open makes a session: connection, TLS, greeting.
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

// connect opens the connection up to the greeting and marks the phases. The context guards it until end.
func (s *session) connect(t *probe.Turn) error {
	s.shut()
	s.ctx = t.Context()
	conn, err := s.target.DialContext(s.ctx, "tcp", address(s.target))
	if err != nil {
		return s.fail("connect", err)
	}
	s.wire, s.in, s.out = newWire(conn), 0, 0
	s.attach(t)
	s.guard()
	t.Mark(probe.PhaseConnect)

	if s.target.URL.Scheme == "imaps" {
		if err := s.wire.startTLS(s.ctx, s.target); err != nil {
			return s.fail("TLS handshake", err)
		}
		t.Mark(probe.PhaseTLS)
	}
	greeting, err := s.greeting()
	if err != nil {
		return err
	}
	t.Mark(probe.PhaseGreeting)
	if s.target.URL.Scheme != "imaps" && s.target.StartTLS != "" {
		upgraded, err := s.upgrade(greeting)
		if err != nil {
			return err
		}
		if upgraded {
			t.Mark(probe.PhaseTLS)
			greeting = "* OK" // what was said before TLS, above all the capabilities, must be forgotten
		}
	}
	s.wire.ahead = append([]byte(greeting+" \r\n"), s.wire.ahead...)
	s.client = imapclient.New(s.wire, nil)
	if err := s.client.WaitGreeting(); err != nil {
		return s.fail("read the greeting", err)
	}
	// The library asks for capabilities by itself where the greeting had none; the answer must not fall into what follows.
	return s.capabilities()
}

// capabilities waits until the server has told what it can do. Not to tell it is no failure.
func (s *session) capabilities() error {
	if s.client.Caps() == nil && s.broken() {
		return s.fail("ask for capabilities", errLost)
	}
	return nil
}

// greeting reads the first line and returns it.
func (s *session) greeting() (string, error) {
	const doing = "read the greeting"
	line, err := s.wire.readLine()
	if err != nil {
		return "", s.fail(doing, err)
	}
	switch st := parseStatus(line, "*"); st.kind {
	case "OK", "PREAUTH":
		return line, nil
	case "BYE":
		return "", s.refusal(doing, st)
	}
	return "", probe.Failf(probe.BadProtocol, doing, "%.60q is no greeting", line)
}

// upgrade does STARTTLS. A server that refuses it is left in plain text if the target says "optional".
func (s *session) upgrade(greeting string) (bool, error) {
	const doing, tag = "start TLS", "S0"
	required := s.target.StartTLS == "required"
	if parseStatus(greeting, "*").kind == "PREAUTH" {
		if required {
			return false, probe.Failf(probe.TLS, doing, "the server logs in before TLS")
		}
		return false, nil
	}
	if _, err := s.wire.Write([]byte(tag + " STARTTLS\r\n")); err != nil {
		return false, s.fail(doing, err)
	}
	for {
		line, err := s.wire.readLine()
		if err != nil {
			return false, s.fail(doing, err)
		}
		switch st := parseStatus(line, tag); st.kind {
		case "OK":
			if err := s.wire.startTLS(s.ctx, s.target); err != nil {
				return false, s.fail(doing, err)
			}
			return true, nil
		case "NO", "BAD":
			if required {
				return false, probe.Failf(probe.TLS, doing, "server answered %s %s", st.kind, st.text)
			}
			return false, nil
		}
	}
}

// begin readies the session for one action: it finds out whether the connection is still there, and ends an IDLE.
func (s *session) begin(t *probe.Turn) error {
	s.ctx = t.Context()
	if s.broken() {
		if s.told {
			return s.connect(t)
		}
		return s.fail("use the connection", errLost)
	}
	s.guard()
	s.wire.bounds.spent.Store(0)
	return s.endIdle()
}

// end finishes the action that begin started.
func (s *session) end(t *probe.Turn, err error) {
	if s.unguard != nil {
		s.unguard()
		s.unguard = nil
	}
	if s.wire != nil {
		in, out := s.wire.raw.in.Load(), s.wire.raw.out.Load()
		t.Transferred(in-s.in, out-s.out)
		s.in, s.out = in, out
	}
	s.told = s.told && s.broken() || err != nil
}

// guard closes the connection when the context ends, because the library knows no contexts.
func (s *session) guard() {
	w := s.wire
	s.unguard = context.AfterFunc(s.ctx, func() { w.Close() })
}

// settle waits for the library to have noted what the server has just answered: it wakes the waiting command first and
// brings its own state up to date a few instructions later.
func (s *session) settle(noted func() bool) {
	for !noted() && !s.broken() {
		runtime.Gosched()
	}
}

// broken tells whether the connection has ended.
func (s *session) broken() bool {
	if s.client == nil || s.client.State() == imap.ConnStateLogout {
		return true
	}
	select {
	case <-s.client.Closed():
		return true
	default:
		return false
	}
}

// Close closes the connection without LOGOUT, as a program that is killed or loses its network.
func (s *session) Close() error {
	s.shut()
	return nil
}

// shut closes the connection, waits for the library's goroutines and forgets what was known about the connection.
func (s *session) shut() {
	if s.unguard != nil {
		s.unguard()
		s.unguard = nil
	}
	if s.wire != nil {
		s.wire.Close()
	}
	if s.client != nil {
		// It only repeats what is known: the connection is closed.
		_ = s.client.Close()
	}
	s.detach()
	s.wire, s.client, s.idling = nil, nil, nil
	s.mailbox, s.readOnly, s.own, s.searched, s.state = "", false, nil, false, synced{}
	s.spaces, s.uses = nil, nil
	s.heard = announced{}
}

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
