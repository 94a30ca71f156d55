package capacity

import (
	"encoding/csv"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// csvColumn reads one column of a CSV file in testdata.
func csvColumn(t *testing.T, file, name string) []float64 {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.Index(rows[0], name)
	if at < 0 {
		t.Fatalf("%s has no column %s", file, name)
	}
	var out []float64
	for _, row := range rows[1:] {
		v, err := strconv.ParseFloat(row[at], 64)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// agrees fails unless got is want to digits significant digits.
func agrees(t *testing.T, what string, got, want float64, digits int) {
	t.Helper()
	if !(math.Abs(got-want) <= 0.5001*math.Pow(10, math.Floor(math.Log10(math.Abs(want)))+1-float64(digits))) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// Coefficients of published fits: raytracer and its intervals by the R package usl, cisco by codahale/usl.
func TestFitUSLAgainstPublished(t *testing.T) {
	tests := []struct {
		name, file, n, x     string
		rows                 int
		sigma, kappa, lambda float64
		peak, top            float64
	}{
		{"raytracer 1-6", "usl_raytracer.csv", "processors", "throughput", 6, 0.024444, 1.62681e-3, 20.85605, 24.49, 203.5},
		{"raytracer", "usl_raytracer.csv", "processors", "throughput", 11, 0.0577708, 0, 21.8488, 0, 378.2},
		{"cisco", "cisco_schwartz.csv", "size", "tput", 32, 0.02671591, 7.690945e-4, 995.6486, 35.57, 12341.7},
		{"oracledb", "usl_oracledb.csv", "db_time", "txn_rate", 360, 0.441372, 0.0452983, 3.38608, 3.512, 4.741},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, x := csvColumn(t, tt.file, tt.n), csvColumn(t, tt.file, tt.x)
			u, err := FitUSL(n[:tt.rows], x[:tt.rows])
			if err != nil {
				t.Fatal(err)
			}
			agrees(t, "σ", u.Sigma.Value, tt.sigma, 5)
			agrees(t, "λ", u.Lambda.Value, tt.lambda, 6)
			if tt.kappa == 0 {
				if u.Kappa.Value != 0 || !u.Kappa.Bound || u.Kappa.Low != 0 || u.Kappa.High <= 0 || u.Kappa.High > 0.001 {
					t.Errorf("κ is %+v, want its bound 0 with a small one-sided interval", u.Kappa)
				}
				if _, _, ok := u.Peak(); ok {
					t.Error("there is a peak although κ = 0")
				}
				limit, ok := u.Limit()
				if !ok {
					t.Error("there is no limit although κ = 0")
				}
				agrees(t, "limit", limit, tt.top, 4)
				return
			}
			agrees(t, "κ", u.Kappa.Value, tt.kappa, 5)
			peak, top, ok := u.Peak()
			if _, limit := u.Limit(); !ok || limit {
				t.Errorf("peak %v, limit %v; want a peak only", ok, limit)
			}
			agrees(t, "peak load", peak, tt.peak, 4)
			if math.Abs(top/tt.top-1) > 2e-4 { // the published value is at the whole load below
				t.Errorf("peak throughput %v, want %v", top, tt.top)
			}
		})
	}
}

// The standard errors are those of the R package usl 3.0.3. It prints value ± t(0.95, points − 1)·SE as its 95 % intervals, so
// that is compared; the right factor is t(0.975, points − 3), as TestUSLBandsCover shows.
func TestUSLStandardErrorsAgainstR(t *testing.T) {
	n, x := csvColumn(t, "usl_raytracer.csv", "processors")[:6], csvColumn(t, "usl_raytracer.csv", "throughput")[:6]
	u, err := FitUSL(n, x)
	if err != nil {
		t.Fatal(err)
	}
	if u.DF != 3 {
		t.Errorf("%d degrees of freedom, want 3", u.DF)
	}
	for _, c := range []struct {
		name            string
		got             Coefficient
		low, high, unit float64
	}{
		{"σ", u.Sigma, 0.00754, 0.04135, 1e-5},
		{"κ", u.Kappa, 0.00110, 0.00215, 1e-5},
		{"λ", u.Lambda, 19.26717, 22.44492, 1e-5},
	} {
		low, high := c.got.UslLow, c.got.UslHigh
		if math.Abs(low-c.low) > c.unit || math.Abs(high-c.high) > c.unit || c.got.Bound {
			t.Errorf("%s is %+v, in R [%v, %v], want [%v, %v]", c.name, c.got, low, high, c.low, c.high)
		}
		if want := c.got.Value + 3.182446*c.got.SE; math.Abs(c.got.High-want) > 1e-5*want { // t(0.975, 3)
			t.Errorf("%s: upper limit %v, want %v", c.name, c.got.High, want)
		}
	}
}

// The intervals of the coefficients, the confidence band and the prediction band cover what they should in 95 % of repetitions; the
// band is narrowest amid the data, which a constant band is not.
func TestUSLBandsCover(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	p := []float64{0.03, 0.0006, 40.0}
	n := []float64{1, 2, 4, 6, 8, 12, 16, 20, 24, 28}
	at := []float64{3, 14, 40}
	var curve, single, coefficient [3]int
	const runs = 2000
	for range runs {
		x := make([]float64, len(n))
		for i := range n {
			x[i] = math.Max(uslAt(p, n[i])+4*rng.NormFloat64(), 0)
		}
		u, err := FitUSL(n, x)
		if err != nil {
			t.Fatal(err)
		}
		for k, c := range []Coefficient{u.Sigma, u.Kappa, u.Lambda} {
			if c.Low <= p[k] && p[k] <= c.High {
				coefficient[k]++
			}
		}
		for k, m := range at {
			truth := uslAt(p, m)
			if low, high := u.Band(m); low <= truth && truth <= high {
				curve[k]++
			}
			y := truth + 4*rng.NormFloat64()
			if low, high := u.PredictionBand(m); low <= y && y <= high {
				single[k]++
			}
		}
	}
	for k, m := range at {
		for what, got := range map[string]int{"the curve": curve[k], "a measurement": single[k], "the coefficient": coefficient[k]} {
			if c := float64(got) / runs; c < 0.93 || c > 0.985 {
				t.Errorf("coefficient %d, load %v: the interval of %s covers %.3f, want about 0.95", k, m, what, c)
			}
		}
	}
	u, _ := FitUSL(n, []float64{39, 75, 150, 205, 250, 320, 380, 430, 445, 470})
	lowIn, highIn := u.Band(10)
	lowOut, highOut := u.Band(100)
	if highIn-lowIn > (highOut-lowOut)/3 {
		t.Errorf("the band amid the data is %v wide, far beyond them %v", highIn-lowIn, highOut-lowOut)
	}
}

// With κ at its bound the limits of the band still reach down to curves with a little κ.
func TestUSLBandKnowsTheBound(t *testing.T) {
	u, err := FitUSL(csvColumn(t, "usl_raytracer.csv", "processors"), csvColumn(t, "usl_raytracer.csv", "throughput"))
	if err != nil {
		t.Fatal(err)
	}
	low, high := u.Band(1000)
	mid := u.At(1000)
	if mid-low < 1.5*(high-mid) {
		t.Errorf("band at 1000 is [%v, %v] around %v, want more room below", low, high, mid)
	}
}

func TestUSLInverseAndLatency(t *testing.T) {
	u := USL{Sigma: Coefficient{Value: 0.02}, Kappa: Coefficient{Value: 0.001}, Lambda: Coefficient{Value: 10}}
	peak, top, _ := u.Peak()
	for _, n := range []float64{0.5, 1, 5, 20, peak - 0.01} {
		got, ok := u.LoadFor(u.At(n))
		if !ok || math.Abs(got-n) > 1e-3 {
			t.Errorf("load for the throughput at %v is %v, %v", n, got, ok)
		}
		if r := u.Latency(n); math.Abs(r*u.At(n)-n) > 1e-9 {
			t.Errorf("Little's law is broken at %v: latency %v", n, r)
		}
	}
	if n, ok := u.LoadFor(1.01 * top); ok {
		t.Errorf("a throughput above the peak is reached at %v", n)
	}
	u.Kappa.Value, u.Sigma.Value = 0, 0
	if n, ok := u.LoadFor(30); !ok || math.Abs(n-3) > 1e-12 {
		t.Errorf("linear: load for 30 is %v, %v", n, ok)
	}
	if _, ok := u.Limit(); ok {
		t.Error("linear throughput has a limit")
	}
}

func TestFitUSLEdges(t *testing.T) {
	n := []float64{1, 2, 4, 8, 16}
	linear := []float64{5, 10, 20, 40, 80}
	u, err := FitUSL(n, linear)
	if err != nil {
		t.Fatal(err)
	}
	agrees(t, "λ of a straight line", u.Lambda.Value, 5, 8)
	if u.Sigma.Value > 1e-9 || u.Kappa.Value > 1e-9 {
		t.Errorf("a straight line has σ %v, κ %v", u.Sigma.Value, u.Kappa.Value)
	}
	superlinear, err := FitUSL(n, []float64{5, 11, 25, 60, 140})
	if err != nil || !superlinear.Sigma.Bound || !superlinear.Kappa.Bound {
		t.Errorf("superlinear data: %+v, %v; want both coefficients on their bounds", superlinear, err)
	}
	falling, err := FitUSL(n, []float64{100, 60, 31, 15, 8})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, ok := falling.Peak(); ok && falling.Sigma.Value >= 1 {
		t.Error("throughput that falls from the first has a peak")
	}
	for name, d := range map[string]struct{ n, x []float64 }{
		"lengths":    {n, linear[:4]},
		"few":        {n[:3], linear[:3]},
		"same loads": {[]float64{1, 1, 2, 2}, []float64{1, 1, 2, 2}},
		"zero load":  {[]float64{0, 1, 2, 3}, []float64{1, 1, 2, 2}},
		"negative":   {[]float64{1, 2, 3, 4}, []float64{1, -1, 2, 2}},
		"not number": {[]float64{1, 2, 3, 4}, []float64{1, math.NaN(), 2, 2}},
		"infinite":   {[]float64{1, 2, 3, math.Inf(1)}, []float64{1, 1, 2, 2}},
		"nothing":    {[]float64{1, 2, 3, 4}, []float64{0, 0, 0, 0}},
	} {
		if u, err := FitUSL(d.n, d.x); err == nil {
			t.Errorf("%s: no error but %+v", name, u)
		}
	}
}

// Whatever the data, the fit is an error or finite and no worse than a grid search around it.
func FuzzFitUSL(f *testing.F) {
	f.Add(uint64(1), 0.1, 0.001, 10.0, 0.1)
	f.Add(uint64(2), 0.0, 0.5, 1e-3, 0.5)
	f.Add(uint64(3), 5.0, 0.0, 1e6, 2.0)
	f.Fuzz(func(t *testing.T, seed uint64, sigma, kappa, lambda, noise float64) {
		for _, v := range []float64{sigma, kappa, lambda, noise} {
			if !(v >= 0 && v < 1e9) {
				t.Skip("coefficients of a law lie between 0 and 1e9")
			}
		}
		rng := rand.New(rand.NewPCG(seed, 5))
		var n, x []float64
		for range 12 {
			m := 1 + math.Floor(rng.ExpFloat64()*20)
			n = append(n, m)
			x = append(x, math.Max(0, uslAt([]float64{sigma, kappa, lambda}, m)*(1+noise*rng.NormFloat64())))
		}
		u, err := FitUSL(n, x)
		if err != nil {
			return
		}
		error := func(p []float64) float64 {
			var sum float64
			for i := range n {
				d := uslAt(p, n[i]) - x[i]
				sum += d * d
			}
			return sum
		}
		p := u.values()
		best := error(p)
		if math.IsNaN(best) || p[0] < 0 || p[1] < 0 || p[2] < 0 {
			t.Fatalf("fit %+v", u)
		}
		for range 200 {
			q := slices.Clone(p)
			for k := range q {
				q[k] = math.Max(0, q[k]*(1+1e-3*rng.NormFloat64()))
			}
			if e := error(q); e < best*(1-1e-6)-1e-12 {
				t.Fatalf("%v has error %v, nearby %v has %v", p, best, q, e)
			}
		}
	})
}

func TestFitUSLIsFast(t *testing.T) {
	n, x := csvColumn(t, "cisco_schwartz.csv", "size"), csvColumn(t, "cisco_schwartz.csv", "tput")
	best := time.Hour
	for range 20 {
		from := time.Now()
		if _, err := FitUSL(n, x); err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(from))
	}
	if best > time.Millisecond {
		t.Errorf("a fit of %d points takes %v, want less than 1 ms", len(n), best)
	}
}

func BenchmarkFitUSL(b *testing.B) {
	n, x := make([]float64, 30), make([]float64, 30)
	for i := range n {
		n[i] = float64(i + 1)
		x[i] = uslAt([]float64{0.03, 0.001, 20}, n[i]) + 5*math.Sin(float64(i*i))
	}
	for b.Loop() {
		if _, err := FitUSL(n, x); err != nil {
			b.Fatal(err)
		}
	}
}
