package web

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"pegel/internal/engine"
	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
	"pegel/probes/probetest"
)

// usage is what this process holds; the servers of the tests are part of it.
type usage struct {
	goroutines  int
	live, total uint64 // bytes on the heap now, and ever
}

func now() usage {
	runtime.GC()
	runtime.GC() // pools are emptied by the second one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{runtime.NumGoroutine(), m.HeapAlloc, m.TotalAlloc}
}

// bounds says what is left over, and what was taken on the way: all that was ever taken for one answer, twice over since a
// growing buffer is copied, and what the server took. The server's goroutines for connections end a moment after ours.
func (u usage) bounds(t *testing.T) {
	t.Helper()
	const (
		most     = 4*httpconn.MaxBody + 32<<20
		leftOver = 4 << 20
		atWork   = 3 // of the server: its listener, and connections that it has not given up yet
	)
	after := now()
	for end := time.Now().Add(20 * time.Second); (after.goroutines > u.goroutines+atWork || after.live > u.live+leftOver) && time.Now().Before(end); after = now() {
		time.Sleep(20 * time.Millisecond)
	}
	if after.goroutines > u.goroutines+atWork {
		t.Errorf("%d goroutines before, %d after", u.goroutines, after.goroutines)
	}
	if after.live > u.live+leftOver {
		t.Errorf("%d KiB before, %d KiB after", u.live>>10, after.live>>10)
	}
	if taken := after.total - u.total; taken > most {
		t.Errorf("%d MiB were taken on the way, want at most %d", taken>>20, most>>20)
	}
}

// A redirect leads nowhere that the allow-list does not have; to another server that it has it leads without what is meant
// for the first one.
func TestRedirectsToOthers(t *testing.T) {
	var seen []*http.Request
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Clone(t.Context()))
		io.WriteString(w, `{"id": 1}`)
	}))
	defer other.Close()
	dialer := engine.Dialer{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	visit := func(to string) (probetest.Result, usage) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "cookie-of-the-first", Path: "/", Domain: ""})
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		}))
		t.Cleanup(server.Close)
		target := probetest.Target(t, "web", server.URL)
		target.DialContext = dialer.DialContext
		target.Site = ownSite(t, `
name: own
headers: {X-Token: "token-of-the-first"}
actions:
  login:
    web: [{path: /, form: {pass: "{{account.password}}"}, checks: [{json: id}]}]
`)
		target.Shared = newShared(target)
		h := probetest.NewHost(Protocol(), probe.Account{Login: "u1", Address: "u1@example.test", Password: "secret-word", Token: "bearer-of-the-first"}, target)
		t.Cleanup(h.Close)
		before := now()
		return do(t, h, "login", ""), before
	}
	started := time.Now()
	r, before := visit("http://192.0.2.1/")
	if !strings.Contains(fmt.Sprint(r.Err), probe.ErrNotAllowed.Error()) || strings.Contains(fmt.Sprint(r.Err), "secret-word") {
		t.Errorf("out of the allow-list: %v (%v)", r.Err, r.Class)
	}
	if took := time.Since(started); took > 20*time.Second {
		t.Errorf("it took %v: somebody tried", took)
	}
	before.bounds(t)
	r, before = visit(other.URL)
	before.bounds(t)
	if r.Err != nil || len(seen) != 1 {
		t.Fatalf("to an allowed server: %v, %d requests", r.Err, len(seen))
	}
	for _, name := range []string{"Authorization", "X-Token"} {
		if v := seen[0].Header.Get(name); v != "" {
			t.Errorf("the other server got %s: %q", name, v)
		}
	}
}

// A site over HTTP/2: parallel requests over one connection, large answers, a header that comes to nothing, and every bad
// answer of the kind that HTTP/2 has.
func TestHTTP2(t *testing.T) {
	conns := map[string]bool{}
	var protocols []string
	var mu sync.Mutex
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		conns[r.RemoteAddr] = true
		protocols = append(protocols, r.Proto)
		mu.Unlock()
		switch r.URL.Path {
		case "/in":
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: strings.Repeat("c", 5000), Path: "/"})
			w.Header().Set("X-Backend", "b2")
			io.WriteString(w, `{"token": "t"}`)
		case "/list":
			if c, err := r.Cookie("sid"); err != nil || len(c.Value) != 5000 || r.Header.Get("X-Token") != "t" {
				http.Error(w, "no session", http.StatusUnauthorized)
				return
			}
			io.WriteString(w, `{"mails": [{"id": "1"}], "text": "`+strings.Repeat("x", 300000)+`"}`)
		case "/m/1":
			panic(http.ErrAbortHandler) // the stream is reset
		case "/endless":
			chunk := make([]byte, 1<<20)
			for range 200 {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		default:
			io.WriteString(w, "a file")
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	target := probetest.Target(t, "web", server.URL)
	target.TLS = server.Client().Transport.(*http.Transport).TLSClientConfig
	target.Site = ownSite(t, `
name: own
backend: {header: X-Backend}
headers: {X-Token: "{{token}}"}
actions:
  login: {web: [{path: /in, form: {user: "{{account.login}}"}, save: {token: {json: token}}}, {assets: [/a, /b, /c, /d, /e, /f, /g, /h]}]}
  list: {web: [{path: /list, save: {ids: {json: mails.*.id, each: true}}}]}
  read: {web: [{pick: {id: {of: ids, after: list}}}, {path: "/m/{{id}}"}]}
  poll: {web: [{path: /endless}]}
`)
	target.Shared = newShared(target)
	h := probetest.NewHost(Protocol(), probe.Account{Login: "u1", Address: "u1@example.test", Password: "x"}, target)
	defer h.Close()
	if r := do(t, h, "login", ""); r.Err != nil || r.Backend != "b2" {
		t.Errorf("login: %v, backend %q", r.Err, r.Backend)
	}
	if r := do(t, h, "list", ""); r.Err != nil || r.In < 300 {
		t.Errorf("list: %v, %d bytes", r.Err, r.In)
	}
	if len(conns) != 1 {
		t.Errorf("%d connections, want one", len(conns))
	}
	for _, p := range protocols {
		if p != "HTTP/2.0" {
			t.Errorf("a request over %s", p)
		}
	}
	if r := do(t, h, "read", ""); r.Err == nil || r.Class != probe.Reset && r.Class != probe.BadProtocol {
		t.Errorf("a stream that is reset comes to %v (%v)", r.Err, r.Class)
	}
	if r := do(t, h, "list", ""); r.Err != nil {
		t.Errorf("list after a stream was reset: %v", r.Err)
	}
	before := now()
	if r := do(t, h, "poll", ""); r.Class != probe.Content || !strings.Contains(r.Err.Error(), "longer than") {
		t.Errorf("an endless answer comes to %v", r.Err)
	}
	h.Drop("web")
	before.bounds(t)
}
