package web

import (
	"strings"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv/real"
)

// TestSitesOnRealServers does all that the sites of Roundcube and SOGo offer on the real ones, behind HAProxy.
func TestSitesOnRealServers(t *testing.T) {
	for name, o := range map[string]real.Options{
		"roundcube": {Roundcube: &real.Roundcube{Workers: 3}},
		"sogo":      {SOGo: &real.SOGo{Workers: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			if missing := o.Missing(); len(missing) > 0 {
				t.Skipf("%s is not tested here: missing %s", name, strings.Join(missing, ", "))
			}
			o.Accounts, o.Ports.Free = 10, true
			stack, err := real.Start(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer stack.Close()
			account := func(n int) probe.Account {
				return probe.Account{Index: n, Login: real.Account(n), Address: real.Account(n), Password: stack.Password}
			}
			target := onSite(t, name, stack.Web, nil)
			receive(t, target, account(2), account(1))
			tour(t, target, account(1), account(2))
			for _, verb := range []string{"login", "list", "read", "compose", "send", "search", "poll", "logout"} {
				if len(target.Site.Actions[verb].Web) == 0 {
					t.Errorf("the site has no %s", verb)
				}
			}
			testLostSession(t, target, account(2), account(1))
		})
	}
}

// testLostSession takes the cookies of a user who is signed in: what comes then is a failure of signing in, and the next
// login ends it.
func testLostSession(t *testing.T, target probe.Target, account, peer probe.Account) {
	t.Helper()
	h := probetest.NewHost(Protocol(), account, target)
	defer h.Close()
	h.Peers = []probe.Account{peer}
	if r := do(t, h, "list", ""); r.Err != nil {
		t.Fatalf("%s: %v", target.Site.Name, r.Err)
	}
	forgotten := h.Do(t.Context(), func(turn *probe.Turn) error {
		s, err := probe.SessionAs[*Session](turn)
		if err == nil {
			s.client.ForgetCookies()
		}
		return err
	})
	if r := do(t, h, "list", ""); forgotten.Err != nil || r.Class != probe.Auth && r.Class != probe.Denied {
		t.Errorf("%s: a lost session comes to %v: %v", target.Site.Name, r.Class, r.Err)
	}
	if r := do(t, h, "login", ""); r.Err != nil {
		t.Errorf("%s: login after a lost session: %v", target.Site.Name, r.Err)
	}
}

// receive has one account send a mail to another, and waits until that one can read it.
func receive(t *testing.T, target probe.Target, from, to probe.Account) {
	t.Helper()
	sender, reader := probetest.NewHost(Protocol(), from, target), probetest.NewHost(Protocol(), to, target)
	defer sender.Close()
	defer reader.Close()
	sender.Peers = []probe.Account{to}
	if r := do(t, sender, "send", "size: 4KiB"); r.Err != nil {
		t.Fatalf("%s: send: %v", target.Site.Name, r.Err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		r := do(t, reader, "list", "")
		if r.Err == nil {
			r = do(t, reader, "read", "newest: true")
		}
		if r.Err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: the mail does not come: %v", target.Site.Name, r.Err)
		}
	}
}
