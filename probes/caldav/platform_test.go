package caldav

import (
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv"
)

// TestEmbeddedPlatform plays a journey against pegel's own calendar server.
func TestEmbeddedPlatform(t *testing.T) {
	p, err := testenv.Start(t.Context(), testenv.Options{Accounts: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	address, err := url.Parse(p.URLs.CalDAV)
	if err != nil {
		t.Fatal(err)
	}
	var keys atomic.Uint64
	protocol := distinct(Protocol(), &keys)
	h := probetest.NewHost(protocol, probe.Account{Login: p.Login(1), Address: p.Login(1), Password: p.Password()},
		probe.Target{Name: "caldav", URL: address, DialContext: new(net.Dialer).DialContext})
	defer h.Close()
	u := user{h, t, protocol}
	u.must("discover", "query", "create", "update", "query", "create", "delete", "copy", "update", "delete")
	if err := u.do("query", "{back: 365, ahead: 365}"); err != nil {
		t.Error(err)
	}
}
