package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/record"
	"pegel/probes/browser"
	"pegel/testenv"
)

const megabyte = 1_000_000

const lineScenario = `
name: line
seed: 5
targets: {web: {url: "http://127.0.0.1:9/"}, browser: {url: "http://127.0.0.1:9/"}, imap: {url: "imap://127.0.0.1:9"}}
lines:
  home: {round_trip: 40ms, down: 10Mbit/s, via: entry}
  entry: {sources: 127.0.3.1-127.0.3.3}
accounts: {pattern: "u{n:05}@example.test", count: 30, password: {env: PEGEL_PASSWORD}}
personas:
  - {name: surfer, count: 1, journey: pages, line: home}
  - {name: reader, count: 1, journey: mails, line: home}
  - {name: browser, count: 1, journey: forms, line: home}
activity: {idler: 10%, source: test}
journeys:
  none: [{think: 1h}]
  pages: [{do: web.request, with: {path: /big}, think: 200ms}]
  mails:
    - {do: imap.append, with: {mailbox: INBOX, size: "1000000"}}
    - repeat: {for: session}
      steps: [{do: imap.fetch, with: {which: newest}, think: 200ms}]
  forms: [{do: browser.login}, {do: browser.logout, think: 200ms}]
load: {stages: {users: [3], ramp: 100ms, settle: 100ms, hold: 8s}}
objectives: [{errors: 1%}]
`

// big is a web server whose login page and file are each a megabyte long, and that knows where its visitors come from.
func big(t testing.TB) (url string, visitors func() []string) {
	pad := strings.Repeat("x", megabyte)
	var from []string
	seen := make(chan string, 10_000)
	mux := http.NewServeMux()
	mux.HandleFunc("/big", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, pad) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.Method == http.MethodPost {
			fmt.Fprint(w, `<title>in</title><link rel="icon" href="data:,"><b id="whoami">u</b><div id="inbox">mails</div><a id="signout" href="/">out</a>`)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		fmt.Fprintf(w, `<title>t</title><link rel="icon" href="data:,"><form method="post" action="/in"><input id="user" name="u"><input id="password" name="p" type="password"><button id="signin">in</button></form><!--%s-->`, pad)
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := strings.Cut(r.RemoteAddr, ":")
		seen <- host
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string {
		for len(seen) > 0 {
			if host := <-seen; !slices.Contains(from, host) {
				from = append(from, host)
			}
		}
		return from
	}
}

// overLine runs the scenario and returns the response times of what took a megabyte, and the archive.
func overLine(t testing.TB) (took map[string]*record.Histogram, dir string, visitors []string) {
	t.Helper()
	platform, err := testenv.Start(t.Context(), testenv.Options{Accounts: 30, Password: "right-word"})
	if err != nil {
		t.Fatal(err)
	}
	defer platform.Close()
	site, from := big(t)
	dir = filepath.Join(t.TempDir(), "run")
	file := filepath.Join(t.TempDir(), "line.yaml")
	text := lineScenario
	text = strings.Replace(text, "personas:\n", "personas:\n  - {name: idler, journey: none}\n", 1)
	if !browser.Installed() {
		t.Log("no browser takes part: Chromium is not installed")
		text = strings.Replace(text, "  - {name: browser, count: 1, journey: forms, line: home}\n", "", 1)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), []string{"run", file, "--out", dir, "--set", "targets.web.url=" + site, "--set", "targets.browser.url=" + site, "--set", "targets.imap.url=" + platform.URLs.IMAP},
		environment{stdout: &stdout, stderr: &stderr, getenv: func(name string) (string, bool) { return "right-word", name == "PEGEL_PASSWORD" }})
	r, err := archive.Open(dir)
	if err != nil {
		t.Fatalf("exit code %d: %v\n%s", code, err, &stderr)
	}
	total := map[string]*record.Series{}
	for in, err := range r.Intervals() {
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range in.Series {
			if s == nil {
				continue
			}
			name, _ := r.Meta.Series(i)
			if total[name] == nil {
				total[name] = new(record.Series)
			}
			total[name].Merge(s)
			if n := s.Failed(); n > 0 {
				t.Errorf("%s failed: %v\n%s", name, s.Classes, &stderr)
			}
		}
	}
	took = map[string]*record.Histogram{}
	for _, name := range []string{"web.request", "imap.fetch", "browser.login"} {
		if s := total[name]; s != nil {
			took[name] = &s.Response
		} else if name != "browser.login" || browser.Installed() {
			t.Errorf("%s was not done\n%s", name, &stderr)
		}
	}
	return took, dir, from()
}

// A megabyte at 10 Mbit/s and 40 ms takes 0.84 s: pages and mails within 5 % at the least, for a machine that computes something else
// makes it longer. A browser's login takes longer by what it draws; what Chromium itself measures is compared in its own package.
// Users come from the addresses of the line.
func TestLine(t *testing.T) {
	const want = 0.84
	least := map[string]float64{}
	var dir string
	var visitors []string
	for tries := 1; ; tries++ {
		var took map[string]*record.Histogram
		took, dir, visitors = overLine(t)
		near := true
		for name, h := range took {
			if h.Total == 0 { // the machine was too busy for one
				near = false
				continue
			}
			s := h.Quantile(0).Seconds()
			if before := least[name]; before == 0 || s < before {
				least[name] = s
			}
			t.Logf("%s: at least %.3f s, median %v", name, s, h.Quantile(0.5))
			if name != "browser.login" {
				near = near && least[name] <= 1.05*want
			}
		}
		if near || tries == 4 || t.Failed() {
			break
		}
	}
	for _, name := range []string{"web.request", "imap.fetch", "browser.login"} {
		s, done := least[name]
		if !done {
			if name != "browser.login" || browser.Installed() {
				t.Errorf("%s was done in no run", name)
			}
			continue
		}
		most := 1.05 * want
		if name == "browser.login" {
			most = 20
		}
		if s < 0.95*want || s > most {
			t.Errorf("%s took %.3f s at least", name, s)
		}
	}
	for _, from := range visitors {
		if !strings.HasPrefix(from, "127.0.3.") {
			t.Errorf("somebody came from %s", from)
		}
	}
	if len(visitors) == 0 {
		t.Error("nobody came")
	}
	r, err := archive.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]bool{}
	for d, err := range r.Dimensions() {
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range d.Rows {
			if row.Kind == record.KindSource {
				sources[row.Name] = true
			}
		}
	}
	if len(sources) == 0 {
		t.Error("results are not told apart by source")
	}
}

// BenchmarkLine is how long a megabyte takes against arithmetic: 0.84 s, and for a browser two round trips more, of its connection
// and of its second page.
func BenchmarkLine(b *testing.B) {
	for range b.N {
		all, _, _ := overLine(b)
		for name, took := range all {
			want := 0.84
			if name == "browser.login" {
				want += 0.08
			}
			b.ReportMetric(took.Quantile(0.5).Seconds()/want, strings.Replace(name, ".", "-", 1))
		}
	}
}

// Calendars, address books and phones go over the line as well: no action of theirs takes less than a round trip.
func TestLineOfOtherProtocols(t *testing.T) {
	p, err := testenv.Start(t.Context(), testenv.Options{Accounts: 20})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "line.yaml")
	text := fmt.Sprintf(`
name: line
targets: {caldav: {url: %q}, carddav: {url: %q}, eas: {url: %q}}
lines: {far: {round_trip: 150ms}}
accounts: {pattern: "u{n:05}@example.test", count: 20, password: {env: PEGEL_PASSWORD}}
personas: [{name: all, journey: all, line: far}]
activity: {all: 100%%, source: test}
journeys:
  all:
    - {do: caldav.discover}
    - {do: carddav.discover}
    - repeat: {for: session}
      steps: [{do: caldav.query}, {do: carddav.query}, {do: eas.options, think: 100ms}]
load: {stages: {users: [2], ramp: 100ms, settle: 100ms, hold: 5s}}
objectives: [{errors: 1%%}]
`, p.URLs.CalDAV, p.URLs.CardDAV, p.URLs.EAS)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"run", file, "--out", filepath.Join(dir, "run")},
		environment{stdout: &stdout, stderr: &stderr, getenv: func(string) (string, bool) { return p.Password(), true }})
	r, err := archive.Open(filepath.Join(dir, "run"))
	if err != nil {
		t.Fatalf("exit code %d: %v\n%s\n%s", code, err, &stdout, &stderr)
	}
	for _, e := range r.Events {
		if e.Kind == archive.EventError {
			t.Errorf("%s: %s", e.Action, e.Text)
		}
	}
	seen := map[string]bool{}
	for in, err := range r.Intervals() {
		if err != nil {
			t.Fatal(err)
		}
		for k, s := range in.Series {
			if s == nil || s.Done() == 0 {
				continue
			}
			action, _ := r.Meta.Series(k)
			seen[action] = true
			if fastest := s.Service.Quantile(0); fastest < 145*time.Millisecond {
				t.Errorf("%s took %v over a line of 150ms", action, fastest)
			}
		}
	}
	for _, action := range []string{"caldav.discover", "carddav.discover", "caldav.query", "carddav.query", "eas.options"} {
		if !seen[action] {
			t.Errorf("%s was not done\n%s", action, &stderr)
		}
	}
}

func TestSourceOfAnotherMachine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "line.yaml")
	text := strings.NewReplacer("127.0.3.1-127.0.3.3", "192.0.2.1", "personas:\n", "personas:\n  - {name: idler, journey: none}\n",
		"  - {name: browser, count: 1, journey: forms, line: home}\n", "").Replace(lineScenario)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"run", file, "--out", filepath.Join(t.TempDir(), "run")},
		environment{stdout: &stdout, stderr: &stderr, getenv: func(string) (string, bool) { return "x", true }})
	if code != exitNoStart || !strings.Contains(stderr.String(), "cannot come from 192.0.2.1") {
		t.Errorf("exit code %d, %s", code, &stderr)
	}
}
