package capacity

import "testing"

func TestExceeds(t *testing.T) {
	for _, c := range []struct {
		k, n, p float64
		want    bool
	}{
		{1, 10, 0.005, false},    // one failure is no proof: 4.9 %
		{3, 10, 0.005, true},     // three are
		{109, 182, 0.005, true},  // a dead platform
		{5, 1000, 0.005, false},  // exactly what is allowed
		{12, 1000, 0.005, false}, // 0.5 %, not beyond doubt
		{16, 1000, 0.005, true},  // 0.01 %
		{3, 5, 0.05, false},      // 0.12 %
		{5, 5, 0.05, true},
		{0, 0, 0.05, false},
		{6000, 100000, 0.05, true},
	} {
		if got := Exceeds(c.k, c.n, c.p); got != c.want {
			t.Errorf("%v of %v against %v: %v", c.k, c.n, c.p, got)
		}
	}
}
