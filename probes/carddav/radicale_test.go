package carddav

import (
	"sync/atomic"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv/real"
)

func TestRadicale(t *testing.T) {
	if missing := real.Missing(); len(missing) > 0 {
		t.Skipf("not tested against a real CardDAV server: missing %v", missing)
	}
	stack, err := real.Start(t.Context(), real.Options{Accounts: 3, Ports: real.Ports{Free: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	account := func(n int) probe.Account {
		return probe.Account{Login: real.Account(n), Address: real.Account(n), Password: stack.Password}
	}
	t.Run("journey", func(t *testing.T) {
		u := newUser(t, stack.CalDAVDirect, account(1))
		u.Must("discover", "sync", "create", "sync", "update", "race", "sync", "query", "verify", "copy", "delete", "sync", "verify")
		for _, with := range []string{"by: token", "by: ctag", "{by: listing, fetch: 2}"} {
			u.Must("create")
			for _, verb := range []string{"sync", "sync"} {
				if err := u.Try(verb, with); err != nil {
					t.Errorf("%s %s: %v", verb, with, err)
				}
			}
		}
		if err := u.Try("rights", "collection: /"+real.Account(0)+"/"); probe.ClassOf(err) != probe.Denied {
			t.Errorf("somebody else's home: %v", err)
		}
	})
	t.Run("suite", func(t *testing.T) {
		var keys atomic.Uint64
		keys.Store(1 << 20)
		probetest.Suite{
			Protocol: probetest.Distinct(Protocol(), &keys), Target: probetest.Target(t, "carddav", stack.CalDAVDirect), Account: account(2), Cases: cases,
			Users: 3, Timeout: time.Minute, // one single-threaded server, on a machine that may be busy
		}.Run(t)
	})
}
