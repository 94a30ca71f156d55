//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/judge"
	"pegel/probes/browser"
	"pegel/scenarios"
	"pegel/testenv"
)

// besideScenario has the same journey for real browsers and for users at HTTP level.
const besideScenario = `
name: beside
seed: 6
targets:
  web: {url: "%[1]s", timeout: 60s}
  browser: {url: "%[1]s", timeout: 60s}
accounts: {pattern: "u{n:05}@example.test", count: 200, password: {env: PEGEL_PASSWORD}}
activity: {light: 20%%, source: test}
personas: [{name: light, journey: light}, {name: heavy, journey: heavy, count: %[2]d}]
journeys:
  light: [{repeat: {for: session}, steps: [{do: web.login, think: 2s}, {do: web.list, think: 2s}, {do: web.read, think: 2s}, {do: web.send, think: 2s}, {do: web.logout, think: 2s}]}]
  heavy: [{repeat: {for: session}, steps: [{do: browser.login, think: 2s}, {do: browser.list, think: 2s}, {do: browser.read, think: 2s}, {do: browser.send, think: 2s}, {do: browser.logout, think: 2s}]}]
load: {stages: {users: [20], ramp: 8s, settle: 4s, hold: %[3]s}}
objectives: [{action: "web.*", p95: 30s}]
environment: {name: loopback, role: test}
`

// chromiumOf are the running browsers whose profile lies in a directory: their process groups.
func chromiumOf(t *testing.T, dir string) map[int]bool {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		t.Fatalf("no list of processes: %v", err)
	}
	groups := map[int]bool{}
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && bytes.Contains(line, []byte("--user-data-dir="+dir)) {
			if group := groupOf(filepath.Dir(file)); group > 0 {
				groups[group] = true
			}
		}
	}
	return groups
}

// groupOf is the process group of a process that lives; 0 where it does not, or is the remains of one.
func groupOf(dir string) int {
	text, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // state, parent, group: proc(5)
	if len(fields) < 3 || fields[0] == "Z" {
		return 0
	}
	group, _ := strconv.Atoi(fields[2])
	return group
}

// alive counts the processes of some groups.
func alive(t *testing.T, groups map[int]bool) (n int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if groups[groupOf(filepath.Dir(file))] {
			n++
		}
	}
	return n
}

// besideWeb runs so many real browsers beside twenty users at HTTP level, and looks at what the report says of both and at what
// is left of the browsers.
func besideWeb(t *testing.T, users int, hold time.Duration) {
	t.Helper()
	if !browser.Installed() {
		t.Skip("nothing is put side by side: Chromium is not installed")
	}
	temporary, err := os.MkdirTemp("/tmp", "beside-") // a long path is none for Chromium, which has a socket there
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(temporary) })
	dir := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	platform, err := testenv.Start(t.Context(), testenv.Options{Accounts: 200, Password: "right-word"})
	if err != nil {
		t.Fatal(err)
	}
	defer platform.Close()
	file, out := filepath.Join(dir, "beside.yaml"), filepath.Join(dir, "run")
	if err := os.WriteFile(file, fmt.Appendf(nil, besideScenario, platform.URLs.Web, users, hold), 0o600); err != nil {
		t.Fatal(err)
	}
	word := func(name string) (string, bool) { return "right-word", name == "PEGEL_PASSWORD" }
	seen := map[int]bool{}
	watching, stop := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for watching.Err() == nil {
			for group := range chromiumOf(t, temporary) {
				seen[group] = true
			}
			select {
			case <-watching.Done():
			case <-time.After(time.Second):
			}
		}
	}()
	code, stdout, stderr := runInto(t, out, []string{"run", file, "--out", out}, word)
	stop()
	<-watched
	if code == exitUsage || code == exitScenario || code == exitFailure {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if len(seen) == 0 {
		t.Fatalf("no Chromium was seen: exit code %d\n%s%s", code, stdout, stderr)
	}
	for end := time.Now().Add(30 * time.Second); alive(t, seen) > 0 && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
	}
	if n := alive(t, seen); n > 0 {
		t.Errorf("%d processes of Chromium are left", n)
	}
	left, err := filepath.Glob(filepath.Join(temporary, "pegel-chromium-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("profiles are left: %v %v", left, err)
	}

	r, err := archive.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenarios.Parse(file, r.Scenario, scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	result, err := judge.Judge(r, s, judge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v := result.Browser
	if v == nil {
		t.Fatalf("the archive says nothing of browsers\n%s", stderr)
	}
	t.Logf("%d browsers at most, PSS %.0f MiB (%.0f for each), CPU %.0f %% of a core", v.Contexts, v.PSS/(1<<20), v.PSS/(1<<20)/float64(max(v.Contexts, 1)), v.CPU)
	if v.Contexts != users || v.PSS < float64(users)*(10<<20) || v.CPU <= 0 {
		t.Errorf("%d contexts with %g bytes and %g %% of a core: want %d, with memory and processor time", v.Contexts, v.PSS, v.CPU, users)
	}
	verbs := map[string]judge.Beside{}
	for _, a := range v.Beside {
		verbs[a.Verb] = a
		t.Logf("%-7s web %4d: p50 %v p95 %v, %.1f requests; browser %4d: p50 %v p95 %v, shown p50 %v p95 %v, largest paint %.2f s, %.1f requests", a.Verb, a.Web.Count, a.Web.P50, a.Web.P95,
			a.WebRequests, a.Browser.Count, a.Browser.P50, a.Browser.P95, a.ShownP50, a.ShownP95, a.LargestPaintP75, a.BrowserRequests)
	}
	for _, verb := range []string{"login", "list", "read", "send"} {
		a, ok := verbs[verb]
		if !ok || a.Web.P50 <= 0 || a.Browser.P95 <= 0 || a.ShownP50 <= 0 || a.WebRequests < 1 || a.BrowserRequests < 1 {
			t.Errorf("%s is not told of both: %+v", verb, a)
		}
		if failed := a.Web.Failed + a.Browser.Failed; failed > 0 {
			t.Errorf("%s failed %d times\n%s", verb, failed, stderr)
		}
	}
	page, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := os.ReadFile(filepath.Join(out, "forecast.json"))
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range map[string]string{"summary": stdout, "report": string(page)} {
		for _, want := range []string{"Chromium took up to", "The same actions at HTTP level"} {
			if !strings.Contains(strings.ReplaceAll(text, "\u00a0", " "), want) {
				t.Errorf("the %s does not say %q", where, want)
			}
		}
	}
	if !bytes.Contains(numbers, []byte(`"web_and_browser"`)) {
		t.Error("forecast.json does not have both side by side")
	}
}

func TestBrowsersBesideWeb(t *testing.T) { besideWeb(t, 2, 20*time.Second) }

// Ten users in real browsers for five minutes: what they cost is told, and nothing is left of them.
func TestTenBrowsersLong(t *testing.T) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("ten browsers take five minutes; set PEGEL_LONG=1, or make test-long")
	}
	besideWeb(t, 10, 5*time.Minute)
}
