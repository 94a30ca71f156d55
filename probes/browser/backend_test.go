package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"pegel/internal/site"
	"pegel/probes/probe"
)

// Which backend answered is told by a header of what was asked for, not of static files, or by a route cookie, also one that scripts
// cannot read; a failure has its backend too.
func TestBackends(t *testing.T) {
	needChromium(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Backend", "node.two")
		http.SetCookie(w, &http.Cookie{Name: "ROUTE", Value: "session.three", Path: "/", HttpOnly: true})
		fmt.Fprint(w, `<!DOCTYPE html><title>t</title><script src="/script.js"></script><p id="here">here</p>`)
	})
	mux.HandleFunc("/script.js", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Backend", "node.cache") })
	mux.HandleFunc("/bad", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Backend", "node.bad")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `<!DOCTYPE html><p id="here">bad</p>`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	for _, c := range []struct {
		says      site.Backend
		want, bad string
	}{
		{site.Backend{Header: "x-backend"}, "node.two", "node.bad"},
		{site.Backend{Header: "X-None", Cookie: "ROUTE", After: "."}, "three", "three"},
	} {
		to := webmailAt(t, server.URL)
		own := *none
		own.Backend = c.says
		to.Site = &own
		to, _ = prepared(t, to)
		u := newUser(t, to, probe.Account{Login: "u", Password: "p"})
		for range 2 {
			if r := u.do("page", "{path: /, wait: '#here'}"); r.Class != probe.OK || r.Backend != c.want {
				t.Errorf("%+v: the page came from %q (%v), want %q", c.says, r.Backend, r.Err, c.want)
			}
		}
		if r := u.do("page", "{path: /bad, wait: '#here'}"); r.Class != probe.Overload || r.Backend != c.bad {
			t.Errorf("%+v: the failure came from %q (%v), want %q", c.says, r.Backend, r.Err, c.bad)
		}
	}
}
