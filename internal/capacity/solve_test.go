package capacity

import (
	"math"
	"testing"
)

func TestFalsePosition(t *testing.T) {
	for _, x := range []struct {
		name      string
		low, high float64
		f         func(float64) float64
		root      float64
	}{
		{"line", 0, 10, func(x float64) float64 { return x - 3 }, 3},
		{"steep at the end", 0, 10, func(x float64) float64 { return math.Exp(2*x) - math.Exp(14) }, 7},
		{"flat at the end", 0.01, 10, func(x float64) float64 { return math.Log(x / 0.5) }, 0.5},
		{"at the lower end", 2, 10, func(x float64) float64 { return x - 2 }, 2},
		{"at the upper end", 2, 10, func(x float64) float64 { return x - 10 }, 10},
	} {
		calls, last := 0, math.NaN()
		got := falsePosition(x.low, x.high, x.f(x.low), x.f(x.high), 0.01, 1e-3, func(v float64) float64 {
			calls++
			last = v
			return x.f(v)
		})
		if math.Abs(got-x.root) > 0.02 {
			t.Errorf("%s: %v after %d calls, want %v", x.name, got, calls, x.root)
		}
		if calls > 40 || calls > 0 && last != got {
			t.Errorf("%s: %d calls, the last at %v, returned %v", x.name, calls, last, got)
		}
	}
}

// The capacity does not depend on where the search for it begins, and it is that of the formula.
func TestCapacityDoesNotDependOnGuess(t *testing.T) {
	in, truth := measuredCores(5)
	in.index()
	s := condense(in, all(in), &Options{})
	pairs := []pair{{0, in.Actions[0].Objectives[0]}}
	var first float64
	for i, guess := range []float64{1, 0.1 * truth, 0.5 * truth, 0.99 * truth, truth, 1.01 * truth, 1.5 * truth, 2.3 * truth} {
		users, by, resource, ok := s.capacityOf(pairs, guess, 2.4*truth)
		if !ok || by != 0 || resource != 0 {
			t.Fatalf("guess %.0f: ok %v, pair %d, resource %d", guess, ok, by, resource)
		}
		if i == 0 {
			first = users
		}
		if math.Abs(users/first-1) > 0.004 || math.Abs(users/truth-1) > 0.03 {
			t.Errorf("guess %.0f: %.1f, from the first guess %.1f; truth %.1f", guess, users, first, truth)
		}
	}
	if _, _, _, ok := s.capacityOf(pairs, 0.5*truth, 0.9*truth); ok {
		t.Error("a capacity where nothing breaks up to the limit")
	}
	// What breaks by itself, without anyone waiting, breaks at every load.
	users, _, resource, ok := s.capacityOf([]pair{{0, Objective{Quantile: 0.95, Limit: 0.05}}}, truth, 3*truth)
	if !ok || users != 0 || resource != -1 {
		t.Errorf("an objective that never holds: %v users, resource %d, ok %v", users, resource, ok)
	}
}

// Of two objectives the one that breaks first decides; a resource that is held decides where it is used up before.
func TestCapacityIsThatOfTheFirstToBreak(t *testing.T) {
	in, truth := measuredCores(6)
	in.index()
	s := condense(in, all(in), &Options{})
	strict, lax := pair{0, Objective{Quantile: 0.95, Limit: 0.5}}, pair{0, Objective{Quantile: 0.95, Limit: 1}}
	alone, _, _, _ := s.capacityOf([]pair{strict}, truth, 3*truth)
	both, by, _, _ := s.capacityOf([]pair{lax, strict}, truth, 3*truth)
	if math.Abs(both/alone-1) > 0.004 || by != 1 || alone >= truth {
		t.Errorf("both %.0f by %d, strict alone %.0f, lax %.0f", both, by, alone, truth)
	}
	s.resources = append(s.resources, resourceFit{linear: true, limit: 100, holds: line{Fixed: 20, PerUser: 0.1}})
	for _, x := range []struct {
		perUser, want float64
		resource      int
	}{{0.2, 400, 1}, {0.01, truth, 0}, {0, truth, 0}} {
		s.resources[1].holds.PerUser = x.perUser
		users, _, resource, ok := s.capacityOf([]pair{lax}, truth, 3*truth)
		if !ok || resource != x.resource || math.Abs(users/x.want-1) > 0.03 {
			t.Errorf("%v held by each: %.0f users, resource %d, want %.0f by %d", x.perUser, users, resource, x.want, x.resource)
		}
	}
}

// Whichever of many objectives is looked at first, the one that breaks first decides.
func TestCapacityOfManyObjectives(t *testing.T) {
	in, truth := measuredCores(7)
	in.index()
	s := condense(in, all(in), &Options{})
	var pairs []pair
	lowest, first := math.Inf(1), -1
	for i, o := range []Objective{{Quantile: 0.5, Limit: 0.4}, {Quantile: 0.99, Limit: 2}, {Quantile: 0.9, Limit: 0.6}, {Quantile: 0.95, Limit: 1}, {Quantile: 0.999, Limit: 5}} {
		pairs = append(pairs, pair{0, o})
		if users, _, _, ok := s.capacityOf(pairs[i:], truth, 3*truth); ok && users < lowest {
			lowest, first = users, i
		}
	}
	for _, guess := range []float64{1, 0.3 * truth, lowest, truth, 2 * truth} {
		users, by, _, ok := s.capacityOf(pairs, guess, 3*truth)
		if !ok || by != first || math.Abs(users/lowest-1) > 0.004 {
			t.Errorf("guess %.0f: %.1f by %d, want %.1f by %d", guess, users, by, lowest, first)
		}
	}
}
