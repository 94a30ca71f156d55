package web

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
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
	authority, err := os.ReadFile(p.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
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
