package main

import (
	"os"
	"path/filepath"
	"testing"

	"pegel/internal/archive"
	"pegel/internal/record"
	"pegel/probes/probe"
	"pegel/testenv"
)

const flowScenario = `
name: flow
seed: 4
targets: {imap: {url: "imap://127.0.0.1:9"}}
accounts: {pattern: "u{n:05}@example.test", count: 30, password: {env: PEGEL_PASSWORD}}
activity: {thunderbird: 100%, source: test}
personas:
  - name: thunderbird
    journey: desktop
    session: {length: 2s, away: 300ms}
    patience: {after: 250ms, then: retry, most: 2}
journeys:
  desktop:
    - parallel:
        - {name: inbox, steps: [{do: imap.select}, {do: imap.idle, think: 1h}]}
        - {name: check, steps: [{every: 200ms, steps: [{do: imap.status}]}]}
        - {name: search, steps: [{do: imap.login, think: 1s}, {do: imap.search, with: {text: x}}, {think: 1h}]}
load: {stages: {users: [6], ramp: 300ms, settle: 200ms, hold: 4s}}
objectives: [{action: "imap.*", p95: 2s}]
`

// slowSearch is a platform on which a search takes longer than anybody waits.
const slowSearch = `
name: slow-search
resources: [{name: cpu, limit: 500}]
operations:
  imap.search: [{use: cpu, for: {mean: 5s}}]
`

// Real sessions and branches against the embedded platform: three connections for each user and session, checks on their beat,
// and searches that are given up, tried again and given up for good.
func TestFlowAgainstThePlatform(t *testing.T) {
	def, err := testenv.ParseDefinition([]byte(slowSearch))
	if err != nil {
		t.Fatal(err)
	}
	platform, err := testenv.Start(t.Context(), testenv.Options{Definition: def, Accounts: 30, Password: "right-word"})
	if err != nil {
		t.Fatal(err)
	}
	defer platform.Close()
	dir := t.TempDir()
	file, out := filepath.Join(dir, "flow.yaml"), filepath.Join(dir, "run")
	if err := os.WriteFile(file, []byte(flowScenario), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := runInto(t, out, []string{"run", file, "--out", out, "--set", "targets.imap.url=" + platform.URLs.IMAP},
		func(name string) (string, bool) { return "right-word", name == "PEGEL_PASSWORD" })
	if code == exitUsage || code == exitScenario || code == exitFailure {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	r, err := archive.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	sum := map[string]*record.Series{}
	for in, err := range r.Intervals() {
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range in.Series {
			if s == nil {
				continue
			}
			name := r.Meta.Actions[i/len(r.Meta.Personas)]
			if sum[name] == nil {
				sum[name] = new(record.Series)
			}
			sum[name].Merge(s)
		}
	}
	for _, name := range []string{"imap.connect", "imap.status", "imap.select", "imap.idle", "imap.search"} {
		if sum[name] == nil {
			t.Fatalf("%s was not done; %s", name, stderr)
		}
		// A quarter of a second is short on a busy machine: two answers may be awaited in vain.
		if n := sum[name].Failed(); n > min(sum[name].Classes[probe.Timeout], 2) && name != "imap.search" {
			t.Errorf("%s failed %d times: %v", name, n, sum[name].Classes)
		}
	}
	// Two sessions fit into the time: 2 s, 0.3 s away, 2 s. The search begins 1 s after the login and is done again on a
	// connection of its own each time.
	search := sum["imap.search"]
	if search.Classes[probe.Timeout] != search.Done() || search.Done() < 6 || search.Done() > 36 {
		t.Errorf("searches: %v", search.Classes)
	}
	if n := sum["imap.connect"].Done(); n < 18 || n > 3*6*3+search.Done() {
		t.Errorf("%d connections with %d searches", n, search.Done())
	}
	if n := sum["imap.status"].Done(); n < 30 || n > 6*22 {
		t.Errorf("%d checks of 6 users, one each 200 ms for at most 4.5 s", n)
	}
}
