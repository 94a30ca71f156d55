package capacity

import "slices"

// details works out per objective, per resource and the curve from a part of the draws.
func (p *prediction) details() {
	f := p.out
	if len(p.samples) == 0 {
		return
	}
	p.first()
	few := p.samples[:min(len(p.samples), 30)]
	limit := reach * f.Measured
	for _, q := range p.pairs {
		var draws []float64
		for k, s := range few {
			if users, _, _, ok := s.capacityOf([]pair{q}, limit); ok {
				draws = append(draws, users*p.factors[k])
			}
		}
		o := ObjectiveForecast{ObjectiveRef: p.in.ref(q)}
		if len(draws) > len(few)*9/10 {
			slices.Sort(draws)
			o.Known, o.Users = true, quantiles(draws)
		}
		f.Objectives = append(f.Objectives, o)
	}
	p.resources(few, limit)
	p.curve(few)
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

func (p *prediction) resources(few []*sample, limit float64) {
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
		var draws []float64
		for k, s := range few {
			alone := *s
			alone.only = r + 1
			if users, _, by, ok := alone.capacityOf(p.pairs, limit); ok && by == r {
				draws = append(draws, users*p.factors[k])
			}
		}
		if len(draws) > len(few)/2 {
			slices.Sort(draws)
			out.Known, out.Users = true, quantiles(draws)
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
	few = few[:min(len(few), 24)]
	for i := range points {
		users := from + (to-from)*float64(i)/(points-1)
		var values []float64
		for k, s := range few {
			values = append(values, s.solver(users/p.factors[k]).quantile(action, of.Objective.Quantile, top))
		}
		slices.Sort(values)
		q := quantiles(values)
		f.Curve = append(f.Curve, CurvePoint{Users: users, Low: q.P05, Mid: q.P50, High: q.P95})
	}
}
