package judge

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/record"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// armed is a run of two loads in two arms; the arm that differs is by some factor faster.
func armed(t *testing.T, arm string, factor float64, failing int) *Result {
	t.Helper()
	s, err := scenarios.Parse("tiered.yaml", []byte(tiered), scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(4, 4))
	run := drawn{users: []int{150, 150, 300, 300}, arms: []string{scenarios.AsIs, arm, arm, scenarios.AsIs},
		interval: func(stage int, in *record.Interval) {
			for _, x := range in.Series {
				if x == nil {
					continue
				}
				changed := stage == 1 || stage == 2
				n := x.Response.Total
				x.Response = record.Histogram{}
				for range n {
					took := 200 * math.Exp(0.5*rng.NormFloat64())
					if changed {
						took *= factor
					}
					x.Response.Record(time.Duration(took * float64(time.Millisecond)))
				}
				if changed && failing > 0 && n > 10 {
					x.Classes[probe.OK] -= n / uint64(failing)
					x.Classes[probe.Timeout] += n / uint64(failing)
				}
			}
		}}.write(t)
	r, err := Judge(run, s, Options{Draws: 40})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestArmsSettle(t *testing.T) {
	for _, c := range []struct {
		arm     string
		factor  float64
		failing int
		found   Finding
		code    string
	}{
		{scenarios.AroundArm, 0.4, 0, InTheWay, "experiment-bypass-faster"},
		{scenarios.AroundArm, 1.6, 0, NotInWay, "experiment-bypass-slower"},
		{scenarios.AroundArm, 1, 0, NotInWay, "experiment-bypass-same"},
		{scenarios.ManySources, 0.5, 0, InTheWay, "experiment-many-faster"},
		{scenarios.ManySources, 2, 0, NotInWay, "experiment-many-slower"},
		{scenarios.OneSource, 2, 0, InTheWay, "experiment-one-slower"},
		{scenarios.OneSource, 0.5, 0, NotInWay, "experiment-one-faster"},
		{scenarios.OneSource, 1, 0, NotInWay, "experiment-sources-same"},
		{scenarios.GroupArm + "tax", 2, 0, InTheWay, "experiment-group-slower"},
		{scenarios.GroupArm + "tax", 0.5, 0, InTheWay, "experiment-group-faster"},
		{scenarios.GroupArm + "tax", 1, 0, NotInWay, "experiment-group-same"},
		{scenarios.NoCopyArm, 0.6, 0, InTheWay, "experiment-copy-faster"},
		{scenarios.NoCopyArm, 1.6, 0, NotInWay, "experiment-copy-slower"},
		{scenarios.NoCopyArm, 1, 0, NotInWay, "experiment-copy-same"},
		{scenarios.AroundArm, 1, 20, NotInWay, "experiment-errors"},
	} {
		r := armed(t, c.arm, c.factor, c.failing)
		x := r.Arms
		if x == nil || x.Found != c.found || x.Sentence.Code != c.code {
			t.Errorf("%s times %v: %+v, want %s %s", c.arm, c.factor, x, c.found, c.code)
			continue
		}
		t.Logf("%s", x.Sentence)
		if len(x.Loads) != 2 || x.Loads[1].Users != 300 || x.Loads[1].Stages != [2]int{1, 1} || len(x.Stages) != 2 {
			t.Errorf("%s: loads %+v", c.arm, x.Loads)
		}
	}
}

// What is concluded of the load itself does not know of the other arms: not the stages, the forecast or the objectives.
func TestOtherArmsStayOutOfTheForecast(t *testing.T) {
	for _, factor := range []float64{1, 30} {
		r := armed(t, scenarios.AroundArm, factor, 0)
		if len(r.Stages) != 2 || r.Forecast.StagesUsed != 2 || slices.ContainsFunc(r.Stages, func(st StageResult) bool { return st.Arm != scenarios.AsIs }) {
			t.Errorf("stages %+v, %d in the forecast", r.Stages, r.Forecast.StagesUsed)
		}
		for _, o := range r.Objectives {
			if len(o.Stages) != 2 {
				t.Errorf("%v is held against %d stages", o.Text, len(o.Stages))
			}
		}
	}
	// a run without an experiment has no arms
	s, err := scenarios.Parse("tiered.yaml", []byte(tiered), scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := Judge(drawn{}.write(t), s, Options{Draws: 20}); err != nil || r.Arms != nil {
		t.Errorf("arms without an experiment: %v %v", r.Arms, err)
	}
}

// An arm that was not measured, or too little, settles nothing.
func TestArmsThatSettleNothing(t *testing.T) {
	s, err := scenarios.Parse("tiered.yaml", []byte(tiered), scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	late := func(stage int, in *record.Interval) {
		if stage == 1 {
			for range 1000 {
				in.Lag.Record(3 * time.Second)
			}
		}
	}
	few := func(_ int, in *record.Interval) {
		for i, x := range in.Series {
			if x != nil {
				in.Series[i] = new(record.Series)
				in.Series[i].Response.Record(50 * time.Millisecond)
				in.Series[i].Classes[probe.OK]++
			}
		}
	}
	for code, change := range map[string]func(int, *record.Interval){"experiment-invalid": late, "experiment-few": few} {
		run := drawn{users: []int{150, 150}, arms: []string{scenarios.AsIs, scenarios.AroundArm}, interval: change}.write(t)
		r, err := Judge(run, s, Options{Draws: 20})
		if err != nil || r.Arms == nil || r.Arms.Found != Undecided || r.Arms.Sentence.Code != code {
			t.Errorf("%s: %+v %v", code, r.Arms, err)
		}
	}
}

// Two arms that are alike differ clearly almost never, and the 90 % interval holds nothing in 90 % of all cases; arms that
// differ by 80 % are told apart.
func TestArmsAreComparedFairly(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	const trials = 80
	draw := func(factor float64) Difference {
		w := &tally{}
		for i := range 120 {
			w.low = append(w.low, time.Duration(i)*10*time.Millisecond)
			w.width = append(w.width, 10*time.Millisecond)
		}
		for side := range w.blocks {
			for range 2 {
				var blocks [][]float64
				for range 8 {
					counts := make([]float64, len(w.low))
					slow := math.Exp(0.1 * rng.NormFloat64()) // the blocks differ too
					for range 25 {
						took := 100 * slow * math.Exp(0.6*rng.NormFloat64())
						if side == 1 {
							took *= factor
						}
						counts[min(int(took/10), len(counts)-1)]++
					}
					blocks = append(blocks, counts)
				}
				w.blocks[side] = append(w.blocks[side], blocks)
			}
		}
		return w.compare("web.list", rng, 10).D95
	}
	clear, outside, found := 0, 0, 0
	for range trials {
		if d := draw(1); d.Clear {
			clear++
		} else if d.Low > 0 || d.High < 0 {
			outside++
		}
		if draw(1.8).Clear {
			found++
		}
	}
	t.Logf("alike: %d clear, %d more outside the interval; by 80 %%: %d clear, of %d", clear, outside, found, trials)
	if clear > 1 || outside > trials/5 || found < trials*3/4 {
		t.Errorf("alike: %d clear, %d more outside the interval; by 80 %%: %d clear, of %d", clear, outside, found, trials)
	}
}

func TestSharesOfFailures(t *testing.T) {
	for _, c := range []struct {
		failed, done [2]uint64
		want         bool
	}{
		{[2]uint64{40, 0}, [2]uint64{1000, 1000}, true}, {[2]uint64{3, 0}, [2]uint64{1000, 1000}, false}, {[2]uint64{100, 120}, [2]uint64{1000, 1000}, false},
		{[2]uint64{0, 0}, [2]uint64{0, 10}, false}, {[2]uint64{400, 0}, [2]uint64{1000000, 1000000}, false},
	} {
		if got := sharesDiffer(c.failed, c.done); got != c.want {
			t.Errorf("%v of %v differ: %v", c.failed, c.done, got)
		}
	}
}

func TestArmsAreKeptInTheArchive(t *testing.T) {
	run := drawn{users: []int{150, 150}, arms: []string{scenarios.AsIs, scenarios.GroupArm + "tax"}}.write(t)
	var arms []string
	for _, e := range run.Events {
		if e.Kind == archive.EventHold {
			arms = append(arms, e.Stage.Arm)
		}
	}
	if strings.Join(arms, ",") != "as-is,group tax" {
		t.Errorf("arms %q", arms)
	}
}
