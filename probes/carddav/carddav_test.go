package carddav

import (
	"sync/atomic"
	"testing"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv"
)

var (
	answered = []probe.Phase{probe.PhaseFirstByte, probe.PhaseComplete}
	make1    = []probetest.Case{{Do: "create"}}
	cases    = []probetest.Case{
		{Do: "discover", Phases: answered},
		{Do: "sync", Phases: answered},
		{Do: "sync", With: "{by: listing, fetch: 3}", Before: make1, Phases: answered},
		{Do: "verify", Before: make1, Phases: answered},
		{Do: "query", Phases: answered},
		{Do: "query", With: "{text: Zan, limit: 5}", Phases: answered},
		{Do: "rights", With: "need: write", Phases: answered},
		{Do: "rights", With: "collection: nowhere", Fails: probe.Content},
		{Do: "create", Phases: answered},
		{Do: "update", Before: make1, Phases: answered},
		{Do: "race", Before: make1, Phases: answered},
		{Do: "delete", Before: make1, Phases: answered},
		{Do: "copy", Phases: answered},
	}
)

func newUser(t *testing.T, address string, account probe.Account) probetest.User {
	var keys atomic.Uint64
	return probetest.NewUser(t, probetest.Distinct(Protocol(), &keys), account, probetest.Target(t, "carddav", address))
}

func platform(t *testing.T, accounts int) (*testenv.Platform, probe.Account) {
	p, err := testenv.Start(t.Context(), testenv.Options{Accounts: accounts})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, probe.Account{Login: p.Login(1), Address: p.Login(1), Password: p.Password()}
}

func TestConformance(t *testing.T) {
	p, account := platform(t, 5)
	var keys atomic.Uint64
	probetest.Run(t, probetest.Distinct(Protocol(), &keys), probetest.Target(t, "carddav", p.URLs.CardDAV), account, cases)
}

func TestLifeOfAContact(t *testing.T) {
	p, account := platform(t, 5)
	u, other := newUser(t, p.URLs.CardDAV, account), newUser(t, p.URLs.CardDAV, account)
	u.Must("sync", "create", "sync", "update", "sync", "race", "verify", "query", "copy")
	other.Must("sync", "update", "delete") // finds what the first session has made
	u.Must("sync", "verify", "create", "delete", "sync", "verify")
}
