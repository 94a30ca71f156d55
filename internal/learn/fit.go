package learn

import (
	"fmt"
	"math"
	"time"
)

// Fit is a distribution of time spans that a scenario can name, beside the data it was made from.
type Fit struct {
	Kind   string  `json:"kind"` // "lognormal" by Median and P90, "exponential" by Mean, "constant" by Median; "none": no data
	N      uint64  `json:"n"`
	Median float64 `json:"median_seconds"` // of the data, as P90 and Mean
	P90    float64 `json:"p90_seconds"`
	Mean   float64 `json:"mean_seconds"`
	KS     float64 `json:"ks"`       // largest difference between the fit and the data, as a share; 0 is perfect
	Other  float64 `json:"ks_other"` // of the family that was not taken
	Table  []Point `json:"table"`    // quantiles of data and fit
	Few    bool    `json:"few,omitempty"`
}

// Point is one quantile.
type Point struct {
	P    float64 `json:"p"`
	Data float64 `json:"data_seconds"`
	Fit  float64 `json:"fit_seconds"`
}

const (
	none        = "none"
	constant    = "constant"
	exponential = "exponential"
	lognormal   = "lognormal"

	fewest = 20   // values below which only the mean is believed: exponential
	enough = 50   // values below which a fit is called into doubt
	poor   = 0.10 // distance above which neither family describes the data
	z90    = 1.2815515655446004
)

// fit chooses the family that is nearer to the data: lognormal through the median and the 90th percentile, or exponential
// with the mean. What hardly varies is constant: clients that poll. Of few values, the 90th percentile says nothing.
func fit(s *Sketch) Fit {
	f := Fit{Kind: none, N: s.N(), Few: s.N() < enough}
	if s.N() == 0 {
		return f
	}
	f.Median, f.P90, f.Mean = s.Quantile(0.5), s.Quantile(0.9), s.Mean()
	if f.Mean <= 0 {
		f.Mean = least
	}
	long := s.distance(f.cdf(exponential))
	f.Kind, f.KS, f.Other = exponential, long, 1
	switch {
	case s.N() < fewest:
	case f.P90 < 1.1*f.Median && s.Quantile(0.1) > 0.9*f.Median:
		f.Kind, f.KS, f.Other = constant, s.distance(f.cdf(constant)), long
	case f.P90 > f.Median:
		if d := s.distance(f.cdf(lognormal)); d < long {
			f.Kind, f.KS, f.Other = lognormal, d, long
		} else {
			f.Other = d
		}
	}
	for _, p := range []float64{0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99} {
		f.Table = append(f.Table, Point{P: p, Data: s.Quantile(p), Fit: f.quantile(p)})
	}
	return f
}

func (f *Fit) sigma() float64 { return math.Log(f.P90/f.Median) / z90 }

func (f *Fit) cdf(kind string) func(float64) float64 {
	switch kind {
	case lognormal:
		sigma := f.sigma()
		return func(x float64) float64 { return 0.5 * math.Erfc(-math.Log(x/f.Median)/(sigma*math.Sqrt2)) }
	case constant:
		return func(x float64) float64 {
			if x < f.Median {
				return 0
			}
			return 1
		}
	}
	return func(x float64) float64 { return -math.Expm1(-x / f.Mean) }
}

func (f *Fit) quantile(p float64) float64 {
	switch f.Kind {
	case lognormal:
		return f.Median * math.Exp(f.sigma()*math.Sqrt2*math.Erfinv(2*p-1))
	case constant:
		return f.Median
	}
	return -math.Log1p(-p) * f.Mean
}

// mean of the fit, not of the data, in seconds.
func (f *Fit) mean() float64 {
	switch f.Kind {
	case lognormal:
		s := f.sigma()
		return f.Median * math.Exp(s*s/2)
	case constant:
		return f.Median
	case none:
		return 0
	}
	return f.Mean
}

// YAML is the fit as a scenario writes it.
func (f *Fit) YAML() string {
	switch f.Kind {
	case lognormal:
		median, p90 := span(f.Median), span(f.P90)
		if median == p90 {
			return "{constant: " + median + "}"
		}
		return fmt.Sprintf("{lognormal: {median: %s, p90: %s}}", median, p90)
	case constant:
		return "{constant: " + span(f.Median) + "}"
	}
	return fmt.Sprintf("{exponential: {mean: %s}}", span(f.Mean))
}

// span writes seconds with three digits that count, as scenarios do: 4.21s, 2m7s. Nothing is shorter than a millisecond.
func span(x float64) string {
	d := seconds(max(x, least))
	unit := time.Millisecond
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit).String()
}
