package carddav

import (
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv"
)

// distinct gives every action a key of its own over all users of a test: the suite's users share one account and count
// from the same number, whereas the keys of a run never meet.
func distinct(p probe.Protocol, next *atomic.Uint64) probe.Protocol {
	actions := make(map[string]probe.Action, len(p.Actions))
	for verb, action := range p.Actions {
		actions[verb] = func(decode func(any) error) (probe.Step, error) {
			step, err := action(decode)
			if err != nil {
				return nil, err
			}
			return func(t *probe.Turn) error {
				t.Begin(t.Context(), p.Name, probe.Mix(next.Add(1)))
				return step(t)
			}, nil
		}
	}
	p.Actions = actions
	return p
}

func target(t *testing.T, address string) probe.Target {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return probe.Target{Name: "carddav", URL: u, DialContext: new(net.Dialer).DialContext}
}

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

// user is one user of a server.
type user struct {
	*probetest.Host
	t *testing.T
	p probe.Protocol
}

func newUser(t *testing.T, address string, account probe.Account) user {
	var keys atomic.Uint64
	p := distinct(Protocol(), &keys)
	h := probetest.NewHost(p, account, target(t, address))
	t.Cleanup(h.Close)
	return user{h, t, p}
}

func (u user) do(verb, with string) error {
	u.t.Helper()
	step, err := probetest.Bind(u.p, verb, with)
	if err != nil {
		u.t.Fatal(err)
	}
	return u.Do(u.t.Context(), step).Err
}

func (u user) must(verbs ...string) {
	u.t.Helper()
	for _, verb := range verbs {
		if err := u.do(verb, ""); err != nil {
			u.t.Fatalf("%s: %v", verb, err)
		}
	}
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
	probetest.Run(t, distinct(Protocol(), &keys), target(t, p.URLs.CardDAV), account, cases)
}

// TestGlobalAddressBook completes names in an address book of 40,000 entries, and keeps it in step.
func TestGlobalAddressBook(t *testing.T) {
	p, account := platform(t, 40_000)
	u := newUser(t, p.URLs.CardDAV, account)
	for _, with := range []string{"{collection: /global/contacts/, letters: 2, limit: 20}", "{collection: /global/contacts/, text: u3999}"} {
		if err := u.do("query", with); err != nil {
			t.Errorf("query %s: %v", with, err)
		}
	}
	for range 2 {
		if err := u.do("sync", "{collection: /global/contacts/, fetch: 0}"); err != nil {
			t.Error(err)
		}
	}
	if err := u.do("verify", "collection: /global/contacts/"); err != nil {
		t.Error(err)
	}
	for with, want := range map[string]probe.Class{
		"collection: /global/contacts/":                  probe.OK,
		"{collection: /global/contacts/, need: write}":   probe.Denied,
		"{collection: /u00002/contacts/personal/}":       probe.Denied,
		"{collection: /u00001/contacts/none/}":           probe.Content,
		"{collection: personal, need: write}":            probe.OK,
		"{collection: 'https://192.0.2.1/u1/contacts/'}": probe.Content,
	} {
		if err := u.do("rights", with); probe.ClassOf(err) != want {
			t.Errorf("rights %s: %v, want %v", with, err, want)
		}
	}
}

func TestLifeOfAContact(t *testing.T) {
	p, account := platform(t, 5)
	u, other := newUser(t, p.URLs.CardDAV, account), newUser(t, p.URLs.CardDAV, account)
	u.must("sync", "create", "sync", "update", "sync", "race", "verify", "query", "copy")
	other.must("sync", "update", "delete") // finds what the first session has made
	u.must("sync", "verify", "create", "delete", "sync", "verify")
}
