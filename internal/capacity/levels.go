package capacity

import (
	"math"
	"slices"
)

// Level is what a resource's own metrics read at a load that is a share of the capacity, as means over time.
type Level struct {
	Share float64  // of the capacity, in (0, 1]
	InUse Interval // units
	Queue Interval // visits waiting
}

// levels works out, for each resource, what its metrics read at shares of the capacity. Each draw is asked at that share of
// its own capacity: where the platform carries more than was thought, it does so with the same units in use, so that the
// metrics at the edge are mostly known better than the users at it.
func (p *prediction) levels(few []*sample) {
	if len(p.opt.Levels) == 0 {
		return
	}
	resources := len(few[0].resources)
	inUse, queue := make([][][]float64, len(p.opt.Levels)), make([][][]float64, len(p.opt.Levels))
	for i := range inUse {
		inUse[i], queue[i] = make([][]float64, resources), make([][]float64, resources)
		for r := range resources {
			inUse[i][r], queue[i][r] = make([]float64, len(few)), make([]float64, len(few))
		}
	}
	each(len(few), func(k int) {
		for i, share := range p.opt.Levels {
			// the draws are not sorted yet: the k-th belongs to the k-th sample
			v := few[k].solver(share * p.out.Draws[k] / p.factors[k])
			for r := range resources {
				inUse[i][r][k], queue[i][r][k] = v.occupied(r)
			}
		}
	})
	for at := range p.out.Resources {
		out := &p.out.Resources[at]
		r := slices.IndexFunc(p.in.Resources, func(x Resource) bool { return x.Name == out.Name })
		if r < 0 {
			continue // one that is only inferred has no metrics
		}
		for i, share := range p.opt.Levels {
			slices.Sort(inUse[i][r])
			slices.Sort(queue[i][r])
			out.Levels = append(out.Levels, Level{Share: share, InUse: quantiles(inUse[i][r]), Queue: quantiles(queue[i][r])})
		}
	}
}

// occupied is how many units of a resource are in use at the solver's load, and how many visits wait, on average. By Little's
// law both are the throughput of visits times the time each takes; with N customers who come back after Z and wait W,
//
//	X = N / (Z + S + W),  in use X·S,  waiting X·W
//
// and where a share B of the visits is refused, X·(1−B)·S with X = N / (Z + (1−B)·S).
func (v *solver) occupied(r int) (inUse, queue float64) {
	f := &v.s.resources[r]
	if f.linear {
		return math.Max(0, math.Min(f.holds.at(v.load), f.limit)), 0
	}
	if !f.valid {
		return 0, 0
	}
	st, customers := v.s.station(r, v.load)
	if f.refuses {
		accepted := 1 - v.block[r]
		return math.Min(customers/(st.Delay+accepted*st.Demand)*accepted*st.Demand, st.Servers), 0
	}
	wait := v.waits[r].Mean()
	visits := customers / (st.Delay + st.Demand + wait)
	return math.Min(visits*st.Demand, st.Servers), visits * wait
}
