package caldav

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv"
)

// faulty is a proxy before a server that breaks what the test says.
type faulty struct {
	mu       sync.Mutex
	request  func(r *http.Request)
	response func(r *http.Response, body []byte) []byte
	instead  func(w http.ResponseWriter, r *http.Request) bool
	count    map[string]int // requests by method
}

func (f *faulty) set(change func(f *faulty)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.request, f.response, f.instead, f.count = nil, nil, nil, map[string]int{}
	change(f)
}

// newFaulty starts it before the embedded platform and returns a user of that.
func newFaulty(t *testing.T) (*faulty, user) {
	p, err := testenv.Start(t.Context(), testenv.Options{Accounts: 5})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return between(t, p.URLs.CalDAV, probe.Account{Login: p.Login(1), Address: p.Login(1), Password: p.Password()})
}

// between starts it before a server and returns a user of that.
func between(t *testing.T, address string, account probe.Account) (*faulty, user) {
	behind, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	behind = &url.URL{Scheme: behind.Scheme, Host: behind.Host}
	f := &faulty{count: map[string]int{}}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	proxy.ErrorLog = nil
	proxy.ModifyResponse = func(r *http.Response) error {
		f.mu.Lock()
		change := f.response
		f.mu.Unlock()
		if change == nil {
			return nil
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		body = change(r, body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength = int64(len(body))
		r.Header.Set("Content-Length", fmt.Sprint(len(body)))
		return nil
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Accept-Encoding") // else answers would be compressed
		f.mu.Lock()
		request, instead := f.request, f.instead
		f.count[r.Method]++
		f.mu.Unlock()
		if request != nil {
			request(r)
		}
		if instead != nil && instead(w, r) {
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	path := strings.TrimPrefix(address, behind.String())
	return f, user{probetest.NewUser(t, probetest.Distinct(Protocol(), &keys), account, probetest.Target(t, "caldav", server.URL+path))}
}

// fails checks that an action fails with a class and a text.
func (u user) fails(verb, with string, class probe.Class, text string) {
	u.T.Helper()
	err := u.Try(verb, with)
	if probe.ClassOf(err) != class || err == nil || !strings.Contains(err.Error(), text) {
		u.T.Errorf("%s %s: %v; want %v with %q", verb, with, err, class, text)
	}
}

func replace(old, new string) func(*http.Response, []byte) []byte {
	return func(_ *http.Response, body []byte) []byte { return bytes.ReplaceAll(body, []byte(old), []byte(new)) }
}

// body is what a request carries, which is left in it.
func body(r *http.Request) []byte {
	text, _ := io.ReadAll(r.Body) // what is missing shows in the test
	r.Body = io.NopCloser(bytes.NewReader(text))
	return text
}

var anyToken = regexp.MustCompile(`<sync-token>[^<]+</sync-token>`)

// invent puts another sync-token in the place of the one that the server gave.
func invent(token string) func(r *http.Request) {
	return func(r *http.Request) {
		text := anyToken.ReplaceAll(body(r), []byte("<sync-token>"+token+"</sync-token>"))
		r.Body = io.NopCloser(bytes.NewReader(text))
		r.ContentLength = int64(len(text))
	}
}

// forgotten syncs with tokens that a server does not know. Where it refuses them, that must be with valid-sync-token, and the collection
// is listed anew within the action; else it must tell everything. Afterwards the collection must be whole.
func forgotten(t *testing.T, address string, account probe.Account, refuses bool, tokens ...string) {
	f, u := between(t, address, account)
	u.Must("discover", "sync", "create", "sync")
	for _, token := range tokens {
		refused := ""
		f.set(func(f *faulty) {
			f.request = invent(token)
			f.response = func(r *http.Response, body []byte) []byte {
				if r.StatusCode >= 400 {
					refused = fmt.Sprint(r.StatusCode, " ", string(body))
				}
				return body
			}
		})
		reports := 1
		if refuses {
			reports = 2
		}
		if err := u.Try("sync", "{by: token, fetch: 0}"); err != nil || f.count["REPORT"] != reports || strings.Contains(refused, "valid-sync-token") != refuses {
			t.Errorf("the token %s: %v, %d reports, and the server said %s", token, err, f.count["REPORT"], refused)
		}
		f.set(func(*faulty) {})
		u.Must("create", "sync", "verify", "delete", "sync", "verify")
		if n := f.count["PROPFIND"]; n == 0 {
			t.Error("nothing was verified")
		}
	}
}
