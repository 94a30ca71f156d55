package main

import (
	"math/rand/v2"
	"testing"
	"time"

	"pegel/internal/plan"
	"pegel/internal/record"
	"pegel/probes"
	"pegel/probes/probe"
	"pegel/scenarios"
)

const steadyScenario = `
name: steady
targets: {web: {url: "http://127.0.0.1:1/"}}
accounts: {pattern: "u{n}@example.test", count: 100, password: {env: P}}
activity: {browser: 100%, source: test}
personas: [{name: browser, journey: j}]
journeys: {j: [{do: web.login}, {repeat: {for: session}, steps: [{do: web.list, think: 1s}]}]}
load: {stages: {users: [10], settle: 5s, settle_most: 2m, hold: 10s, hold_most: 10m, precision: 10%}}
objectives: [{action: "web.*", p95: 1s}]
`

// A platform that warms up has come to rest when its response times no longer fall, and a hold is long enough when the
// objective's quantile is precise. Actions that are not done in it keep nobody waiting.
func TestSteadiness(t *testing.T) {
	sc, err := scenarios.Parse("test.yaml", []byte(steadyScenario), scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Build(sc, probes.All())
	if err != nil {
		t.Fatal(err)
	}
	s := newSteadiness(p)
	rng := rand.New(rand.NewPCG(1, 1))
	list := -1
	for a, name := range p.Actions {
		if name == "web.list" {
			list = a
		}
	}
	second := 0
	step := func(mean time.Duration) {
		in := &record.Interval{Start: time.Duration(second) * time.Second, End: time.Duration(second+1) * time.Second, Series: make([]*record.Series, len(p.Actions)*len(p.Personas))}
		x := new(record.Series)
		for range 50 {
			x.Response.Record(time.Duration(float64(mean) * rng.ExpFloat64()))
			x.Classes[probe.OK]++
		}
		in.Series[list*len(p.Personas)] = x
		s.interval(in)
		second++
	}
	for range 10 { // the ramp
		step(time.Millisecond)
	}
	settled := 0
	for settled == 0 && second < 300 {
		warm := max(100*time.Millisecond, 2*time.Second-time.Duration(second-10)*50*time.Millisecond) // at rest from second 48 on
		step(warm)
		if s.Settled(10 * time.Second) {
			settled = second
		}
	}
	if settled < 40 || settled > 200 {
		t.Errorf("at rest after second %d, the platform was from 48 on", settled)
	}
	from := time.Duration(second) * time.Second
	held := 0
	for held == 0 && second < 2000 {
		step(100 * time.Millisecond)
		if s.Enough(from) {
			held = second - int(from/time.Second)
		}
	}
	if held < 4 || held > 40 { // 570 responses for ± 10 % of an exponential's p95
		t.Errorf("held for %d s of 50 responses each, want about 12", held)
	}
}
