package capacity

import (
	"fmt"
	"math"
)

// Isotonic is the sequence closest to y by weighted least squares that never falls, or never rises where falling is set:
// pool adjacent violators (Ayer, Brunk, Ewing, Reid and Silverman 1955). y is in the order of what it depends on; values
// at the same place must be pooled by the caller. Nil weights are all one; otherwise each must be above zero. The weighted
// mean is kept.
func Isotonic(y, weights []float64, falling bool) ([]float64, error) {
	if weights != nil && len(weights) != len(y) {
		return nil, fmt.Errorf("isotonic regression: %d weights for %d values", len(weights), len(y))
	}
	type pool struct {
		mean, weight float64
		count        int
	}
	sign := 1.0
	if falling {
		sign = -1
	}
	var pools []pool
	for i, v := range y {
		p := pool{sign * v, 1, 1}
		if weights != nil {
			p.weight = weights[i]
		}
		if !(p.weight > 0) || math.IsInf(p.weight, 0) || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("isotonic regression: value %d is %g with weight %g; values must be finite and weights above 0", i+1, v, p.weight)
		}
		for len(pools) > 0 && pools[len(pools)-1].mean >= p.mean {
			last := pools[len(pools)-1]
			pools = pools[:len(pools)-1]
			sum := last.weight + p.weight
			p = pool{(last.mean*last.weight + p.mean*p.weight) / sum, sum, last.count + p.count}
		}
		pools = append(pools, p)
	}
	out := make([]float64, 0, len(y))
	for _, p := range pools {
		for range p.count {
			out = append(out, sign*p.mean)
		}
	}
	return out, nil
}
