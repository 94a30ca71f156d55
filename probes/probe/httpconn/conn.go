// Package httpconn is one user's HTTP connections to one target: dialled through the target, clocked as phases, counted
// in bytes, and judged by status. It is the plumbing of the protocols that ride on HTTP.
//
// A Client is used by one user at a time, as its Turn is. It speaks HTTP/1.1 by itself, without a goroutine or a buffer
// for a connection that nobody waits for, so that a user who thinks costs little more than a socket; over TLS HTTP/2
// where the server wants it. It relies on the contract of probe.Target (the dialer enforces the allow-list).
package httpconn

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pegel/probes/probe"
)

const (
	// MaxConns is how many connections browsers allow themselves to one host over HTTP/1.1.
	MaxConns = 6
	// idleTimeout is how long an unused connection is kept; servers mostly close it earlier.
	idleTimeout = 5 * time.Minute
	// justUsed is how long a connection counts as alive after an answer, without looking: within one action, and no longer.
	// No server gives up a connection so soon without having said so in its answer.
	justUsed = 50 * time.Millisecond
	// maxHeader bounds what a server may send as header, in bytes.
	maxHeader = 1 << 20
)

// Options are what the protocols want differently.
type Options struct {
	UserAgent string
	// Cookies keeps cookies and sends them back, as a browser does.
	Cookies bool
	// Authorization is sent as that header to the target's own origin, and nowhere else; "" sends none.
	Authorization string
}

// Client is one user's connections to one target.
type Client struct {
	base    *url.URL
	target  probe.Target
	options Options
	jar     *jar // nil: keeps no cookies

	mu    sync.Mutex
	idle  []*wire // most recently used last
	multi []multiplexed

	in, out atomic.Int64 // bytes on the wire, over all connections
	sent    atomic.Int64 // requests, those of redirects included
}

// wire is one connection of HTTP/1.1.
type wire struct {
	conn   net.Conn // with TLS, where there is any
	raw    net.Conn
	origin origin
	used   time.Time // zero: never
}

// multiplexed is one connection of HTTP/2.
type multiplexed struct {
	origin origin
	conn   *http.ClientConn
}

// origin is where a connection leads.
type origin struct {
	secure  bool
	address string // host:port
}

func originOf(u *url.URL) origin { return origin{u.Scheme == "https", address(u)} }

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
	if options.Cookies {
		c.jar = new(jar)
	}
	w, multi, err := c.dial(t.Context(), t, originOf(&base), false)
	if err != nil {
		return nil, Classify(t.Context(), "open "+target.Name, err)
	}
	t.Transferred(c.in.Load(), c.out.Load())
	if multi == nil {
		c.idle = append(c.idle, w)
	}
	return c, nil
}

// Base is the target's address without user information; its path is at least "/".
func (c *Client) Base() *url.URL { return c.base }

// Cookie is the user's cookie that goes to the target, by its name.
func (c *Client) Cookie(name string) (string, bool) { return c.CookieFor(c.base, name) }

// CookieFor is the user's cookie that goes to u.
func (c *Client) CookieFor(u *url.URL, name string) (string, bool) {
	if c.jar == nil {
		return "", false
	}
	return c.jar.value(u, name, time.Now())
}

// Requests is how many requests were sent so far, those that followed redirects included. A websocket is none.
func (c *Client) Requests() int64 { return c.sent.Load() }

// ForgetCookies drops the user's cookies.
func (c *Client) ForgetCookies() {
	if c.jar != nil {
		c.jar.mu.Lock()
		c.jar.list = nil
		c.jar.mu.Unlock()
	}
}

// Close closes all connections. The client must not be used afterwards.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.idle {
		w.raw.Close() // no close_notify: closing a session must not wait for a server that does not read
	}
	for _, m := range c.multi {
		m.conn.Close()
	}
	c.idle, c.multi = nil, nil
	return nil
}

// take returns a connection to o that is free: one that was used before, or a new one.
func (c *Client) take(ctx context.Context, t *probe.Turn, o origin, fresh bool) (w *wire, multi *http.ClientConn, reused bool, err error) {
	for !fresh {
		w, multi := c.free(o)
		if multi != nil {
			return nil, multi, true, nil
		}
		if w == nil {
			break
		}
		if w.used.IsZero() {
			return w, nil, false, nil
		}
		if idle := time.Since(w.used); idle > idleTimeout || idle > justUsed && !alive(w.raw) {
			w.raw.Close()
			continue
		}
		return w, nil, true, nil
	}
	w, multi, err = c.dial(ctx, t, o, false)
	return w, multi, false, err
}

func (c *Client) free(o origin) (*wire, *http.ClientConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.multi) - 1; i >= 0; i-- {
		if m := c.multi[i]; m.origin == o {
			if m.conn.Err() == nil { // with as many streams as it allows, a request waits for one to end
				return nil, m.conn
			}
			m.conn.Close()
			c.multi = append(c.multi[:i], c.multi[i+1:]...)
		}
	}
	for i := len(c.idle) - 1; i >= 0; i-- {
		if w := c.idle[i]; w.origin == o {
			c.idle = append(c.idle[:i], c.idle[i+1:]...)
			return w, nil
		}
	}
	return nil, nil
}

// give puts a connection back. What a page's parallel requests have opened is kept, as browsers keep it.
func (c *Client) give(w *wire) {
	w.used = time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = append(c.idle, w)
	if len(c.idle) > 2*MaxConns { // several hosts, by redirects
		c.idle[0].raw.Close()
		c.idle = append(c.idle[:0], c.idle[1:]...)
	}
}

// dial opens a connection and shakes hands, marking both phases where there is a Turn. plain asks for HTTP/1.1.
func (c *Client) dial(ctx context.Context, t *probe.Turn, o origin, plain bool) (*wire, *http.ClientConn, error) {
	raw, err := c.target.DialContext(ctx, "tcp", o.address)
	if err != nil {
		if !strings.Contains(err.Error(), o.address) {
			err = fmt.Errorf("dial %s: %w", o.address, err)
		}
		return nil, nil, err
	}
	mark(t, probe.PhaseConnect)
	w := &wire{conn: &countedConn{Conn: raw, in: &c.in, out: &c.out}, raw: raw, origin: o}
	if !o.secure {
		return w, nil, nil
	}
	config := &tls.Config{}
	if c.target.TLS != nil {
		config = c.target.TLS.Clone()
	}
	// The configured name belongs to the target; another host met by a redirect is verified under its own name.
	host, _, _ := net.SplitHostPort(o.address)
	if config.ServerName == "" || host != c.base.Hostname() {
		config.ServerName = host
	}
	config.NextProtos = []string{"h2", "http/1.1"}
	if plain {
		config.NextProtos = []string{"http/1.1"}
	}
	secured := tls.Client(w.conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, nil, fmt.Errorf("TLS with %s: %w", o.address, err)
	}
	mark(t, probe.PhaseTLS)
	w.conn = secured
	if secured.ConnectionState().NegotiatedProtocol != "h2" {
		return w, nil, nil
	}
	multi, err := overHTTP2(ctx, secured, o.address)
	if err != nil {
		raw.Close()
		return nil, nil, fmt.Errorf("HTTP/2 with %s: %w", o.address, err)
	}
	c.mu.Lock()
	c.multi = append(c.multi, multiplexed{o, multi})
	c.mu.Unlock()
	return nil, multi, nil
}

// address is host:port of a URL.
func address(u *url.URL) string {
	if u.Port() != "" && u.Hostname() != "" {
		return u.Host
	}
	port := cmp.Or(u.Port(), map[string]string{"https": "443"}[u.Scheme], "80")
	return net.JoinHostPort(u.Hostname(), port)
}

// mark ends a phase. Phases of one action come in order: where it takes several exchanges, what follows the first answer
// counts as complete, so that first_byte stays the wait for the first answer. A nil t is a request beside others, whose
// phases are nobody's.
func mark(t *probe.Turn, p probe.Phase) {
	if t == nil {
		return
	}
	marked, _ := t.Phases()
	for _, later := range marked[p+1:] {
		if later != 0 {
			return
		}
	}
	t.Mark(p)
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

// idempotent says whether a request may be sent again when a connection that had been idle turns out to be closed
// (RFC 9110, section 9.2.2).
func idempotent(method string) bool {
	switch method {
	case http.MethodPost, http.MethodPatch, http.MethodConnect:
		return false
	}
	return true
}

// writes tells whether a method that may be repeated changes something.
func writes(method string) bool {
	switch method {
	case http.MethodPut, http.MethodDelete, "MKCOL", "MKCALENDAR", "PROPPATCH", "MOVE", "COPY":
		return true
	}
	return false
}
