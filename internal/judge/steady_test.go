package judge

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pegel/internal/record"
)

func TestSteady(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	noisy := func(n int, f func(i int) float64) []float64 {
		list := make([]float64, n)
		for i := range list {
			list[i] = f(i) * (1 + 0.1*rng.NormFloat64())
		}
		return list
	}
	flat := func(int) float64 { return 1 }
	decaying := func(i int) float64 { return 1 + 5*math.Exp(-float64(i)/10) }
	rising := func(i int) float64 { return 1 + float64(i)/10 }
	right := 0
	for range 100 {
		if _, ok := Steady(noisy(60, flat)); ok {
			right++
		}
	}
	if right < 45 { // asked again each second it is found soon
		t.Errorf("a series at rest is taken for one in %d of 100 cases", right)
	}
	found := 0
	for range 20 {
		if at, ok := Steady(noisy(120, decaying)); ok && at >= 15 && at <= 60 {
			found++
		} else if ok {
			t.Errorf("warming up with a time constant of 10: discards %d of 120", at)
		}
		if _, ok := Steady(noisy(20, decaying)); ok {
			t.Error("at rest after two time constants")
		}
		if at, ok := Steady(noisy(60, rising)); ok {
			t.Errorf("a series that rises to its end is at rest from %d on", at)
		}
	}
	if found < 7 {
		t.Errorf("a platform that has warmed up is found at rest in %d of 20 cases", found)
	}
	if _, ok := Steady(make([]float64, 15)); ok {
		t.Error("fifteen observations are enough")
	}
	if at, ok := Steady(make([]float64, 17)); !ok || at > 1 {
		t.Errorf("nothing ever happened: %d, %v", at, ok)
	}
}

func TestPrecise(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var h record.Histogram
	if Precise(&h, 0.95, 0.5) {
		t.Error("nothing was measured, and yet it is precise")
	}
	at := 0
	for n := 1; n <= 20000 && at == 0; n++ {
		h.Record(time.Duration(rng.ExpFloat64() * float64(100*time.Millisecond)))
		if n%50 == 0 && Precise(&h, 0.95, 0.05) {
			at = n
		}
	}
	// The 95th percentile of an exponential time has the standard error sqrt(0.95·0.05/n)/0.05 of its mean, which is a third of it:
	// 1.645 times that is 5 % of the percentile at n = 2,290.
	if at < 1000 || at > 5000 {
		t.Errorf("± 5 %% after %d responses, want about 2,300", at)
	}
}
