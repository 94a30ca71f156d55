package judge

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/capacity"
)

// looked is a result with stages of a minute at these loads, and a forecast where capacity has three figures.
func looked(capacityOf []float64, broken int, loads ...int) *Result {
	r := &Result{}
	for i, n := range loads {
		at := time.Duration(i) * 2 * time.Minute
		r.Stages = append(r.Stages, StageResult{Stage: archive.Stage{Index: i, Users: n}, Start: at, End: at + time.Minute, Valid: true})
	}
	if broken > 0 {
		r.Objectives = []ObjectiveResult{{}, {BrokenAt: broken + 100}, {BrokenAt: broken}}
	}
	if len(capacityOf) == 3 {
		r.Forecast.Determined = true
		r.Forecast.Users = capacity.Interval{P05: capacityOf[0], P50: capacityOf[1], P95: capacityOf[2]}
	}
	return r
}

func TestNextStage(t *testing.T) {
	wide := func(p05 float64) []float64 { return []float64{p05, 1.3 * p05, 1.6 * p05} } // ± 23 %
	narrow := []float64{950, 1000, 1050}                                                // ± 5 %
	for _, c := range []struct {
		name   string
		r      *Result
		change func(*Result, *NextOptions)
		users  int
		why    string
	}{
		{"nothing done", looked(nil, 0), nil, 100, "next-pilot"},
		{"second pilot", looked(nil, 0, 100), nil, 160, "next-pilot"},
		{"third pilot", looked(nil, 0, 100, 160), nil, 256, "next-pilot"},
		{"pilot below the ceiling", looked(wide(10_000), 0, 100), nil, 160, "next-pilot"},
		{"pilot stopped by the ceiling", looked(wide(150), 0, 100), nil, 120, "next-safe"},
		{"pilot not above to", looked(nil, 0, 100), func(_ *Result, o *NextOptions) { o.To = 130 }, 130, "next-pilot"},
		{"far forecast", looked(wide(10_000), 0, 100, 160, 256), nil, 563, "next-far"},
		{"safe by the forecast", looked(wide(500), 0, 100, 160, 256), nil, 400, "next-safe"},
		{"to below the ceiling", looked(wide(500), 0, 100, 160, 256), func(_ *Result, o *NextOptions) { o.To = 300 }, 300, "next-to"},
		{"below what was broken", looked(wide(2000), 700, 100, 400, 700), nil, 699, "next-safe"},
		{"again at the ceiling", looked(wide(500), 0, 100, 160, 256, 390), nil, 390, "next-again"},
		{"again below what was measured", looked(wide(300), 0, 100, 240, 400), nil, 240, "next-again"},
		{"a new load below what was measured", looked(wide(250), 0, 100, 160, 300), nil, 200, "next-safe"},
		{"repeats do not pay any more", looked(wide(500), 0, 100, 160, 256, 390, 390, 390, 390), nil, 0, "stop-gain"},
		{"a precise forecast near by", looked(narrow, 0, 160, 400, 700), nil, 0, "stop-precise"},
		{"a precise forecast from afar", looked(narrow, 0, 100, 160, 256), nil, 563, "next-far"},
		{"a precise forecast by two stages", looked(narrow, 0, 400, 700), nil, 760, "next-safe"},
		{"precise as far as allowed", looked(narrow, 0, 100, 160, 256), func(_ *Result, o *NextOptions) { o.To = 256 }, 0, "stop-precise"},
		{"a finer precision", looked(narrow, 0, 160, 400, 700), func(_ *Result, o *NextOptions) { o.Precision = 0.02 }, 760, "next-safe"},
		{"all stages done", looked(wide(5000), 0, 100, 160, 256), func(_ *Result, o *NextOptions) { o.Stages = 3 }, 0, "stop-stages"},
		{"not determined", looked(nil, 0, 100, 160, 256), nil, 409, "next-step"},
		{"not determined, small", looked(nil, 0, 1, 1, 1), nil, 2, "next-step"},
		{"not determined up to the end", looked(nil, 0, 100, 600, 5000), nil, 0, "stop-to"},
		{"not determined, broken", looked(nil, 640, 100, 160, 400, 640), nil, 505, "next-between"},
		{"not determined, broken close by", looked(nil, 440, 100, 160, 400, 440), nil, 0, "stop-between"},
		{"broken at once", looked(nil, 100, 100), nil, 0, "stop-broken"},
		{"the generator was late once", looked(nil, 0, 100, 160), func(r *Result, _ *NextOptions) {
			r.Stages[1].Valid, r.Stages[1].Why = false, Say("lag-over-objective", time.Second, time.Second)
		}, 160, "next-pilot"},
		{"the generator was late twice", looked(wide(500), 0, 100, 160, 160), func(r *Result, _ *NextOptions) {
			for i := range 2 {
				r.Stages[i+1].Valid, r.Stages[i+1].Why = false, Say("lag-over-objective", time.Second, time.Second)
			}
		}, 0, "stop-late"},
		{"a stage that does not count", looked(wide(500), 0, 100, 160, 256), func(r *Result, _ *NextOptions) {
			r.Stages[2].Valid, r.Stages[2].Why = false, Say("hold-cut-short")
		}, 256, "next-pilot"},
		{"nothing counts", looked(nil, 0, 100), func(r *Result, _ *NextOptions) {
			r.Stages[0].Valid, r.Stages[0].Why = false, Say("hold-too-short")
		}, 0, "stop-unmeasured"},
	} {
		o := NextOptions{From: 100, To: 5000, Precision: 0.10, Stages: 10}
		if c.change != nil {
			c.change(c.r, &o)
		}
		users, ok, why := NextStage(c.r, o)
		if users != c.users || ok != (c.users > 0) || why.Code != c.why {
			t.Errorf("%s: %d users, %v: %s (%s); want %d, %s", c.name, users, ok, why.Code, why, c.users, c.why)
		}
	}
}

// On platforms whose forecast is unbiased and sharpens as measured, the search ends within ten stages near the capacity
// and breaks nothing, whatever the capacity and the first load.
func TestSearchEndsBelowTheCapacity(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	stages, reached := 0.0, 0.0
	const runs = 300
	for range runs {
		truth := 500 + 20_000*rng.Float64()
		o := NextOptions{From: int(truth * (0.02 + 0.2*rng.Float64())), To: 100_000, Precision: 0.10, Stages: 10}
		var loads []int
		for {
			var f []float64
			if n := len(loads); n > 0 {
				var weight float64 // Σ t·N² in minutes and parts of the capacity
				top := 0.0
				for _, x := range loads {
					weight += float64(x) / truth * float64(x) / truth
					top = max(top, float64(x))
				}
				if spread := math.Hypot(0.05, 0.04/math.Sqrt(weight)); truth < 4*top {
					mid := truth * math.Exp(0.03*rng.NormFloat64())
					f = []float64{mid * math.Exp(-1.645*spread), mid, mid * math.Exp(1.645*spread)}
				}
			}
			r := looked(f, 0, loads...)
			users, ok, why := NextStage(r, o)
			if !ok {
				if why.Code != "stop-precise" && why.Code != "stop-gain" && why.Code != "stop-stages" {
					t.Fatalf("capacity %.0f: ended after %v: %s", truth, loads, why)
				}
				break
			}
			if f != nil && float64(users) > 0.8*f[0] {
				t.Fatalf("capacity %.0f: %d users after %v, with %v", truth, users, loads, f)
			}
			if float64(users) > truth {
				t.Fatalf("capacity %.0f broken by %d users after %v", truth, users, loads)
			}
			if loads = append(loads, users); len(loads) > o.Stages {
				t.Fatalf("%d stages", len(loads))
			}
		}
		stages += float64(len(loads)) / runs
		top := 0
		for _, x := range loads {
			top = max(top, x)
		}
		reached += float64(top) / truth / runs
	}
	t.Logf("%.1f stages on average, up to %.2f of the capacity", stages, reached)
	if stages > 7.5 || reached < 0.55 || reached > 0.8 {
		t.Errorf("%.1f stages on average, up to %.2f of the capacity", stages, reached)
	}
}
