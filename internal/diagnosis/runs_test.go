package diagnosis

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/judge"
	"pegel/internal/record"
	"pegel/scenarios"
)

// The archives in testdata are of real runs against embedded platforms with one fault each, up to 70 % of what they carry, as
// pegel bench diagnose makes them; their names are the platforms'.

var judgedRuns sync.Map // by name: func() *judge.Result

// judged reads one of them. What is returned may be changed.
func judged(t *testing.T, name string) *judge.Result {
	t.Helper()
	f, _ := judgedRuns.LoadOrStore(name, sync.OnceValues(func() (*judge.Result, error) {
		run, err := archive.Open(filepath.Join("testdata", name))
		if err != nil {
			return nil, err
		}
		s, err := scenarios.Parse(name, run.Effective, scenarios.Options{Alone: true})
		if err != nil {
			return nil, err
		}
		return judge.Judge(run, s, judge.Options{Draws: 100})
	}))
	r, err := f.(func() (*judge.Result, error))()
	if err != nil {
		t.Fatal(err)
	}
	own := *r
	own.Stages = slices.Clone(r.Stages)
	for i := range own.Stages {
		own.Stages[i].Actions = slices.Clone(r.Stages[i].Actions)
		own.Stages[i].Resources = slices.Clone(r.Stages[i].Resources)
	}
	own.Errors, own.Splits, own.Resources = slices.Clone(r.Errors), slices.Clone(r.Splits), slices.Clone(r.Resources)
	return &own
}

// causes are the true ones.
var causes = map[string]string{
	"balancer-maxconn": Slots, "balancer-source-hash": UnevenSources, "balancer-sticky-hop": SessionHop, "copy-contention": Copy, "cpu": CPU,
	"db-hot-shard": HotShard, "db-pool": Pool, "healthy": "", "login-rate-limit": RateLimit, "memory-cliff": Memory,
}

func first(d *Diagnosis) string {
	if len(d.Hypotheses) == 0 {
		return ""
	}
	return d.Hypotheses[0].Code
}

// find is the hypothesis with this code, told or not.
func find(d *Diagnosis, code string) *Hypothesis {
	for _, list := range [][]Hypothesis{d.Hypotheses, d.Others} {
		for i := range list {
			if list[i].Code == code {
				return &list[i]
			}
		}
	}
	return nil
}

// says tells whether evidence of a code stands in a list.
func says(list []Evidence, code string) bool {
	return slices.ContainsFunc(list, func(e Evidence) bool { return e.Text.Code == code })
}

func TestTrueCausesComeFirst(t *testing.T) {
	for name, cause := range causes {
		d := Diagnose(judged(t, name), "runs/"+name)
		if d.Held || first(d) != cause {
			t.Errorf("%s: said %q, held %v: %s", name, first(d), d.Held, d.Summary)
		}
		for _, h := range append(slices.Clone(d.Hypotheses), d.Others...) {
			sum := float64(Prior)
			for _, e := range append(slices.Clone(h.For), h.Against...) {
				sum += e.Weight
				if text := e.Text.String(); text == "" || strings.Contains(text, "%!") || len(e.Series) == 0 && e.Text.Code != "because-explained" || e.To > 0 && e.To < e.From {
					t.Errorf("%s: %s: evidence %+v", name, h.Code, e)
				}
			}
			if math.Abs(sum-h.Score) > 1e-9 || h.What.Empty() || h.Check.Empty() {
				t.Errorf("%s: %+v: the weights sum to %v", name, h, sum)
			}
			if strings.Contains(h.Settle.Command, "RUN") {
				t.Errorf("%s: %s", name, h.Settle.Command)
			}
		}
	}
}

// The same run, forecast or not, with its counters or not: what remains must not accuse a resource that nobody counted.
func TestWithoutCounters(t *testing.T) {
	for name := range causes {
		r := judged(t, name)
		r.Resources, r.Forecast = nil, judge.Forecast{}
		for i := range r.Stages {
			r.Stages[i].Resources = nil
		}
		d := Diagnose(r)
		for _, h := range d.Hypotheses {
			if slices.Contains([]string{Slots, Workers, Pool, CPU, Memory, Disk, Lock}, h.Code) {
				t.Errorf("%s: %s %s", name, h.Code, h.Subject)
			}
		}
		if !slices.ContainsFunc(d.Blind, func(m judge.Message) bool { return m.Code == "blind-resources" }) {
			t.Errorf("%s: nothing is said of missing counters", name)
		}
	}
}

// A healthy platform is not accused whatever is uneven, and a broken objective with idle resources is nobody's that is counted.
func TestUnseenWhereNothingIsBusy(t *testing.T) {
	r := judged(t, "healthy")
	r.Forecast = judge.Forecast{}
	top := &r.Stages[len(r.Stages)-1]
	for i := range top.Actions {
		top.Actions[i].Mean *= 3
	}
	r.Objectives = []judge.ObjectiveResult{{Text: judge.Say("objective", "web.*", "95", time.Second), Stages: []judge.ObjectiveStage{{Users: top.Users, Enough: true}}}}
	d := Diagnose(r)
	if first(d) != Unseen || d.Danger.Broken != top.Users {
		t.Errorf("said %q: %s", first(d), d.Summary)
	}
	if h := find(d, Unseen); h != nil && (!says(h.For, "because-rises") || !says(h.For, "because-cpu-idle")) {
		t.Errorf("%+v", h.For)
	}
}

// A generator that was late has everything else held back.
func TestGeneratorHoldsEverythingBack(t *testing.T) {
	r := judged(t, "db-pool")
	for i := range r.Stages {
		r.Stages[i].Valid, r.Stages[i].Generator.Verdict = false, judge.Invalid
	}
	r.Generator.Verdict = judge.Invalid
	if d := Diagnose(r); !d.Held || len(d.Hypotheses) != 1 || first(d) != Generator {
		t.Errorf("%+v", d)
	}
}

// What was limited for space is no limit of rate, and neither is what a counted resource refuses.
func TestWhatIsNoLimitOfRate(t *testing.T) {
	for name, change := range map[string]func(r *judge.Result){
		"space": func(r *judge.Result) {
			for i := range r.Errors {
				r.Errors[i].Example = "452 4.2.2 mailbox full"
			}
		},
		"a resource": func(r *judge.Result) {
			for i := range r.Errors {
				r.Errors[i].Example = "refused"
			}
			r.Stages[len(r.Stages)-1].Resources[0].Refused = 1e3
		},
	} {
		r := judged(t, "login-rate-limit")
		change(r)
		d := Diagnose(r)
		if h := find(d, RateLimit); h == nil || h.Score > 0 && name == "space" || name == "a resource" && !says(h.Against, "because-refused-too") {
			t.Errorf("%s: %+v", name, h)
		}
	}
}

// hist has n responses from a log-normal distribution, and more that end just after a step.
func hist(rng *rand.Rand, n int, median time.Duration, sigma float64, more int, step time.Duration) *record.Histogram {
	h := &record.Histogram{}
	for range n {
		h.Record(time.Duration(float64(median) * math.Exp(sigma*rng.NormFloat64())))
	}
	for range more {
		h.Record(step + time.Duration(float64(step)*0.05*rng.Float64()))
	}
	return h
}

func TestWaitStep(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 0))
	for _, c := range []struct {
		name   string
		median time.Duration
		sigma  float64
		more   int
		step   time.Duration
		found  bool
	}{
		{"fast, no step", 80 * time.Millisecond, 0.7, 0, 0, false},
		{"slow, no step", 3 * time.Second, 0.8, 0, 0, false},
		{"about the step, no step", 10 * time.Second, 0.3, 0, 0, false},
		{"ten seconds", 80 * time.Millisecond, 0.7, 25, 10 * time.Second, true},
		{"fifteen seconds", 200 * time.Millisecond, 0.9, 12, 15 * time.Second, true},
		{"too few", 200 * time.Millisecond, 0.9, 6, 10 * time.Second, false},
	} {
		r := judged(t, "db-pool")
		top := &r.Stages[len(r.Stages)-1]
		top.Actions[0].Hist = hist(rng, 3000, c.median, c.sigma, c.more, c.step)
		h := find(Diagnose(r), WaitStep)
		if (h != nil) != c.found || h != nil && (h.Score <= 0 || h.For[0].Text.Args[2] != c.step) {
			t.Errorf("%s: %+v", c.name, h)
		}
	}
}

func TestListening(t *testing.T) {
	r := judged(t, "db-pool")
	low, top := r.Stages[0].Actions, r.Stages[len(r.Stages)-1].Actions
	set := func(list []judge.ActionStats, mean time.Duration) {
		for i := range list {
			if list[i].Action == "web.connect" {
				list[i].Phases = []judge.PhaseStats{{Phase: "connect", Count: 200, Mean: mean, P95: 2 * mean}}
			}
		}
	}
	if !slices.ContainsFunc(low, func(a judge.ActionStats) bool { return a.Action == "web.connect" }) {
		t.Skip("no connections in the lowest stage")
	}
	set(low, 2*time.Millisecond)
	set(top, 300*time.Millisecond)
	if h := find(Diagnose(r), Listen); h == nil || h.Score <= 0 || h.Subject != "web.connect" {
		t.Errorf("%+v", h)
	}
	set(top, 3*time.Millisecond)
	if h := find(Diagnose(r), Listen); h != nil {
		t.Errorf("%+v", h)
	}
}

// Every evidence that the recorded runs bring has a sentence.
func TestEveryCodeHasASentence(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, f := range files {
		if f == "message.go" || strings.HasSuffix(f, "_test.go") {
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	for code := range sentences {
		prefix := code[:strings.Index(code, "-")+1]
		composed := (strings.Contains(source.String(), `"`+prefix+`"+`) || strings.Contains(source.String(), `"`+prefix+`" +`)) // by a hypothesis's code or a kind
		if !strings.Contains(source.String(), `"`+code+`"`) && !composed {
			t.Errorf("nobody says %s", code)
		}
	}
}

// All users behind one address, and the balancer goes by it: one backend answers everything, the others are idle.
func TestOneAddressPinnedToOneBackend(t *testing.T) {
	r := judged(t, "balancer-source-hash")
	var splits []judge.Split
	for _, x := range r.Splits {
		if x.Kind == record.KindRoute || x.Kind == record.KindSource || x.Kind == record.KindMove {
			continue
		}
		if x.Kind == record.KindBackend {
			x.Rows = slices.DeleteFunc(slices.Clone(x.Rows), func(row judge.SplitRow) bool { return row.Name != "web-1" })
		}
		splits = append(splits, x)
	}
	r.Splits = splits
	for i := range r.Stages {
		for k := range r.Stages[i].Resources {
			if u := &r.Stages[i].Resources[k]; u.Name == "web.2" || u.Name == "web.3" || u.Name == "balancer.2" || u.Name == "balancer.3" {
				u.InUse, u.Rate, u.Utilisation, u.Queue = 0, 0, 0, 0
			}
		}
	}
	d := Diagnose(r)
	if first(d) != UnevenSources || !says(d.Hypotheses[0].For, "because-sibling-idle") || !strings.HasSuffix(d.Hypotheses[0].Settle.Command, " sources") {
		t.Errorf("said %q: %+v", first(d), d.Hypotheses)
	}
}

func TestStems(t *testing.T) {
	for name, want := range map[string]string{"web.1": "web", "web-12": "web", "sogo2.workers": "sogo*.workers", "db": "db", "srv_3": "srv", "7": ""} {
		if got := stemOf(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// Several runs of one scenario are judged together: what was seen is cited with its run.
func TestSeveralRuns(t *testing.T) {
	var sources []judge.Source
	for _, name := range []string{"cpu", "db-pool"} { // the same scenario; that the platforms differ nobody can know
		run, err := archive.Open(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		s, err := scenarios.Parse(name, run.Effective, scenarios.Options{Alone: true})
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, judge.Source{Run: run, Scenario: s})
	}
	r, err := judge.Pool(sources, judge.Options{Draws: 50})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range r.Splits {
		if x.Stage >= len(r.Stages) || !r.Stages[x.Stage].Valid {
			t.Errorf("a split is of stage %d", x.Stage)
		}
	}
	d := Diagnose(r, "runs/a", "runs/b")
	cited := 0
	for _, h := range append(slices.Clone(d.Hypotheses), d.Others...) {
		for _, e := range h.For {
			if e.To > 0 && e.To <= e.From {
				t.Errorf("%s: %+v", h.Code, e)
			}
			if e.Run != "" {
				cited++
			}
		}
	}
	if cited == 0 {
		t.Error("no evidence names its run")
	}
}

// broken makes the highest stage one in which an objective was broken.
func broken(r *judge.Result) *judge.StageResult {
	top := &r.Stages[len(r.Stages)-1]
	r.Objectives = []judge.ObjectiveResult{{Text: judge.Say("objective", "web.*", "95", time.Second), Stages: []judge.ObjectiveStage{{Users: top.Users, Enough: true}}}}
	return top
}

// One backend of a platform that is well otherwise works at half the speed: it is slower for its users and fuller.
func TestOneSlowBackend(t *testing.T) {
	r := judged(t, "healthy")
	r.Forecast = judge.Forecast{}
	top := broken(r)
	for k := range top.Resources {
		if u := &top.Resources[k]; u.Name == "web.2" {
			u.InUse, u.Utilisation, u.Demand, u.Queue = 11, 11/u.Limit, 3*u.Demand, 4
		}
	}
	for i := range r.Splits {
		x := &r.Splits[i]
		if x.Kind != record.KindBackend || x.Stage != len(r.Stages)-1 {
			continue
		}
		x.Rows = slices.Clone(x.Rows)
		for k := range x.Rows {
			if row := &x.Rows[k]; row.Name == "web-2" {
				row.Ratio *= 2.5
				row.Folds = slices.Clone(row.Folds)
				for f := range row.Folds {
					row.Folds[f].Ratio *= 2.5
				}
			}
		}
	}
	d := Diagnose(r)
	if first(d) != UnevenBackends || d.Hypotheses[0].Subject != "web-2" || !says(d.Hypotheses[0].For, "because-slower") {
		t.Errorf("said %q: %+v", first(d), d.Hypotheses)
	}
}

// A group of accounts that is slower is told without counters of its shard, and not where nothing is in danger.
func TestOneSlowGroup(t *testing.T) {
	r := judged(t, "healthy")
	rng := rand.New(rand.NewPCG(8, 0))
	splits := users(rng, 3, 60, 2.2)
	splits[0].Kind, splits[0].Stage = record.KindGroup, len(r.Stages)-1
	r.Splits = append(r.Splits, splits...)
	if d := Diagnose(r); len(d.Hypotheses) > 0 {
		t.Errorf("without danger: %+v", d.Hypotheses)
	}
	for i := range r.Stages {
		r.Stages[i].Resources = nil
	}
	r.Resources, r.Forecast = nil, judge.Forecast{}
	broken(r)
	d := Diagnose(r)
	if first(d) != HotShard || d.Hypotheses[0].Subject != "a" || !strings.HasSuffix(d.Hypotheses[0].Settle.Command, " one-group") {
		t.Errorf("said %q: %+v", first(d), d.Hypotheses)
	}
}

// Where copying was varied, its part of the rise tells, either way.
func TestCopyingThatWasVaried(t *testing.T) {
	for _, c := range []struct {
		part, low, high float64
		found           bool
	}{{0.6, 0.5, 0.7, true}, {0.02, -0.02, 0.06, false}} {
		r := judged(t, "copy-contention")
		r.Effects = &judge.Effects{Determined: true, Action: "imap.fetch", From: 100 * time.Millisecond, To: 1100 * time.Millisecond, FromUsers: 50, ToUsers: 100,
			Parts: []judge.EffectPart{{Kind: "copy", Seconds: c.part, Low: c.low, High: c.high}, {Kind: "users", Seconds: 1 - c.part, Low: 0.1, High: 0.9}}}
		h := find(Diagnose(r), Copy)
		if h == nil || (h.Score > 0) != c.found || says(h.For, "because-copy-part") != c.found {
			t.Errorf("a part of %v: %+v", c.part, h)
		}
	}
}
