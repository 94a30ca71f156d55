//go:build linux

package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pegel/probes/browser"
	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/probes/web"
	"pegel/scenarios"
	"pegel/testenv/real"
)

const (
	sameJourneys = 10 // by each way
	sameWithin   = 0.05
)

// sameActions is the journey that is played by real browsers and at HTTP level.
var sameActions = []string{"login", "list", "read", "compose", "send", "logout"}

// sameBut are the requests that need not be the same, and why; docs/sites.md tells them.
var sameBut = map[string]string{
	"GET / _task=addressbook _action=photo": "a browser asks once a day for each sender and has the answer then",
	"POST /SOGo/so/passwordRecoveryEnabled": "the login page asks again where the name is written slowly",
}

// played are the requests of one way by what they ask for, and how many of these the application refused: SOGo refuses what a page
// still asks for while it is being left, where the end of the session overtakes it.
type played struct {
	dynamic, refused map[string]int
	static           int
}

// staticFile is the path of what a web server hands out without its application.
var staticFile = regexp.MustCompile(`\.(js|css|png|svg|gif|jpe?g|ico|woff2?|ttf|map|json|tiff?|webp)$|WebServerResources/|/(skins|plugins|program)/`)

// requested reads what came after a place of an access log, without the ids in its paths.
func requested(t *testing.T, file string, from int64) played {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := played{dynamic: map[string]int{}, refused: map[string]int{}}
	for line := range strings.Lines(string(text[from:])) {
		parts := strings.Split(line, `"`)
		if len(parts) < 3 {
			t.Fatalf("not a line of an access log: %s", line)
		}
		method, rest, _ := strings.Cut(parts[1], " ")
		address, _, _ := strings.Cut(rest, " ")
		u, err := url.ParseRequestURI(address)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if staticFile.MatchString(u.Path) {
			p.static++
			continue
		}
		name := method + " " + withoutIDs(u)
		if status := strings.TrimSpace(parts[2]); status >= "400" {
			p.refused[name]++
		}
		p.dynamic[name]++
	}
	return p
}

var (
	someAccount = regexp.MustCompile(`u[0-9]{5}@example\.test`)
	someNumber  = regexp.MustCompile(`/[0-9]+(/|$)`)
	someDraft   = regexp.MustCompile(`newDraft[^/]*`)
)

// withoutIDs is a path with the parts of the query that say what is done.
func withoutIDs(u *url.URL) string {
	path := someAccount.ReplaceAllString(u.Path, "ACCOUNT")
	path = someDraft.ReplaceAllString(path, "DRAFT")
	if i := strings.Index(path, "/folder"); i >= 0 {
		path = path[:i] + someNumber.ReplaceAllString(path[i:], "/N$1")
	}
	for _, key := range []string{"_task", "_action"} {
		if value := u.Query().Get(key); value != "" {
			path += " " + key + "=" + value
		}
	}
	return path
}

// sameJourney plays a journey by real browsers and at HTTP level, and holds the server's access logs of both against each
// other: what the application has to do must be the same within 5 %.
func sameJourney(t *testing.T, name string, o real.Options) {
	t.Helper()
	switch {
	case os.Getenv("PEGEL_LONG") == "":
		t.Skip("twenty journeys take a minute or two; set PEGEL_LONG=1, or make test-long")
	case !browser.Installed():
		t.Skip("nothing is compared: Chromium is not installed")
	}
	if missing := o.Missing(); len(missing) > 0 {
		t.Skipf("these servers cannot be started here, missing: %s", strings.Join(missing, ", "))
	}
	o.Ports.Free, o.Accounts = true, 10
	stack, err := real.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	s, err := scenarios.OpenSite(name)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(stack.Web)
	if err != nil {
		t.Fatal(err)
	}
	account := func(i int) probe.Account {
		return probe.Account{Index: i, Login: real.Account(i), Address: real.Account(i), Password: stack.Password}
	}
	// Each way has an account of its own that writes to itself; both begin with the same mail.
	play := func(p probe.Protocol, a probe.Account, times int) played {
		t.Helper()
		to := probe.Target{Name: p.Name, URL: u, Site: s, DialContext: new(net.Dialer).DialContext}
		shared, err := p.Prepare(t.Context(), to)
		if err != nil {
			t.Fatal(err)
		}
		defer shared.Close()
		to.Shared = shared
		h := probetest.NewHost(p, a, to)
		defer h.Close()
		h.Peers = []probe.Account{a}
		before := logged(t, stack.AccessLogs[0])
		for journey := range times {
			for _, verb := range sameActions {
				doing := fmt.Sprintf("%s %s.%s", name, p.Name, verb)
				if err := oneAction(t.Context(), h, p, verb); err != nil {
					t.Fatalf("journey %d: %s: %v", journey+1, doing, err)
				}
				if p.Name == "browser" {
					time.Sleep(1200 * time.Millisecond) // what a page still does on its own; and two clicks at once are a double click
				}
			}
		}
		logged(t, stack.AccessLogs[0]) // a page may still ask for something as it goes
		return requested(t, stack.AccessLogs[0], before)
	}
	// All have mail to read, and are no newcomers.
	for i := 1; i <= 2; i++ {
		warmUp(t, probe.Target{Name: "web", URL: u, Site: s, DialContext: new(net.Dialer).DialContext}, account(i))
	}
	b := play(browser.Protocol(), account(1), sameJourneys)
	w := play(web.Protocol(), account(2), sameJourneys)

	names := map[string]bool{}
	for _, list := range []map[string]int{b.dynamic, w.dynamic} {
		for path := range list {
			names[path] = true
		}
	}
	table := fmt.Sprintf("%d journeys of %s on %s\n%7s %7s\n", sameJourneys, strings.Join(sameActions, " → "), name, "browser", "web")
	var sum [2]int
	for _, path := range slices.Sorted(maps.Keys(names)) {
		by, at := b.dynamic[path], w.dynamic[path]
		sum[0], sum[1] = sum[0]+by, sum[1]+at
		mark := ""
		if !sameCount(by, at) {
			mark = "  differs"
			if sameBut[path] != "" {
				mark += ": " + sameBut[path]
			} else {
				t.Errorf("%s: %d by browser, %d by web", path, by, at)
			}
		}
		if r := [2]int{b.refused[path], w.refused[path]}; r != [2]int{} {
			mark += fmt.Sprintf(" (%d and %d refused)", r[0], r[1])
		}
		table += fmt.Sprintf("%7d %7d  %s%s\n", by, at, path, mark)
	}
	table += fmt.Sprintf("%7d %7d  dynamic requests in all\n%7d %7d  static files, not compared\n", sum[0], sum[1], b.static, w.static)
	t.Log(table)
	if !sameCount(sum[0], sum[1]) {
		t.Errorf("%d requests by browser, %d by web", sum[0], sum[1])
	}
}

func sameCount(a, b int) bool { return float64(max(a, b)-min(a, b)) <= sameWithin*float64(max(a, b)) }

// warmUp has an account write to itself, and waits until it can read that.
func warmUp(t *testing.T, to probe.Target, a probe.Account) {
	t.Helper()
	h := probetest.NewHost(web.Protocol(), a, to)
	defer h.Close()
	h.Peers = []probe.Account{a}
	if err := oneAction(t.Context(), h, web.Protocol(), "send"); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(300 * time.Millisecond) {
		if err := oneAction(t.Context(), h, web.Protocol(), "list"); err != nil {
			t.Fatal(err)
		}
		err := oneAction(t.Context(), h, web.Protocol(), "read")
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the mail does not come: %v", err)
		}
	}
}

func oneAction(ctx context.Context, h *probetest.Host, p probe.Protocol, verb string) error {
	step, err := probetest.Bind(p, verb, "")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	return h.Do(ctx, step).Err
}

// logged is how long a log is once nothing has been added for a second.
func logged(t *testing.T, file string) int64 {
	t.Helper()
	for size, end := int64(-1), time.Now().Add(time.Minute); ; time.Sleep(time.Second) {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() == size {
			return size
		}
		if size = info.Size(); time.Now().After(end) {
			t.Fatalf("%s grows and grows", file)
		}
	}
}

func TestSameJourneyRoundcubeLong(t *testing.T) {
	sameJourney(t, "roundcube", real.Options{Roundcube: &real.Roundcube{Instances: 1, Workers: 4}})
}

func TestSameJourneySOGoLong(t *testing.T) {
	sameJourney(t, "sogo", real.Options{SOGo: &real.SOGo{Instances: 1, Workers: 4}})
}
