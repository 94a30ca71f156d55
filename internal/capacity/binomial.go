package capacity

import "math"

// Exceeds tells whether k of n is beyond doubt more than the share p allows: the one-sided exact binomial test at 0.1 %.
// It needs no minimum of samples: few that all fail are beyond doubt, one failure among many is not.
func Exceeds(k, n, p float64) bool {
	k, n = math.Round(k), math.Round(n)
	if k <= n*p || n <= 0 {
		return false
	}
	if p <= 0 {
		return k > 0
	}
	// P(X ≥ k), summed from k upwards, where the terms fall
	ln, _ := math.Lgamma(n + 1)
	lk, _ := math.Lgamma(k + 1)
	lr, _ := math.Lgamma(n - k + 1)
	term := math.Exp(ln - lk - lr + k*math.Log(p) + (n-k)*math.Log1p(-p))
	sum := 0.0
	for x := k; x <= n && term > 1e-12; x++ {
		sum += term
		term *= (n - x) / (x + 1) * p / (1 - p)
	}
	return sum < 0.001
}
