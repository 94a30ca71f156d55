package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"pegel/internal/diagnosis"
	"pegel/internal/plan"
	"pegel/probes"
	"pegel/scenarios"
	"pegel/testenv"
)

//go:embed testdata/diagnose.yaml
var diagnoseScenario []byte

func benchDiagnoseCommand(env environment) *cobra.Command {
	b := benchDiagnose{env: env}
	cmd := &cobra.Command{
		Use:   "diagnose",
		Short: "hold diagnoses against embedded platforms with one known fault each",
		Long: `Starts each shipped platform that has one fault, and the one that has none, several times with
limits and service times drawn anew, drives a staircase of short holds up to 70 % of what it carries (the healthy one: to 220 users),
and asks what the archive alone says is the cause. The healthy platform counts as found where nothing
is said. Runs are real, several side by side; one that the machine disturbed is done again.`,
		Args: exactly(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error { return b.run(cmd.Context()) },
	}
	cmd.Flags().Uint64Var(&b.seed, "seed", 1, "draws limits, service times and loads")
	cmd.Flags().StringSliceVar(&b.profiles, "profile", nil, "only these platforms (default: all with a known fault, and healthy)")
	cmd.Flags().IntVar(&b.runs, "runs", 3, "runs of each platform")
	cmd.Flags().IntVar(&b.beside, "beside", runtime.NumCPU(), "runs side by side")
	cmd.Flags().StringVar(&b.keep, "keep", "", "directory for the archives (default: none are kept)")
	cmd.Flags().BoolVar(&b.json, "json", false, "print the trials as JSON")
	return cmd
}

// benchDiagnose is one benchmark of diagnoses.
type benchDiagnose struct {
	env      environment
	seed     uint64
	profiles []string
	runs     int
	beside   int
	keep     string
	json     bool
	sets     []string // further overrides of the scenario
}

// healthy is the profile that nothing is wrong with.
const healthy = "healthy"

// diagnoseShare is the highest load of a run, as a share of what the platform carries; diagnoseMost the most users, and
// diagnoseHealthy as many as most of the others get.
const (
	diagnoseShare   = 0.7
	diagnoseMost    = 400
	diagnoseHealthy = 220
	diagnoseTries   = 3 // of a run that the machine disturbed
)

// diagnosed is one trial.
type diagnosed struct {
	Profile  string   `json:"profile"`
	Seed     uint64   `json:"seed"`
	Cause    string   `json:"cause,omitempty"` // the true one; empty: none
	Capacity int      `json:"capacity"`        // by simulation; 0: not found
	Users    int      `json:"users"`           // the highest load
	First    string   `json:"first,omitempty"` // what was ranked first; empty: nothing was said
	Subject  string   `json:"subject,omitempty"`
	Score    float64  `json:"score_db,omitempty"`
	Then     []string `json:"then,omitempty"` // codes of the next ones
	Held     bool     `json:"held,omitempty"` // the generator was at fault in every try

	Disturbed bool   `json:"disturbed,omitempty"` // the machine took the generator's time in every try
	Right     bool   `json:"right"`
	Archive   string `json:"archive,omitempty"`
	Error     string `json:"error,omitempty"`
}

func (b *benchDiagnose) run(ctx context.Context) error {
	if b.runs < 1 || b.beside < 1 {
		return usage("--runs %d and --beside %d: at least 1", b.runs, b.beside)
	}
	names, err := b.names()
	if err != nil {
		return err
	}
	dir := b.keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "pegel-diagnose-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	trials := make([]diagnosed, 0, len(names)*b.runs)
	for k := range b.runs {
		for _, name := range names {
			trials = append(trials, diagnosed{Profile: name, Seed: 1000*b.seed + uint64(k)})
		}
	}
	start := time.Now()
	var mu sync.Mutex
	done := 0
	var wg sync.WaitGroup
	free := make(chan struct{}, b.beside)
	for i := range trials {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			if ctx.Err() != nil {
				return
			}
			t := &trials[i]
			if err := b.trial(ctx, t, filepath.Join(dir, fmt.Sprintf("%s-%d", t.Profile, t.Seed))); err != nil {
				t.Error = err.Error()
			}
			mu.Lock()
			defer mu.Unlock()
			done++
			fmt.Fprintf(b.env.stderr, "%d of %d, %v: %s\n", done, len(trials), time.Since(start).Round(time.Second), t.line())
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.json {
		out := json.NewEncoder(b.env.stdout)
		out.SetIndent("", "  ")
		return out.Encode(trials)
	}
	return writeDiagnosed(b.env.stdout, trials)
}

// names are the platforms asked for.
func (b *benchDiagnose) names() ([]string, error) {
	var known []string
	for _, p := range testenv.Profiles() {
		if def, err := testenv.Profile(p.Name); err == nil && (def.Cause != nil || p.Name == healthy) {
			known = append(known, p.Name)
		}
	}
	for _, name := range b.profiles {
		if !slices.Contains(known, name) {
			return nil, usage("unknown platform %q: %s", name, strings.Join(known, ", "))
		}
	}
	if len(b.profiles) > 0 {
		return b.profiles, nil
	}
	return known, nil
}

// trial does one run, again where the machine disturbed it. What diagnoses gets the archive, and nothing of the platform.
func (b *benchDiagnose) trial(ctx context.Context, t *diagnosed, dir string) error {
	def, err := testenv.Profile(t.Profile)
	if err != nil {
		return err
	}
	if def.Cause != nil {
		t.Cause = def.Cause.Code
	}
	def.Cause = nil
	varied(&def, rand.New(rand.NewPCG(t.Seed, hashOf(t.Profile))))
	for try := 1; ; try++ {
		at := fmt.Sprintf("%s.%d", dir, try)
		if err := b.drive(ctx, t, def, at); err != nil {
			return err
		}
		r, _, err := answer([]string{at}, question{})
		if err != nil {
			return err
		}
		d := diagnosis.Diagnose(r, at)
		valid := 0
		for i := range r.Stages {
			if r.Stages[i].Valid {
				valid++
			}
		}
		disturbed := d.Held || valid < len(r.Stages)-1 || !r.Stages[len(r.Stages)-1].Valid
		t.Disturbed = disturbed
		if disturbed && try < diagnoseTries && ctx.Err() == nil {
			continue
		}
		t.judge(d)
		if b.keep != "" {
			t.Archive = at
		}
		return nil
	}
}

// judge compares what was said with what is true.
func (t *diagnosed) judge(d *diagnosis.Diagnosis) {
	t.Held = d.Held
	for i, h := range d.Hypotheses {
		if i == 0 {
			t.First, t.Subject, t.Score = h.Code, h.Subject, math.Round(10*h.Score)/10
		} else {
			t.Then = append(t.Then, h.Code)
		}
	}
	t.Right = !t.Held && t.First == t.Cause
}

// hashOf makes a seed of a name.
func hashOf(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}

// varied draws limits and service times of a platform anew: each resource, or group of them, has its limit and its times by
// factors of its own between 0.75 and 1.3, and each step a further one of up to 10 %.
func varied(def *testenv.Definition, rng *rand.Rand) {
	factor := func() float64 { return 0.75 + 0.55*rng.Float64() }
	limits, times := map[string]float64{}, map[string]float64{}
	def.Resources = slices.Clone(def.Resources)
	for i := range def.Resources {
		r := &def.Resources[i]
		name := r.Name
		if r.Group != "" {
			name = r.Group
		}
		if limits[name] == 0 {
			limits[name], times[name] = factor(), factor()
		}
		if r.Memory != nil {
			continue // what fills it is drawn with the times
		}
		r.Limit = max(1, int(math.Round(float64(r.Limit)*limits[name])))
	}
	names := make([]string, 0, len(def.Operations))
	for name := range def.Operations {
		names = append(names, name)
	}
	slices.Sort(names)
	var draw func(steps []testenv.Step) []testenv.Step
	draw = func(steps []testenv.Step) []testenv.Step {
		steps = slices.Clone(steps)
		for i := range steps {
			steps[i].For.Mean = time.Duration(float64(steps[i].For.Mean) * times[steps[i].Use] * (0.9 + 0.2*rng.Float64()))
			steps[i].Steps = draw(steps[i].Steps)
		}
		return steps
	}
	operations := make(map[string][]testenv.Step, len(names))
	for _, name := range names {
		operations[name] = draw(def.Operations[name])
	}
	def.Operations = operations
}

// drive starts the platform and plays the scenario against it.
func (b *benchDiagnose) drive(ctx context.Context, t *diagnosed, def testenv.Definition, dir string) error {
	platform, err := testenv.Start(ctx, testenv.Options{Definition: def, Seed: t.Seed, Accounts: 1000, Password: demoPassword, SourceAccounts: true})
	if err != nil {
		return err
	}
	defer platform.Close()
	u := platform.URLs
	sets := []string{
		fmt.Sprintf("seed=%d", t.Seed),
		fmt.Sprintf(`targets={web: {url: "%s", timeout: 20s}, imap: {url: "%s", timeout: 20s}, imap.source: {url: "%s", timeout: 20s}, smtp: {url: "%s", timeout: 20s}, caldav: {url: "%s", timeout: 20s}}`,
			u.Web, u.IMAP, u.IMAPSource, u.SMTP, u.CalDAV),
		observing(def, u.Metrics),
	}
	sets = append(sets, b.sets...)
	if t.Users == 0 {
		if err := b.size(ctx, t, def, sets); err != nil {
			return err
		}
	}
	var users []string
	for _, share := range []float64{0.35, 0.6, 0.8, 1} {
		users = append(users, fmt.Sprint(max(4, int(math.Round(share*float64(t.Users))))))
	}
	s, err := b.scenario(append(sets, "load.stages.users=["+strings.Join(users, ", ")+"]"))
	if err != nil {
		return err
	}
	env := b.env
	env.interrupts, env.stderr, env.typed = new(interrupts), io.Discard, nil
	d, err := prepare(s, dir, env)
	if err != nil {
		return err
	}
	d.quiet = true
	return notJudged(d.drive(ctx))
}

func (b *benchDiagnose) scenario(sets []string) (*scenarios.Scenario, error) {
	return scenarios.Parse("diagnose.yaml", diagnoseScenario, scenarios.Options{Set: sets, Getenv: testPasswords(b.env)})
}

// size finds by simulation what the platform carries, and with that the load of the run.
func (b *benchDiagnose) size(ctx context.Context, t *diagnosed, def testenv.Definition, sets []string) error {
	s, err := b.scenario(sets)
	if err != nil {
		return err
	}
	p, err := plan.Build(s, probes.All())
	if err != nil {
		return err
	}
	t.Users = diagnoseHealthy
	truth, err := testenv.Truth(ctx, def, workload(p), testenv.TruthOptions{Seed: t.Seed + 1, Precision: 0.05, Budget: 20 * time.Second, Guess: 200, MaxUsers: 1000})
	if err != nil {
		return nil // it carries more than anybody asks
	}
	t.Capacity = truth.Users
	if t.Cause != "" {
		t.Users = min(diagnoseMost, int(diagnoseShare*float64(truth.Users)))
	}
	return nil
}

// line is a trial in words.
func (t *diagnosed) line() string {
	mark, said := "✗", t.First
	if t.Right {
		mark = "✓"
	}
	if said == "" {
		said = "nothing"
	}
	if t.Held {
		said = "held back"
	}
	if t.Error != "" {
		said = t.Error
	}
	truth := t.Cause
	if truth == "" {
		truth = "nothing"
	}
	return fmt.Sprintf("%s %-21s seed %d  up to %3d of %3d users  true: %-15s said: %s %s (%+.1f) %s", mark, t.Profile, t.Seed, t.Users, t.Capacity, truth, said, t.Subject, t.Score, strings.Join(t.Then, " "))
}

func writeDiagnosed(w io.Writer, trials []diagnosed) error {
	right, accused := 0, 0
	var b strings.Builder
	for i := range trials {
		t := &trials[i]
		b.WriteString(strings.TrimRight(t.line(), " ") + "\n")
		if t.Right {
			right++
		}
		if t.Cause == "" && t.First != "" {
			accused++
		}
	}
	goal := int(math.Ceil(float64(len(trials)) * 30 / 33))
	met := "met"
	if right < goal || accused > 0 {
		met = "missed"
	}
	fmt.Fprintf(&b, "\nthe true cause first: %d of %d (goal: %d); the healthy platform accused: %d times (goal: never): %s\n", right, len(trials), goal, accused, met)
	_, err := io.WriteString(w, b.String())
	return err
}
