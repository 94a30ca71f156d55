package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pegel/internal/site"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// webmail is a small server with the API that the probe speaks: one account, mails in memory, sessions by cookie.
type webmail struct {
	mu       sync.Mutex
	sessions map[string]bool
	logins   int
	mails    []map[string]any
	sent     []map[string]any
	fault    string // answered to everything but the login: "200 CODE" inside a 200, or a status
}

func (w *webmail) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	answer := func(status int, v any) {
		rw.Header().Set("Content-Type", "application/json")
		rw.Header().Set("X-Backend", "web1")
		rw.WriteHeader(status)
		json.NewEncoder(rw).Encode(v)
	}
	cookie, err := r.Cookie("session")
	in := err == nil && w.sessions[cookie.Value]
	switch {
	case r.URL.Path == "/":
		io.WriteString(rw, "<html><title>webmail</title></html>")
	case r.URL.Path == "/api/login":
		var user struct{ User, Password string }
		json.NewDecoder(r.Body).Decode(&user)
		if user.Password != "right" {
			answer(http.StatusUnauthorized, map[string]string{"error": "wrong user or password", "code": "LOGIN-1"})
			return
		}
		w.logins++
		id := fmt.Sprint("s", w.logins)
		w.sessions[id] = true
		http.SetCookie(rw, &http.Cookie{Name: "session", Value: id, Path: "/", HttpOnly: true})
		answer(http.StatusOK, map[string]string{"user": user.User, "xsrf": "x" + id})
	case !strings.HasPrefix(r.URL.Path, "/api/"):
		http.NotFound(rw, r)
	case !in:
		answer(http.StatusUnauthorized, map[string]string{"error": "no session", "code": "SES-0001"})
	case strings.HasPrefix(w.fault, "200 "):
		answer(http.StatusOK, map[string]string{"error": "something is wrong", "code": w.fault[4:]})
	case w.fault != "":
		http.Error(rw, "down", http.StatusServiceUnavailable)
	case r.Method == http.MethodPost && r.Header.Get("X-XSRF-Token") != "x"+cookie.Value:
		answer(http.StatusForbidden, map[string]string{"error": "wrong token", "code": "XSRF"})
	case r.URL.Path == "/api/logout":
		delete(w.sessions, cookie.Value)
		rw.WriteHeader(http.StatusNoContent)
	case r.URL.Path == "/api/messages" && r.Method == http.MethodPost:
		var mail map[string]any
		json.NewDecoder(r.Body).Decode(&mail)
		w.sent = append(w.sent, mail)
		answer(http.StatusAccepted, map[string]string{"id": fmt.Sprint("out", len(w.sent))})
	case r.URL.Path == "/api/messages":
		answer(http.StatusOK, map[string]any{"total": len(w.mails), "unread": 0, "messages": w.mails})
	case strings.HasPrefix(r.URL.Path, "/api/messages/"):
		id := strings.TrimPrefix(r.URL.Path, "/api/messages/")
		i := slices.IndexFunc(w.mails, func(m map[string]any) bool { return m["id"] == id })
		if i < 0 {
			answer(http.StatusNotFound, map[string]string{"error": "no such mail", "code": "MSG-404"})
			return
		}
		answer(http.StatusOK, map[string]any{"id": id, "from": "a@b", "to": "c@d", "subject": "s", "date": "d", "body": "text"})
	default:
		http.NotFound(rw, r)
	}
}

// driver is the Host of one user: it opens the one session and counts time in steps.
type driver struct {
	t       *testing.T
	turn    *probe.Turn
	target  probe.Target
	account probe.Account
	session probe.Session
	now     time.Duration
}

func (d *driver) OpenSession(string) (probe.Session, error) {
	if d.session != nil {
		return d.session, nil
	}
	opening := probe.NewTurn(d)
	opening.Begin(d.t.Context(), "web", 0)
	s, err := Protocol().Open(opening, d.target, d.account)
	if err == nil {
		d.session = s
		d.t.Cleanup(func() { s.Close() })
	}
	return s, err
}
func (d *driver) Elapsed() time.Duration { d.now++; return d.now }
func (d *driver) Account() probe.Account { return d.account }
func (d *driver) Peer(k uint64) probe.Account {
	return probe.Account{Address: fmt.Sprintf("peer%d@example.test", k%7)}
}
func (d *driver) RunID() string { return "run-1" }

// do performs one action with the given parameters (a func that fills the struct, or nil).
func (d *driver) do(verb string, key uint64, set func(any)) error {
	d.t.Helper()
	step, err := Protocol().Actions[verb](func(params any) error {
		if set != nil {
			set(params)
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.turn = probe.NewTurn(d)
	d.turn.Begin(d.t.Context(), "web", key)
	return step(d.turn)
}

func start(t *testing.T, mails int) (*webmail, *driver) {
	w := &webmail{sessions: map[string]bool{}, mails: []map[string]any{}}
	for i := range mails {
		w.mails = append(w.mails, map[string]any{"id": fmt.Sprint("m", i), "from": "a@b", "subject": "s", "date": "d", "size": 10, "seen": false})
	}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	u, _ := url.Parse(server.URL)
	return w, &driver{
		t:       t,
		target:  probe.Target{Name: "web", URL: u, DialContext: new(net.Dialer).DialContext, Site: embedded(t)},
		account: probe.Account{Login: "u1", Address: "u1@example.test", Password: "right"},
	}
}

// embedded is the site of pegel's own webmail.
func embedded(t testing.TB) *site.Site {
	t.Helper()
	s, err := scenarios.OpenSite("embedded")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func variable(d *driver, name string) int { return d.session.(*Session).shared.site.Variable(name) }

func TestJourney(t *testing.T) {
	w, d := start(t, 20)
	for _, verb := range []string{"page", "login", "list", "read", "send", "logout"} {
		if err := d.do(verb, 7, nil); err != nil {
			t.Fatalf("%s: %v", verb, err)
		}
		marked, _ := d.turn.Phases()
		if marked[probe.PhaseFirstByte] == 0 || marked[probe.PhaseComplete] == 0 {
			t.Errorf("%s marked %v, want first_byte and complete", verb, *marked)
		}
		if in, out := d.turn.Bytes(); in == 0 || out == 0 {
			t.Errorf("%s counted %d bytes in, %d out", verb, in, out)
		}
		if verb != "page" && d.turn.Backend() != "web1" && verb != "logout" {
			t.Errorf("%s: backend %q, want web1", verb, d.turn.Backend())
		}
	}
	if len(w.sent) != 1 {
		t.Fatalf("%d mails sent, want 1", len(w.sent))
	}
	if to := fmt.Sprint(w.sent[0]["to"]); !strings.Contains(to, "@example.test") {
		t.Errorf("sent to %s", to)
	}
	if body := w.sent[0]["body"].(string); !strings.Contains(body, "run-1") {
		t.Errorf("the mail does not carry the run: %.80q", body)
	}
}

func TestActionsLogInWhereNeeded(t *testing.T) {
	_, d := start(t, 3)
	if err := d.do("read", 1, func(p any) { p.(*readParams).Newest = true }); err != nil {
		t.Fatal(err)
	}
	if marked, _ := d.turn.Phases(); marked[probe.PhaseAuth] == 0 {
		t.Errorf("marked %v, want auth", *marked)
	}
}

func TestFailures(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*webmail, *driver)
		verb  string
		want  probe.Class
	}{
		{"wrong password", func(_ *webmail, d *driver) { d.account.Password = "secret-word" }, "login", probe.Auth},
		{"session lost", func(w *webmail, _ *driver) { clear(w.sessions) }, "list", probe.Auth},
		{"overload by status", func(w *webmail, _ *driver) { w.fault = "503" }, "list", probe.Overload},
		{"overload inside a 200", func(w *webmail, _ *driver) { w.fault = "200 SERVICE_DOWN" }, "list", probe.Overload},
		{"error inside a 200", func(w *webmail, _ *driver) { w.fault = "200 MSG-0032" }, "read", probe.Content},
		{"session lost inside a 200", func(w *webmail, _ *driver) { w.fault = "200 SES-0203" }, "list", probe.Auth},
		{"empty inbox", func(w *webmail, _ *driver) { w.mails = w.mails[:0] }, "read", probe.Content},
		{"mail gone", func(w *webmail, d *driver) {
			d.session.(*Session).save(variable(d, "ids"), "gone")
		}, "read", probe.Content},
		{"token refused", func(_ *webmail, d *driver) { d.session.(*Session).save(variable(d, "xsrf"), "wrong") }, "send", probe.Denied},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w, d := start(t, 5)
			if test.verb != "login" {
				if err := d.do("login", 1, nil); err != nil {
					t.Fatal(err)
				}
			}
			test.spoil(w, d)
			err := d.do(test.verb, 1, nil)
			if got := probe.ClassOf(err); got != test.want {
				t.Errorf("got %v (%v), want class %v", err, got, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret-word") {
				t.Errorf("the error text holds the password: %v", err)
			}
		})
	}
}

func TestPage(t *testing.T) {
	_, d := start(t, 0)
	if err := d.do("page", 1, func(p any) { p.(*pageParams).Expect = probe.Literal("webmail") }); err != nil {
		t.Error(err)
	}
	if err := d.do("page", 1, func(p any) { p.(*pageParams).Expect = probe.Literal("calendar") }); probe.ClassOf(err) != probe.Content {
		t.Errorf("got %v, want a failure of class content", err)
	}
	if err := d.do("page", 1, func(p any) { p.(*pageParams).Path = probe.Literal("/missing?x=1") }); probe.ClassOf(err) == probe.OK {
		t.Error("a page that is not there was no failure")
	}
}

func TestParametersAreChecked(t *testing.T) {
	for verb, set := range map[string]func(any){
		"list": func(p any) { p.(*listParams).Limit = 0 },
		"page": func(p any) { p.(*pageParams).Path = probe.Literal("inbox") },
		"send": func(p any) { p.(*sendParams).Size = probe.Literal("big") },
	} {
		if _, err := Protocol().Actions[verb](func(p any) error { set(p); return nil }); err == nil {
			t.Errorf("%s took a bad parameter", verb)
		}
	}
	broken := errors.New("scenario.yaml:3:5: unknown key")
	for verb, action := range Protocol().Actions {
		if _, err := action(func(any) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("%s swallows the decoder's error: %v", verb, err)
		}
	}
}

func TestCanceledTurn(t *testing.T) {
	_, d := start(t, 1)
	if err := d.do("login", 1, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	turn := probe.NewTurn(d)
	turn.Begin(ctx, "web", 1)
	step, err := Protocol().Actions["list"](func(any) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := step(turn); probe.ClassOf(err) != probe.Canceled {
		t.Errorf("got %v, want class canceled", err)
	}
}
