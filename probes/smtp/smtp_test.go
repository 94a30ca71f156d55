package smtp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"pegel/internal/corpus"
	"pegel/probes/probe"
	"pegel/probes/probetest"
)

var account = probe.Account{Login: "anna", Address: "anna@example.test", Password: "s3cret-Passphrase"}

// received is a mail as the server got it.
type received struct {
	from string
	to   []string
	raw  []byte
}

// post is the state of a server.
type post struct {
	mu    sync.Mutex
	mails []received
	conns []*smtp.Conn
}

func (p *post) NewSession(c *smtp.Conn) (smtp.Session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, c)
	return &visit{post: p}, nil
}

// visit is one connection to a post.
type visit struct {
	post *post
	user string
	mail received
}

var _ smtp.AuthSession = (*visit)(nil)

func (v *visit) AuthMechanisms() []string { return []string{sasl.Plain} }

func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != account.Login || password != account.Password {
			// A careless server that repeats what it was told.
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no entry for " + user + "/" + password}
		}
		v.user = user
		return nil
	}), nil
}

func (v *visit) Mail(from string, _ *smtp.MailOptions) error {
	if v.user == "" {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	v.mail = received{from: from}
	return nil
}

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "User unknown"}
	}
	v.mail.to = append(v.mail.to, to)
	return nil
}

func (v *visit) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	v.mail.raw = raw
	v.post.mu.Lock()
	defer v.post.mu.Unlock()
	v.post.mails = append(v.post.mails, v.mail)
	return nil
}

func (v *visit) Reset()        { v.mail = received{} }
func (v *visit) Logout() error { return nil }

// serve starts a real server over TCP and returns its address.
func serve(t *testing.T, config *tls.Config, implicit bool) (string, *post) {
	t.Helper()
	p := &post{}
	server := smtp.NewServer(p)
	server.TLSConfig, server.AllowInsecureAuth, server.Domain = config, config == nil, "mail.example.test"
	server.ErrorLog = log.New(io.Discard, "", 0) // connections are broken on purpose here
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if implicit {
		l = tls.NewListener(l, config)
	}
	var running sync.WaitGroup
	running.Go(func() { server.Serve(l) })
	t.Cleanup(func() {
		server.Close()
		running.Wait()
	})
	return address, p
}

func cases() []probetest.Case {
	const connect, auth, first, complete = probe.PhaseConnect, probe.PhaseAuth, probe.PhaseFirstByte, probe.PhaseComplete
	return []probetest.Case{
		{Do: "login", Phases: []probe.Phase{auth, complete}, Check: func(t *testing.T, _ *probetest.Host, r probetest.Result) {
			if r.In == 0 || r.Out == 0 {
				t.Errorf("%d bytes in, %d out", r.In, r.Out)
			}
		}},
		{Do: "login", Before: []probetest.Case{{Do: "login"}}, Phases: []probe.Phase{connect, auth}},
		{Do: "send", With: "size: 40KB", Phases: []probe.Phase{auth, first, complete}, Check: func(t *testing.T, _ *probetest.Host, r probetest.Result) {
			if r.Out < 39000 {
				t.Errorf("sent %d bytes", r.Out)
			}
		}},
		{Do: "send", With: "to: self\nsize: 2KB", Before: []probetest.Case{{Do: "send"}}, Phases: []probe.Phase{first, complete}},
		{Do: "noop", Phases: []probe.Phase{complete}},
		{Do: "quit", Phases: []probe.Phase{complete}},
		{Do: "send", Before: []probetest.Case{{Do: "quit"}}, Phases: []probe.Phase{connect, auth, first, complete}},
	}
}

func TestConformance(t *testing.T) {
	server, client := probetest.Certificate(t)
	for _, way := range []struct {
		name, scheme, startTLS string
		config                 *tls.Config
	}{{"plain", "smtp", "", nil}, {"starttls", "smtp", "required", server}, {"tls", "smtps", "", server}} {
		t.Run(way.name, func(t *testing.T) {
			address, _ := serve(t, way.config, way.scheme == "smtps")
			target := probetest.Target(t, "smtp", way.scheme+"://"+address)
			target.StartTLS, target.TLS = way.startTLS, client
			probetest.Run(t, Protocol(), target, account, cases())
		})
	}
}

func do(t *testing.T, h *probetest.Host, verb, params string) probetest.Result {
	t.Helper()
	step, err := probetest.Bind(Protocol(), verb, params)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return h.Do(ctx, step)
}

func host(t *testing.T, address string) *probetest.Host {
	h := probetest.NewHost(Protocol(), account, probetest.Target(t, "smtp", "smtp://"+address))
	h.Peers = []probe.Account{{Address: "b@example.test"}, {Address: "c@example.test"}, {Address: "d@example.test"}}
	t.Cleanup(h.Close)
	return h
}

func TestMailArrivesAsMade(t *testing.T) {
	address, p := serve(t, nil, false)
	h := host(t, address)
	for _, params := range []string{"size: 3KB", "size: 60KB\nrecipients: 10", "to: self"} {
		if r := do(t, h, "send", params); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	if len(p.mails) != 3 {
		t.Fatalf("%d mails arrived", len(p.mails))
	}
	for i, m := range p.mails {
		parsed, err := mail.ReadMessage(bytes.NewReader(m.raw))
		if err != nil {
			t.Fatal(err)
		}
		if run := parsed.Header.Get(corpus.RunField); run != probetest.RunID {
			t.Errorf("mail %d carries run %q", i, run)
		}
		to, err := parsed.Header.AddressList("To")
		if err != nil || len(to) != len(m.to) || m.from != account.Address {
			t.Errorf("mail %d: from %s to %v, header %v, %v", i, m.from, m.to, to, err)
		}
		if owner := parsed.Header.Get(corpus.OwnerField); (owner == m.to[0]) != (len(m.to) == 1) {
			t.Errorf("mail %d to %v carries owner %q", i, m.to, owner)
		}
	}
	if to := p.mails[2].to; len(to) != 1 || to[0] != account.Address {
		t.Errorf("the mail to self went to %v", to)
	}
	if n := len(p.mails[1].raw); n < 57000 || n > 63000 {
		t.Errorf("the mail of 60 KB has %d bytes", n)
	}
}

// A refusal must not end the session, and the transaction after it must be clean.
func TestSendAfterRefusal(t *testing.T) {
	address, p := serve(t, nil, false)
	h := host(t, address)
	good := h.Peers
	h.Peers = []probe.Account{{Address: "nobody@example.test"}}
	if r := do(t, h, "send", ""); r.Class != probe.Content {
		t.Fatalf("came to %v, want content: %v", r.Class, r.Err)
	}
	h.Peers = good[:1]
	r := do(t, h, "send", "")
	if r.Err != nil || r.Phases[probe.PhaseConnect] != 0 {
		t.Errorf("after a refusal: %v, phases %v", r.Err, r.Order)
	}
	if len(p.mails) != 1 || len(p.mails[0].to) != 1 || p.mails[0].to[0] != "b@example.test" {
		t.Errorf("arrived: %+v", p.mails)
	}
}

// A server that closes a silent connection is no failure.
func TestSendAfterIdleClose(t *testing.T) {
	address, p := serve(t, nil, false)
	h := host(t, address)
	if r := do(t, h, "send", "size: 2KB"); r.Err != nil {
		t.Fatal(r.Err)
	}
	p.mu.Lock()
	for _, c := range p.conns {
		c.Conn().Close()
	}
	p.mu.Unlock()
	r := do(t, h, "send", "size: 2KB")
	if r.Err != nil || r.Phases[probe.PhaseConnect] == 0 {
		t.Errorf("after a silence: %v, phases %v", r.Err, r.Order)
	}
	if len(p.mails) != 2 {
		t.Errorf("%d mails arrived", len(p.mails))
	}
}

func TestStartTLSNotOffered(t *testing.T) {
	address, _ := serve(t, nil, false)
	for startTLS, want := range map[string]probe.Class{"required": probe.TLS, "optional": probe.OK} {
		target := probetest.Target(t, "smtp", "smtp://"+address)
		target.StartTLS = startTLS
		h := probetest.NewHost(Protocol(), account, target)
		if r := do(t, h, "send", ""); r.Class != want {
			t.Errorf("%s: %v, want %v: %v", startTLS, r.Class, want, r.Err)
		}
		h.Close()
	}
}

func TestOpenMarksItsPhases(t *testing.T) {
	server, client := probetest.Certificate(t)
	address, _ := serve(t, server, false)
	target := probetest.Target(t, "smtp", "smtp://"+address)
	target.StartTLS, target.TLS = "optional", client
	h := probetest.NewHost(Protocol(), account, target)
	defer h.Close()
	r := h.Open(context.Background(), "")
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	for _, p := range []probe.Phase{probe.PhaseConnect, probe.PhaseTLS, probe.PhaseGreeting, probe.PhaseComplete} {
		if r.Phases[p] <= 0 {
			t.Errorf("phase %v is not marked; marked are %v", p, r.Order)
		}
	}
}

func TestClasses(t *testing.T) {
	for reply, want := range map[string]probe.Class{
		"421 4.7.0 mail.example.test Error: too many connections": probe.Limited,
		"421 mail.example.test Service not available":             probe.Overload,
		"450 4.2.1 busy":                        probe.Overload,
		"451 4.3.0 queue file write error":      probe.Overload,
		"452 4.3.1 Insufficient system storage": probe.Overload,
		"452 4.5.3 Too many recipients":         probe.Limited,
		"500 5.5.2 unrecognized":                probe.BadProtocol,
		"502 5.7.0 authenticate first":          probe.Denied,
		"530 5.7.0 Must issue STARTTLS":         probe.Auth,
		"535 5.7.8 authentication failed":       probe.Auth,
		"550 5.1.1 unknown":                     probe.Content,
		"550 5.7.1 relaying denied":             probe.Denied,
		"552 5.3.4 too big":                     probe.Limited,
		"554 no service for you":                probe.Denied,
		"200 strange":                           probe.BadProtocol,
		"not SMTP at all":                       probe.BadProtocol,
	} {
		t.Run(reply, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			var running sync.WaitGroup
			defer running.Wait()
			running.Go(func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				io.WriteString(c, reply+"\r\n")
				io.Copy(io.Discard, c)
			})
			h := host(t, l.Addr().String())
			r := h.Open(context.Background(), "")
			if r.Class != want {
				t.Errorf("came to %v, want %v: %v", r.Class, want, r.Err)
			}
			var own *probe.Error
			if !errors.As(r.Err, &own) || own.Doing == "" {
				t.Errorf("%v does not say what was being done", r.Err)
			}
		})
	}
}

func TestBadParameters(t *testing.T) {
	for _, params := range []string{"size: huge", "to: everybody", "recipients: 0", "recipients: 1001", "to: self\nrecipients: 2",
		"as: robot", "pipelining: on", "refused: never", "retry: once", "backoff: 0s", "backoff: 2h", "from: '<a@b.test>'"} {
		if _, err := probetest.Bind(Protocol(), "send", params); err == nil {
			t.Errorf("send accepts %q", params)
		}
	}
}
