package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/target"

	"pegel/probes/probe"
)

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// proxy is an HTTP proxy on loopback between Chromium and the platform. It dials as the probes do and remembers what went
// wrong with which address, because Chromium's own error texts do not say why a connection could not be had. Every
// connection from Chromium has connections of its own to the platform, so that users do not share any.
type proxy struct {
	dial     dialFunc
	listener net.Listener
	server   *http.Server
	ctx      context.Context // ends all tunnels
	cancel   context.CancelFunc
	running  sync.WaitGroup // the server and its tunnels

	mu       sync.Mutex
	count    uint64             // failures so far
	failures map[string]failure // by address
}

// failure is the last one with an address, and the how-many-th of all it was.
type failure struct {
	number uint64
	err    error
}

// upstreamKey is the context key of a client connection's own transport.
type upstreamKey struct{}

// only makes a browser context send everything through this proxy.
func (p *proxy) only(c *target.CreateBrowserContextParams) {
	c.ProxyServer, c.ProxyBypassList = p.address(), "<-loopback>"
}

func startProxy(dial dialFunc) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the browser's proxy: %w", err)
	}
	p := &proxy{dial: dial, listener: l, failures: make(map[string]failure)}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	silent := log.New(io.Discard, "", 0)
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL = r.In.URL
			r.Out.Host = r.In.Host
		},
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			return r.Context().Value(upstreamKey{}).(*http.Transport).RoundTrip(r)
		}),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			p.note(hostPort(r.URL), err)
			w.WriteHeader(http.StatusBadGateway)
		},
		FlushInterval: -1,
		ErrorLog:      silent,
	}
	var (
		mu        sync.Mutex
		upstreams = make(map[net.Conn]*http.Transport)
	)
	p.server = &http.Server{
		ErrorLog:          silent,
		ReadHeaderTimeout: 30 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return p.ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			transport := &http.Transport{DialContext: p.dial, DisableCompression: true}
			mu.Lock()
			upstreams[c] = transport
			mu.Unlock()
			return context.WithValue(ctx, upstreamKey{}, transport)
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			if state != http.StateClosed && state != http.StateHijacked {
				return
			}
			mu.Lock()
			transport := upstreams[c]
			delete(upstreams, c)
			mu.Unlock()
			if transport != nil {
				transport.CloseIdleConnections()
			}
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodConnect:
				p.tunnel(w, r)
			case r.URL.Scheme == "http" && r.URL.Host != "":
				forward.ServeHTTP(w, r)
			default:
				http.Error(w, "this is a proxy", http.StatusBadRequest)
			}
		}),
	}
	p.running.Go(func() { p.server.Serve(l) }) // ends with Close; its error says only that
	return p, nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (p *proxy) address() string { return p.listener.Addr().String() }

// tunnel answers CONNECT and copies bytes until one side ends.
func (p *proxy) tunnel(w http.ResponseWriter, r *http.Request) {
	upstream, err := p.dial(r.Context(), "tcp", r.Host)
	if err != nil {
		p.note(r.Host, err)
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer upstream.Close()
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	p.running.Add(1) // the server does not wait for hijacked connections
	defer p.running.Done()
	unhook := context.AfterFunc(p.ctx, func() {
		client.Close()
		upstream.Close()
	})
	defer unhook()
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(upstream, buffered)
		closeWrite(upstream)
	}()
	_, err = io.Copy(client, upstream)
	if err != nil && !errors.Is(err, net.ErrClosed) && probe.ClassOf(err) == probe.Reset {
		p.note(r.Host, err)
	}
	client.Close()
	<-done
}

// closeWrite passes the end of one direction on, where the connection can say that.
func closeWrite(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
		return
	}
	c.Close()
}

func (p *proxy) note(address string, err error) {
	if errors.Is(err, context.Canceled) {
		return // Chromium has lost interest
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	if !strings.Contains(err.Error(), address) {
		err = fmt.Errorf("%s: %w", address, err)
	}
	p.failures[address] = failure{p.count, err}
}

// moment is a point in the sequence of failures, for since.
func (p *proxy) moment() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// since returns the last failure with an address after a moment, or nil. Users share it: if one cannot connect, neither
// can the others.
func (p *proxy) since(moment uint64, address string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.failures[address]; f.number > moment {
		return f.err
	}
	return nil
}

// Close ends everything that runs through the proxy and waits for it.
func (p *proxy) Close() error {
	p.cancel()
	err := p.server.Close()
	p.running.Wait()
	return err
}

// hostPort is the address to dial for a URL.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
		if u.Scheme == "https" {
			port = "443"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}
