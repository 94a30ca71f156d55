package capacity

import (
	"math"
	"testing"
)

// Values of published tables; Engset's formula tends to Erlang's for many customers.
func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		servers int
		load    float64
		b, c    float64
	}{
		{1, 0.5, 1.0 / 3, 0.5},
		{2, 1, 0.2, 1.0 / 3},
		{10, 5, 0.018385, 0.036105},
		{100, 84.064, 0.01, 0.059603},
		{5, 0, 0, 0},
	} {
		b, err := ErlangB(tt.servers, tt.load)
		if err != nil || math.Abs(b-tt.b) > 2e-6 {
			t.Errorf("ErlangB(%d, %v) = %v, %v; want %v", tt.servers, tt.load, b, err, tt.b)
		}
		c, err := ErlangC(tt.servers, tt.load)
		if err != nil || math.Abs(c-tt.c) > 2e-5 {
			t.Errorf("ErlangC(%d, %v) = %v, %v; want %v", tt.servers, tt.load, c, err, tt.c)
		}
	}
	if b, err := ErlangB(0, 3); err != nil || b != 1 {
		t.Errorf("no servers refuse %v, %v", b, err)
	}
	const many = 1e7
	e, err := Engset(10, many, 5/many)
	if err != nil || math.Abs(e-0.018385) > 2e-6 {
		t.Errorf("Engset of many customers is %v, %v", e, err)
	}
	if got, err := Engset(3, 3, 100); err != nil || got != 0 {
		t.Errorf("three customers fill three places for a fourth: %v, %v", got, err)
	}
	if got, want := shareOf(Engset(10, 60, 0.25)), (Station{Servers: 10, Demand: 2, Delay: 8}).Blocking(60); got != want {
		t.Errorf("Engset %v, Station.Blocking %v", got, want)
	}
	for name, err := range map[string]error{
		"servers":    errorOf(ErlangB(-1, 1)),
		"load":       errorOf(ErlangB(1, -1)),
		"not number": errorOf(ErlangC(1, math.NaN())),
		"overload":   errorOf(ErlangC(3, 3)),
		"customers":  errorOf(Engset(1, -1, 1)),
		"ratio":      errorOf(Engset(1, 5, math.Inf(1))),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func shareOf(v float64, err error) float64 {
	if err != nil {
		panic(err)
	}
	return v
}

func errorOf(_ float64, err error) error { return err }
