package testenv

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// smtpBackend takes mail for the accounts of a store. Mail for local recipients is taken from anybody, as from the outside
// world; mail for others only from those who logged in, and it then leaves the platform, which is to say that it is dropped.
type smtpBackend struct {
	store  *mailStore
	charge func(op string, account int) error
	route  func(account int) []int // nil: mail goes where it is addressed to
}

var _ smtp.Backend = (*smtpBackend)(nil)

// newSMTPServer makes the server; tlsConfig may be nil: no STARTTLS.
func newSMTPServer(b *smtpBackend, tlsConfig *tls.Config, errorLog *log.Logger) *smtp.Server {
	s := smtp.NewServer(b)
	s.Domain = "mail." + b.store.domain
	s.TLSConfig = tlsConfig
	s.AllowInsecureAuth = true
	s.EnableSMTPUTF8 = true
	s.MaxMessageBytes = 64 << 20
	s.MaxRecipients = 1000
	s.ReadTimeout = 5 * time.Minute
	s.WriteTimeout = time.Minute
	s.ErrorLog = errorLog
	return s
}

func (b *smtpBackend) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &smtpSession{backend: b, client: c.Hostname()}, nil
}

// smtpSession is one connection.
type smtpSession struct {
	backend *smtpBackend
	client  string
	account int
	authed  bool
	from    string
	rcpts   []int // local recipients
}

var _ smtp.AuthSession = (*smtpSession)(nil)

func (s *smtpSession) AuthMechanisms() []string { return s.backend.store.mechanisms() }

func (s *smtpSession) Auth(mech string) (sasl.Server, error) {
	server := s.backend.store.saslServer(mech, func(account int, ok bool) error {
		if !ok {
			return smtp.ErrAuthFailed
		}
		s.account, s.authed = account, true
		return nil
	})
	if server == nil {
		return nil, smtp.ErrAuthUnknownMechanism
	}
	return server, nil
}

func (s *smtpSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *smtpSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !s.backend.store.local(to) {
		if !s.authed {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "Relaying denied"}
		}
		return nil
	}
	account, ok := s.backend.store.index(to)
	if !ok {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user"}
	}
	s.rcpts = append(s.rcpts, account)
	return nil
}

// Data delivers at once: when the client has its 250, the message is in the mailboxes.
func (s *smtpSession) Data(r io.Reader) error {
	now := time.Now()
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "Return-Path: <%s>\r\nReceived: from %s by mail.%s with ESMTP; %s\r\n",
		s.from, s.client, s.backend.store.domain, now.Format(time.RFC1123Z))
	if _, err := raw.ReadFrom(r); err != nil {
		return err
	}
	account := s.account
	if !s.authed && len(s.rcpts) > 0 {
		account = s.rcpts[0] // mail from outside loads the recipient's shard
	}
	if err := s.backend.charge("smtp.send", account); err != nil {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "System not accepting messages now, try again later"}
	}
	content := newContent(raw.Bytes())
	for _, rcpt := range s.rcpts {
		if s.backend.route == nil {
			s.backend.store.deliver(rcpt, content, now)
			continue
		}
		for _, account := range s.backend.route(rcpt) {
			s.backend.store.deliver(account, content, now)
		}
	}
	return nil
}

func (s *smtpSession) Reset() { s.from, s.rcpts = "", nil }

func (s *smtpSession) Logout() error { return nil }
