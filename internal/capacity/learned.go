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
//
// Days differ. Of K ≥ 2 pooled runs each has such an error e_k of its own, over all of its stages; what they scatter by is a random
// effect of the run, which the forecast for another day has once and the mean of the runs 1/K times:
//
//	d² += τ²·(1 + 1/K),  τ² = (n₁·τ₀² + Σ (e_k − ē)²) / (n₁ + K − 1).
//
// One run alone cannot show it.
const (
	learnedPrior = 4.0
	learnedMost  = 0.20
	runsPrior    = 2.0  // n₁
	runsScatter  = 0.02 // τ₀
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
		e, ok := s.missed(r, p.in.Stages[at:at+1])
		if !ok {
			break
		}
		sum += e * e
		n++
	}
	return math.Min(math.Sqrt(sum/n+whole.betweenRuns(r)), learnedMost)
}

// betweenRuns is what the random effect of pooled runs adds to the variance of the relative error; 0 for one run.
func (s *sample) betweenRuns(r int) float64 {
	var list []float64
	for run := range s.in.runs() {
		var stages []Stage
		for i := range s.in.Stages {
			if s.in.Stages[i].Run == run {
				stages = append(stages, s.in.Stages[i])
			}
		}
		if e, ok := s.missed(r, stages); ok {
			list = append(list, e)
		}
	}
	k := float64(len(list))
	if k < 2 {
		return 0
	}
	var mean, sum float64
	for _, e := range list {
		mean += e / k
	}
	for _, e := range list {
		sum += (e - mean) * (e - mean)
	}
	return (runsPrior*runsScatter*runsScatter + sum) / (runsPrior + k - 1) * (1 + 1/k)
}

// missed is the logarithm of what a resource was used in some stages over what the sample foretells.
func (s *sample) missed(r int, stages []Stage) (e float64, ok bool) {
	var use, foretold float64
	f := &s.resources[r]
	for i := range stages {
		st := &stages[i]
		var seconds float64
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
		switch {
		case f.linear:
			foretold += seconds * f.holds.at(st.Load)
		case f.valid && f.drifts:
			foretold += seconds * f.use.at(st.Load) * f.demand
		case f.valid:
			foretold += seconds * f.visits.at(st.Load) * f.demand
		}
	}
	if !(use > 0) || !(foretold > 0) {
		return 0, false
	}
	return math.Log(use / foretold), true
}
