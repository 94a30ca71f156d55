package capacity

import "math"

// The in-flight model reads the platform from outside: how long an action takes, given how many others were under way
// when it began. Up to some number in flight the time is flat; above it, a queue of c units adds S/c for each further
// one, so that relative to the time without waiting
//
//	y(n) = 1 + β·max(0, (n + 1 − c)/c)
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

// flight fits the model to the cells of the chosen blocks.
func (s *sample) flight(c choice) flightFit {
	type point struct{ n, y, w float64 }
	var points []point
	type slot struct {
		action, stage int
		level         float64
	}
	sums := map[slot]*FlightCell{}
	var order []slot
	for i, st := range s.in.Stages {
		for _, j := range c[i] {
			for _, cell := range st.Blocks[j].Flight {
				if cell.Count == 0 || s.mean[cell.Action] <= 0 {
					continue
				}
				k := slot{cell.Action, i, math.Round(cell.Level / cell.Count)}
				if sums[k] == nil {
					sums[k] = &FlightCell{Action: cell.Action}
					order = append(order, k)
				}
				sums[k].Count += cell.Count
				sums[k].Level += cell.Level
				sums[k].Sum += cell.Sum
			}
		}
	}
	var weight, mean, top float64
	for _, k := range order {
		cell := sums[k]
		p := point{n: cell.Level / cell.Count, y: cell.Sum / cell.Count / s.mean[k.action], w: cell.Count}
		points = append(points, p)
		weight += p.w
		mean += p.w * p.y
		top = math.Max(top, p.n)
	}
	if len(points) < 8 || top < 4 {
		return flightFit{}
	}
	mean /= weight
	var flat float64
	for _, p := range points {
		flat += p.w * (p.y - mean) * (p.y - mean)
	}
	best := flightFit{}
	bestError := math.Inf(1)
	for knee := 1.0; knee < top; knee = math.Max(knee+1, knee*1.05) {
		// y = a + b·x, x = max(0, (n+1−c)/c)
		var sw, sx, sy, sxx, sxy, over float64
		for _, p := range points {
			x := math.Max(0, (p.n+1-knee)/knee)
			sw += p.w
			sx += p.w * x
			sy += p.w * p.y
			sxx += p.w * x * x
			sxy += p.w * x * p.y
			if x > 0 {
				over += p.w
			}
		}
		det := sw*sxx - sx*sx
		if det <= 1e-9*sw*sw {
			continue
		}
		b := (sw*sxy - sx*sy) / det
		a := (sy - b*sx) / sw
		if b <= 0 || a <= 0 {
			continue
		}
		var e float64
		for _, p := range points {
			d := p.y - a - b*math.Max(0, (p.n+1-knee)/knee)
			e += p.w * d * d
		}
		if e < bestError {
			bestError = e
			best = flightFit{ok: true, c: knee, beta: b / a, over: over / sw}
			best.ratio = (flat - e) / 2 / math.Max(e/float64(len(points)-3), 1e-12)
		}
	}
	return best
}

// clear says whether a fit shows a rise that may be extrapolated: significant, and seen by enough actions.
func (f flightFit) clear() bool {
	return f.ok && f.ratio > 15 && f.over > 0.05 && f.beta > 0.05 && f.beta < 3
}

// withFlight puts the fitted queue into the sample as its only resource.
func (s *sample) withFlight(f flightFit) {
	var mean, rate float64
	var visits line
	for a, l := range s.rate {
		top := s.in.Stages[len(s.in.Stages)-1]
		x := l.at(top.Load)
		mean += x * s.mean[a]
		rate += x
		visits.Fixed += l.Fixed
		visits.PerUser += l.PerUser
		visits.PerCopy += l.PerCopy
		visits.PerFresh += l.PerFresh
	}
	s.resources = append(make([]resourceFit, len(s.in.Resources)), resourceFit{
		valid: true, limit: f.c, demand: f.beta * mean / math.Max(rate, 1e-9), visits: visits, share: 1, spread: 1,
	})
}
