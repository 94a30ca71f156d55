package caldav

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv/real"
)

// start starts real servers, or skips the test where they are not installed.
func start(t *testing.T, o real.Options) *real.Stack {
	t.Helper()
	if missing := o.Missing(); len(missing) > 0 {
		t.Skipf("not tested against real servers: missing %v", missing)
	}
	o.Ports = real.Ports{Free: true}
	stack, err := real.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	})
	return stack
}

// realUser is one user of a real server, with the peers that it invites.
func realUser(t *testing.T, stack *real.Stack, address string, number int, peers ...int) user {
	u := probetest.NewUser(t, probetest.Distinct(Protocol(), &keys), realAccount(stack, number), probetest.Target(t, "caldav", address))
	for _, n := range peers {
		u.Peers = append(u.Peers, realAccount(stack, n))
	}
	return user{u}
}

func realAccount(stack *real.Stack, number int) probe.Account {
	return probe.Account{Login: real.Account(number), Address: real.Account(number), Password: stack.Password}
}

// inStep keeps a collection in step in every way there is.
func (u user) inStep(ways ...string) {
	u.T.Helper()
	for _, with := range ways {
		for _, verb := range []string{"sync", "create", "sync", "update", "sync", "delete", "verify"} {
			w := with
			if verb != "sync" && verb != "verify" {
				w = ""
			}
			if err := u.Try(verb, w); err != nil {
				u.T.Errorf("%s %s: %v", verb, with, err)
			}
		}
	}
}

// rights compares what a server says of collections with what is so.
func (u user) rights(want map[string]probe.Class) {
	u.T.Helper()
	for with, class := range want {
		if err := u.Try("rights", with); probe.ClassOf(err) != class {
			u.T.Errorf("rights %s: %v, want %v", with, err, class)
		}
	}
}

// TestSOGo does what a calendar client does. Where SOGo differs from others stands with the subtests.
func TestSOGo(t *testing.T) {
	stack := start(t, real.Options{Accounts: 10, SOGo: &real.SOGo{Workers: 6}})
	home := func(n int) string { return "/SOGo/dav/" + real.Account(n) + "/Calendar/" }
	t.Run("journey", func(t *testing.T) {
		u := realUser(t, stack, stack.SOGoDAV, 1, 2)
		u.Must("discover", "query", "create", "create", "update", "query", "delete", "copy", "update", "delete")
		u.Must("sync", "sync", "create", "sync", "verify", "update", "verify", "delete", "verify")
		u.inStep("by: token", "by: ctag", "by: listing", "{page: 1, collection: Migrated}")
		if err := u.Try("create", "{repeat: true, exceptions: 3, alarm: true, attach: 30KB}"); err != nil {
			t.Error(err)
		}
		u.Must("query", "update")
		// SOGo has no report of free and busy time (501), only the outbox.
		if err := u.Try("freebusy", ""); probe.ClassOf(err) != probe.Content {
			t.Errorf("a report that is not offered: %v", err)
		}
		for _, with := range []string{"where_offered: true", "{guests: 1}", "{guests: 1, ahead: 30, where_offered: true}"} {
			if err := u.Try("freebusy", with); err != nil {
				t.Errorf("freebusy %s: %v", with, err)
			}
		}
	})
	// The condition of a write is looked at before the write and not with it: of two at once, on two workers, both may be acknowledged,
	// and one is lost. Which of them wins is chance; one after the other they are refused as they should be.
	t.Run("race", func(t *testing.T) {
		first, second := realUser(t, stack, stack.SOGoDAV, 8), realUser(t, stack, stack.SOGoDAV, 8)
		first.Must("create")
		second.Must("update", "update") // the same event: found, not made
		first.Must("update", "update")  // refused under the entity tag of before, then taken
		second.Must("delete")
		if err := first.Try("delete", ""); probe.ClassOf(err) != probe.Content {
			t.Errorf("deleting what another program has deleted: %v", err)
		}
		lost := 0
		const races = 10
		for range races {
			switch err := first.Try("race", ""); {
			case err == nil:
			case strings.Contains(err.Error(), "both acknowledged") && probe.ClassOf(err) == probe.Content:
				lost++
			case !strings.Contains(err.Error(), "status 500"): // where the database sees the second write come
				t.Error(err)
			}
		}
		t.Logf("of %d races, %d had two winners", races, lost)
	})
	// Invitations come into the calendar itself; the inbox that is offered stays empty.
	t.Run("invitation", func(t *testing.T) {
		organizer, guest := realUser(t, stack, stack.SOGoDAV, 3, 4), realUser(t, stack, stack.SOGoDAV, 4)
		guest.Must("sync", "answer")
		if err := organizer.Try("create", "guests: 1"); err != nil {
			t.Fatal(err)
		}
		if all := events(t, stack, home(4)+"personal/", 4); !strings.Contains(all, "PARTSTAT=NEEDS-ACTION") {
			t.Errorf("the invitation has not come:\n%s", all)
		}
		guest.Must("sync", "answer", "sync", "verify")
		for _, n := range []int{3, 4} {
			if all := events(t, stack, home(n)+"personal/", n); strings.Contains(all, "PARTSTAT=NEEDS-ACTION") || !strings.Contains(all, "PARTSTAT=ACCEPTED") {
				t.Errorf("account %d sees after the answer:\n%s", n, all)
			}
		}
		organizer.Must("sync", "verify", "update", "sync", "verify")
		guest.Must("answer", "sync", "verify", "create", "update", "delete")
	})
	// Somebody else's calendar is not there (404) for whom it is not shared with, like one that does not exist; of a shared one SOGo
	// tells what may be done with it.
	t.Run("rights", func(t *testing.T) {
		realUser(t, stack, stack.SOGoDAV, 6).Must("create")
		u := realUser(t, stack, stack.SOGoDAV, 5)
		u.rights(map[string]probe.Class{
			"need: write":                          probe.OK,
			"collection: " + home(6) + "personal/": probe.Content,
			"collection: " + home(6) + "none/":     probe.Content,
			"collection: " + home(5) + "none/":     probe.Content,
			"collection: none":                     probe.Content,
		})
		request(t, stack, http.MethodPost, home(6)+"personal/", 6, http.StatusNoContent, `<acl-query xmlns="urn:inverse:params:xml:ns:inverse-dav">`+
			`<set-roles user="`+real.Account(5)+`"><PublicViewer/></set-roles></acl-query>`)
		u.rights(map[string]probe.Class{
			"collection: " + home(6) + "personal/":                probe.OK,
			"{collection: " + home(6) + "personal/, need: write}": probe.Denied,
			"collection: " + home(6) + "none/":                    probe.Content,
		})
		for _, with := range []string{"sync", "query", "verify"} {
			if err := u.Try(with, "collection: "+home(6)+"personal/"); err != nil {
				t.Errorf("%s of a calendar that may be read: %v", with, err)
			}
		}
	})
	// A token that SOGo does not know is the beginning of time to it.
	t.Run("unknown token", func(t *testing.T) {
		forgotten(t, stack.SOGoDAV, realAccount(stack, 9), false, "none", "99999999999", "-5")
	})
	t.Run("another session", func(t *testing.T) {
		realUser(t, stack, stack.SOGoDAV+real.Account(1)+"/", 1).Must("query", "update")
	})
	t.Run("suite", func(t *testing.T) {
		suite(t, stack, stack.SOGoDAV, 7, func(c probetest.Case) bool { return c.Do == "freebusy" && c.Fails != 0 }, "race")
	})
}

// suite runs the conformance suite without the cases and actions that this server does otherwise.
func suite(t *testing.T, stack *real.Stack, address string, number int, without func(probetest.Case) bool, actions ...string) {
	var keys atomic.Uint64
	keys.Store(1 << 20)
	p := probetest.Distinct(Protocol(), &keys)
	for _, verb := range actions {
		delete(p.Actions, verb)
	}
	probetest.Suite{
		Protocol: p, Target: probetest.Target(t, "caldav", address), Account: realAccount(stack, number), Users: 3, Timeout: time.Minute,
		Cases: slices.DeleteFunc(slices.Clone(cases), func(c probetest.Case) bool { return without(c) || slices.Contains(actions, c.Do) }),
	}.Run(t)
}

// request sends a request of an account's past the client that is tested.
func request(t *testing.T, stack *real.Stack, method, path string, number, want int, body string) string {
	t.Helper()
	u := probetest.Target(t, "caldav", stack.SOGoDAV).URL.ResolveReference(&url.URL{Path: path})
	r, err := http.NewRequestWithContext(t.Context(), method, u.String(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(real.Account(number), stack.Password)
	r.Header.Set("Content-Type", "application/xml")
	r.Header.Set("Depth", "1")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != want {
		t.Fatalf("%s %s: %d, %v: %s", method, path, response.StatusCode, err, text)
	}
	return string(text)
}

// events is the text of a calendar.
func events(t *testing.T, stack *real.Stack, path string, number int) string {
	t.Helper()
	return request(t, stack, "REPORT", path, number, http.StatusMultiStatus, eventsWhere(""))
}

func TestXandikos(t *testing.T) {
	stack := start(t, real.Options{Accounts: 3, Xandikos: true})
	t.Run("journey", func(t *testing.T) {
		u := realUser(t, stack, stack.Xandikos, 1)
		u.Must("discover", "query", "create", "create", "update", "query", "delete", "copy", "update", "delete")
		u.Must("sync", "sync", "create", "sync", "race", "sync", "verify", "update", "verify", "delete", "verify", "answer")
		u.inStep("by: token", "by: ctag", "by: listing", "{page: 1, collection: Migrated}")
		if err := u.Try("create", "{repeat: true, exceptions: 3, alarm: true, attach: 30KB}"); err != nil {
			t.Error(err)
		}
		u.Must("query", "update", "race", "freebusy")
	})
	// The report tells of the hour of an event that pegel has made.
	t.Run("free and busy", func(t *testing.T) {
		f, u := between(t, stack.Xandikos, realAccount(stack, 1))
		begins, told := "", ""
		f.set(func(f *faulty) {
			f.request = func(r *http.Request) {
				if r.Method == http.MethodPut {
					_, begins, _ = strings.Cut(string(body(r)), "\r\nDTSTART:")
					begins, _, _ = strings.Cut(begins, "\r\n")
				}
			}
			f.response = func(_ *http.Response, body []byte) []byte {
				if strings.Contains(string(body), "BEGIN:VFREEBUSY") {
					told = string(body)
				}
				return body
			}
		})
		u.Must("create")
		if err := u.Try("freebusy", "ahead: 60"); err != nil {
			t.Fatal(err)
		}
		if begins == "" || !strings.Contains(strings.ReplaceAll(told, "\r\n ", ""), begins+"/") {
			t.Errorf("the event begins at %q, and the server tells\n%s", begins, told)
		}
	})
	// A token that it does not know is a server error, so that nothing says that the collection should be listed anew.
	t.Run("unknown token", func(t *testing.T) {
		f, u := between(t, stack.Xandikos, realAccount(stack, 1))
		u.Must("sync", "create", "sync")
		f.set(func(f *faulty) { f.request = invent(strings.Repeat("0123456789", 4)) })
		u.fails("sync", "", probe.Content, "500")
		f.set(func(*faulty) {})
		u.Must("sync", "verify")
	})
	t.Run("suite", func(t *testing.T) {
		suite(t, stack, stack.Xandikos, 1, func(probetest.Case) bool { return false })
	})
}
