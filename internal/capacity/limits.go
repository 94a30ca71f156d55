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

// ErlangC is the probability that an arrival has to wait at servers with endless room, first come first served, for an
// offered load below the number of servers:
//
//	C = c·B / (c − ρ(1 − B)),  B by ErlangB
//
// (Erlang 1917), exact for exponential service times. The mean wait is C·S/(c − ρ). At a load of servers or more
// every arrival waits and the queue has no limit, which is an error.
func ErlangC(servers int, load float64) (float64, error) {
	b, err := ErlangB(servers, load)
	if err != nil {
		return 0, err
	}
	c := float64(servers)
	if load >= c {
		return 0, fmt.Errorf("waiting by Erlang: the load %g is not below the %d servers; the queue would grow without limit", load, servers)
	}
	return c * b / (c - load*(1-b)), nil
}

// Engset is the share of arrivals that servers without room to wait refuse when they come from a number of customers, each
// returning after a delay; ratio is service time over delay. An arrival sees the other customers:
//
//	B = C(N−1,c)·aᶜ / Σ_{k=0..c} C(N−1,k)·aᵏ
//
// (Engset 1918), valid for any distributions of the times. Customers need not be a whole number. It needs servers ≥ 0,
// customers ≥ 0 and ratio ≥ 0.
func Engset(servers int, customers, ratio float64) (float64, error) {
	if servers < 0 || !(customers >= 0) || math.IsInf(customers, 0) || !(ratio >= 0) || math.IsInf(ratio, 0) {
		return 0, fmt.Errorf("blocking by Engset: %d servers, %g customers and ratio %g; none may be negative", servers, customers, ratio)
	}
	others := customers - 1
	if others < float64(servers) {
		return 0, nil
	}
	return refused(servers, func(k int) float64 { return ratio * (others - float64(k) + 1) }), nil
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
