package testenv

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Options say what platform to start. Zero values stand for the defaults given here.
type Options struct {
	Definition Definition // what operations cost; an empty one makes everything free
	Seed       uint64     // of service times, mail and calendars

	// Accounts is the number of accounts, 1000 by default: u00001@Domain to u01000@Domain, and u00000 as well, since lists
	// may count from 0.
	Accounts int
	// MessagesPerAccount is the number of messages in each INBOX at first touch: 20 by default, none if negative.
	MessagesPerAccount int
	Password           string // of all accounts; "secret" by default
	Auth               Auth   // other ways to log in; none by default
	Domain             string // "example.test" by default

	Listen string // address of all listeners, "127.0.0.1" by default
	Ports  Ports
	// TLS adds listeners for imaps and https, and STARTTLS. The certificate of the authority that signed the server's is
	// written to CADir/ca.pem.
	TLS   bool
	CADir string // must exist if TLS is wanted

	// SourceAccounts starts a second IMAP server, the old platform, with the same accounts and other mail. It costs nothing
	// in the network.
	SourceAccounts bool

	// Route says into whose INBOX a mail for an account goes that came in by SMTP: once for each account in the list. It stands
	// for a platform that loses, doubles or misdelivers mail; nil: into that account's. It is called from many goroutines.
	Route func(account int) []int

	// PhoneWorkers is how many processes serve phones, by ActiveSync: each command holds one until it is answered, a Ping for all
	// its heartbeat, and further ones wait. 0: as many as are needed.
	PhoneWorkers int
	PhonePolicy  bool // phones are refused until they have got a policy key

	ErrorLog *log.Logger // complaints of the servers about their clients; nil drops them
}

// Ports are TCP ports; 0 takes a free one.
type Ports struct {
	IMAP, IMAPS, SMTP, CalDAV, CardDAV, EAS, Web, WebTLS, Metrics, IMAPSource int
}

// URLs are the addresses of a platform's servers. Those that were not asked for are empty.
type URLs struct {
	IMAP       string // imap://, with STARTTLS if TLS is on
	IMAPS      string // imaps://
	SMTP       string // smtp://, with AUTH PLAIN, and STARTTLS if TLS is on
	CalDAV     string // http://…/, with basic authentication
	EAS        string // http://…/Microsoft-Server-ActiveSync, with basic authentication
	CardDAV    string // http://…/, with basic authentication
	Web        string // http://…/
	WebTLS     string // https://…/
	Metrics    string // http://…/metrics
	IMAPSource string // imap://, the old platform
}

// Platform is a running embedded platform. Close must be called in the end.
type Platform struct {
	URLs   URLs
	CAFile string // "" without TLS

	options Options
	network *Network
	node    nodeState
	proxied []*trackedListener // those before which the balancer stands
	workers *workers
	ctx     context.Context // ends when the platform closes; visits run under it
	cancel  context.CancelFunc
	unhook  func() bool

	listeners []*trackedListener
	closers   []func() // end a server's listeners and connections
	waiters   []func() // wait for a server's connections
	serving   sync.WaitGroup

	mu   sync.Mutex
	errs []error
	once sync.Once
}

func (o *Options) fill() {
	set := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	set(&o.Password, "secret")
	set(&o.Auth.Joint, "*")
	set(&o.Domain, "example.test")
	set(&o.Listen, "127.0.0.1")
	if o.Accounts <= 0 {
		o.Accounts = 1000
	}
	if o.MessagesPerAccount == 0 {
		o.MessagesPerAccount = 20
	}
	o.MessagesPerAccount = max(o.MessagesPerAccount, 0)
	if o.ErrorLog == nil {
		o.ErrorLog = log.New(io.Discard, "", 0)
	}
}

// Start starts the platform: when it returns, all servers accept connections. The platform ends with ctx or by Close. It
// fails if the definition does not pass Check or a port cannot be had.
func Start(ctx context.Context, options Options) (*Platform, error) {
	options.fill()
	if err := options.Definition.Check(); err != nil {
		return nil, fmt.Errorf("starting platform %q: %w", options.Definition.Name, err)
	}
	p := &Platform{options: options, network: NewNetwork(options.Definition, options.Seed)}
	p.ctx, p.cancel = context.WithCancel(ctx)
	p.unhook = func() bool { return true }
	if err := p.start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting platform %q: %w", options.Definition.Name, err), p.Close())
	}
	p.unhook = context.AfterFunc(ctx, p.shut)
	return p, nil
}

func (p *Platform) start() error {
	o, now := p.options, time.Now()
	var tlsConfig *tls.Config
	if o.TLS {
		var err error
		if tlsConfig, p.CAFile, err = newTLS(o.CADir, o.Domain, o.Listen, now); err != nil {
			return err
		}
	}
	store := newMailStore(o.Domain, o.Password, o.Accounts, o.MessagesPerAccount, o.Seed, now)
	store.auth = o.Auth
	calendars, err := newCalendarStore(store, now)
	if err != nil {
		return err
	}
	page, err := newWebmail(store, p.chargeHTTP)
	if err != nil {
		return err
	}

	if err := p.startIMAP(&imapBackend{store: store, charge: p.chargeClient, limit: o.Definition.LoginLimit}, tlsConfig, true); err != nil {
		return err
	}
	if err := p.startSMTP(&smtpBackend{store: store, charge: p.charge, route: o.Route}, tlsConfig); err != nil {
		return err
	}
	mail := len(p.listeners)
	if p.URLs.CalDAV, err = p.startHTTP(newCalendarServer(calendars, p.chargeHTTP), o.Ports.CalDAV, nil); err != nil {
		return err
	}
	p.workers = newWorkers("phones", o.PhoneWorkers, p.ctx.Done())
	phones := &phoneServer{store: store, charge: p.chargeHTTP, ctx: p.ctx, workers: p.workers, policy: o.PhonePolicy, known: make(map[phone]imap.UID)}
	if p.URLs.EAS, err = p.startHTTP(phones, o.Ports.EAS, nil); err != nil {
		return err
	}
	p.URLs.EAS += strings.TrimPrefix(phonePath, "/")
	contacts := &contactServer{store: newContactStore(store), charge: p.chargeHTTP}
	if p.URLs.CardDAV, err = p.startHTTP(contacts, o.Ports.CardDAV, nil); err != nil {
		return err
	}
	if p.URLs.Web, err = p.startHTTP(page, o.Ports.Web, nil); err != nil {
		return err
	}
	if o.TLS {
		if p.URLs.WebTLS, err = p.startHTTP(page, o.Ports.WebTLS, tlsConfig); err != nil {
			return err
		}
	}
	p.proxied = append(p.proxied, p.listeners[mail:]...)
	pages := newMetricsHandler(p.Stats)
	p.addPages(pages)
	metrics, err := p.startHTTP(pages, o.Ports.Metrics, nil)
	if err != nil {
		return err
	}
	p.URLs.Metrics = metrics + "metrics"
	if o.SourceAccounts {
		// Another seed: mail of the old platform is not already there on the new one.
		source := newMailStore(o.Domain, o.Password, o.Accounts, o.MessagesPerAccount, o.Seed+1, now)
		source.auth = o.Auth
		free := func(string, Client) error { return nil }
		return p.startIMAP(&imapBackend{store: source, charge: free}, nil, false)
	}
	return nil
}

func (p *Platform) listen(port int) (*trackedListener, error) {
	ln, err := listen(p.options.Listen, port)
	if err != nil {
		return nil, err
	}
	p.listeners = append(p.listeners, ln)
	return ln, nil
}

// serve runs a server's accept loop until the platform closes.
func (p *Platform) serve(ln net.Listener, serve func(net.Listener) error) {
	p.serving.Go(func() {
		if err := serve(ln); err != nil && p.ctx.Err() == nil {
			p.mu.Lock()
			p.errs = append(p.errs, fmt.Errorf("serving on %s: %w", ln.Addr(), err))
			p.mu.Unlock()
		}
	})
}

func (p *Platform) startIMAP(b *imapBackend, tlsConfig *tls.Config, target bool) error {
	port, address := p.options.Ports.IMAP, &p.URLs.IMAP
	if !target {
		port, address = p.options.Ports.IMAPSource, &p.URLs.IMAPSource
	}
	server := newIMAPServer(b, tlsConfig, p.options.ErrorLog)
	p.closers = append(p.closers, func() { server.Close() })
	p.waiters = append(p.waiters, b.close)
	ln, err := p.listen(port)
	if err != nil {
		return err
	}
	*address = "imap://" + ln.Addr().String()
	p.serve(ln, server.Serve)
	if tlsConfig == nil {
		return nil
	}
	secure, err := p.listen(p.options.Ports.IMAPS)
	if err != nil {
		return err
	}
	p.URLs.IMAPS = "imaps://" + secure.Addr().String()
	p.serve(tls.NewListener(secure, tlsConfig), server.Serve)
	return nil
}

func (p *Platform) startSMTP(b *smtpBackend, tlsConfig *tls.Config) error {
	ln, err := p.listen(p.options.Ports.SMTP)
	if err != nil {
		return err
	}
	server := newSMTPServer(b, tlsConfig, p.options.ErrorLog)
	// All connections have been cut by then, so Shutdown waits only for their goroutines.
	p.closers = append(p.closers, func() { server.Shutdown(context.Background()) })
	p.URLs.SMTP = "smtp://" + ln.Addr().String()
	if p.options.Definition.LoginLimit == nil {
		p.serve(ln, server.Serve)
		return nil
	}
	admit := func(from netip.Addr) bool { return p.network.Admit("smtp", from) }
	p.serve(&limitedListener{ln, admit, "mail." + p.options.Domain}, server.Serve)
	return nil
}

func (p *Platform) startHTTP(handler http.Handler, port int, tlsConfig *tls.Config) (url string, err error) {
	ln, err := p.listen(port)
	if err != nil {
		return "", err
	}
	server := newHTTPServer(handler, p.options.ErrorLog)
	p.closers = append(p.closers, server.close)
	p.waiters = append(p.waiters, server.wait)
	if tlsConfig == nil {
		p.serve(ln, server.serve)
		return "http://" + ln.Addr().String() + "/", nil
	}
	p.serve(tls.NewListener(ln, tlsConfig), server.serve)
	return "https://" + ln.Addr().String() + "/", nil
}

// Login is the name under which account i logs in, which is its mail address as well.
func (p *Platform) Login(i int) string { return fmt.Sprintf("u%05d@%s", i, p.options.Domain) }

// Password is the password of all accounts.
func (p *Platform) Password() string { return p.options.Password }

// Stats reads the counters of the platform's resources.
func (p *Platform) Stats() []ResourceStats { return append(p.network.Stats(), p.workers.stats()...) }

// Connections is the number of client connections now open to all servers together.
func (p *Platform) Connections() int {
	n := 0
	for _, ln := range p.listeners {
		n += ln.open()
	}
	return n
}

// Close ends the platform: visits end, connections are cut, and all goroutines have ended when it returns. Its error is what
// made a server stop early, if anything did. Closing again does nothing.
func (p *Platform) Close() error {
	p.unhook()
	p.shut()
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.errs...)
}

func (p *Platform) shut() {
	p.once.Do(func() {
		p.cancel()
		p.network.Close()
		for _, ln := range p.listeners {
			ln.hangUp()
		}
		for _, end := range p.closers {
			end()
		}
		// A server that failed to start never owned its listener.
		for _, ln := range p.listeners {
			ln.Listener.Close()
		}
		p.serving.Wait()
		for _, wait := range p.waiters {
			wait()
		}
	})
}
