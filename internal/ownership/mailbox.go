package ownership

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"pegel/probes/probe"
)

// Side is one of the two platforms, and how one logs in to its accounts. Its target comes from the engine, whose dialer
// holds the allow-list.
type Side struct {
	Target probe.Target
	// Account is how to log in as the account of this name.
	Account func(name string) (probe.Account, error)
	// Guard is what all sides of one piece of work have in common; nil lets everybody log in.
	Guard *Guard
}

// Bounds of what one mailbox or account may make the reader keep.
const (
	mostHeader  = 16 << 10 // bytes of header fields of one message
	mostFolders = 20_000
	stalled     = time.Minute // without a byte: the server is taken for gone
)

// patient is a connection on which a server that says nothing for too long has gone, unless nothing was asked: between two looks of a pass
// that is followed, connections idle.
type patient struct {
	net.Conn
	idle *atomic.Bool
}

func (p patient) Read(b []byte) (int, error) {
	limit := time.Now().Add(stalled)
	if p.idle.Load() {
		limit = time.Time{}
	}
	if err := p.SetReadDeadline(limit); err != nil {
		return 0, err
	}
	return p.Conn.Read(b)
}

// rest says that nothing is asked of the server until wake; both change the deadline of the Read that is under way. That a read between the
// two calls of either sets the other one's deadline costs a connection at worst, which is made anew.
func (r *reader) rest() {
	r.idle.Store(true)
	_ = r.conn.SetReadDeadline(time.Time{}) // a connection that is gone shows at the next command
}

func (r *reader) wake() {
	r.idle.Store(false)
	_ = r.conn.SetReadDeadline(time.Now().Add(stalled))
}

// reader is a connection with one account, logged in.
type reader struct {
	client  *imapclient.Client
	conn    net.Conn
	account probe.Account
	unguard func() bool
	idle    atomic.Bool
	// examined tells that a mailbox is open.
	examined bool
	shared   []string // prefixes of other people's mailboxes
}

// open connects and logs in: one attempt, whatever comes of it, and none where the Guard says so.
func (s Side) open(ctx context.Context, name string) (r *reader, err error) {
	account, err := s.Account(name)
	if err != nil {
		return nil, err
	}
	err = s.Guard.login(ctx, s.Target.Name, func() (err error) {
		r, err = s.logIn(ctx, name, account)
		return err
	})
	return r, err
}

func (s Side) logIn(ctx context.Context, name string, account probe.Account) (*reader, error) {
	r, err := s.connect(ctx, s.Target.StartTLS == "required")
	if err == nil && s.Target.StartTLS == "optional" && s.Target.URL.Scheme != "imaps" && r.client.Caps().Has(imap.CapStartTLS) {
		r.close()
		r, err = s.connect(ctx, true)
	}
	if err == nil {
		r.account = account
		if err = r.begin(); err != nil {
			r.close()
		}
	}
	if err != nil {
		return nil, &AccessError{name, s.Target.Name, interrupted(ctx, &cutError{account.Redact(err.Error()), err}, err)}
	}
	return r, nil
}

// interrupted is the end of the context where that is why something failed, else the error with its secrets cut.
func interrupted(ctx context.Context, cut, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, probe.ErrNotAllowed) {
		return err
	}
	return cut
}

func (s Side) connect(ctx context.Context, startTLS bool) (*reader, error) {
	secure := s.Target.URL.Scheme == "imaps"
	port := "143"
	if secure {
		port = "993"
	}
	conn, err := s.Target.DialContext(ctx, "tcp", net.JoinHostPort(s.Target.URL.Hostname(), cmp.Or(s.Target.URL.Port(), port)))
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	r := &reader{conn: conn, unguard: context.AfterFunc(ctx, func() { conn.Close() })}
	conn = patient{conn, &r.idle}
	config := s.Target.TLS.Clone()
	if config == nil {
		config = &tls.Config{}
	}
	config.ServerName = cmp.Or(config.ServerName, s.Target.URL.Hostname())
	switch {
	case secure:
		over := tls.Client(conn, config)
		if err := over.HandshakeContext(ctx); err != nil {
			r.close()
			return nil, fmt.Errorf("TLS handshake: %w", err)
		}
		r.client = imapclient.New(over, nil)
	case startTLS:
		if r.client, err = imapclient.NewStartTLS(conn, &imapclient.Options{TLSConfig: config}); err != nil {
			r.close()
			return nil, fmt.Errorf("start TLS: %w", err)
		}
	default:
		r.client = imapclient.New(conn, nil)
	}
	if err := r.client.WaitGreeting(); err != nil {
		r.close()
		return nil, fmt.Errorf("read the greeting: %w", err)
	}
	return r, nil
}

// begin logs in and learns which mailboxes are other people's.
func (r *reader) begin() error {
	caps, a := r.client.Caps(), r.account
	var err error
	switch {
	case a.Token != "":
		err = r.client.Authenticate(probe.XOAuth2{Login: a.Login, Token: a.Token})
	case caps.Has(imap.CapLoginDisabled) && caps.Has(imap.AuthCap(sasl.Plain)):
		err = r.client.Authenticate(sasl.NewPlainClient("", a.Login, a.Secret()))
	default:
		err = r.client.Login(a.Login, a.Secret()).Wait()
	}
	if refused, said := errors.AsType[*imap.Error](err); said && refused.Code != imap.ResponseCodeLimit && refused.Code != imap.ResponseCodeUnavailable {
		return probe.Fail(probe.Auth, "log in", err)
	}
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	if !r.client.Caps().Has(imap.CapNamespace) {
		return nil
	}
	spaces, err := r.client.Namespace().Wait()
	if err != nil {
		return fmt.Errorf("ask for namespaces: %w", err)
	}
	for _, space := range slices.Concat(spaces.Other, spaces.Shared) {
		if space.Prefix != "" {
			r.shared = append(r.shared, space.Prefix)
		}
	}
	return nil
}

// close ends the connection without a word: nothing is open for writing.
func (r *reader) close() {
	r.unguard()
	r.conn.Close()
	if r.client != nil {
		_ = r.client.Close() // only waits for the library's goroutine
	}
}

// folder is one of the account's own mailboxes; next is the UID that the next message will get, 0 where the server does not say.
type folder struct {
	name           string
	next           imap.UID
	validity, held uint32
}

// folders are the account's own mailboxes, other people's left out. With status each says what it holds.
func (r *reader) folders(status bool) ([]folder, error) {
	want := imap.StatusOptions{UIDNext: true, UIDValidity: true, NumMessages: true}
	options := &imap.ListOptions{}
	asOne := status && (r.client.Caps().Has(imap.CapListStatus) || r.client.Caps().Has(imap.CapIMAP4rev2))
	if asOne {
		options.ReturnStatus = &want
	}
	found, err := r.client.List("", "*", options).Collect()
	if err != nil {
		return nil, fmt.Errorf("list mailboxes: %w", err)
	}
	if len(found) > mostFolders {
		return nil, fmt.Errorf("the account has %d mailboxes, more than %d", len(found), mostFolders)
	}
	var list []folder
	for _, f := range found {
		if slices.Contains(f.Attrs, imap.MailboxAttrNoSelect) || slices.Contains(f.Attrs, imap.MailboxAttrNonExistent) || r.others(f.Mailbox) {
			continue
		}
		data := f.Status
		if status && data == nil {
			if data, err = r.client.Status(f.Mailbox, &want).Wait(); err != nil {
				return nil, fmt.Errorf("ask for the status of a mailbox: %w", err)
			}
		}
		own := folder{name: f.Mailbox}
		if data != nil {
			own.next, own.validity = data.UIDNext, data.UIDValidity
		}
		list = append(list, own)
	}
	return list, nil
}

func (r *reader) others(mailbox string) bool {
	return slices.ContainsFunc(r.shared, func(prefix string) bool { return strings.HasPrefix(mailbox, prefix) })
}

// examine opens a mailbox for reading only.
func (r *reader) examine(mailbox string) (folder, error) {
	data, err := r.client.Select(mailbox, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return folder{}, fmt.Errorf("examine a mailbox: %w", err)
	}
	r.examined = true
	return folder{name: mailbox, next: data.UIDNext, validity: data.UIDValidity, held: data.NumMessages}, nil
}

// leave lets go of the mailbox that is open. Of one that is, STATUS may tell for ever what was so when it was opened (RFC 9051, section
// 6.3.11; Dovecot does), so that nothing new would be seen by who looks again over the same connection. CLOSE expunges nothing from
// what was only examined.
func (r *reader) leave() error {
	if !r.examined {
		return nil
	}
	r.examined = false
	end := r.client.UnselectAndExpunge
	if caps := r.client.Caps(); caps.Has(imap.CapUnselect) || caps.Has(imap.CapIMAP4rev2) {
		end = r.client.Unselect
	}
	if err := end().Wait(); err != nil {
		return fmt.Errorf("close a mailbox: %w", err)
	}
	return nil
}

// message is what is read of one.
type message struct {
	uid     imap.UID
	arrived time.Time
	header  []byte // the fields asked for
}

// fetch visits messages of the mailbox that is open, with these header fields. The header is valid only until visit returns.
func (r *reader) fetch(uids imap.UIDSet, fields []string, arrived bool, visit func(message)) error {
	section := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: fields, Peek: true}
	cmd := r.client.Fetch(uids, &imap.FetchOptions{UID: true, InternalDate: arrived, BodySection: []*imap.FetchItemBodySection{section}})
	buffer := make([]byte, 0, 512)
	for got := cmd.Next(); got != nil; got = cmd.Next() {
		m := message{}
		for item := got.Next(); item != nil; item = got.Next() {
			switch item := item.(type) {
			case imapclient.FetchItemDataUID:
				m.uid = item.UID
			case imapclient.FetchItemDataInternalDate:
				m.arrived = item.Time
			case imapclient.FetchItemDataBodySection:
				if item.Literal != nil {
					m.header = readAll(buffer[:0], item.Literal)
					buffer = m.header
				}
			}
		}
		if m.uid != 0 {
			visit(m)
		}
	}
	if err := cmd.Close(); err != nil {
		return fmt.Errorf("read header fields: %w", err)
	}
	return nil
}

// readAll reads a literal into b, as far as it is sensible; what fails shows when the command is closed.
func readAll(b []byte, from io.Reader) []byte {
	for len(b) < mostHeader {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := from.Read(b[len(b):min(cap(b), mostHeader)])
		b = b[:len(b)+n]
		if err != nil {
			break
		}
	}
	return b
}

// ours finds what may be canaries, from a UID on.
func (r *reader) ours(from imap.UID) (imap.UIDSet, error) {
	what := &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: messageIDField, Value: domainEnd}}}
	if from > 1 {
		what.UID = []imap.UIDSet{{{Start: from}}}
	}
	found, err := r.client.UIDSearch(what, nil).Wait()
	if err != nil {
		return nil, fmt.Errorf("search for canaries: %w", err)
	}
	set := imap.UIDSet{}
	for _, uid := range found.AllUIDs() {
		if uid >= from {
			set.AddNum(uid)
		}
	}
	return set, nil
}
