package corpus

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestSizesOfDistributions(t *testing.T) {
	for _, x := range []struct {
		text             string
		median, p90, min float64
	}{
		{"4KB", 4000, 4000, 4000},
		{" uniform( 1KB , 21KB )", 11_000, 19_000, 1000},
		{"exponential(10KiB)", 10240 * math.Ln2, 10240 * math.Ln10, 0},
		{"lognormal(20KB, 300KB)", 20_000, 300_000, 0},
	} {
		s, err := ParseSizes(x.text)
		if err != nil {
			t.Errorf("%s: %v", x.text, err)
			continue
		}
		again, err := ParseSizes(s.String())
		if err != nil || again != s {
			t.Errorf("%s is written %s, which is read as %v, %v", x.text, s, again, err)
		}
		const n = 40_000
		list := make([]int, n)
		var sum float64
		for i := range list {
			list[i] = s.Draw(uint64(i) * 0x9e3779b97f4a7c15)
			sum += float64(list[i]) / n
		}
		slices.Sort(list)
		if got := float64(list[n/2]); math.Abs(got/x.median-1) > 0.03 || math.Abs(float64(list[n*9/10])/x.p90-1) > 0.05 || float64(list[0]) < x.min {
			t.Errorf("%s: median %.0f, p90 %d, least %d", x.text, got, list[n*9/10], list[0])
		}
		if !strings.Contains(x.text, "lognormal") && math.Abs(s.Mean()/sum-1) > 0.02 {
			t.Errorf("%s: mean %.0f, of draws %.0f", x.text, s.Mean(), sum)
		}
	}
	mix, err := ParseSizes("")
	if err != nil || mix.String() != "mix" || mix.Mean() < 20_000 || mix.Mean() > 300_000 {
		t.Errorf("the mix is %s with mean %.0f, %v", mix, mix.Mean(), err)
	}
}

func TestSizesRefused(t *testing.T) {
	for _, text := range []string{"big", "0", "-4KB", "NaN", "4KB)", "fixed(4KB)", "uniform(4KB)", "uniform(20KB, 1KB)", "lognormal(20KB, 300KB", "lognormal(20KB, 3)", "gauss(1KB, 2KB)", "uniform(1KB, 2GB)", "101MiB", "exponential()", "1e400"} {
		if s, err := ParseSizes(text); err == nil {
			t.Errorf("%q is read as %s", text, s)
		}
	}
}
