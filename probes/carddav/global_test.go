package carddav

import (
	"os"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv/real"
)

// entries is how many a large institution's global address book has.
const entries = 40_000

// TestGlobalAddressBook completes names in an address book of 40,000 entries, and keeps it in step.
func TestGlobalAddressBook(t *testing.T) {
	p, account := platform(t, entries)
	newUser(t, p.URLs.CardDAV, account).Try("sync", "{collection: /global/contacts/, fetch: 0}") // what the platform makes once
	u := newUser(t, p.URLs.CardDAV, account)
	for _, with := range []string{"{collection: /global/contacts/, letters: 2, limit: 20}", "{collection: /global/contacts/, text: u3999}"} {
		timed(t, u, "query", with)
	}
	kept, _ := timed(t, u, "sync", "{collection: /global/contacts/, fetch: 0}")
	if kept > 4<<20 { // 16 bytes an entry, and whatever the platform in this process does
		t.Errorf("%d entries are kept in %d KiB", entries, kept>>10)
	}
	timed(t, u, "sync", "{collection: /global/contacts/, fetch: 0}")
	timed(t, u, "verify", "collection: /global/contacts/")
	for with, want := range map[string]probe.Class{
		"collection: /global/contacts/":                  probe.OK,
		"{collection: /global/contacts/, need: write}":   probe.Denied,
		"{collection: /u00002/contacts/personal/}":       probe.Denied,
		"{collection: /u00001/contacts/none/}":           probe.Content,
		"{collection: personal, need: write}":            probe.OK,
		"{collection: 'https://192.0.2.1/u1/contacts/'}": probe.Content,
	} {
		if err := u.Try("rights", with); probe.ClassOf(err) != want {
			t.Errorf("rights %s: %v, want %v", with, err, want)
		}
	}
}

// TestGlobalAddressBookOnSOGoLong reads the address book that SOGo makes of its accounts. SOGo has no query for it (501), which is no
// reason to end a session, and lists it for a minute and more.
func TestGlobalAddressBookOnSOGoLong(t *testing.T) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("an address book of 40,000 entries keeps SOGo busy for minutes; set PEGEL_LONG=1, or make test-long")
	}
	o := real.Options{Accounts: entries - 1, SOGo: &real.SOGo{Workers: 3}, Ports: real.Ports{Free: true}}
	if missing := o.Missing(); len(missing) > 0 {
		t.Skipf("not tested against SOGo: missing %v", missing)
	}
	stack, err := real.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	account := probe.Account{Login: real.Account(1), Address: real.Account(1), Password: stack.Password}
	at := "collection: /SOGo/dav/" + real.Account(1) + "/Contacts/directory/"
	u := newUser(t, stack.SOGoDAV, account)
	timed(t, u, "discover", "")
	if err := u.Try("query", "{"+at+", text: user}"); probe.ClassOf(err) != probe.Content || !strings.Contains(err.Error(), "does not offer it") {
		t.Errorf("a query that SOGo does not have: %v", err)
	}
	kept, most := timed(t, u, "sync", "{"+at+", fetch: 0}")
	if kept < entries*16 || kept > 2<<20 || most > 32<<20 {
		t.Errorf("a sync of %d entries keeps %d KiB and takes up to %d KiB meanwhile", entries, kept>>10, most>>10)
	}
}

// timed performs an action that must not fail, and logs its time and how much more memory was in use after it, and at most during it
// (both with what has not been collected yet; the first without).
func timed(t *testing.T, u probetest.User, verb, with string) (kept, most int64) {
	t.Helper()
	step, err := probetest.Bind(u.Protocol, verb, with)
	if err != nil {
		t.Fatal(err)
	}
	before := inUse(true)
	var watching sync.WaitGroup
	done := make(chan struct{})
	watching.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
				most = max(most, inUse(false)-before)
			}
		}
	})
	r := u.Do(t.Context(), step)
	close(done)
	watching.Wait()
	if r.Class == probe.Overload {
		t.Skipf("the machine was too busy for the servers, which gave up after %v: %v", r.Elapsed, r.Err)
	}
	if r.Err != nil {
		t.Errorf("%s %s: %v", verb, with, r.Err)
	}
	kept = max(inUse(true)-before, 0)
	t.Logf("%s %s: %v, %d KiB in, keeps %d KiB, up to %d KiB meanwhile", verb, with, r.Elapsed.Round(time.Millisecond), r.In>>10, kept>>10, most>>10)
	return kept, most
}

// inUse is the heap in use in bytes, after a collection where it shall be exact.
func inUse(exact bool) int64 {
	if exact {
		runtime.GC()
	}
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}
