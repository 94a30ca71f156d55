package capacity

import (
	"math"
	"testing"
)

// Values of published tables; what customers who come back are refused (Engset) tends to Erlang's for many of them.
func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		servers int
		load    float64
		b       float64
	}{
		{1, 0.5, 1.0 / 3},
		{2, 1, 0.2},
		{10, 5, 0.018385},
		{100, 84.064, 0.01},
		{5, 0, 0},
	} {
		b, err := ErlangB(tt.servers, tt.load)
		if err != nil || math.Abs(b-tt.b) > 2e-6 {
			t.Errorf("ErlangB(%d, %v) = %v, %v; want %v", tt.servers, tt.load, b, err, tt.b)
		}
	}
	if b, err := ErlangB(0, 3); err != nil || b != 1 {
		t.Errorf("no servers refuse %v, %v", b, err)
	}
	const many = 1e7
	if e := (Station{Servers: 10, Demand: 5, Delay: many}).Blocking(many); math.Abs(e-0.018385) > 2e-6 {
		t.Errorf("of many customers %v are refused", e)
	}
	if got := (Station{Servers: 3, Demand: 100, Delay: 1}).Blocking(3); got != 0 {
		t.Errorf("three customers fill three places for a fourth: %v", got)
	}
	for name, of := range map[string]struct {
		servers int
		load    float64
	}{
		"servers": {-1, 1}, "load": {1, -1}, "not number": {1, math.NaN()}, "without end": {1, math.Inf(1)},
	} {
		if b, err := ErlangB(of.servers, of.load); err == nil {
			t.Errorf("%s: no error but %v", name, b)
		}
	}
}
