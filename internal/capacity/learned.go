package capacity

import (
	"math"
	"slices"
)

// The model's own error is learned from the stages themselves: each of the last two is left out in turn with all above it, and
// what the resource that gives way first was used there is held against what the stages below say. With the prior d₀ as if
// it had been seen n₀ times,
//
//	d² = (n₀·d₀² + Σ e²) / (n₀ + m),  e = ln(measured / foretold).
//
// Sampling error is part of e and of the draws too, so that intervals are rather too wide than too narrow.
const (
	learnedPrior = 4.0
	learnedMost  = 0.20
)

// learned is the standard deviation of the model's relative error, given its prior.
func (p *prediction) learned(whole *sample, prior float64) float64 {
	if len(p.in.Stages) < 4 || (p.broken.at > 0 && !p.broken.observed) {
		return prior
	}
	_, _, r, ok := whole.capacityOf(p.pairs, p.out.Measured, reach*p.out.Measured)
	if !ok || r < 0 || r >= len(p.in.Resources) {
		return prior
	}
	sum, n := learnedPrior*prior*prior, learnedPrior
	for left := 1; left <= 2; left++ {
		at := len(p.in.Stages) - left
		below := *p.in
		below.Stages = slices.Clone(p.in.Stages[:at])
		if len(below.Stages) < 3 || below.Stages[0].Users == below.Stages[at-1].Users {
			break
		}
		s := condense(&below, all(&below), &Options{lower: p.opt.lower})
		e, ok := s.missed(r, &p.in.Stages[at])
		if !ok {
			break
		}
		sum += e * e
		n++
	}
	return math.Min(math.Sqrt(sum/n), learnedMost)
}

// missed is the logarithm of what a resource was used in a stage over what the sample foretells.
func (s *sample) missed(r int, st *Stage) (e float64, ok bool) {
	var seconds, use float64
	for j := range st.Blocks {
		b := &st.Blocks[j]
		x := &b.Resources[r]
		seconds += b.Seconds
		if x.Busy > 0 {
			use += x.Busy
		} else {
			use += x.InUse * b.Seconds
		}
	}
	f := &s.resources[r]
	var foretold float64
	switch {
	case f.linear:
		foretold = f.holds.at(st.Load)
	case f.valid && f.drifts:
		foretold = f.use.at(st.Load) * f.demand
	case f.valid:
		foretold = f.visits.at(st.Load) * f.demand
	}
	if seconds <= 0 || use <= 0 || foretold <= 0 {
		return 0, false
	}
	return math.Log(use / seconds / foretold), true
}
