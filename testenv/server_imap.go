package testenv

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-sasl"
)

// imapBackend serves one mail store over IMAP. Every command that costs something calls charge before it does anything.
type imapBackend struct {
	store  *mailStore
	charge func(op string, c Client) error
	limit  *LoginLimit // nil: any number of logins

	mu       sync.Mutex
	closed   bool
	sessions sync.WaitGroup // sessions and their IDLE commands
}

// newIMAPServer makes the server of a store. tlsConfig may be nil: no STARTTLS. Passwords are taken in the clear as
// well, since the platform listens on the loopback interface only.
func newIMAPServer(b *imapBackend, tlsConfig *tls.Config, errorLog *log.Logger) *imapserver.Server {
	return imapserver.New(&imapserver.Options{
		NewSession: b.newSession,
		Caps: imap.CapSet{
			imap.CapIMAP4rev1: {}, imap.CapNamespace: {}, imap.CapUIDPlus: {}, imap.CapESearch: {}, imap.CapSearchRes: {},
			imap.CapListExtended: {}, imap.CapListStatus: {}, imap.CapMove: {}, imap.CapStatusSize: {},
			imap.CapSpecialUse: {}, imap.CapCreateSpecialUse: {}, imap.CapLiteralPlus: {},
		},
		Logger:       errorLog,
		TLSConfig:    tlsConfig,
		InsecureAuth: true,
	})
}

// enter counts one more session or IDLE; false when the server is closing.
func (b *imapBackend) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.sessions.Add(1)
	return true
}

// close lets nobody in any more and waits for the sessions; their connections must have been closed before.
func (b *imapBackend) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.sessions.Wait()
}

func (b *imapBackend) newSession(c *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
	if !b.enter() {
		return nil, nil, &imap.Error{Type: imap.StatusResponseTypeBye, Text: "shutting down"}
	}
	return &imapSession{backend: b, source: source(c.NetConn().RemoteAddr().String())}, &imapserver.GreetingData{}, nil
}

// imapSession is one connection. The library calls one method at a time; only Idle overlaps with Close.
type imapSession struct {
	backend *imapBackend
	source  netip.Addr
	account int
	mail    *mailAccount // nil before login
	view    *boxView     // nil unless a mailbox is selected
}

var (
	_ imapserver.SessionNamespace = (*imapSession)(nil)
	_ imapserver.SessionMove      = (*imapSession)(nil)
	_ imapserver.SessionSASL      = (*imapSession)(nil)
)

func imapNo(code imap.ResponseCode, text string) error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: code, Text: text}
}

// visit charges an operation; a refusal becomes NO [UNAVAILABLE] (RFC 5530), at login NO [LIMIT].
func (s *imapSession) visit(op string) error {
	err := s.backend.charge(op, Client{Account: s.account, Source: s.source})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrLimited): // as Dovecot says it
		return imapNo(imap.ResponseCodeLimit, fmt.Sprintf("Maximum number of connections from user+IP exceeded (mail_max_userip_connections=%d)", s.backend.limit.Logins))
	case op == "imap.login" && errors.Is(err, ErrRefused):
		return imapNo(imap.ResponseCodeLimit, "too many users, try again later")
	default:
		return imapNo(imap.ResponseCodeUnavailable, "backend not reachable, try again later")
	}
}

func (s *imapSession) Close() error {
	s.closeView()
	s.backend.sessions.Done()
	return nil
}

func (s *imapSession) closeView() {
	if s.view != nil {
		s.view.close()
		s.view = nil
	}
}

func (s *imapSession) Login(username, password string) error {
	return s.login(s.backend.store.program(username, password))
}

// AuthenticateMechanisms are PLAIN, and XOAUTH2 where there are tokens.
func (s *imapSession) AuthenticateMechanisms() []string { return s.backend.store.mechanisms() }

// Authenticate begins a login by one of the mechanisms.
func (s *imapSession) Authenticate(mechanism string) (sasl.Server, error) {
	server := s.backend.store.saslServer(mechanism, s.login)
	if server == nil {
		return nil, imapNo("", "mechanism not supported")
	}
	return server, nil
}

func (s *imapSession) login(account int, ok bool) error {
	if !ok {
		return imapserver.ErrAuthFailed
	}
	s.account = account
	if err := s.visit("imap.login"); err != nil {
		return err
	}
	s.mail = s.backend.store.account(account)
	return nil
}

func (s *imapSession) find(name string) (*mailbox, error) {
	if isShared(name) {
		return s.backend.store.sharedBox(name, s.account)
	}
	box, ok := s.mail.find(name)
	if !ok {
		return nil, imapNo(imap.ResponseCodeNonExistent, "no such mailbox")
	}
	return box, nil
}

// into finds a mailbox that something is put into; one that is missing could be created.
func (s *imapSession) into(name string) (*mailbox, error) {
	if isShared(name) {
		return s.backend.store.sharedBox(name, s.account)
	}
	box, ok := s.mail.find(name)
	if !ok {
		return nil, imapNo(imap.ResponseCodeTryCreate, "no such mailbox")
	}
	return box, nil
}

func (s *imapSession) Select(name string, options *imap.SelectOptions) (*imap.SelectData, error) {
	if err := s.visit("imap.select"); err != nil {
		return nil, err
	}
	box, err := s.find(name)
	if err != nil {
		return nil, err
	}
	view, data := box.view(options.ReadOnly)
	s.closeView()
	s.view = view
	return data, nil
}

func (s *imapSession) Unselect() error {
	s.closeView()
	return nil
}

func (s *imapSession) Create(name string, options *imap.CreateOptions) error {
	if isShared(name) {
		return imapNo(imap.ResponseCodeNoPerm, "Permission denied")
	}
	if !s.mail.create(name, options.SpecialUse) {
		return imapNo(imap.ResponseCodeAlreadyExists, "mailbox exists")
	}
	return nil
}

func (s *imapSession) Delete(name string) error {
	if !s.mail.remove(name) {
		return imapNo(imap.ResponseCodeNonExistent, "no such mailbox, or one that must stay")
	}
	return nil
}

func (s *imapSession) Rename(from, to string, _ *imap.RenameOptions) error {
	if isShared(to) {
		return imapNo(imap.ResponseCodeNoPerm, "Permission denied")
	}
	if !s.mail.rename(from, to) {
		return imapNo(imap.ResponseCodeCannot, "no such mailbox, or the new name is taken")
	}
	return nil
}

func (s *imapSession) Subscribe(name string) error {
	box, err := s.find(name)
	if err == nil {
		box.subscribe(true)
	}
	return err
}

func (s *imapSession) Unsubscribe(name string) error {
	box, err := s.find(name)
	if err == nil {
		box.subscribe(false)
	}
	return err
}

func (s *imapSession) Namespace() (*imap.NamespaceData, error) {
	return &imap.NamespaceData{
		Personal: []imap.NamespaceDescriptor{{Delim: mailboxDelim}},
		Shared:   []imap.NamespaceDescriptor{{Prefix: sharedPrefix, Delim: mailboxDelim}},
	}, nil
}

func (s *imapSession) List(w *imapserver.ListWriter, ref string, patterns []string, options *imap.ListOptions) error {
	if len(patterns) == 0 {
		// An empty pattern asks for the hierarchy delimiter only.
		return w.WriteList(&imap.ListData{Attrs: []imap.MailboxAttr{imap.MailboxAttrNoSelect}, Delim: mailboxDelim})
	}
	if err := s.visit("imap.list"); err != nil {
		return err
	}
	var list []*imap.ListData
	for _, box := range s.mail.all() {
		data := box.listData(options)
		if data == nil {
			continue
		}
		match := func(pattern string) bool {
			if strings.EqualFold(pattern, "INBOX") {
				pattern = "INBOX"
			}
			return imapserver.MatchList(data.Mailbox, mailboxDelim, ref, pattern)
		}
		if slices.ContainsFunc(patterns, match) {
			list = append(list, data)
		}
	}
	slices.SortFunc(list, func(a, b *imap.ListData) int { return strings.Compare(a.Mailbox, b.Mailbox) })
	for _, data := range list {
		if err := w.WriteList(data); err != nil {
			return err
		}
	}
	return listShared(w, ref, patterns)
}

func (s *imapSession) Status(name string, options *imap.StatusOptions) (*imap.StatusData, error) {
	if err := s.visit("imap.status"); err != nil {
		return nil, err
	}
	box, err := s.find(name)
	if err != nil {
		return nil, err
	}
	return box.status(options), nil
}

func (s *imapSession) Append(name string, r imap.LiteralReader, options *imap.AppendOptions) (*imap.AppendData, error) {
	raw := make([]byte, r.Size())
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, err
	}
	op := "imap.append"
	if boxName(name) == copyTarget {
		op = "imap.copy"
	}
	if err := s.visit(op); err != nil {
		return nil, err
	}
	box, err := s.into(name)
	if err != nil {
		return nil, err
	}
	item := mailItem{date: options.Time, content: newContent(raw)}
	if item.date.IsZero() {
		item.date = time.Now()
	}
	for _, flag := range options.Flags {
		item.flags.set(flag, true)
	}
	return &imap.AppendData{UIDValidity: box.validity, UID: box.add(item)}, nil
}

func (s *imapSession) Poll(w *imapserver.UpdateWriter, allowExpunge bool) error {
	if s.view == nil {
		return nil
	}
	return s.view.tracker.Poll(w, allowExpunge)
}

// Idle tells the client of changes as they happen. The view's token is kept from selection on, so nothing that happened
// between the last command and IDLE is missed.
func (s *imapSession) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	view := s.view // Close may drop the session's own while the client is gone
	if view == nil || !s.backend.enter() {
		return nil
	}
	defer s.backend.sessions.Done()
	for {
		select {
		case <-stop:
			return nil
		case <-view.changed:
			if err := view.tracker.Poll(w, true); err != nil {
				return err
			}
		}
	}
}
