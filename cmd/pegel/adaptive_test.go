package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/judge"
	"pegel/internal/plan"
	"pegel/probes"
	"pegel/scenarios"
	"pegel/testenv"
)

// smallPool is a platform with one pool of four connections, full at some 70 users of smallScenario.
const smallPool = `
name: small-pool
resources: [{name: pool, kind: pool, limit: 4, queue: -1}]
operations:
  imap.fetch: [{use: pool, for: {mean: 20ms, cv: 1}}]
`

const smallScenario = `
name: small
seed: 7
targets: {imap: {url: "imap://127.0.0.1:9"}}
accounts: {pattern: "u{n:05}@example.test", count: 900, password: {env: PEGEL_PASSWORD}}
activity: {desktop: 50%, source: test}
personas: [{name: desktop, journey: mail}]
journeys:
  mail:
    - {do: imap.login}
    - {do: imap.select}
    - repeat: {for: session}
      steps: [{do: imap.fetch, think: {exponential: {mean: 300ms}}}]
observe:
  - name: platform
    prometheus: "http://127.0.0.1:9/metrics"
    resources:
      - name: pool
        kind: pool
        in_use: 'pegel_testenv_resource_in_use{resource="pool"}'
        limit: 'pegel_testenv_resource_limit{resource="pool"}'
        queue: 'pegel_testenv_resource_queue{resource="pool"}'
        busy: 'pegel_testenv_resource_busy_seconds_total{resource="pool"}'
        served: 'pegel_testenv_resource_served_total{resource="pool"}'
        waited: 'pegel_testenv_resource_wait_seconds_total{resource="pool"}'
        actions: [imap.fetch]
load: {stages: {users: [14, 25], ramp: 500ms, settle: 300ms, hold: 2s}}
objectives: [{action: imap.fetch, p95: 400ms}, {errors: 1%, abort: {over: 50%, for: 3s}}]
`

// A run that finds the capacity goes up from the scenario's first stage by the forecast so far, on a live platform and
// from the archive that it is writing. No stage is above what the forecast before it called safe, and the archive holds
// each decision.
func TestFindCapacity(t *testing.T) {
	definition, err := testenv.ParseDefinition([]byte(smallPool))
	if err != nil {
		t.Fatal(err)
	}
	platform, err := testenv.Start(t.Context(), testenv.Options{Definition: definition, Accounts: 1000, Password: "right-word"})
	if err != nil {
		t.Fatal(err)
	}
	defer platform.Close()
	file := filepath.Join(t.TempDir(), "small.yaml")
	if err := os.WriteFile(file, []byte(smallScenario), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	code, stdout, stderr := runInto(t, dir, []string{"run", file, "--find-capacity", "--max-users", "400", "--max-stages", "5", "--precision", "15%", "--out", dir,
		"--set", "targets.imap.url=" + platform.URLs.IMAP, "--set", "observe.0.prometheus=" + platform.URLs.Metrics},
		func(name string) (string, bool) { return "right-word", name == "PEGEL_PASSWORD" })
	t.Logf("exit code %d\n%s\n%s", code, stderr, stdout)
	if code == exitGenerator && disturbed(stdout+stderr) {
		t.Skipf("nothing can be measured here: in each of %d runs the machine was too busy", tries)
	}
	if code != exitOK && code != exitCaution && code != exitNoGo {
		t.Fatalf("exit code %d", code)
	}
	if !strings.Contains(stderr, "from 14 to at most 400 active users (as asked), to ± 15%") {
		t.Error("it is not said what was chosen")
	}
	archived, err := archive.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var stages, chosen []int
	ended := ""
	var lower float64
	determined := false
	for _, e := range archived.Events {
		switch e.Kind {
		case archive.EventHold:
			stages = append(stages, e.Stage.Users)
			if e.Stage.Mix[0] != e.Stage.Users {
				t.Errorf("stage %+v: the mix is not that of its users", e.Stage)
			}
		case archive.EventChoice:
			lower = 0
			if len(e.Capacity) == 3 {
				lower, determined = e.Capacity[0], true
			}
			if e.Stage == nil {
				ended = e.Text
				continue
			}
			chosen = append(chosen, e.Stage.Users)
			if n := e.Stage.Users; lower > 0 && float64(n) > 0.8*lower {
				t.Errorf("%d users were chosen while the capacity might begin at %.0f", n, lower)
			}
			if n, last := e.Stage.Users, stages[len(stages)-1]; lower == 0 && float64(n) > 1.61*float64(last) {
				t.Errorf("%d users were chosen after %d without a forecast", n, last)
			}
			if e.Text == "" {
				t.Error("a choice without a reason")
			}
		}
	}
	if len(stages) < 3 || stages[0] != 14 || !slices.Equal(stages[1:], chosen) {
		t.Errorf("stages %v, chosen %v", stages, chosen)
	}
	if ended == "" || !strings.Contains(stderr, ended) {
		t.Errorf("the last words are %q, and not printed", ended)
	}
	judged, _, err := answer([]string{dir}, question{})
	if err != nil {
		t.Fatal(err)
	}
	late := slices.ContainsFunc(judged.Stages, func(s judge.StageResult) bool { return !s.Valid })
	if !determined && !late { // on a machine that is busy with something else the generator may have been at fault
		t.Error("no decision had a forecast")
	}

	// The command at the end repeats the stages.
	_, again, ok := strings.Cut(stdout, "Again: ")
	if !ok {
		t.Fatal("no command that repeats the run")
	}
	_, load, _ := strings.Cut(again, " --set 'load=")
	load, _, _ = strings.Cut(load, "'")
	s, err := scenarios.Parse("small.yaml", []byte(smallScenario), scenarios.Options{SkipSecrets: true, Set: []string{"load=" + load}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Build(s, probes.All())
	if err != nil {
		t.Fatal(err)
	}
	var repeated []int
	for _, st := range p.Stages {
		repeated = append(repeated, st.Users)
	}
	if !slices.Equal(repeated, stages) || p.Stages[0].Hold != 2*time.Second {
		t.Errorf("the command repeats %v, the stages were %v", p.Stages, stages)
	}
}

func TestSearchChoosesBounds(t *testing.T) {
	build := func(sets ...string) *plan.Plan {
		t.Helper()
		s, err := scenarios.Parse("small.yaml", []byte(smallScenario), scenarios.Options{SkipSecrets: true, Set: sets})
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Build(s, probes.All())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	adaptive := "load={order: adaptive, stages: {from: 20, to: 300, hold: 1m}, precision: 5%, stages_max: 7}"
	for _, c := range []struct {
		sets   []string
		search search
		want   string
	}{
		{nil, search{}, "load={order: adaptive, stages: {from: 14, to: 100, ramp: 0.5s, settle: 0.3s, hold: 2s}, precision: 10%, stages_max: 10}"},
		{[]string{"load.order=randomised"}, search{precision: "5%", stages: 4}, "load={order: adaptive, stages: {from: 14, to: 100, ramp: 0.5s, settle: 0.3s, hold: 2s}, precision: 5%, stages_max: 4}"},
		{nil, search{maxUsers: 20_000}, "load={order: adaptive, stages: {from: 14, to: 450, ramp: 0.5s, settle: 0.3s, hold: 2s}, precision: 10%, stages_max: 10}"},
		{[]string{adaptive}, search{}, "load={order: adaptive, stages: {from: 20, to: 300, ramp: 0s, settle: 12s, hold: 60s}, precision: 5%, stages_max: 7}"},
	} {
		load, said, err := c.search.override(build(c.sets...))
		if err != nil || load != c.want {
			t.Errorf("%v: %s (%v)\nwant %s", c.sets, load, err, c.want)
			continue
		}
		if p := build(load); p.To == 0 || !strings.Contains(said, "to at most") {
			t.Errorf("%s: %s", load, said)
		}
	}
	var exit *exitError
	if _, _, err := (search{maxUsers: 5}).override(build()); !errors.As(err, &exit) || exit.code != exitUsage {
		t.Errorf("a limit below the first stage: %v", err)
	}
	for _, text := range []string{"5%", "0.05", "50 %"} {
		if err := precisionOf(text); err != nil {
			t.Error(err)
		}
	}
	for _, text := range []string{"0.5%", "60%", "fine", "5", "NaN", "-3%"} {
		if precisionOf(text) == nil {
			t.Errorf("precision %s is accepted", text)
		}
	}
}
