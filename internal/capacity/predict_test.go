package capacity

import (
	"math"
	equal "reflect"
	"runtime"
	"slices"
	"testing"
)

// The same data and seed give the same forecast, on however many cores; another seed gives another.
func TestForecastDoesNotDependOnCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, blind := range []bool{false, true} {
		var first *Forecast
		for _, cores := range []int{1, 2, 7} {
			runtime.GOMAXPROCS(cores)
			in := flightInput(12, 24)
			if !blind {
				in, _ = measuredCores(7)
			}
			f := Predict(in, Options{Draws: 30, Seed: 11, Blind: blind})
			if first == nil {
				first = f
			}
			if !equal.DeepEqual(f, first) {
				t.Errorf("blind %v, %d cores: %v, on one %v", blind, cores, f.Users, first.Users)
			}
		}
		if len(first.Draws) != 30 || !slices.IsSorted(first.Draws) {
			t.Errorf("blind %v: %d draws, sorted %v", blind, len(first.Draws), slices.IsSorted(first.Draws))
		}
	}
	in, _ := measuredCores(7)
	again := Predict(in, Options{Draws: 30, Seed: 11})
	if other := Predict(in, Options{Draws: 30, Seed: 12}); equal.DeepEqual(other.Draws, again.Draws) {
		t.Error("two seeds give the same draws")
	}
}

// What the stages have shown bounds a forecast for the platform as it is, and does not bound one for another.
func TestStagesBoundTheForecast(t *testing.T) {
	p := cores(8)
	truth := p.truth()
	over := p.at(shares(truth, 0.4, 0.7, 0.9, 1.2)...)
	f := Predict(over, Options{Draws: 100, Seed: 1})
	low, high := over.Stages[2].Users, over.Stages[3].Users
	if !f.Determined || f.Lower != low || f.BrokenAt != high {
		t.Fatalf("%v %v: held at %v, broken at %v, want %v and %v", f.Users, f.Why, f.Lower, f.BrokenAt, low, high)
	}
	for _, d := range f.Draws {
		if d < low || d > high {
			t.Fatalf("a draw of %.0f, although the objectives held at %.0f and one broke at %.0f", d, low, high)
		}
	}
	if truth < f.Users.P05 || truth > f.Users.P95 {
		t.Errorf("%v, truth %.0f", f.Users, truth)
	}
	if half := Predict(over, Options{Draws: 60, Changes: []Change{{Resource: "cpu", Times: 0.5}}}); !half.Determined || half.Users.P95 > low {
		t.Errorf("with half the cores %v %v, must not be held above %v", half.Users, half.Why, low)
	}
	if more := Predict(over, Options{Draws: 60, Changes: []Change{{Resource: "cpu", Times: 2}}}); !more.Determined || more.Users.P05 < high {
		t.Errorf("with twice the cores %v %v, must not be held below %v", more.Users, more.Why, high)
	}
}

func TestProbability(t *testing.T) {
	f := &Forecast{Determined: true, Lower: 100, Draws: []float64{120, 140, 160, 180, 200}}
	for _, x := range []struct{ users, want float64 }{
		{0, 0.9}, {100, 0.9}, {101, 0.9}, {120, 0.9}, {130, 0.8}, {150, 0.6}, {190, 0.2}, {200, 0.2}, {201, 0}, {math.Inf(1), 0},
	} {
		if got := f.Probability(x.users); math.Abs(got-x.want) > 1e-12 {
			t.Errorf("P(%v users hold) = %v, want %v", x.users, got, x.want)
		}
	}
	f.Determined = false
	for _, x := range []struct{ users, want float64 }{{100, 0}, {100.5, 0}, {5000, 0}} {
		if got := f.Probability(x.users); got != x.want {
			t.Errorf("not determined: P(%v users hold) = %v, want %v", x.users, got, x.want)
		}
	}
	if got := (&Forecast{Determined: true}).Probability(1); got != 0 {
		t.Errorf("without draws %v", got)
	}
}

// The probability falls with load, from nearly 1 to 0, and is a half at the median.
func TestProbabilityFalls(t *testing.T) {
	in, truth := measuredCores(9)
	f := Predict(in, Options{Draws: 200, Seed: 1})
	before := 1.0
	for users := 0.3 * truth; users < 1.6*truth; users += 0.01 * truth {
		p := f.Probability(users)
		if p > before || p < 0 || p >= 1 {
			t.Fatalf("P(%.0f) = %v after %v", users, p, before)
		}
		before = p
	}
	if p := f.Probability(f.Users.P50); math.Abs(p-0.5) > 0.02 || before != 0 {
		t.Errorf("at the median %v, far above %v", p, before)
	}
}
