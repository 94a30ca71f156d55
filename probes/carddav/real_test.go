package carddav

import (
	"sync/atomic"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv/real"
)

// TestSOGoAndXandikos does what an address book's client does. Somebody else's address book is not there on SOGo (404), like one that
// does not exist. Two writes under one entity tag at once may both be acknowledged there; the test of calendars shows it. Xandikos
// 0.2.8 answers every query for contacts with 500.
func TestSOGoAndXandikos(t *testing.T) {
	o := real.Options{Accounts: 10, SOGo: &real.SOGo{Workers: 6}, Xandikos: true, Ports: real.Ports{Free: true}}
	if missing := o.Missing(); len(missing) > 0 {
		t.Skipf("not tested against SOGo and Xandikos: missing %v", missing)
	}
	stack, err := real.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	account := func(n int) probe.Account {
		return probe.Account{Login: real.Account(n), Address: real.Account(n), Password: stack.Password}
	}
	for name, server := range map[string]struct {
		address, other string
		lacks          string // an action
	}{
		"SOGo":     {stack.SOGoDAV, "/SOGo/dav/" + real.Account(2) + "/Contacts/", "race"},
		"Xandikos": {stack.Xandikos, "/nobody/contacts/", "query"},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUser(t, server.address, account(1))
			u.Must("discover", "sync", "create", "sync", "update", "sync", "verify", "copy", "delete", "sync", "verify")
			for _, with := range []string{"by: token", "by: ctag", "{by: listing, fetch: 2}", "{by: token, page: 1}"} {
				u.Must("create")
				for _, verb := range []string{"sync", "sync"} {
					if err := u.Try(verb, with); err != nil {
						t.Errorf("%s %s: %v", verb, with, err)
					}
				}
				u.Must("update", "verify")
			}
			for with, want := range map[string]probe.Class{
				"need: write": probe.OK, "collection: none": probe.Content,
				"collection: " + server.other + "personal/": probe.Content, "collection: " + server.other + "none/": probe.Content,
			} {
				if err := u.Try("rights", with); probe.ClassOf(err) != want {
					t.Errorf("rights %s: %v, want %v", with, err, want)
				}
			}
			var keys atomic.Uint64
			keys.Store(1 << 20)
			p := probetest.Distinct(Protocol(), &keys)
			var some []probetest.Case
			for _, c := range cases {
				if c.Do != server.lacks {
					some = append(some, c)
				}
			}
			delete(p.Actions, server.lacks)
			probetest.Suite{Protocol: p, Target: probetest.Target(t, "carddav", server.address), Account: account(1), Cases: some, Users: 3, Timeout: time.Minute}.Run(t)
		})
	}
}
