package judge

import (
	"cmp"
	"math"
	"slices"

	"pegel/internal/capacity"
)

// Goal is a load that the platform should carry: accounts, or active users.
type Goal struct {
	Accounts int // 0: Users is meant
	Users    float64
}

// Bounds of the search for a goal: how far one limit may be raised, how many times the search may turn to another limit,
// and with how many bootstrap draws it looks. The answer is confirmed with all draws.
const (
	raiseMost   = 4.0
	raiseRounds = 12
	searchDraws = 80
	allDraws    = 300
	reach       = 4.0 // as many times the measured load as a forecast goes
)

// knob is a limit that can be raised: of a resource, or of all shards of a group that have the same one.
type knob struct {
	name, kind string
	from       float64
	steps      []float64 // sensible values, rising, from the present one
	at         int       // index of the chosen one
}

// remedy looks for the smallest change that carries a goal.
type remedy struct {
	r        *reading
	goal     Goal
	activity []float64
	knobs    []*knob
}

// carry finds the smallest change of limits that carries a goal with the probability that a go needs, in every situation.
// It raises the limits that give way before the goal until it is carried, and lowers each again as far as it can be.
func (r *reading) carry(goal Goal) *Target {
	s := &remedy{r: r, goal: goal, activity: drawActivity(r.active(), r.scenario.Activity.ByPersona, r.rng())}
	t := &Target{Accounts: goal.Accounts, Users: goal.Users}
	if t.Users == 0 {
		t.Users = float64(goal.Accounts) * mean(s.activity)
	}
	if f := &r.out.Forecast; !f.Determined {
		t.Why = f.Why
		return t
	}
	now := s.look(0)
	t.POK, t.Limit = now.pok, now.limit
	switch {
	case !now.known:
		t.Why = now.why
		return t
	case now.pok >= r.scenario.Verdict().Go:
		t.Carried, t.Enough, t.After = true, true, now.pok
		t.Why = Say("target-carried", t.Users)
		return t
	case t.Users > reach*r.out.Forecast.measured:
		t.Why = Say("target-out-of-reach", t.Users, reach, r.out.Forecast.measured)
		return t
	}
	s.raise(now)
	if s.carried(s.look(searchDraws)) {
		for _, k := range s.knobs {
			s.lower(k)
		}
	}
	end := s.confirm()
	t.After, t.Enough = end.pok, end.known && end.pok >= r.scenario.Verdict().Go
	for _, k := range s.knobs {
		if k.at > 0 {
			t.Changes = append(t.Changes, LimitChange{Resource: k.name, Kind: k.kind, From: k.from, To: k.steps[k.at]})
		}
	}
	switch {
	case t.Enough:
		t.Why = Say("target-by-limits", t.Users)
	case !end.known:
		t.Why = end.why
	default:
		t.Why, t.Changes, t.Limit = Say("target-not-by-limits", t.Users, raiseMost), nil, end.limit
	}
	return t
}

// raise is the search upwards: every limit whose own capacity falls short grows in proportion to what is missing, which is
// right while a queue's capacity is proportional to its units; where none falls short by itself but all together do, the
// lowest grows by a step.
func (s *remedy) raise(now glance) {
	for range raiseRounds {
		if s.carried(now) || !now.known {
			return
		}
		turned := false
		for _, x := range now.short {
			if k := s.knob(x.name); k != nil {
				turned = k.to(k.steps[k.at]*x.times) || turned
			}
		}
		if k := s.knob(now.first); k != nil && !turned {
			turned = k.to(k.steps[k.at])
		}
		if !turned {
			return
		}
		now = s.look(searchDraws)
	}
}

// confirm looks with all draws, and gives way by a few steps where the search with fewer was too bold.
func (s *remedy) confirm() glance {
	end := s.look(0)
	for range 4 {
		k := s.knob(end.first)
		if s.carried(end) || !end.known || end.pok < 0.8 || k == nil || !k.to(k.steps[k.at]) {
			break
		}
		end = s.look(0)
	}
	return end
}

// to raises a limit to at least a value and by at least one step; false where it is at its most already.
func (k *knob) to(limit float64) bool {
	if k.at == len(k.steps)-1 {
		return false
	}
	for k.at++; k.at < len(k.steps)-1 && k.steps[k.at] < limit*(1-1e-9); k.at++ {
	}
	return true
}

// lower takes back what a limit was raised too far, in growing strides and then by bisection.
func (s *remedy) lower(k *knob) {
	high, low := k.at, -1 // carried at high, not at low
	for stride := 1; high > 0; stride *= 2 {
		k.at = max(high-stride, 0)
		if !s.carried(s.look(searchDraws)) {
			low = k.at
			break
		}
		high = k.at
	}
	for high-low > 1 && low >= 0 {
		k.at = (low + high) / 2
		if s.carried(s.look(searchDraws)) {
			high = k.at
		} else {
			low = k.at
		}
	}
	k.at = high
}

func (s *remedy) carried(g glance) bool { return g.known && g.pok >= s.r.scenario.Verdict().Go }

// glance is what one set of limits comes to.
type glance struct {
	known bool
	why   Message
	pok   float64 // in the worst situation
	first string  // the knob that gives way first
	short []lack  // knobs whose own capacity is below the goal
	limit Limit
}

// lack is how many times its limit a knob would need.
type lack struct {
	name  string
	times float64
}

// look forecasts every situation with the limits as they are turned now; 0 draws are all.
func (s *remedy) look(draws int) glance {
	all := cmp.Or(s.r.opt.Draws, allDraws)
	draws = min(cmp.Or(draws, all), all)
	p := premise{draws: draws}
	for _, k := range s.knobs {
		if k.at > 0 {
			p.changes = append(p.changes, capacity.Change{Resource: k.name, Limit: k.steps[k.at]})
		}
	}
	number, activity, want := s.goal.Users, []float64(nil), s.goal.Users
	if s.goal.Accounts > 0 {
		number, activity = float64(s.goal.Accounts), s.activity
		sorted := slices.Sorted(slices.Values(activity))
		want = number * sorted[len(sorted)*95/100]
	}
	worst := glance{known: true, pok: math.Inf(1)}
	for _, situation := range s.r.situations() {
		f := s.r.predict(p, situation)
		held := f.Draws
		switch {
		case f.Determined:
		case f.Why.Code == "nothing-in-reach" && f.Method == "counters": // what gives way lies beyond the goal, or was drawn
			held = slices.Clone(held)
			for len(held) < draws {
				held = append(held, reach*f.Measured)
			}
		default:
			return glance{why: f.Why}
		}
		short := s.lacks(f, want, worst.short)
		if pok := chance(held, number, activity, s.r.rng()); pok < worst.pok {
			worst = glance{known: true, pok: pok, first: s.first(f), limit: limitOf(f)}
		}
		worst.short = short
	}
	return worst
}

// lacks adds the limits whose own capacity is below a load in one situation to those of other ones, the larger need of
// each; judged by the 5 % quantile, because a go needs 95 %.
func (s *remedy) lacks(f *capacity.Forecast, want float64, list []lack) []lack {
	for _, x := range f.Resources {
		if !x.Known || x.Users.P05 >= want || x.Users.P05 <= 0 {
			continue
		}
		one := lack{s.unit(x.Name), want / x.Users.P05}
		if i := slices.IndexFunc(list, func(l lack) bool { return l.name == one.name }); i >= 0 {
			list[i].times = max(list[i].times, one.times)
		} else {
			list = append(list, one)
		}
	}
	return list
}

// first is the limit to be raised: that with the lowest 5 % quantile of its own capacity, because a go needs 95 %.
func (s *remedy) first(f *capacity.Forecast) string {
	name, least := "", math.Inf(1)
	for _, x := range f.Resources {
		if x.Known && x.Users.P05 < least {
			name, least = x.Name, x.Users.P05
		}
	}
	return s.unit(name)
}

// unit is what is raised together with a resource: its group, where all shards have the same limit, or else itself.
func (s *remedy) unit(name string) string {
	if group := s.r.group(name); group != "" && s.alike(group) {
		return group
	}
	return name
}

// alike tells whether all shards of a group have the same limit, so that they can be raised together.
func (s *remedy) alike(group string) bool {
	limit := 0.0
	for _, x := range s.r.out.Forecast.Resources {
		if s.r.group(x.Name) != group {
			continue
		}
		if limit > 0 && x.Limit != limit {
			return false
		}
		limit = x.Limit
	}
	return true
}

// knob is the one with this name; nil where nothing with a limit is called so.
func (s *remedy) knob(name string) *knob {
	for _, k := range s.knobs {
		if k.name == name {
			return k
		}
	}
	if name == "" {
		return nil
	}
	for _, x := range s.r.out.Forecast.Resources {
		if (x.Name == name || s.r.group(x.Name) == name) && x.Limit > 0 && x.Name != capacity.Unobserved {
			k := &knob{name: name, kind: x.Kind, from: x.Limit, steps: steps(x.Limit)}
			s.knobs = append(s.knobs, k)
			return k
		}
	}
	return nil
}

// steps are the sensible values of a limit up to four times itself: each unit below 20, above that about 5 % apart, in
// round numbers.
func steps(from float64) []float64 {
	list := []float64{from}
	for at := from; ; {
		step := 1.0
		if at >= 20 {
			step = round125(at / 20)
		}
		at = (math.Floor(at/step+1e-9) + 1) * step
		if at > raiseMost*from*(1+1e-9) {
			return list
		}
		list = append(list, at)
	}
}

// round125 is the number of the form 1, 2 or 5 times a power of ten nearest to x on the logarithmic scale.
func round125(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	best := power
	for _, m := range []float64{2, 5, 10} {
		if math.Abs(math.Log(x/(m*power))) < math.Abs(math.Log(x/best)) {
			best = m * power
		}
	}
	return best
}
