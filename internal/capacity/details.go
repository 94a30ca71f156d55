package capacity

import (
	"math"
	"slices"
)

// details works out per objective, per resource and the curve from a part of the draws.
func (p *prediction) details() {
	if len(p.samples) == 0 {
		return
	}
	p.first()
	few := p.samples[:min(len(p.samples), 24)]
	p.crossings(few)
	p.levels(few)
	p.curve(few)
}

// crossings finds for each objective, and for each resource by itself, the load at which it breaks. All of them are read
// off the same few loads, between which the logarithm of the share that is too slow is nearly straight.
func (p *prediction) crossings(few []*sample) {
	loads := p.loads()
	resources := len(few[0].resources)
	objectives := make([][]float64, len(p.pairs))
	alone := make([][]float64, resources)
	byPair, byResource := make([][][]float64, len(few)), make([][][]float64, len(few))
	each(len(few), func(k int) {
		s := few[k]
		byPair[k], byResource[k] = make([][]float64, len(p.pairs)), make([][]float64, resources)
		for _, users := range loads {
			v := s.solver(users)
			for i, q := range p.pairs {
				byPair[k][i] = append(byPair[k][i], v.breaks(q))
			}
			for r := range resources {
				byResource[k][r] = append(byResource[k][r], v.alone(r, p.pairs))
			}
		}
	})
	for k, s := range few {
		for i := range p.pairs {
			if users, ok := crossesOne(loads, byPair[k][i]); ok {
				objectives[i] = append(objectives[i], users*p.factors[k])
			}
		}
		for r := range resources {
			users, ok := crossesOne(loads, byResource[k][r])
			if s.resources[r].linear {
				users = s.fills(r)
				ok = !math.IsInf(users, 1)
			}
			if ok {
				alone[r] = append(alone[r], users*p.factors[k])
			}
		}
	}
	for i, q := range p.pairs {
		o := ObjectiveForecast{ObjectiveRef: p.in.ref(q)}
		if len(objectives[i]) > len(few)*9/10 {
			slices.Sort(objectives[i])
			o.Known, o.Users = true, quantiles(objectives[i])
		}
		p.out.Objectives = append(p.out.Objectives, o)
	}
	p.rank(alone, len(few))
}

// loads are the loads at which details are worked out: from the lowest stage to the reach of the forecast, close around
// the capacity.
func (p *prediction) loads() []float64 {
	sorted := slices.Clone(p.out.Draws)
	slices.Sort(sorted)
	centre := sorted[len(sorted)/2]
	limit := reach * p.out.Measured
	loads := []float64{0.35 * centre, 0.6 * centre, 0.8 * centre}
	for _, x := range []float64{0.9, 0.95, 1, 1.05, 1.1, 1.2, 1.35, 1.6, 2, 2.6, 3.4} {
		if centre*x < limit {
			loads = append(loads, centre*x)
		}
	}
	return append(loads, math.Max(limit, 1.01*loads[len(loads)-1]))
}

// crossesOne is where values over loads first reach one.
func crossesOne(loads, values []float64) (at float64, ok bool) {
	for i, x := range values {
		if x < 1 {
			continue
		}
		if i == 0 {
			return loads[0], true
		}
		from, to := math.Log(math.Max(values[i-1], 1e-9)), math.Log(x)
		return loads[i-1] + (loads[i]-loads[i-1])*from/(from-to), true
	}
	return 0, false
}

// first finds what gives way first: pair and resource with their shares of the draws.
func (p *prediction) first() {
	type what struct{ by, res int }
	count := map[what]int{}
	byRes := map[int]int{}
	best, bestRes := what{}, 0
	for i := range p.by {
		byRes[p.res[i]]++
	}
	for r, n := range byRes {
		if n > byRes[bestRes] || byRes[bestRes] == 0 || n == byRes[bestRes] && r < bestRes {
			bestRes = r
		}
	}
	best.res = bestRes
	for i := range p.by {
		if p.res[i] != bestRes {
			continue
		}
		k := what{p.by[i], p.res[i]}
		count[k]++
		if count[k] > count[best] || count[best] == 0 {
			best = k
		}
	}
	q := p.pairs[best.by]
	p.out.First = First{
		ObjectiveRef: p.in.ref(q),
		Resource:     p.resourceName(bestRes),
		Probability:  float64(byRes[bestRes]) / float64(len(p.by)),
	}
}

func (p *prediction) resourceName(r int) string {
	switch {
	case r < 0:
		return ""
	case r < len(p.in.Resources):
		return p.in.Resources[r].Name
	}
	return Unobserved
}

// rank lists the resources with the loads at which each alone would break an objective.
func (p *prediction) rank(alone [][]float64, few int) {
	whole := p.samples[0]
	for r := range whole.resources {
		x := whole.resources[r]
		if !x.valid && !x.linear {
			continue
		}
		out := ResourceForecast{Name: p.resourceName(r), Limit: x.limit, Demand: x.demand, Visits: x.visits.PerUser}
		if r < len(p.in.Resources) {
			out.Kind = p.in.Resources[r].Kind
		}
		for _, at := range p.res {
			if at == r {
				out.Probability += 1 / float64(len(p.res))
			}
		}
		if len(alone[r]) > few/2 {
			slices.Sort(alone[r])
			out.Known, out.Users = true, quantiles(alone[r])
		}
		p.out.Resources = append(p.out.Resources, out)
	}
	slices.SortStableFunc(p.out.Resources, func(a, b ResourceForecast) int {
		switch {
		case a.Probability > b.Probability:
			return -1
		case a.Probability < b.Probability:
			return 1
		case a.Known != b.Known:
			if a.Known {
				return -1
			}
			return 1
		case a.Users.P50 < b.Users.P50:
			return -1
		case a.Users.P50 > b.Users.P50:
			return 1
		}
		return 0
	})
}

// curve models the quantile that breaks first over load, from the lowest stage to a little beyond the capacity.
func (p *prediction) curve(few []*sample) {
	f := p.out
	of := f.First.ObjectiveRef
	action := slices.IndexFunc(p.in.Actions, func(a Action) bool { return a.Name == of.Action })
	if action < 0 || of.Objective.Quantile == 0 || len(f.Draws) == 0 {
		return
	}
	f.CurveOf = of
	sorted := slices.Clone(f.Draws)
	slices.Sort(sorted)
	from, to := p.in.Stages[0].Users, 1.06*sorted[len(sorted)*95/100]
	top := 4 * of.Objective.Limit
	const points = 30
	f.Curve = make([]CurvePoint, points)
	each(points, func(i int) {
		users := from + (to-from)*float64(i)/(points-1)
		var values []float64
		for k, s := range few {
			values = append(values, s.solver(users/p.factors[k]).quantile(action, of.Objective.Quantile, top))
		}
		slices.Sort(values)
		q := quantiles(values)
		f.Curve[i] = CurvePoint{Users: users, Low: q.P05, Mid: q.P50, High: q.P95}
	})
}
