package learn

import (
	"math"
	"time"
)

// Sketch keeps the distribution of values (time spans in seconds, bytes) in logarithmic buckets of 2 %, so that memory does
// not grow with the log. Values below least count as least.
type Sketch struct {
	counts []uint64
	n      uint64
	sum    float64
}

const (
	least   = 1e-3
	growth  = 1.02
	buckets = 1400 // up to 1e-3 · 1.02^1400 ≈ 1.1e9
)

var logGrowth = math.Log(growth)

// Add takes one value.
func (s *Sketch) Add(x float64) {
	if math.IsNaN(x) {
		return
	}
	if s.counts == nil {
		s.counts = make([]uint64, buckets)
	}
	i := 0
	if x > least {
		i = min(int(math.Ceil(math.Log(x/least)/logGrowth)), buckets-1)
	}
	s.counts[i]++
	s.n++
	s.sum += max(x, 0)
}

// N is how many values were added.
func (s *Sketch) N() uint64 { return s.n }

// Mean is that of all values; 0 without any.
func (s *Sketch) Mean() float64 {
	if s.n == 0 {
		return 0
	}
	return s.sum / float64(s.n)
}

// edge is the upper end of a bucket.
func edge(i int) float64 { return least * math.Pow(growth, float64(i)) }

// Quantile is the value below which a share p of the values lies, to within 2 %; 0 without values.
func (s *Sketch) Quantile(p float64) float64 {
	if s.n == 0 {
		return 0
	}
	want, below := p*float64(s.n), 0.0
	for i, c := range s.counts {
		if c == 0 {
			continue
		}
		if below+float64(c) >= want {
			if i == 0 {
				return least
			}
			return edge(i-1) * math.Pow(growth, (want-below)/float64(c))
		}
		below += float64(c)
	}
	return edge(buckets - 1)
}

// distance is Kolmogorov's and Smirnov's: the largest difference between the distribution of the values and cdf, here at
// the ends of the buckets.
func (s *Sketch) distance(cdf func(float64) float64) float64 {
	var below uint64
	worst := 0.0
	for i, c := range s.counts {
		below += c
		worst = max(worst, math.Abs(float64(below)/float64(s.n)-cdf(edge(i))))
	}
	return worst
}

func seconds(x float64) time.Duration { return time.Duration(x * float64(time.Second)) }
