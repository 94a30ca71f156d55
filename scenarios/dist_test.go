package scenarios

import (
	"math"
	"testing"
	"time"
)

func near(got, want time.Duration) bool {
	return math.Abs(float64(got-want)) <= 1e-6*float64(want)+1
}

func TestDistQuantile(t *testing.T) {
	s, ms := time.Second, time.Millisecond
	for _, c := range []struct {
		d    Dist
		p    float64
		want time.Duration
	}{
		{Dist{Kind: "constant", A: 2 * s}, 0.01, 2 * s},
		{Dist{Kind: "constant", A: 2 * s}, 0.99, 2 * s},
		{Dist{Kind: "uniform", A: s, B: 3 * s}, 0.25, 1500 * ms},
		{Dist{Kind: "exponential", A: 10 * s}, 0.5, time.Duration(math.Ln2 * float64(10*s))},
		{Dist{Kind: "lognormal", A: 30 * s, B: 120 * s}, 0.5, 30 * s},
		{Dist{Kind: "lognormal", A: 30 * s, B: 120 * s}, 0.9, 120 * s},
		{Dist{Kind: "lognormal", A: 30 * s, B: 120 * s}, 0.1, 7500 * ms},
		{Dist{Kind: "lognormal", A: 30 * s, B: 30 * s}, 0.9, 30 * s},
	} {
		if got := c.d.Quantile(c.p); !near(got, c.want) {
			t.Errorf("%v at %v: got %v, want %v", c.d, c.p, got, c.want)
		}
	}
}

// TestDistMean compares the mean with the average over evenly spread quantiles, and the draws' bounds.
func TestDistMean(t *testing.T) {
	for _, d := range []Dist{
		{Kind: "constant", A: 2 * time.Second},
		{Kind: "uniform", A: time.Second, B: 3 * time.Second},
		{Kind: "exponential", A: 10 * time.Second},
		{Kind: "lognormal", A: 30 * time.Second, B: 2 * time.Minute},
	} {
		const n = 200_000
		var sum float64
		last := time.Duration(0)
		for i := range n {
			x := d.Quantile((float64(i) + 0.5) / n)
			if x < last {
				t.Fatalf("%v: quantiles fall", d)
			}
			last = x
			sum += float64(x) / n
		}
		if got := float64(d.Mean()); math.Abs(got-sum) > 0.005*sum {
			t.Errorf("%v: mean %v, average %v", d, d.Mean(), time.Duration(sum))
		}
		for _, u := range []uint64{0, 1, math.MaxUint64} {
			if x := d.Draw(u); x < 0 || x > 30*24*time.Hour {
				t.Errorf("%v: draw of %d is %v", d, u, x)
			}
		}
	}
}

func TestNearest(t *testing.T) {
	for _, c := range []struct {
		word, want string
		among      []string
	}{
		{"thnk", "think", []string{"think", "thing"}},
		{"hitkn", "", []string{"think", "choose"}}, // two swaps are too many for five letters
		{"hodl", "hold", []string{"hold", "held"}}, // a swap is one change
		{"Web.Login", "web.login", []string{"web.login", "web.list"}},
		{"x", "y", []string{"y"}},
		{"imap.fetsh", "imap.fetch", []string{"imap.search", "imap.fetch"}},
		{"completely", "", []string{"think", "do"}},
		{"", "", nil},
	} {
		if got := Nearest(c.word, c.among); got != c.want {
			t.Errorf("nearest to %q: got %q, want %q", c.word, got, c.want)
		}
	}
}
