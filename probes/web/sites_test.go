package web

import (
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"net"
	"net/url"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/scenarios"
)

// site is a target with a site that comes with pegel.
func onSite(t testing.TB, name, address string, config *tls.Config) probe.Target {
	t.Helper()
	s, err := scenarios.OpenSite(name)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return probe.Target{Name: "web", URL: u, DialContext: new(net.Dialer).DialContext, Site: s, TLS: config}
}

// tour does everything that a site offers, twice, and says what went wrong.
func tour(t *testing.T, target probe.Target, account, peer probe.Account) {
	t.Helper()
	shared := newShared(target)
	target.Shared = shared
	h := probetest.NewHost(Protocol(), account, target)
	defer h.Close()
	h.Peers = []probe.Account{peer}
	for range 2 {
		for _, do := range [][2]string{
			{"login", ""}, {"list", ""}, {"read", ""}, {"read", "newest: true"}, {"send", "size: 2KiB"}, {"search", "text: report"}, {"poll", ""}, {"compose", ""}, {"logout", ""},
			{"list", "limit: 20"},
		} {
			if len(target.Site.Actions[do[0]].Web) == 0 {
				continue
			}
			step, err := probetest.Bind(Protocol(), do[0], do[1])
			if err != nil {
				t.Fatal(err)
			}
			r := h.Do(t.Context(), step)
			if r.Err != nil {
				t.Errorf("%s: %s: %v", target.Site.Name, do[0], r.Err)
			}
			t.Logf("%-8s %6.1f ms %7d bytes in, backend %q", do[0], float64(r.Elapsed)/float64(time.Millisecond), r.In, r.Backend)
		}
	}
	wrong := account
	wrong.Password = "not-it"
	bad := probetest.NewHost(Protocol(), wrong, target)
	defer bad.Close()
	step, err := probetest.Bind(Protocol(), "login", "")
	if err != nil {
		t.Fatal(err)
	}
	if r := bad.Do(t.Context(), step); r.Class != probe.Auth && r.Class != probe.Denied {
		t.Errorf("%s: a wrong password comes to %v: %v", target.Site.Name, r.Class, r.Err)
	}
}

// accept is a server's proof that it speaks websocket (RFC 6455, section 4.2.2).
func accept(key string) string {
	digest := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(digest[:])
}
