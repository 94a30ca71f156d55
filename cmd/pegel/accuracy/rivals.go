package accuracy

import (
	"math"

	"pegel/internal/capacity"
)

// rivals are what people do without a capacity model, for comparison: a line through p95, and the Universal Scalability
// Law on users and on concurrency. Each returns the load at which the worst action's p95 reaches its limit; 0 where none.
type rivals struct {
	Linear, USLUsers, USLConcurrency float64
}

// summary is a stage condensed as those methods see it.
type summary struct{ users, rate, mean, p95 float64 }

func summarise(in *capacity.Input) []summary {
	var list []summary
	for i := range in.Stages {
		st := &in.Stages[i]
		s := summary{users: st.Users}
		var seconds, n, sum float64
		for a := range in.Actions {
			counts := make([]float64, len(in.Grid))
			for j := range st.Blocks {
				for k, x := range st.Blocks[j].Actions[a].Counts {
					counts[k] += x
					n += x
					sum += x * (in.Grid[k].Low + in.Grid[k].Width/2)
				}
			}
			s.p95 = math.Max(s.p95, quantile(in.Grid, counts, 0.95))
		}
		for j := range st.Blocks {
			seconds += st.Blocks[j].Seconds
		}
		s.rate, s.mean = n/seconds, sum/math.Max(n, 1)
		list = append(list, s)
	}
	return list
}

func quantile(grid []capacity.Bin, counts []float64, q float64) float64 {
	var total, seen float64
	for _, n := range counts {
		total += n
	}
	for k, n := range counts {
		if n > 0 && seen+n >= q*total {
			return grid[k].Low + grid[k].Width*(q*total-seen)/n
		}
		seen += n
	}
	return 0
}

func compete(in *capacity.Input) rivals {
	list := summarise(in)
	limit := in.Actions[0].Objectives[0].Limit
	var r rivals
	var n, sx, sy, sxx, sxy float64
	var users, rate, flight []float64
	ratio := 0.0
	for _, s := range list {
		n++
		sx += s.users
		sy += s.p95
		sxx += s.users * s.users
		sxy += s.users * s.p95
		users, rate, flight = append(users, s.users), append(rate, s.rate), append(flight, s.rate*s.mean)
		ratio = math.Max(ratio, s.p95/s.mean)
	}
	if slope := (n*sxy - sx*sy) / (n*sxx - sx*sx); slope > 0 {
		r.Linear = (limit - (sy-slope*sx)/n) / slope
	}
	think := list[0].users/list[0].rate - list[0].mean
	if law, err := capacity.FitUSL(users, rate); err == nil {
		r.USLUsers = crossing(list, func(n float64) float64 { return ratio * (n/law.At(n) - think) }, limit, func(n float64) float64 { return n })
	}
	if law, err := capacity.FitUSL(flight, rate); err == nil {
		r.USLConcurrency = crossing(list, func(n float64) float64 { return ratio * n / law.At(n) }, limit, func(n float64) float64 {
			return n + law.At(n)*think
		})
	}
	return r
}

// crossing is the load, up to twenty times what was measured, at which the modelled p95 reaches the limit.
func crossing(list []summary, p95 func(float64) float64, limit float64, users func(float64) float64) float64 {
	top := list[len(list)-1]
	for n := 0.1; n < 1e5; n *= 1.01 {
		if u := users(n); u > 20*top.users || math.IsNaN(u) {
			return 0
		} else if p95(n) >= limit {
			return u
		}
	}
	return 0
}
