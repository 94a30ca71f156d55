package capacity

import (
	"math"
	"math/rand/v2"
	"testing"
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
