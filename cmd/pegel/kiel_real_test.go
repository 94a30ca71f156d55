package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pegel/internal/archive"
	"pegel/internal/diagnosis"
	"pegel/internal/judge"
	"pegel/internal/plan"
	"pegel/probes"
	"pegel/scenarios"
	"pegel/testenv/real"
)

const kielScenario = "../../scenarios/kiel-reenacted.yaml"

// kielCase is one switch of the re-enactment, and the loads from which its break is forecast.
type kielCase struct {
	switches []string
	cause    string // code of the hypothesis that must come first
	below    []int  // active users
}

func kielCases() []kielCase {
	return []kielCase{
		{[]string{"maxconn=6"}, diagnosis.Slots, []int{10, 20, 30, 38}},
		{[]string{"workers=6"}, diagnosis.Workers, []int{10, 20, 30, 38}},
		{[]string{"database-connections=12", "database-idle=1", "database-latency=20ms"}, diagnosis.Pool, []int{8, 16, 24, 32}},
	}
}

// kielLoad reads the re-enactment for a stack and loads.
func kielLoad(t *testing.T, s *real.Stack, seed int, users []int, hold string) *scenarios.Scenario {
	t.Helper()
	sets := []string{
		fmt.Sprintf("seed=%d", seed), "environment={name: loopback, role: test}",
		"targets.web.url=" + s.Web, "targets.caldav.url=" + s.SOGoDAV, "targets.eas.url=" + s.ActiveSync,
		"targets.imap.url=" + s.IMAP, "targets.imap.ca=" + s.CAFile, "targets.smtp.url=" + s.SMTP, "targets.smtp.ca=" + s.CAFile,
		"observe.0.prometheus=" + s.HAProxyMetrics, "observe.1.prometheus=" + s.Counters,
		fmt.Sprintf("load.stages={users: [%s], ramp: 5s, settle: 4s, hold: %s}", strings.Trim(strings.ReplaceAll(fmt.Sprint(users), " ", ", "), "[]"), hold),
	}
	loaded, err := scenarios.Load(kielScenario, scenarios.Options{Set: sets, Getenv: testPasswords(environment{getenv: os.LookupEnv})})
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// kielDrive plays the loads; again where the machine was busy, and nil where it was so each time.
func kielDrive(t *testing.T, s *real.Stack, dir string, scenario func(seed int) *scenarios.Scenario) (*judge.Result, string) {
	t.Helper()
	for attempt := 1; attempt <= tries; attempt++ {
		var stderr bytes.Buffer
		loaded := scenario(attempt)
		out := filepath.Join(dir, fmt.Sprintf("try-%d", attempt))
		d, err := prepare(loaded, out, environment{stdout: &stderr, stderr: &stderr, getenv: os.LookupEnv, interrupts: new(interrupts)})
		if err != nil {
			t.Fatal(err)
		}
		d.quiet = true
		if err := d.drive(context.Background()); notJudged(err) != nil {
			t.Fatalf("%v\n%s", err, &stderr)
		}
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
		r, err := judged(out, loaded, judge.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(r.Stages, func(st judge.StageResult) bool { return !st.Valid }) {
			return r, out
		}
		t.Log("the generator was late; once more")
	}
	return nil, ""
}

// The shipped scenario can be played on the stack that it asks for, and observes what that stack shows.
func TestKielScenario(t *testing.T) {
	loaded, err := scenarios.Load(kielScenario, scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Build(loaded, probes.All()); err != nil {
		t.Fatal(err)
	}
	o, err := environmentOptions(loaded.Environment)
	if err != nil || o.SOGo == nil || o.SOGo.Instances != 2 {
		t.Fatalf("%+v, %v", o.SOGo, err)
	}
	for _, c := range kielCases() {
		switched := o
		copied := *o.SOGo
		switched.SOGo = &copied
		if err := switched.SetAll(c.switches); err != nil {
			t.Errorf("%v: %v", c.switches, err)
		}
		first := real.Switches()[slices.IndexFunc(real.Switches(), func(s real.Switch) bool { return strings.HasPrefix(c.switches[0], s.Name+"=") })]
		if first.Cause != c.cause {
			t.Errorf("%s causes %s, not %s", first.Name, first.Cause, c.cause)
		}
	}
}

// Three switches in turn: from loads well below the break pegel names the cause first and forecasts the break, and the loads
// around it confirm both. The truth is the median of three repeats.
func TestLongKielReenacted(t *testing.T) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("three campaigns on real servers take three quarters of an hour; set PEGEL_LONG=1, with -timeout 90m")
	}
	for _, c := range kielCases() {
		t.Run(c.cause, func(t *testing.T) { kielCampaign(t, c) })
	}
}

func kielCampaign(t *testing.T, c kielCase) {
	loaded, err := scenarios.Load(kielScenario, scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	o, err := environmentOptions(loaded.Environment)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.SetAll(c.switches); err != nil {
		t.Fatal(err)
	}
	if missing := o.Missing(); len(missing) > 0 {
		t.Skipf("these servers cannot be started here, missing: %s", strings.Join(missing, ", "))
	}
	o.Ports, o.KnownRecipients = real.Ports{Free: true}, true
	stack, err := real.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	dir := t.TempDir()
	r, out := kielDrive(t, stack, filepath.Join(dir, "below"), func(seed int) *scenarios.Scenario { return kielLoad(t, stack, seed, c.below, "50s") })
	if r == nil {
		t.Skipf("in %d runs the machine was too busy for a generator that is on time", tries)
	}
	d := diagnosis.Diagnose(r, out)
	if len(d.Hypotheses) == 0 || d.Hypotheses[0].Code != c.cause {
		t.Errorf("%s is not named first: %+v", c.cause, d.Summary)
	}
	if !r.Forecast.Determined {
		t.Fatalf("no forecast: %v", r.Forecast.Why)
	}
	forecast := r.Forecast.Users.P50
	var breaks []float64
	for repeat := range 3 {
		users := loads(forecast, 0.7, 0.85, 1, 1.15, 1.3)
		above, where := kielDrive(t, stack, filepath.Join(dir, fmt.Sprint("above-", repeat)), func(seed int) *scenarios.Scenario { return kielLoad(t, stack, 10*repeat+seed, users, "40s") })
		if above == nil {
			t.Skipf("the machine was too busy above the forecast of %.0f users", forecast)
		}
		if first := diagnosis.Diagnose(above, where); repeat == 0 && (len(first.Hypotheses) == 0 || first.Hypotheses[0].Code != c.cause) {
			t.Errorf("at the break %s is not named first: %+v", c.cause, first.Summary)
		}
		breaks = append(breaks, brokenAt(t, above, where))
	}
	slices.Sort(breaks)
	truth, step := breaks[1], 0.15*forecast // one stage step
	highest := float64(slices.Max(c.below))
	t.Logf("%v: measured to %.0f users, forecast %.0f, broken at %.0f (%.0f)", c.switches, highest, forecast, truth, breaks)
	if math.Abs(forecast-truth) > max(0.15*truth, step) {
		t.Errorf("forecast %.0f, broken at %.0f", forecast, truth)
	}
	if highest > 0.75*truth {
		t.Errorf("measured up to %.0f users, which is %.0f %% of the break", highest, 100*highest/truth)
	}
}

// brokenAt is the number of active users at which the objective that breaks first is broken: between two stages by the share of
// responses above the limit, else at the first stage where errors break.
func brokenAt(t *testing.T, r *judge.Result, dir string) float64 {
	t.Helper()
	run, err := archive.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	lowest := math.Inf(1)
	for i := range r.Objectives {
		o := &r.Objectives[i]
		if o.Quantile == 0 {
			continue
		}
		stages, err := tallies(run, r, o)
		if err != nil {
			t.Fatal(err)
		}
		switch found, side := knee(stages, 1-o.Quantile, 1); {
		case side < 0:
			lowest = min(lowest, float64(r.Stages[0].Users))
		case side == 0:
			lowest = min(lowest, found.P50)
		}
	}
	for i := range r.Stages {
		if st := &r.Stages[i]; st.ErrorShare > 0.01 {
			lowest = min(lowest, float64(st.Users))
		}
	}
	return lowest
}
