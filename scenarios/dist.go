package scenarios

import (
	"fmt"
	"math"
	"time"
)

// Dist is a distribution of time spans, for think times. Written as a plain duration (constant) or as one of
// {constant: 2s}, {uniform: {min: 1s, max: 3s}}, {exponential: {mean: 10s}}, {lognormal: {median: 30s, p90: 2m}},
// {empirical: {csv: pauses.csv, column: pause}}.
type Dist struct {
	Kind string // "constant", "uniform", "exponential", "lognormal", "empirical"
	A, B time.Duration
	// constant: A. uniform: A to B. exponential: mean A. lognormal: median A, 90th percentile B. empirical: the values' mean A.
	Pos Pos

	Values []time.Duration // empirical: rising; quantiles of the values that were measured
}

// z90 is the 90 % point of the standard normal distribution.
const z90 = 1.2815515655446004

// Quantile is the inverse of the distribution function at p in (0, 1).
func (d Dist) Quantile(p float64) time.Duration {
	switch d.Kind {
	case "uniform":
		return d.A + time.Duration(p*float64(d.B-d.A))
	case "exponential":
		return time.Duration(-math.Log1p(-p) * float64(d.A))
	case "lognormal":
		return time.Duration(float64(d.A) * math.Exp(d.sigma()*math.Sqrt2*math.Erfinv(2*p-1)))
	case "empirical":
		if len(d.Values) > 0 { // a file judged without its CSV file has none
			return between(d.Values, p)
		}
	}
	return d.A
}

// Mean is the expectation.
func (d Dist) Mean() time.Duration {
	switch d.Kind {
	case "uniform":
		return (d.A + d.B) / 2
	case "lognormal":
		s := d.sigma()
		return time.Duration(float64(d.A) * math.Exp(s*s/2))
	}
	return d.A
}

func (d Dist) sigma() float64 { return math.Log(float64(d.B)/float64(d.A)) / z90 }

// Draw turns a uniformly distributed number into a time span of the distribution. It uses the upper 52 bits: with one more,
// the largest number would round to the quantile of 1, which is endless.
func (d Dist) Draw(u uint64) time.Duration {
	return d.Quantile((float64(u>>12) + 0.5) / (1 << 52))
}

func (d Dist) String() string {
	switch d.Kind {
	case "uniform":
		return fmt.Sprintf("uniform %v–%v", d.A, d.B)
	case "exponential":
		return fmt.Sprintf("exponential mean %v", d.A)
	case "lognormal":
		return fmt.Sprintf("lognormal median %v, p90 %v", d.A, d.B)
	case "empirical":
		return fmt.Sprintf("empirical mean %v", d.A)
	}
	return d.A.String()
}
