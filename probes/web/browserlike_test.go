package web

import (
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pegel/internal/site"
	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/scenarios"
)

// ownSite reads a site file.
func ownSite(t testing.TB, text string) *site.Site {
	t.Helper()
	s, err := scenarios.ParseSite("own.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// surf is a user of a site on a server of the test's own.
func surf(t testing.TB, text string, serve http.Handler) *probetest.Host {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	target := probetest.Target(t, "web", server.URL)
	target.Site = ownSite(t, text)
	target.Shared = newShared(target)
	h := probetest.NewHost(Protocol(), probe.Account{Login: "u1", Address: "u1@example.test", Password: "secret-word"}, target)
	t.Cleanup(func() { h.Close() })
	return h
}

func do(t testing.TB, h *probetest.Host, verb, with string) probetest.Result {
	t.Helper()
	step, err := probetest.Bind(Protocol(), verb, with)
	if err != nil {
		t.Fatal(err)
	}
	return h.Do(t.Context(), step)
}

// A page's files come over six connections at once, or as many as the persona keeps, are asked for again with their tags, and not at all while they are fresh.
func TestAssets(t *testing.T) {
	testAssets(t, 0, 6)
	testAssets(t, 3, 3)
}

func testAssets(t *testing.T, kept int, width int32) {
	t.Helper()
	var now, most, full, unchanged atomic.Int32
	var mu sync.Mutex
	conns := map[string]bool{}
	gate := make(chan struct{})
	var once sync.Once
	h := surf(t, `
name: own
actions:
  login:
    web: [{path: /}, {assets: [/a1, /a2, /a3, /a4, /a5, /a6, /a7, /a8, /fresh1, /fresh2]}]
`, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			return
		}
		mu.Lock()
		conns[r.RemoteAddr] = true
		mu.Unlock()
		n := now.Add(1)
		defer now.Add(-1)
		most.Store(max(most.Load(), n))
		if n == width {
			once.Do(func() { close(gate) })
		}
		select { // the first ones wait for each other
		case <-gate:
		case <-time.After(20 * time.Second):
		}
		if strings.HasPrefix(r.URL.Path, "/fresh") {
			w.Header().Set("Cache-Control", "max-age=3600")
		}
		w.Header().Set("ETag", `"`+r.URL.Path+`"`)
		if r.Header.Get("If-None-Match") == `"`+r.URL.Path+`"` {
			unchanged.Add(1)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		full.Add(1)
		io.WriteString(w, strings.Repeat("x", 20000))
	}))
	h.Conns = kept
	check := func(wantFull, wantUnchanged int32) {
		t.Helper()
		if full.Load() != wantFull || unchanged.Load() != wantUnchanged {
			t.Errorf("%d files and %d times 304, want %d and %d", full.Load(), unchanged.Load(), wantFull, wantUnchanged)
		}
	}
	if r := do(t, h, "login", ""); r.Err != nil || r.In < 200000 {
		t.Fatalf("%v, %d bytes", r.Err, r.In)
	}
	check(10, 0)
	if most.Load() != width || len(conns) != int(width) {
		t.Errorf("%d requests at once over %d connections, want %d of each", most.Load(), len(conns), width)
	}
	h.Drop("web") // the browser's cache outlives the session
	for i, c := range []struct {
		with            string
		full, unchanged int32
	}{{"", 10, 8}, {"cache: cold", 20, 8}, {"cache: warm", 20, 18}} {
		if r := do(t, h, "login", c.with); r.Err != nil {
			t.Fatal(i, r.Err)
		}
		check(c.full, c.unchanged)
	}
}

// What is captured comes back in headers, forms and paths; cookies of any length are kept; a text is compressed.
func TestCapturesAndCookies(t *testing.T) {
	long := strings.Repeat("c", 6000)
	var seen []string
	h := surf(t, `
name: own
headers: {X-XSRF: "{{xsrf}}"}
backend: {cookie: SRV}
actions:
  login:
    web:
      - {path: /, save: {xsrf: {regexp: 'token="([^"]+)"'}}}
      - {path: /in, form: {user: "{{account.login}}", pass: "{{account.password}}"}, save: {sid: {cookie: sid}, where: {header: X-Where}}}
  list:
    web: [{path: "/{{where}}", query: {s: "{{xsrf}}"}, save: {ids: {json: list.*.id, each: true}}}]
  read:
    web: [{pick: {id: {of: ids, after: list}}, }, {path: "/m/{{id}}", json: '{"id": "{{id}}"}'}]
`, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		cookie, _ := r.Cookie("sid")
		seen = append(seen, fmt.Sprint(r.Method, " ", r.URL.RequestURI(), " ", r.Header.Get("X-XSRF"), " ", string(body), " ", cookie != nil && cookie.Value == long))
		switch r.URL.Path {
		case "/":
			if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				t.Error("no compression was asked for")
			}
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			io.WriteString(z, `<meta token="t&1">`)
			z.Close()
		case "/in":
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: long, Path: "/"})
			http.SetCookie(w, &http.Cookie{Name: "SRV", Value: "s2", Path: "/"})
			w.Header().Set("X-Where", "inbox/a b")
		default:
			io.WriteString(w, `{"list": [{"id": "q\"1"}]}`)
		}
	}))
	if r := do(t, h, "read", ""); r.Err != nil || r.Backend != "s2" {
		t.Errorf("%v, backend %q", r.Err, r.Backend)
	}
	want := []string{`GET /   false`, `POST /in t&1 pass=secret-word&user=u1 false`, `GET /inbox%2Fa%20b?s=t%261 t&1  true`, `POST /m/q%221 t&1 {"id": "q\"1"} true`}
	if fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("the server saw\n%q, want\n%q", seen, want)
	}
}

// What is picked once is used up, and what is added stays beside what was known.
func TestPickedOnceAndAdded(t *testing.T) {
	drafts, lists := 0, 0
	var sent, read []string
	h := surf(t, `
name: own
actions:
  login: {web: [{path: /}]}
  list: {web: [{path: /list, save: {ids: {json: new.*, each: true, add: true}}}]}
  read: {web: [{pick: {id: {of: ids, after: list}}}, {path: "/read/{{id}}/{{ids}}"}]}
  compose: {web: [{path: /compose, save: {drafts: {json: id, each: true}}}]}
  send: {web: [{pick: {draft: {of: drafts, after: compose, once: true}}}, {path: "/send/{{draft}}", method: POST}]}
`, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch name, value, _ := strings.Cut(r.URL.Path[1:], "/"); name {
		case "compose":
			drafts++
			fmt.Fprintf(w, `{"id": "d%d"}`, drafts)
		case "send":
			sent = append(sent, value)
		case "list":
			lists++
			io.WriteString(w, []string{`{"new": ["1", "2"]}`, `{}`, `{"new": ["3", "2"]}`}[lists-1])
		case "read":
			read = append(read, strings.ReplaceAll(value, apart, " "))
		}
	}))
	for _, verb := range []string{"send", "compose", "send", "send", "list", "list", "list"} {
		if r := do(t, h, verb, ""); r.Err != nil {
			t.Fatalf("%s: %v", verb, r.Err)
		}
	}
	if r := do(t, h, "read", "newest: true"); r.Err != nil {
		t.Fatal(r.Err)
	}
	if got := fmt.Sprint(sent, drafts, read); got != "[d1 d2 d3] 3 [3/3 2 1]" {
		t.Errorf("sent, drafts and read are %s", got)
	}
}

const oneRequest = "name: own\nactions: {login: {web: [{path: /, checks: [{json: id}]}]}}\n"

// Whatever a server answers, one clear failure comes of it, and nothing is left over.
func TestBadServers(t *testing.T) {
	raw := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			conn, both, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			both.WriteString(text)
			both.Flush()
			conn.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, conn)
		}
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		chunk := make([]byte, 1<<20)
		for range 200 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		class probe.Class
		says  string
	}{
		"redirect loop": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }, probe.BadProtocol, "more than 10 redirects"},
		"redirect to a file": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "file:///x")
			w.WriteHeader(http.StatusFound)
		}, probe.BadProtocol, "not a web address"},
		"too long": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "52428800")
			endless(w, r)
		}, probe.Content, "longer than"},
		"endless":              {endless, probe.Content, "longer than"},
		"no JSON":              {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>sorry") }, probe.Content, "is not JSON"},
		"JSON without":         {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"x": 1}`) }, probe.Content, "no JSON value id"},
		"no HTTP":              {raw("SSH-2.0-x\r\n"), probe.BadProtocol, "not HTTP"},
		"two lengths":          {raw("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), probe.BadProtocol, "length"},
		"odd chunk":            {raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), probe.BadProtocol, "chunk"},
		"cut off":              {raw("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nabc"), probe.Reset, "unexpected EOF"},
		"no gzip":              {raw("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"), probe.Reset, "read the answer"},
		"unknown coding":       {raw("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\nabc"), probe.BadProtocol, `coding "br"`},
		"endless header":       {raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2<<20) + "\r\n\r\n"), probe.BadProtocol, "header is longer"},
		"header flood":         {raw("HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Flood: "+strings.Repeat("x", 40)+"\r\n", 30000) + "\r\n"), probe.BadProtocol, "header is longer"},
		"many interim answers": {raw(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 20)), probe.BadProtocol, "interim"},
		"cookie flood": {func(w http.ResponseWriter, r *http.Request) {
			for i := range 150 {
				http.SetCookie(w, &http.Cookie{Name: fmt.Sprint("c", i), Value: "x"})
			}
		}, probe.BadProtocol, "150 cookies"},
		"gzip bomb": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			endless(bomb{w, z}, r)
			z.Close()
		}, probe.Content, "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			h := surf(t, oneRequest, c.serve)
			before := now()
			r := do(t, h, "login", "")
			h.Drop("web")
			before.bounds(t)
			if r.Class != c.class || !strings.Contains(r.Err.Error(), c.says) {
				t.Errorf("%v (%v), want %v with %q", r.Err, r.Class, c.class, c.says)
			}
		})
	}
}

type bomb struct {
	http.ResponseWriter
	z io.Writer
}

func (b bomb) Write(p []byte) (int, error) { return b.z.Write(p) }

// A websocket that is cut is told once, and comes back by itself; one that cannot be opened is a failure.
func TestPush(t *testing.T) {
	var opened atomic.Int32
	cut := make(chan struct{}, 1)
	text := "name: own\npush: {path: /ws, back: {first: 10ms, most: 20ms}}\nactions: {login: {web: [{path: /}]}}\n"
	h := surf(t, text, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ws" {
			return
		}
		conn, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(both, "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: %s\r\n\r\n\x89\x01p\x81\x02hi", accept(r.Header.Get("Sec-WebSocket-Key")))
		both.Flush()
		var pong [7]byte // the ping is answered
		if _, err := io.ReadFull(both, pong[:]); err != nil || pong[0] != 0x8a {
			t.Errorf("the answer to a ping is %x, %v", pong, err)
		}
		if opened.Add(1) == 1 {
			<-cut
			return
		}
		io.Copy(io.Discard, conn)
	}))
	if r := do(t, h, "push", ""); r.Err != nil {
		t.Fatal(r.Err)
	}
	if r := do(t, h, "push", ""); r.Err != nil {
		t.Fatal(r.Err)
	}
	cut <- struct{}{}
	for end := time.Now().Add(20 * time.Second); opened.Load() < 2; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not come back")
		}
	}
	if r := do(t, h, "push", ""); r.Class != probe.Content || !strings.Contains(r.Err.Error(), "lost 1 times") {
		t.Errorf("after a loss: %v", r.Err)
	}
	if r := do(t, h, "push", ""); r.Err != nil {
		t.Errorf("the loss is told twice: %v", r.Err)
	}

	refused := surf(t, text, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	if r := do(t, refused, "push", ""); r.Class != probe.Content {
		t.Errorf("a server without websockets: %v", r.Err)
	}
	before := now()
	closed := surf(t, text, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ws" {
			panic(http.ErrAbortHandler)
		}
	}))
	if r := do(t, closed, "push", ""); r.Class != probe.Reset {
		t.Errorf("a websocket closed at once: %v", r.Err)
	}
	closed.Drop("web")
	before.bounds(t)

	before = now()
	var times atomic.Int32
	brief := surf(t, text, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ws" {
			return
		}
		conn, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		times.Add(1)
		fmt.Fprintf(both, "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept(r.Header.Get("Sec-WebSocket-Key")))
		both.Flush()
	}))
	do(t, brief, "push", "")
	for end := time.Now().Add(20 * time.Second); times.Load() < 4; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not come back")
		}
	}
	if r := do(t, brief, "push", ""); r.Class != probe.Content && r.Class != probe.Reset || !strings.Contains(r.Err.Error(), "lost") {
		t.Errorf("a websocket that is opened and closed at once, %d times: %v (%v)", times.Load(), r.Err, r.Class)
	}
	brief.Drop("web")
	before.bounds(t)
}
