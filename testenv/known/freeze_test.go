package known

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var stall = Freeze{Every: 10 * time.Second, For: time.Second, Service: 10 * time.Millisecond}

func TestDone(t *testing.T) {
	for at, want := range map[time.Duration]time.Duration{
		0:                        1010 * time.Millisecond,
		400 * time.Millisecond:   1010 * time.Millisecond,
		time.Second:              1010 * time.Millisecond,
		5 * time.Second:          5010 * time.Millisecond,
		9990 * time.Millisecond:  10 * time.Second,
		9996 * time.Millisecond:  11006 * time.Millisecond,
		20500 * time.Millisecond: 21010 * time.Millisecond,
	} {
		if got := stall.Done(at); got != want {
			t.Errorf("at %v: done at %v, want %v", at, got, want)
		}
	}
}

// Both arithmetics are held against users and requests that are walked one by one.
func TestArithmetic(t *testing.T) {
	quantiles := []float64{0.5, 0.8, 0.9, 0.95, 0.99, 0.999}
	compare := func(name string, list []time.Duration, want func(q float64) time.Duration) {
		t.Helper()
		slices.Sort(list)
		for _, q := range quantiles {
			got, want := Quantile(list, q), want(q)
			if diff := math.Abs((got - want).Seconds()); diff > 0.02*want.Seconds()+0.005 {
				t.Errorf("%s, p%g: walked %v, arithmetic %v", name, 100*q, got, want)
			}
		}
	}
	var open []time.Duration
	for i := range 1_000_000 {
		at := time.Duration(i) * time.Millisecond / 10
		open = append(open, stall.Done(at)-at)
	}
	compare("open", open, stall.Open)
	for _, think := range []time.Duration{0, 200 * time.Millisecond, time.Second, 3 * time.Second} {
		rng := rand.New(rand.NewPCG(7, 7))
		var list []time.Duration
		users := 3000
		if think == 0 {
			users = 100
		}
		for range users {
			at := time.Duration(rng.Float64() * 1e10)
			for at < 400*time.Second {
				done := stall.Done(at)
				if at > 50*time.Second { // else what was drawn at the beginning would show
					list = append(list, done-at)
				}
				at = done + time.Duration(rng.ExpFloat64()*float64(think))
			}
		}
		compare("closed, thinking "+think.String(), list, func(q float64) time.Duration { return stall.Closed(q, think) })
	}
}
