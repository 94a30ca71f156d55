package capacity

import (
	"fmt"
	"math"
)

// ErlangB is the share of arrivals that servers without room to wait refuse, for an offered load of arrival rate times
// service time (erlangs) from a population without end:
//
//	B(0) = 1,  B(c) = ρB(c−1) / (c + ρB(c−1))
//
// (Erlang 1917), valid for any distribution of service times. It needs servers ≥ 0 and a load ≥ 0.
func ErlangB(servers int, load float64) (float64, error) {
	if servers < 0 || !(load >= 0) || math.IsInf(load, 0) {
		return 0, fmt.Errorf("blocking by Erlang: %d servers and a load of %g; neither may be negative", servers, load)
	}
	return refused(servers, func(int) float64 { return load }), nil
}

// refused is B(c) by the recursion B(k) = r(k)·B(k−1) / (k + r(k)·B(k−1)), which never overflows; r(k) is the arrival rate
// with k−1 servers in use times the service time.
func refused(servers int, rate func(k int) float64) float64 {
	b := 1.0
	for k := 1; k <= servers; k++ {
		x := rate(k) * b
		b = x / (float64(k) + x)
	}
	return b
}
