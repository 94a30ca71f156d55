package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pegel/testenv/real"
)

const backendsScenario = `
name: backends
seed: 6
targets: {web: {url: "%s", site: roundcube, backend: %s, timeout: 60s}}
accounts: {pattern: "u{n:05}@example.test", count: 300, password: {env: PEGEL_REAL_PASSWORD}}
activity: {browser: 100%%, source: test}
personas: [{name: browser, journey: pages}]
journeys: {pages: [{repeat: {for: session}, steps: [{do: web.page, think: {uniform: {min: 6s, max: 10s}}}]}]}
load: {stages: {users: [180], ramp: 8s, settle: 2s, hold: 15s}}
objectives: [{action: "web.*", p95: 30s}]
environment: {name: loopback, role: test}
`

// HAProxy sends the first of two backends of Roundcube twice the load, and the second one stands still for most of the time:
// archive, summary and report show both.
func TestUnevenAndSlowBackend(t *testing.T) {
	backends(t, unequal{
		tweaks:  real.Tweaks{WebWeights: []int{20, 10}, WebSpeeds: []float64{1, 0.1}},
		backend: "{cookie: ROUTE}", slow: "roundcube2", lang: "en", says: "are used unevenly",
	})
}

// The same without a route cookie, and in German. The application itself tells its port, since the balancer tells nothing.
func TestLongUnevenBackendsWithoutCookie(t *testing.T) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("another half minute of Roundcube; set PEGEL_LONG=1, or make test-long")
	}
	backends(t, unequal{
		tweaks: real.Tweaks{WebWeights: []int{20, 10}, WebNoCookie: true,
			RoundcubeExtra: "header('X-Backend: port ' . $_SERVER['SERVER_PORT']);\n"},
		backend: `{header: X-Backend, after: " "}`, lang: "de", says: "ungleich ausgelastet",
	})
}

// unequal is a stack with unequal backends and what is to be said of them.
type unequal struct {
	tweaks     real.Tweaks
	backend    string // where answers tell it
	slow       string // the backend that is, "" for none
	lang, says string
}

func backends(t *testing.T, c unequal) {
	t.Helper()
	o := real.Options{Accounts: 300, Ports: real.Ports{Free: true}, Roundcube: &real.Roundcube{Instances: 2, Workers: 3}, Tweaks: c.tweaks}
	if missing := o.Missing(); len(missing) > 0 {
		t.Skipf("Roundcube is not tested here: missing %s", strings.Join(missing, ", "))
	}
	stack, err := real.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	dir := t.TempDir()
	file, out := filepath.Join(dir, "backends.yaml"), filepath.Join(dir, "run")
	if err := os.WriteFile(file, fmt.Appendf(nil, backendsScenario, stack.Web, c.backend), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := runInto(t, out, []string{"run", file, "--out", out, "--lang", c.lang}, os.LookupEnv)
	if code == exitUsage || code == exitScenario || code == exitFailure {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if code, _, stderr := runInto(t, out, []string{"export", out}, os.LookupEnv); code != exitOK {
		t.Fatalf("export: exit code %d\n%s", code, stderr)
	}
	count := backendCounts(t, filepath.Join(out, "export", "dimensions.csv"))
	t.Logf("%v", count)
	heavy, light := "roundcube1", "roundcube2"
	if c.tweaks.WebNoCookie {
		heavy, light = portOf(t, stack.WebDirect[0]), portOf(t, stack.WebDirect[1])
	}
	if ratio := count[heavy] / count[light]; len(count) != 2 || ratio < 1.6 || ratio > 2.5 {
		t.Errorf("%s did %g times as much as %s, want about 2: %v", heavy, ratio, light, count)
	}
	report, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	if code == exitGenerator {
		t.Log("the generator was late: nothing is concluded, and no warning is due")
		return
	}
	for where, text := range map[string]string{"summary": stdout, "report": string(report)} {
		for _, want := range []string{c.says, heavy, c.slow} {
			if !strings.Contains(text, want) {
				t.Errorf("the %s does not say %q", where, want)
			}
		}
		if c.slow != "" && !strings.Contains(text, "on the backend "+c.slow) {
			t.Errorf("the %s does not say that %s is slow\n%s", where, c.slow, stdout)
		}
	}
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	_, port, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(address, "http://"), "/"), ":")
	if !ok {
		t.Fatalf("%s has no port", address)
	}
	port, _, _ = strings.Cut(port, "/")
	return port
}

// backendCounts are the actions that each backend answered, as the export tells.
func backendCounts(t *testing.T, file string) map[string]float64 {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("%s: %v", file, err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	count := map[string]float64{}
	for _, row := range rows[1:] {
		if row[column["kind"]] != "backend" {
			continue
		}
		n, err := strconv.ParseFloat(row[column["count"]], 64)
		if err != nil {
			t.Fatal(err)
		}
		count[row[column["name"]]] += n
	}
	return count
}
