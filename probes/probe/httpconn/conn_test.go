package httpconn

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pegel/probes/probe"
)

// host drives Turns for these tests; time is a counter, so that every mark has a different one.
type host struct{ now atomic.Int64 }

func (h *host) OpenSession(string) (probe.Session, error) { return nil, errors.New("no sessions here") }
func (h *host) Elapsed() time.Duration                    { return time.Duration(h.now.Add(1)) }
func (h *host) Account() probe.Account                    { return probe.Account{} }
func (h *host) Peer(uint64) probe.Account                 { return probe.Account{} }
func (h *host) RunID() string                             { return "test" }

func turn(t *testing.T) *probe.Turn {
	t.Helper()
	turn := probe.NewTurn(&host{})
	turn.Begin(t.Context(), "web", 1)
	return turn
}

func target(t *testing.T, address string) probe.Target {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return probe.Target{Name: "web", URL: u, DialContext: new(net.Dialer).DialContext}
}

func get(u *url.URL, path string) Request {
	return Request{Method: http.MethodGet, URL: u.JoinPath(path)}
}

func TestFirstConnectionIsUsedAndPhasesAreMarked(t *testing.T) {
	var dialled atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Proto)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	tg := target(t, server.URL)
	tg.TLS = &tls.Config{RootCAs: roots}
	tg.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled.Add(1)
		return new(net.Dialer).DialContext(ctx, network, address)
	}

	opening := turn(t)
	c, err := Open(opening, tg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	marked, _ := opening.Phases()
	if marked[probe.PhaseConnect] == 0 || marked[probe.PhaseTLS] == 0 {
		t.Errorf("open marked %v, want connect and tls", *marked)
	}
	if in, out := opening.Bytes(); in == 0 || out == 0 {
		t.Errorf("open counted %d bytes in, %d out", in, out)
	}

	asking := turn(t)
	r, err := c.Do(asking, get(c.Base(), "/"))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(r.Body); got != "HTTP/2.0" {
		t.Errorf("spoke %s, want HTTP/2.0", got)
	}
	if n := dialled.Load(); n != 1 {
		t.Errorf("dialled %d times, want the first connection to be used", n)
	}
	marked, _ = asking.Phases()
	if marked[probe.PhaseConnect] != 0 || marked[probe.PhaseFirstByte] == 0 || marked[probe.PhaseComplete] == 0 {
		t.Errorf("request marked %v, want first_byte and complete only", *marked)
	}
	if in, out := asking.Bytes(); in == 0 || out == 0 {
		t.Errorf("request counted %d bytes in, %d out", in, out)
	}
}

func TestReconnectMarksConnect(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
	}))
	defer server.Close()
	c, err := Open(turn(t), target(t, server.URL), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 2 {
		asking := turn(t)
		if _, err := c.Do(asking, get(c.Base(), "/")); err != nil {
			t.Fatal(err)
		}
		marked, _ := asking.Phases()
		if connected := marked[probe.PhaseConnect] != 0; connected != (i == 1) {
			t.Errorf("request %d: connect marked: %v", i, connected)
		}
	}
}

func TestUntrustedCertificateIsTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = nil
	server.StartTLS()
	defer server.Close()
	_, err := Open(turn(t), target(t, server.URL), Options{})
	if class := probe.ClassOf(err); class != probe.TLS {
		t.Errorf("class %v of %v, want tls", class, err)
	}
}

func TestRedirectStopsAtTheAllowList(t *testing.T) {
	server := httptest.NewServer(http.RedirectHandler("http://192.0.2.1:8080/elsewhere", http.StatusFound))
	defer server.Close()
	tg := target(t, server.URL)
	tg.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if !strings.HasPrefix(address, "127.") {
			return nil, probe.ErrNotAllowed
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	c, err := Open(turn(t), tg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Do(turn(t), get(c.Base(), "/"))
	if !errors.Is(err, probe.ErrNotAllowed) || probe.ClassOf(err) != probe.Denied || !strings.Contains(err.Error(), "192.0.2.1:8080") {
		t.Errorf("got %v (%v), want denied by the allow-list, naming the address", err, probe.ClassOf(err))
	}
	if want := "GET /elsewhere at 192.0.2.1:8080, where / redirects to: "; !strings.HasPrefix(err.Error(), want) || strings.Count(err.Error(), "dial 192.0.2.1:8080") != 1 {
		t.Errorf("got %q, want it to say what led there: %q, and the address to be dialled once", err, want)
	}
}

func TestRedirectsAreBounded(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	}))
	defer server.Close()
	c, err := Open(turn(t), target(t, server.URL), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err = c.Do(turn(t), get(c.Base(), "/loop")); probe.ClassOf(err) != probe.BadProtocol {
		t.Errorf("got %v, want a failure of class protocol", err)
	}
	if n := asked.Load(); n != MaxRedirects+1 {
		t.Errorf("asked %d times, want %d", n, MaxRedirects+1)
	}
}

func TestRedirectMethodAndAuthorization(t *testing.T) {
	var got []string
	note := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, fmt.Sprintf("%s %q auth=%v", r.Method, body, r.Header.Get("Authorization") != ""))
	}
	other := httptest.NewServer(http.HandlerFunc(note))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other.URL+"/", http.StatusFound)
		case "/moved":
			http.Redirect(w, r, "/here", http.StatusMovedPermanently)
		default:
			note(w, r)
		}
	}))
	defer server.Close()
	c, err := Open(turn(t), target(t, server.URL), Options{Authorization: "Basic secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, r := range []Request{
		{Method: "PROPFIND", URL: c.Base().JoinPath("moved"), Body: []byte("x"), KeepMethod: true},
		{Method: "POST", URL: c.Base().JoinPath("moved"), Body: []byte("x")},
		{Method: "GET", URL: c.Base().JoinPath("away")},
	} {
		if _, err := c.Do(turn(t), r); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{`PROPFIND "x" auth=true`, `GET "" auth=true`, `GET "" auth=false`}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the servers saw\n%q, want\n%q", got, want)
	}
}

func TestBodyIsBounded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chunk := make([]byte, 1<<20)
		for range MaxBody>>20 + 2 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	c, err := Open(turn(t), target(t, server.URL), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Do(turn(t), get(c.Base(), "/")); probe.ClassOf(err) != probe.Content {
		t.Errorf("got %v, want a failure of class content", err)
	}
}

func TestEndOfTheActionIsItsClass(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	c, err := Open(turn(t), target(t, server.URL), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	asking := probe.NewTurn(&host{})
	asking.Begin(ctx, "web", 1)
	if _, err := c.Do(asking, get(c.Base(), "/")); probe.ClassOf(err) != probe.Timeout {
		t.Errorf("got %v, want a failure of class timeout", err)
	}
}

func TestClosedConnectionIsReset(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }))
	defer server.Close()
	c, err := Open(turn(t), target(t, server.URL), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Do(turn(t), get(c.Base(), "/")); probe.ClassOf(err) != probe.Reset {
		t.Errorf("got %v, want a failure of class reset", err)
	}
}

func TestClassOfStatus(t *testing.T) {
	for status, want := range map[int]probe.Class{
		200: probe.OK, 207: probe.OK, 304: probe.OK, 400: probe.BadProtocol, 401: probe.Auth, 403: probe.Denied, 404: probe.Content,
		412: probe.Content, 429: probe.Limited, 500: probe.Content, 501: probe.BadProtocol, 502: probe.Overload, 503: probe.Overload, 504: probe.Overload,
	} {
		if got := ClassOfStatus(status); got != want {
			t.Errorf("%d is %v, want %v", status, got, want)
		}
	}
}

// A connection that the server closes when it gets the next request is replaced, and the request repeated; but a write that is then
// refused may have been done the first time, so that the lost connection is its failure.
func TestRepeatedRequests(t *testing.T) {
	for _, c := range []struct {
		method string
		status int
		want   probe.Class
	}{
		{http.MethodGet, 200, probe.OK}, {"REPORT", 207, probe.OK}, {"PROPFIND", 404, probe.OK}, {http.MethodPut, 201, probe.OK},
		{http.MethodPut, 412, probe.Reset}, {http.MethodDelete, 404, probe.Reset}, {"MKCALENDAR", 405, probe.Reset}, {http.MethodPost, 200, probe.Reset},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for n := 0; ; n++ {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				in := bufio.NewReader(conn)
				for k := range 2 {
					r, err := http.ReadRequest(in)
					if err != nil {
						break
					}
					io.Copy(io.Discard, r.Body)
					if n == 0 && k == 1 {
						break // done, and no answer
					}
					status := c.status
					if n == 0 {
						status = 200
					}
					fmt.Fprintf(conn, "HTTP/1.1 %d x\r\nContent-Length: 2\r\n\r\nok", status)
				}
				conn.Close()
			}
		}()
		u := &url.URL{Scheme: "http", Host: l.Addr().String(), Path: "/x"}
		client, err := Open(turn(t), target(t, u.String()), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Do(turn(t), Request{Method: http.MethodGet, URL: u}); err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(turn(t), Request{Method: c.method, URL: u, KeepMethod: true})
		if probe.ClassOf(err) != c.want {
			t.Errorf("%s, then %d: %v, want %v", c.method, c.status, err, c.want)
		} else if err == nil && response.Status != c.status {
			t.Errorf("%s, then %d: got %d", c.method, c.status, response.Status)
		}
		client.Close()
		l.Close()
	}
}
