// Package httpconn is one user's HTTP connections to one target: dialled through the target, clocked as phases, counted
// in bytes, and judged by status. It is the plumbing of the protocols that ride on HTTP.
//
// A Client is used by one user at a time and performs one request at a time. It relies on the contract of probe.Target
// (the dialer enforces the allow-list) and of probe.Turn (marks follow one another); the marks that the transport makes
// from its own goroutines are made under a lock while the user's goroutine waits for them.
package httpconn

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"pegel/probes/probe"
)

const (
	// maxConns is what browsers allow themselves per host over HTTP/1.1.
	maxConns = 6
	// idleTimeout is how long an unused connection is kept; servers mostly close it earlier.
	idleTimeout = 5 * time.Minute
	// maxHeader bounds what a server may send as header, in bytes.
	maxHeader = 1 << 20
)

// Options are what the protocols want differently.
type Options struct {
	UserAgent string
	// Jar keeps cookies; nil keeps none.
	Jar http.CookieJar
	// Authorization is sent as that header to the target's own origin, and nowhere else; "" sends none.
	Authorization string
}

// Client is one user's connections to one target.
type Client struct {
	base      *url.URL
	target    probe.Target
	options   Options
	transport *http.Transport
	client    *http.Client

	mu    sync.Mutex
	first net.Conn // dialled by Open, until the transport takes it

	in, out atomic.Int64 // bytes on the wire, over all connections
}

// Open dials the first connection, marking connect and tls, and returns a client that will use it. Errors are
// classified.
func Open(t *probe.Turn, target probe.Target, options Options) (*Client, error) {
	if s := target.URL.Scheme; s != "http" && s != "https" {
		return nil, probe.Failf(probe.BadProtocol, "open "+target.Name, "scheme %q is not http or https", s)
	}
	base := *target.URL
	base.User = nil
	if base.Path == "" {
		base.Path = "/"
	}
	c := &Client{base: &base, target: target, options: options}
	c.transport = &http.Transport{
		DialContext:            c.dial,
		DialTLSContext:         c.dial,
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        maxConns,
		MaxIdleConnsPerHost:    maxConns,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeader,
	}
	c.client = &http.Client{
		Transport: c.transport,
		Jar:       options.Jar,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}

	ex := &exchange{turn: t}
	ctx := context.WithValue(t.Context(), exchangeKey{}, ex)
	conn, err := c.connect(ctx, address(&base), base.Scheme == "https")
	ex.end()
	if err != nil {
		return nil, Classify(t.Context(), "open "+target.Name, err)
	}
	in, out := c.in.Load(), c.out.Load()
	t.Transferred(in, out)
	c.first = conn
	return c, nil
}

// Base is the target's address without user information; its path is at least "/".
func (c *Client) Base() *url.URL { return c.base }

// Close closes all connections. The client must not be used afterwards.
func (c *Client) Close() error {
	c.mu.Lock()
	first := c.first
	c.first = nil
	c.mu.Unlock()
	if first != nil {
		first.Close()
	}
	c.transport.CloseIdleConnections()
	return nil
}

// dial is the transport's way to a new connection. Whether TLS is wanted follows from where it asks: the address of the
// origin that the exchange is about.
func (c *Client) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	ex, _ := ctx.Value(exchangeKey{}).(*exchange)
	if ex == nil {
		return nil, errors.New("dialled without an exchange")
	}
	if addr == address(c.base) && ex.secure == (c.base.Scheme == "https") {
		c.mu.Lock()
		first := c.first
		c.first = nil
		c.mu.Unlock()
		if first != nil {
			return first, nil
		}
	}
	return c.connect(ctx, addr, ex.secure)
}

// connect dials addr and shakes hands, marking both phases on the exchange of ctx.
func (c *Client) connect(ctx context.Context, addr string, secure bool) (net.Conn, error) {
	ex := ctx.Value(exchangeKey{}).(*exchange)
	raw, err := c.target.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	ex.mark(probe.PhaseConnect)
	conn := &countedConn{Conn: raw, in: &c.in, out: &c.out}
	if !secure {
		return conn, nil
	}
	config := &tls.Config{}
	if c.target.TLS != nil {
		config = c.target.TLS.Clone()
	}
	// The configured name belongs to the target; another host met by a redirect is verified under its own name.
	host, _, _ := net.SplitHostPort(addr)
	if config.ServerName == "" || host != c.base.Hostname() {
		config.ServerName = host
	}
	config.NextProtos = []string{"h2", "http/1.1"}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, fmt.Errorf("TLS with %s: %w", addr, err)
	}
	ex.mark(probe.PhaseTLS)
	return secured, nil
}

// address is host:port of a URL.
func address(u *url.URL) string {
	port := cmp.Or(u.Port(), map[string]string{"https": "443"}[u.Scheme], "80")
	return net.JoinHostPort(u.Hostname(), port)
}

// exchange is one request on its way, as far as the transport's goroutines need to know it: it carries the Turn while
// its goroutine waits, and refuses marks that come late (a dial that has lost the race against an idle connection).
type exchange struct {
	secure bool

	mu   sync.Mutex
	turn *probe.Turn
}

type exchangeKey struct{}

// mark ends a phase. Phases of one action come in order: where it takes several exchanges, what follows the first answer
// counts as complete, so that first_byte stays the wait for the first answer.
func (e *exchange) mark(p probe.Phase) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.turn == nil {
		return
	}
	marked, _ := e.turn.Phases()
	for _, later := range marked[p+1:] {
		if later != 0 {
			return
		}
	}
	e.turn.Mark(p)
}

func (e *exchange) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.turn = nil
}

// countedConn adds what passes to the client's counters.
type countedConn struct {
	net.Conn
	in, out *atomic.Int64
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.in.Add(int64(n))
	return n, err
}

func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.out.Add(int64(n))
	return n, err
}
