package scenarios

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// whole uses each part of the language once.
const whole = `# everything
name: whole
description: >
  two lines
  of text
seed: 18446744073709551615
compression: 2.5
targets:
  web: {url: "https://portal.example.test/", ca: ca.pem, timeout: 1m30s}
  imap: {url: "imap://10.1.2.3:1143", starttls: required}
  imap.source: {url: imaps://old.example.test}
  allow: [10.1.0.0/16, 127.0.0.0/8, "::1"]
accounts: {pattern: "u{n:05}@example.test", count: 40_000, first: 0, login: "u{n}", password: {env: PEGEL_PASSWORD}}
activity: {browser: 0.2, desktop: [15%, 30%], source: access logs}
personas:
  - {name: browser, journey: webmail}
  - {name: desktop, journey: mailbox, fresh: first}
  - {name: watcher, journey: mailbox, count: 3}
  - {name: migrator, journey: copy, copy: true}
journeys:
  webmail:
    - do: web.login
      with: {keep: true}
      timeout: 30s
    - repeat: {for: session}
      steps:
        - {do: web.list, think: {lognormal: {median: 30s, p90: 2m}}}
        - choose:
            - {weight: 7, do: web.read, think: 2s}
            - weight: 0.5
              steps:
                - think: {exponential: {mean: 10s}}
                - do: web.send
  mailbox:
  - repeat: {times: 3}
    steps: [{do: imap.fetch, think: {uniform: {min: 1s, max: 3s}}}]
  first: [{do: imap.fetch}]
  copy: [{do: imap.append, target: imap.source}]
wave:
  live: 11000
  batches: [{name: north, date: 2026-03-02, accounts: 800}, {name: south, accounts: 200}]
  copy: {concurrency: 4, rate: 2.5, stages: alternate}
environment: {name: lab, role: staging, nodes: {web: 4, db: 2}, start: debian}
observe:
  - name: page
    prometheus: http://127.0.0.1:9100/metrics
    resources:
      - {name: pool, kind: pool, in_use: 'busy{pool="a,b"}', limit: 64, queue: waiting, refused: refused_total, actions: ["web.*"]}
      - {name: disk, busy: busy_seconds_total, served: "reads_total", limit: limit}
load:
  stages: {from: 10, to: 50, step: 20, ramp: 10s, hold: 1m}
  order: randomised
objectives:
  - {action: "imap.*", p999: 9s, p50: 250ms, p95: 1s, window: 30s}
  - {errors: 0.5%, abort: {over: 5%, for: 20s}}
`

func parse(t *testing.T, src string, set ...string) *Scenario {
	t.Helper()
	s, err := Parse("test.yaml", []byte(src), Options{Getenv: someEnv, Set: set})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhole(t *testing.T) {
	s := parse(t, whole)
	check := func(what string, got, want any) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	check("description", s.Description, "two lines of text\n")
	check("seed", s.Seed, uint64(1<<64-1))
	check("compression", s.Compression, 2.5)
	check("timeout", s.Targets.ByName["web"].Timeout.D(), 90*time.Second)
	check("default timeout", s.Targets.ByName["imap"].Timeout.D(), time.Minute)
	check("host", s.Targets.ByName["imap.source"].URL.Host, "old.example.test")
	check("allow", fmt.Sprint(s.Targets.Allow), "[10.1.0.0/16 127.0.0.0/8 ::1/128]")
	check("activity", s.Activity, Activity{Source: "access logs",
		ByPersona: map[string]Share{"browser": {0.2, 0.2}, "desktop": {0.15, 0.3}}})
	check("journeys", len(s.Journeys), 4)
	inner := s.Journeys["webmail"][1].Steps
	check("think", *inner[0].Think, Dist{Kind: "lognormal", A: 30 * time.Second, B: 2 * time.Minute, Pos: Pos{27, 33}})
	check("choice", inner[1].Choose[1].Steps[0].Think.Kind, "exponential")
	check("weight", inner[1].Choose[1].Weight, 0.5)
	check("step timeout", s.Journeys["webmail"][0].Timeout.D(), 30*time.Second)
	check("times", s.Journeys["mailbox"][0].Repeat.Times, 3)
	check("batch", s.Wave.Batches[0].Date, "2026-03-02")
	check("copy", s.Wave.Copy, Copy{Concurrency: 4, Rate: 2.5, Stages: "alternate"})
	check("nodes", s.Environment.Nodes, map[string]int{"web": 4, "db": 2})
	check("limit", s.Observe[0].Resources[0].Limit, "64")
	check("stages", s.Load.Stages.List(), []int{10, 30, 50})
	check("settle", s.Load.Stages.Settle.D(), 12*time.Second)
	check("limits", s.Objectives[0].Limits, []Limit{{0.5, 250 * time.Millisecond}, {0.95, time.Second}, {0.999, 9 * time.Second}})
	check("errors", *s.Objectives[1].Errors, 0.005)
	check("abort", *s.Objectives[1].Abort, Abort{0.05, Duration(20 * time.Second)})
	check("step place", s.Journeys["webmail"][0].Pos, Pos{22, 7})
	check("action place", s.Field(s.Journeys["webmail"][0].Pos, "do"), Pos{22, 11})
	check("far place", s.Field(Pos{}, "load", "stages", "hold"), Pos{51, 57})

	p := s.Problem(s.Field(inner[0].Pos, "do"), "did you mean \"web.lists\"?", "unknown action %q", "web.list")
	check("problem", p.Error(), `test.yaml:27:16: unknown action "web.list"
            - {do: web.list, think: {lognormal: {median: 30s, p90: 2m}}}
                   ^
  hint: did you mean "web.lists"?
  see: docs/scenario.md#journeys`)
}

func TestLineEndsAndMark(t *testing.T) {
	want := parse(t, whole)
	got := parse(t, "\ufeff"+strings.ReplaceAll(whole, "\n", "\r\n"))
	if diff := cmp.Diff(want.Load, got.Load); diff != "" {
		t.Error(diff)
	}
}

func TestSet(t *testing.T) {
	s := parse(t, whole, "load.stages.to=70", "personas[2].count=7", "load.stages.hold=10s", "seed=1",
		"activity={browser: 5%, desktop: 6%}", "objectives.1.abort.over=10%", "name=an = other")
	got := fmt.Sprintln(s.Load.Stages.List(), s.Personas[2].Count, s.Load.Stages.Settle.D(), s.Seed,
		s.Activity.ByPersona["desktop"].Mid(), s.Activity.Source, s.Objectives[1].Abort.Over, s.Name)
	if want := "[10 30 50 70] 7 2s 1 0.06  0.1 an = other\n"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	_, err := Parse("test.yaml", []byte(whole), Options{Getenv: someEnv, Set: []string{"load.stages.hold=30"}})
	if want := "--set load.stages.hold: \"30\" has no unit\n  hint: write 30s\n  see: docs/scenario.md#overrides"; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	// A section that is not in the file at all.
	s = parse(t, strings.Replace(whole, "environment:", "# environment:", 1), "environment.role=test")
	if s.Environment.Role != "test" {
		t.Errorf("role %q", s.Environment.Role)
	}
}

func TestSecrets(t *testing.T) {
	s := parse(t, whole)
	if s.Accounts.Password.Value != "swordfish" {
		t.Errorf("the secret was not read")
	}
	text, err := json.Marshal(s.Accounts)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{string(text), fmt.Sprintf("%v %+v %#v", s.Accounts, s.Accounts, s.Accounts), s.Accounts.Password.String()} {
		if strings.Contains(out, "swordfish") {
			t.Errorf("printed: %s", out)
		}
	}
	none := func(string) (string, bool) { return "", false }
	if _, err := Parse("x.yaml", []byte(whole), Options{Getenv: none}); err == nil || !strings.Contains(err.Error(), "PEGEL_PASSWORD is not set") {
		t.Errorf("got %v", err)
	}
	if _, err := Parse("x.yaml", []byte(whole), Options{Getenv: none, SkipSecrets: true}); err != nil {
		t.Error(err)
	}

	dir := t.TempDir()
	write(t, dir, "password.txt", "from file\r\nsecond line\n")
	write(t, dir, "s.yaml", strings.Replace(whole, "{env: PEGEL_PASSWORD}", "{file: password.txt}", 1))
	s, err = Load(filepath.Join(dir, "s.yaml"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Accounts.Password.Value != "from file" {
		t.Errorf("got %q", s.Accounts.Password.Value)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAllowDefault(t *testing.T) {
	s := parse(t, strings.NewReplacer("  allow: [10.1.0.0/16, 127.0.0.0/8, \"::1\"]\n", "", "10.1.2.3", "[::1]").Replace(whole))
	if want := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}; fmt.Sprint(s.Targets.Allow) != fmt.Sprint(want) {
		t.Errorf("got %v", s.Targets.Allow)
	}
}

func TestShipped(t *testing.T) {
	for _, name := range Shipped() {
		src, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(name+".yaml", src, Options{SkipSecrets: true, Files: ShippedFS()}); err != nil {
			t.Error(err)
		}
	}
	if _, err := Open("exmaple.yaml"); err == nil || !strings.Contains(err.Error(), `did you mean "example"?`) {
		t.Errorf("got %v", err)
	}
}

func TestTooLarge(t *testing.T) {
	for name, src := range map[string]string{
		"4 MiB":         "# " + strings.Repeat("x", 4<<20),
		"10000 keys":    strings.Repeat("a: 1\n", 10_001),
		"50 levels":     strings.Repeat("[", 1<<17),
		"200000 commas": strings.Repeat("[", 1<<20),
	} {
		_, err := Parse("x.yaml", []byte(src), Options{})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestErrorsAreCut(t *testing.T) {
	var b strings.Builder
	for i := range 80 {
		fmt.Fprintf(&b, "key%d: 1\n", i)
	}
	_, err := Parse("x.yaml", []byte(b.String()), Options{})
	if err == nil || !strings.HasSuffix(err.Error(), " more problems") {
		t.Errorf("got %v", err)
	}
}
