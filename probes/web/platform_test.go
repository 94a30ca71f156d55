package web

import (
	"crypto/tls"
	"net"
	"net/url"
	"strings"
	"testing"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv"
)

// TestEmbeddedPlatform plays a journey against pegel's own webmail, plain and over TLS.
func TestEmbeddedPlatform(t *testing.T) {
	p, err := testenv.Start(t.Context(), testenv.Options{Accounts: 5, TLS: true, CADir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	roots := probetest.Roots(t, p.CAFile)
	for _, address := range []string{p.URLs.Web, p.URLs.WebTLS} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		account := probe.Account{Login: p.Login(1), Address: p.Login(1), Password: p.Password()}
		h := probetest.NewHost(Protocol(), account, probe.Target{
			Name: "web", URL: u, DialContext: new(net.Dialer).DialContext, TLS: &tls.Config{RootCAs: roots}, Site: embedded(t),
		})
		defer h.Close()
		for _, do := range [][2]string{
			{"page", "expect: <html"}, {"login", ""}, {"list", ""}, {"list", "limit: 3"}, {"read", ""}, {"read", "newest: true"},
			{"send", "size: 64KiB"}, {"list", ""}, {"logout", ""}, {"list", ""},
		} {
			step, err := probetest.Bind(Protocol(), do[0], do[1])
			if err != nil {
				t.Fatal(err)
			}
			r := h.Do(t.Context(), step)
			if r.Err != nil {
				t.Fatalf("%s: %s: %v", address, do[0], r.Err)
			}
			if r.Backend == "" {
				t.Errorf("%s: %s: no backend is told", address, do[0])
			}
		}
	}
}

// TestSitesOnTheEmbeddedPlatform does all that the sites offer that the embedded platform can answer to. For App Suite that is
// a small server after the public description, and says nothing about a real one.
func TestSitesOnTheEmbeddedPlatform(t *testing.T) {
	p, err := testenv.Start(t.Context(), testenv.Options{Accounts: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	account := func(i int) probe.Account {
		return probe.Account{Index: i, Login: p.Login(i), Address: p.Login(i), Password: p.Password()}
	}
	for _, name := range []string{"embedded", "oxappsuite"} {
		t.Run(name, func(t *testing.T) { tour(t, onSite(t, name, p.URLs.Web, nil), account(1), account(2)) })
	}

	// The suffix of the JSESSIONID names the backend, and a websocket stands beside the requests.
	h := probetest.NewHost(Protocol(), account(3), onSite(t, "oxappsuite", p.URLs.Web, nil))
	defer h.Close()
	for _, verb := range []string{"push", "list", "push"} {
		step, err := probetest.Bind(Protocol(), verb, "")
		if err != nil {
			t.Fatal(err)
		}
		if r := h.Do(t.Context(), step); r.Err != nil || verb == "list" && r.Backend != "web-1" {
			t.Errorf("%s: %v, backend %q", verb, r.Err, r.Backend)
		}
	}

	// An error inside a 200 is one, and has its class.
	step, err := probetest.Bind(Protocol(), "list", "")
	if err != nil {
		t.Fatal(err)
	}
	session := h.Do(t.Context(), probe.Step(func(turn *probe.Turn) error {
		s, err := probe.SessionAs[*Session](turn)
		if err == nil {
			s.save(s.shared.site.Variable("session"), "stale")
		}
		return err
	}))
	if r := h.Do(t.Context(), step); session.Err != nil || r.Class != probe.Auth || !strings.Contains(r.Err.Error(), "SES-0203") {
		t.Errorf("a lost session comes to %v (%v)", r.Err, session.Err)
	}
}
