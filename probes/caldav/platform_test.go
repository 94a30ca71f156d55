package caldav

import (
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
	var keys atomic.Uint64
	account := probe.Account{Login: p.Login(1), Address: p.Login(1), Password: p.Password()}
	u := probetest.NewUser(t, probetest.Distinct(Protocol(), &keys), account, probetest.Target(t, "caldav", p.URLs.CalDAV))
	u.Must("discover", "query", "create", "update", "query", "create", "delete", "copy", "update", "delete")
	if err := u.Try("query", "{back: 365, ahead: 365}"); err != nil {
		t.Error(err)
	}
}
