package capacity

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestIsotonic(t *testing.T) {
	tests := []struct {
		name       string
		y, w, want []float64
		falling    bool
	}{
		{name: "empty", want: []float64{}},
		{name: "in order", y: []float64{1, 2, 2, 3}, want: []float64{1, 2, 2, 3}},
		{name: "one violation", y: []float64{1, 3, 2, 4}, want: []float64{1, 2.5, 2.5, 4}},
		{name: "weighted", y: []float64{1, 3, 2, 4}, w: []float64{1, 3, 1, 1}, want: []float64{1, 2.75, 2.75, 4}},
		{name: "all wrong", y: []float64{4, 3, 2}, want: []float64{3, 3, 3}},
		{name: "back to the start", y: []float64{2, 3, 0, 1}, want: []float64{1.5, 1.5, 1.5, 1.5}},
		{name: "falling", y: []float64{4, 2, 3, 1}, want: []float64{4, 2.5, 2.5, 1}, falling: true},
	}
	for _, tt := range tests {
		got, err := Isotonic(tt.y, tt.w, tt.falling)
		if err != nil || !slices.EqualFunc(got, tt.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }) {
			t.Errorf("%s: %v, %v; want %v", tt.name, got, err, tt.want)
		}
	}
	for name, d := range map[string]struct{ y, w []float64 }{
		"lengths":     {[]float64{1, 2}, []float64{1}},
		"zero weight": {[]float64{1, 2}, []float64{1, 0}},
		"not number":  {[]float64{1, math.NaN()}, nil},
	} {
		if _, err := Isotonic(d.y, d.w, false); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Ordered, of the same weighted mean, and no other ordered sequence nearby is closer.
func TestIsotonicProperties(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for range 500 {
		n := 1 + rng.IntN(40)
		y, w := make([]float64, n), make([]float64, n)
		for i := range y {
			y[i] = 0.1*float64(i) + rng.NormFloat64()
			w[i] = 0.1 + rng.ExpFloat64()
		}
		x, err := Isotonic(y, w, false)
		if err != nil {
			t.Fatal(err)
		}
		distance := func(x []float64) float64 {
			var sum float64
			for i := range x {
				sum += w[i] * (x[i] - y[i]) * (x[i] - y[i])
			}
			return sum
		}
		var before, after float64
		for i := range y {
			before += w[i] * y[i]
			after += w[i] * x[i]
		}
		if !slices.IsSorted(x) || math.Abs(before-after) > 1e-9*(1+math.Abs(before)) {
			t.Fatalf("%v of %v: weighted sums %v, %v", x, y, before, after)
		}
		for range 20 {
			other := slices.Clone(x)
			for i := range other {
				other[i] += 0.05 * rng.NormFloat64()
			}
			slices.Sort(other)
			if distance(other) < distance(x)-1e-9 {
				t.Fatalf("%v is closer to %v than %v", other, y, x)
			}
		}
	}
}
