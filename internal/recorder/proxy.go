package recorder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"time"
)

// errElsewhere is the answer to a request to another host.
var errElsewhere = errors.New("another host than the application's")

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// proxy is an HTTP proxy on loopback through which the browser reaches what its dialer allows, and nothing else.
type proxy struct {
	listener net.Listener
	server   *http.Server
	ctx      context.Context // ends all tunnels
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu  sync.Mutex
	err error // the last connection that could not be had
}

// startProxy starts a proxy that leads to one host. Chromium asks for others of its own accord, and their names must not
// even be looked up.
func startProxy(dial dialFunc, only string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the browser's proxy: %w", err)
	}
	p := &proxy{listener: l}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	silent := log.New(io.Discard, "", 0)
	noted := func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, _, err := net.SplitHostPort(address); err != nil || !strings.EqualFold(host, only) {
			return nil, errElsewhere
		}
		conn, err := dial(ctx, network, address)
		if err != nil && ctx.Err() == nil {
			p.mu.Lock()
			p.err = err
			p.mu.Unlock()
		}
		return conn, err
	}
	transport := &http.Transport{DialContext: noted, DisableCompression: true}
	forward := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.Out.URL, r.Out.Host = r.In.URL, r.In.Host },
		Transport:     transport,
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		FlushInterval: -1,
		ErrorLog:      silent,
	}
	p.server = &http.Server{ErrorLog: silent, ReadHeaderTimeout: 30 * time.Second, BaseContext: func(net.Listener) context.Context { return p.ctx },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodConnect:
				p.tunnel(w, r, noted)
			case r.URL.Scheme == "http" && r.URL.Host != "":
				forward.ServeHTTP(w, r)
			default:
				http.Error(w, "this is a proxy", http.StatusBadRequest)
			}
		})}
	p.running.Go(func() {
		p.server.Serve(l) // ends with Close; its error says only that
		transport.CloseIdleConnections()
	})
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// last is why the last connection could not be had, or nil.
func (p *proxy) last() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// tunnel answers CONNECT and copies bytes until one side ends.
func (p *proxy) tunnel(w http.ResponseWriter, r *http.Request, dial dialFunc) {
	upstream, err := dial(r.Context(), "tcp", r.Host)
	if err != nil {
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
		if half, ok := upstream.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		}
	}()
	io.Copy(client, upstream)
	client.Close()
	<-done
}

// Close ends everything that runs through the proxy and waits for it.
func (p *proxy) Close() error {
	p.cancel()
	err := p.server.Close()
	p.running.Wait()
	return err
}
