package capacity

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestFitTrend(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	abba := []float64{100, 200, 300, 400, 400, 300, 200, 100}
	rising := []float64{100, 200, 300, 400, 500, 600, 700, 800}
	tests := []struct {
		name                    string
		load                    []float64
		perLoad, perTime        float64
		determined, significant bool
	}{
		{"drift", abba, 1e-6, 0.0004, true, true},
		{"no drift", abba, 1e-6, 0, true, false},
		{"a plain staircase cannot tell", rising, 1e-6, 0.0004, false, false},
		{"one load", []float64{5, 5, 5, 5, 5, 5, 5, 5}, 0, 0.0004, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s, at, w []float64
			for i, n := range tt.load {
				s = append(s, 0.02+tt.perLoad*n+tt.perTime*float64(i)+0.00005*math.Sin(float64(7*i*i)))
				at = append(at, float64(i))
				w = append(w, 1+rng.Float64())
			}
			trend, err := FitTrend(s, tt.load, at, w)
			if err != nil {
				t.Fatal(err)
			}
			if trend.Determined != tt.determined || trend.Significant != tt.significant {
				t.Errorf("%+v", trend)
			}
			if tt.determined && (trend.PerTime.Low > tt.perTime || trend.PerTime.High < tt.perTime) {
				t.Errorf("trend %+v, want %v", trend.PerTime, tt.perTime)
			}
			if tt.name == "drift" {
				want := tt.perTime * 7 / (0.02 + tt.perLoad*250 + tt.perTime*3.5)
				if math.Abs(trend.Change/want-1) > 0.1 || trend.P > 1e-3 {
					t.Errorf("change %v with P %v, want %v", trend.Change, trend.P, want)
				}
			}
		})
	}
	one := []float64{1, 1, 1, 1, 1}
	up := []float64{1, 2, 3, 4, 5}
	for name, d := range map[string][4][]float64{
		"few":        {one[:3], one[:3], up[:3], nil},
		"lengths":    {one, one, up[:4], nil},
		"one time":   {one, up, one, nil},
		"weights":    {one, up, up, {1, 1, 0, 1, 1}},
		"not number": {{1, math.NaN(), 1, 1, 1}, one, up, nil},
	} {
		if trend, err := FitTrend(d[0], d[1], d[2], d[3]); err == nil {
			t.Errorf("%s: no error but %+v", name, trend)
		}
	}
}

// Where there is no trend, 5 % of the tests find one.
func TestFitTrendSize(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 2))
	load, at := []float64{1, 2, 4, 4, 2, 1}, []float64{0, 1, 2, 3, 4, 5}
	found := 0
	const runs = 4000
	for range runs {
		s := make([]float64, len(load))
		for i := range s {
			s[i] = 1 + 0.1*load[i] + rng.NormFloat64()
		}
		trend, err := FitTrend(s, load, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		if trend.Significant {
			found++
		}
	}
	if share := float64(found) / runs; share < 0.038 || share > 0.062 {
		t.Errorf("%.3f of the series without a trend have one", share)
	}
}

// servedCounts counts completions of one busy unit in periods of a second, with service rates that stay for a while.
func servedCounts(rng *rand.Rand, periods int, rates []float64, stay float64) []float64 {
	counts := make([]float64, periods)
	now, k, until := 0.0, 0, stay*rng.ExpFloat64()
	for {
		now += rng.ExpFloat64() / rates[k]
		if int(now) >= periods {
			return counts
		}
		counts[int(now)]++
		for now > until {
			k = (k + 1) % len(rates)
			until += stay * rng.ExpFloat64()
		}
	}
}

func TestDispersion(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 1))
	poisson, err := DispersionOfCounts(servedCounts(rng, 3000, []float64{20}, 1))
	if err != nil || !poisson.Settled || poisson.Bursty || math.Abs(poisson.Index-1) > 0.25 {
		t.Errorf("Poisson: %+v, %v", poisson, err)
	}
	// Rates r1, r2 that stay for exponential times of mean T: I → 1 + (r1−r2)²·T/(r1+r2)/2
	want := 1 + (30.0-10)*(30-10)*5/(30+10)/2
	bursts, err := DispersionOfCounts(servedCounts(rng, 20000, []float64{30, 10}, 5))
	if err != nil || !bursts.Settled || !bursts.Bursty || bursts.Index < 0.6*want || bursts.Index > 1.3*want {
		t.Errorf("bursts: %+v, %v; want about %v", bursts, err, want)
	}
	// the same work with idle time between: the busy time sees the same bursts, the wall clock does not
	counts := servedCounts(rng, 20000, []float64{30, 10}, 5)
	var busy, thin []float64
	for _, c := range counts {
		for range 2 {
			busy, thin = append(busy, 0.5), append(thin, c/2)
		}
		busy, thin = append(busy, 0), append(thin, 0)
	}
	idle, err := DispersionOfBusyTime(1, busy, thin)
	if err != nil || idle.Index < 0.6*want || idle.Index > 1.3*want {
		t.Errorf("with idle time: %+v, %v; want about %v", idle, err, want)
	}
	short, err := DispersionOfCounts(servedCounts(rng, 60, []float64{30, 1}, 30))
	if err != nil || short.Settled && short.Windows < leastWindows {
		t.Errorf("short: %+v, %v", short, err)
	}
	constant := make([]float64, 100)
	for i := range constant {
		constant[i] = 7
	}
	if d, err := DispersionOfCounts(constant); err != nil || d.Index > 1e-9 || d.Bursty || !d.Settled {
		t.Errorf("constant: %+v, %v", d, err)
	}
	for name, err := range map[string]error{
		"few":      dispersionError(1, constant[:30], constant[:30]),
		"seconds":  dispersionError(0, constant, constant),
		"lengths":  dispersionError(1, constant, constant[:50]),
		"nothing":  dispersionError(1, constant, make([]float64, 100)),
		"idle":     dispersionError(1, make([]float64, 100), constant),
		"negative": dispersionError(1, constant, append([]float64{-1}, constant[1:]...)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func dispersionError(seconds float64, busy, completions []float64) error {
	_, err := DispersionOfBusyTime(seconds, busy, completions)
	return err
}

// Intervals of correlated series cover; those by single values would not.
func TestMeanByBatches(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	cover, naive, independent := 0, 0, 0
	const runs, n, phi = 600, 2000, 0.9
	for range runs {
		v := make([]float64, n)
		x := rng.NormFloat64() / math.Sqrt(1-phi*phi)
		var sum, square float64
		for i := range v {
			x = phi*x + rng.NormFloat64()
			v[i] = x
			sum += x
			square += x * x
		}
		m, err := MeanByBatches(v)
		if err != nil {
			t.Fatal(err)
		}
		if m.Low <= 0 && 0 <= m.High {
			cover++
		}
		if m.Independent {
			independent++
		}
		if math.Abs(sum/n) < 1.96*math.Sqrt((square/n-sum/n*sum/n)/n) {
			naive++
		}
	}
	if c := float64(cover) / runs; c < 0.90 || c > 0.98 {
		t.Errorf("intervals cover %.3f, want about 0.95 (single values: %.3f)", c, float64(naive)/runs)
	}
	if float64(independent) < 0.9*runs {
		t.Errorf("only %d of %d found independent batches", independent, runs)
	}
	walk := make([]float64, 400)
	for i := range walk {
		walk[i] = float64(i)
	}
	if m, err := MeanByBatches(walk); err != nil || m.Independent || m.Lag1 < 0.3 || m.Batches != 8 {
		t.Errorf("a straight rise: %+v, %v", m, err)
	}
	if m, err := MeanByBatches(make([]float64, 16)); err != nil || m.SE != 0 || m.Batches != 8 {
		t.Errorf("constant: %+v, %v", m, err)
	}
	for _, bad := range [][]float64{nil, make([]float64, 15), append(make([]float64, 60), math.NaN())} {
		if _, err := MeanByBatches(bad); err == nil {
			t.Errorf("%d values: no error", len(bad))
		}
	}
}
