package capacity

import "math"

// The in-flight model reads the platform from outside: how long an action takes, given how many were under way when it
// began, itself included. Up to c units the time is flat; above, each further one waits S/c longer, so that relative to the
// time without waiting
//
//	y(n) = 1 + β·max(0, (n − c)/c),  0 < β = S / (time without waiting) ≤ 1
//
// c and β are fitted by least squares. Only a rise that the data show clearly counts: a platform whose limit has not been
// felt yet cannot be forecast from outside, and then the model says nothing.

// Unobserved is the name of the resource that the model assumes where it sees a queue from outside.
const Unobserved = "unobserved queue"

// flightFit is one fit.
type flightFit struct {
	ok    bool
	c     float64
	beta  float64
	ratio float64 // F statistic of the rise against no rise
	over  float64 // share of the actions that began above c
}

// levels are the most actions in flight that are told apart.
const levels = 4096

// level is about how many were in flight.
func (c FlightCell) level() int { return int(math.Min(c.Level/c.Count+0.5, levels-1)) }

// flightPoint is what the actions did that began with about n in flight.
type flightPoint struct{ n, y, weight, count float64 }

// flightPoints sums up the cells of the chosen blocks by level.
func (s *sample) flightPoints(c choice) []flightPoint {
	var count, level, sum [levels]float64
	top := 0
	for i := range s.in.Stages {
		for _, j := range c[i] {
			for _, cell := range s.in.Stages[i].Blocks[j].Flight {
				if cell.Count == 0 || s.mean[cell.Action] <= 0 {
					continue
				}
				k := cell.level()
				count[k] += cell.Count
				level[k] += cell.Level
				sum[k] += cell.Sum / s.mean[cell.Action]
				top = max(top, k)
			}
		}
	}
	var points []flightPoint
	for k := range top + 1 {
		if count[k] == 0 {
			continue
		}
		// waits scatter more where they are long, and what happens there comes in few episodes
		y := sum[k] / count[k]
		points = append(points, flightPoint{n: level[k] / count[k], y: y, weight: count[k] / math.Max(1, y*y), count: count[k]})
	}
	return points
}

// flight fits the model to the cells of the chosen blocks.
func (s *sample) flight(c choice) flightFit {
	points := s.flightPoints(c)
	if len(points) < 6 || points[len(points)-1].n < 3 {
		return flightFit{}
	}
	var weight, mean, flat, all float64
	for _, p := range points {
		weight += p.weight
		mean += p.weight * p.y
		all += p.count
	}
	mean /= weight
	for _, p := range points {
		flat += p.weight * (p.y - mean) * (p.y - mean)
	}
	best, bestError := flightFit{}, math.Inf(1)
	top := points[len(points)-1].n
	for knee := 1.0; knee < top; knee = math.Max(knee+1, knee*1.04) {
		// y = a + b·x, x = max(0, (n − c)/c)
		var sx, sy, sxx, sxy, over float64
		for _, p := range points {
			x := math.Max(0, (p.n-knee)/knee)
			sx += p.weight * x
			sy += p.weight * p.y
			sxx += p.weight * x * x
			sxy += p.weight * x * p.y
			if x > 0 {
				over += p.count
			}
		}
		det := weight*sxx - sx*sx
		if det <= 1e-9*weight*weight {
			continue
		}
		b := (weight*sxy - sx*sy) / det
		a := (sy - b*sx) / weight
		if b <= 0 || a <= 0 {
			continue
		}
		if b > a { // β = 1: y = a·(1 + x)
			a = (sy + sxy) / (weight + 2*sx + sxx)
			b = a
		}
		var e float64
		for _, p := range points {
			d := p.y - a - b*math.Max(0, (p.n-knee)/knee)
			e += p.weight * d * d
		}
		if e < bestError {
			bestError = e
			best = flightFit{ok: true, c: knee, beta: b / a, over: over / all}
			best.ratio = (flat - e) / 2 / math.Max(e/float64(max(len(points)-3, 1)), 1e-12)
		}
	}
	return best
}

// clear says whether a fit shows a rise that may be extrapolated: significant, and seen by enough actions.
func (f flightFit) clear() bool {
	return f.ok && f.ratio > 15 && f.over > 0.05 && f.beta > 0.05
}

// withFlight puts the fitted queue into the sample as its only resource. How much longer visits wait than exponential
// times would make them follows from the mean response times of the stages, with a prior.
func (s *sample) withFlight(f flightFit, c choice) {
	var mean, rate float64
	for a, l := range s.rate {
		x := l.at(s.in.Stages[len(s.in.Stages)-1].Load)
		mean += x * s.mean[a]
		rate += x
	}
	demand := f.beta * mean / math.Max(rate, 1e-9)
	s.addQueue(f.c, demand, 1)
	q := &s.resources[len(s.resources)-1]
	shares := s.actionShares()
	base := 0.0
	for a, p := range shares {
		base += p * s.mean[a]
	}
	seen, expected := priorFlight*base, priorFlight*base
	for i, m := range s.excess(c) {
		st := &s.in.Stages[i]
		model := Station{Servers: f.c, Demand: demand, Delay: math.Max(st.Users/math.Max(q.visits.at(st.Load), 1e-9)-demand, 1e-6)}
		expected += model.Wait(st.Users, 1).Mean()
		seen += math.Max(m-base, 0)
	}
	q.spread = math.Min(math.Max(seen/math.Max(expected, 1e-12), 0.4), 3)
}

// priorFlight is the weight of the belief that visits wait as long as exponential times make them, as a part of the time without
// waiting.
const priorFlight = 0.05
