package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pegel/cmd/pegel/accuracy"
	"pegel/internal/plan"
	"pegel/probes"
	"pegel/scenarios"
	"pegel/testenv/real"
)

// Every subject's scenario compiles, measures what it says, and has accounts for all loads.
func TestRealSubjects(t *testing.T) {
	urls := real.URLs{IMAP: "imaps://127.0.0.1:1", Web: "http://127.0.0.1:1/", HAProxyMetrics: "http://127.0.0.1:1/metrics"}
	for _, s := range subjects() {
		p := &realPlatform{stack: &real.Stack{URLs: urls, CAFile: "/var/tmp/ca.pem"}}
		nominal := s.nominal()
		users := append(s.before(), loads(nominal, 1.16, 0.9)...)
		scenario, sets, err := s.scenario(p, 7, users, shape{"6s", "2s"}, testPasswords(environment{getenv: func(string) (string, bool) { return "", false }}))
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		if scenario.Seed != 7 || !slices.Equal(scenario.Load.Stages.List(), users) {
			t.Errorf("%s: %v became seed %d, stages %v", s.name, sets, scenario.Seed, scenario.Load.Stages.List())
		}
		if _, err := plan.Build(scenario, probes.All()); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		known := slices.ContainsFunc(scenario.Observe[0].Resources, func(r scenarios.Resource) bool { return r.Name == s.resource })
		if !known {
			t.Errorf("%s: the scenario does not observe %s", s.name, s.resource)
		}
		if top := slices.Max(s.before()); float64(top) > 0.71*nominal || 2*nominal > float64(scenario.Accounts.Count) {
			t.Errorf("%s: up to %d users of nominally %.0f, %d accounts", s.name, top, nominal, scenario.Accounts.Count)
		}
		// the configured limit reaches HAProxy
		if tweaks := s.tweaks(s.limit); tweaks.WebMaxConn+tweaks.IMAPMaxConn != s.limit {
			t.Errorf("%s: limit %d becomes %+v", s.name, s.limit, tweaks)
		}
	}
}

func TestNotInstalled(t *testing.T) {
	for want, missing := range map[string][]string{
		"haproxy is missing (apt-get install haproxy)":                         {"haproxy"},
		"haproxy, radicale are missing (apt-get install haproxy radicale)":     {"haproxy", "radicale"},
		"root (Postfix's master demands it) is missing":                        {"root (Postfix's master demands it)"},
		"postfix, Linux (this is plan9) are missing (apt-get install postfix)": {"postfix", "Linux (this is plan9)"},
	} {
		if got := notInstalled(missing); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestRealCaseUnknown(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"bench", "real", "--case", "slot"}, environment{stdout: &stdout, stderr: &stderr, getenv: os.LookupEnv})
	if code != exitUsage || !strings.Contains(stderr.String(), "slots, sessions") {
		t.Errorf("exit code %d, %s", code, &stderr)
	}
}

// One case from start to end on real servers.
func TestLongRealSoftware(t *testing.T) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("a forecast on real software takes two minutes; set PEGEL_LONG=1, or make test-long")
	}
	if missing := real.Missing(); len(missing) > 0 {
		t.Skipf("no forecast on real software here: missing %s", strings.Join(missing, ", "))
	}
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), []string{"bench", "real", "--case", "sessions", "--json", "--out", dir},
		environment{stdout: &stdout, stderr: &stderr, getenv: os.LookupEnv})
	if code != exitOK {
		t.Fatalf("exit code %d\n%s", code, &stderr)
	}
	var out struct {
		Case   accuracy.Case
		Trials []accuracy.Real
	}
	if err := json.Unmarshal(stdout.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	t.Log(out.Case.Figure)
	if len(out.Trials) != 1 || !out.Case.Met {
		t.Fatalf("%d trials, goal missed: %s", len(out.Trials), out.Case.Figure)
	}
	if r := out.Trials[0]; r.Named != r.Resource || r.Truth.P05 > r.Truth.P95 || float64(r.Measured) > 0.75*r.Truth.P50 {
		t.Errorf("%+v", r)
	}
	for _, run := range []string{"truth-1"} {
		if _, err := os.Stat(filepath.Join(dir, "sessions", run, "forecast.json")); err != nil {
			t.Error(err)
		}
	}
}
