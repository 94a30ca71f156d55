package capacity

import "math"

// pair is one objective of one action, or of all.
type pair struct {
	action    int // −1: all
	objective Objective
}

// solver answers for one sample and one load, with the waits at every resource computed once.
type solver struct {
	s     *sample
	load  Load
	waits []Wait
	cycle []float64 // seconds between two visits of one customer when nobody waits
	block []float64 // share of visits refused
	cache map[waitKey]combined
	mass  map[massKey][]float64
}

func (s *sample) solver(users float64) *solver {
	load := Load{Users: users, Copy: s.assumed.Copy, Fresh: s.assumed.Fresh}
	v := &solver{s: s, load: load, cache: map[waitKey]combined{}, mass: map[massKey][]float64{}}
	for r := range s.resources {
		f := &s.resources[r]
		var w Wait
		var b, cycle float64
		if f.valid {
			st, customers := s.station(r, load)
			cycle = st.Delay + st.Demand
			if f.refuses {
				b = st.Blocking(customers)
			} else {
				w = st.Wait(customers, f.spread)
			}
		}
		v.cycle = append(v.cycle, cycle)
		v.waits = append(v.waits, w)
		v.block = append(v.block, b)
	}
	return v
}

// passes tells whether an action goes through a resource. The in-flight model's resource comes after the listed ones and
// takes all.
func (s *sample) passes(r, action int) bool {
	return r >= len(s.in.Resources) || s.in.Resources[r].Passes[action]
}

// above is the share of an action's responses above limit.
func (v *solver) above(action int, limit float64) float64 {
	return tailWith(v.s.in.Grid, v.s.base[action], limit, v.waiting(action, limit).Tail)
}

// waiting is the combined wait of an action at all resources it passes, on a grid up to limit. Resources at which hardly
// anyone waits (fewer than 2 in 10,000 actions) are left out.
func (v *solver) waiting(action int, limit float64) combined {
	k := waitKey{limit: limit}
	for r := range v.waits {
		if v.slows(r, action) {
			k.resources |= 1 << (r & 63)
		}
	}
	c, ok := v.cache[k]
	if !ok || len(v.waits) > 64 { // the key holds 64 resources; more are worked out each time
		c = combine(v.masses(action, limit), limit)
		v.cache[k] = c
	}
	return c
}

// slows tells whether waiting at a resource matters to an action.
func (v *solver) slows(r, action int) bool {
	w := v.waits[r]
	return v.s.passes(r, action) && v.s.resources[r].valid && len(w.tail) > 0 && w.tail[0]*v.s.resources[r].share > 2e-4
}

// masses are the distributions of the waits of an action, one for each place at which it waits. The shards of a group are
// one place: each action belongs to one of them, with the share that its users still have among all actions when they are
// slowed down by waiting.
func (v *solver) masses(action int, limit float64) [][]float64 {
	var masses [][]float64
	done := map[string]bool{}
	for r := range v.waits {
		if !v.slows(r, action) {
			continue
		}
		group := v.s.group(r)
		if group != "" && done[group] {
			continue
		}
		done[group] = true
		if group == "" {
			masses = append(masses, v.massAt(r, limit))
			continue
		}
		key := massKey{r, true, limit}
		mass, ok := v.mass[key]
		if !ok {
			mass = v.shards(group).mass(limit)
			v.mass[key] = mass
		}
		masses = append(masses, mass)
	}
	return masses
}

// massAt is the distribution of the wait at one resource by itself.
func (v *solver) massAt(r int, limit float64) []float64 {
	key := massKey{r, false, limit}
	mass, ok := v.mass[key]
	if !ok {
		mass = stop{visits: v.s.resources[r].share, parts: []part{{v.waits[r], 1}}}.mass(limit)
		v.mass[key] = mass
	}
	return mass
}

// massKey identifies the wait at one resource (or the group of which it is the first to matter), up to a limit.
type massKey struct {
	resource int
	group    bool
	limit    float64
}

func (v *solver) shards(group string) stop {
	var s stop
	var total float64
	for r := range v.waits {
		if v.s.group(r) != group || !v.s.resources[r].valid {
			continue
		}
		s.visits += v.s.resources[r].share
		slowed := v.s.resources[r].share * v.cycle[r] / (v.cycle[r] + v.waits[r].Mean())
		s.parts = append(s.parts, part{v.waits[r], slowed})
		total += slowed
	}
	for i := range s.parts {
		s.parts[i].share /= total
	}
	return s
}

// group is the name of the group that a resource is a shard of, or empty.
func (s *sample) group(r int) string {
	if r >= len(s.in.Resources) {
		return ""
	}
	return s.in.Resources[r].Group
}

// waitKey identifies a combined wait: which resources, up to which limit.
type waitKey struct {
	resources uint64
	limit     float64
}

// breaks tells whether the objective is broken, and by how much (1 is just).
func (v *solver) breaks(p pair) float64 {
	if p.objective.Quantile == 0 {
		return v.failing(0, len(v.block)) / math.Max(p.objective.Errors, 1e-6)
	}
	return v.above(p.action, p.objective.Limit) / (1 - p.objective.Quantile)
}

// alone is by how much the pair that is broken most would be broken if nobody waited but at one resource.
func (v *solver) alone(r int, pairs []pair) float64 {
	if v.block[r] == 0 && (len(v.waits[r].tail) == 0 || v.waits[r].tail[0] == 0) {
		return 0
	}
	worst := 0.0
	tails := map[float64]combined{}
	for _, p := range pairs {
		switch {
		case p.objective.Quantile == 0:
			worst = math.Max(worst, v.failing(r, r+1)/math.Max(p.objective.Errors, 1e-6))
		case v.s.passes(r, p.action):
			limit := p.objective.Limit
			c, ok := tails[limit]
			if !ok {
				c = combine([][]float64{v.massAt(r, limit)}, limit)
				tails[limit] = c
			}
			worst = math.Max(worst, tailWith(v.s.in.Grid, v.s.base[p.action], limit, c.Tail)/(1-p.objective.Quantile))
		}
	}
	return worst
}

// failing is the share of all actions that the resources from one to before another refuse.
func (v *solver) failing(from, to int) float64 {
	var failed, done float64
	for r := from; r < to; r++ {
		failed += v.block[r] * v.s.resources[r].visits.at(v.load)
	}
	for _, l := range v.s.rate {
		done += l.at(v.load)
	}
	return failed / math.Max(done, 1e-9)
}

// worst is the pair that is broken most.
func (v *solver) worst(pairs []pair) (at int, by float64) {
	by = math.Inf(-1)
	for i, p := range pairs {
		if x := v.breaks(p); x > by {
			at, by = i, x
		}
	}
	return at, by
}

// capacityOf is the largest load at which all pairs hold, up to limit, searched from a guess; ok is false where nothing
// breaks up to there. by is the pair that breaks first, resource the one with the most waiting (or refusing) for it, -1
// where none waits. One pair is followed to where it crosses, and all are looked at there: if another is broken more, that
// one is followed down.
func (s *sample) capacityOf(pairs []pair, guess, limit float64) (users float64, by, resource int, ok bool) {
	held, holder := s.heldAt()
	top := limit
	if held < top {
		top = math.Max(held, 1)
	}
	v := s.solver(math.Min(math.Max(guess, 1), top))
	by, _ = v.worst(pairs)
	for before := math.Inf(1); ; before = users {
		users, v = v.crossing(pairs[by], top)
		other, x := v.worst(pairs)
		switch more := broken(x); {
		case users == 0:
			return 0, other, -1, true
		case math.IsInf(users, 1) && more <= 0 && held < limit:
			return held, 0, holder, true
		case math.IsInf(users, 1) && more <= 0:
			return limit, -1, -1, false
		case !math.IsInf(users, 1) && (more < crossed || users >= before):
			return users, other, v.culprit(pairs[other]), true
		}
		by = other
	}
}

const (
	crossed   = 0.05 // of the logarithm of how much a pair is broken: near enough
	firstStep = 1.03 // stride of a search for the capacity; guesses are mostly good
)

// broken is the logarithm of how much a pair is broken: below 0 while it holds.
func broken(x float64) float64 { return math.Log(math.Max(x, 1e-9)) }

// crossing is the load at which one pair breaks, searched from that of v: 0 where it is broken at one user, infinite where
// it holds up to top. at is the solver there, or at that end.
func (v *solver) crossing(p pair, top float64) (users float64, at *solver) {
	at = v
	over := func(users float64) float64 {
		at = v.s.solver(users)
		return broken(at.breaks(p))
	}
	low, high := v.load.Users, v.load.Users
	fLow := broken(v.breaks(p))
	fHigh := fLow
	for step := firstStep; fHigh <= 0; step *= 1.25 {
		if high >= top {
			return math.Inf(1), at
		}
		low, fLow = high, fHigh
		high = math.Min(high*step, top)
		fHigh = over(high)
	}
	for step := firstStep; fLow > 0; step *= 1.25 {
		if low <= 1 {
			return 0, at
		}
		high, fHigh = low, fLow
		low = math.Max(low/step, 1)
		fLow = over(low)
	}
	users = falsePosition(low, high, fLow, fHigh, math.Max(0.5, 0.002*low), crossed, over)
	if at.load.Users != users {
		at = v.s.solver(users)
	}
	return users, at
}

// culprit is the resource that contributes most to breaking the pair.
func (v *solver) culprit(p pair) int {
	best, most := -1, 0.0
	for r := range v.waits {
		if !v.s.resources[r].valid {
			continue
		}
		var x float64
		switch {
		case p.objective.Quantile == 0:
			x = v.block[r] * v.s.resources[r].visits.at(v.load)
		case v.s.passes(r, p.action):
			x = v.waits[r].Mean() * v.s.resources[r].share
		}
		if x > most {
			best, most = r, x
		}
	}
	return best
}

// quantile is the modelled quantile of an action's response time, by bisection over its tail; at most top seconds.
func (v *solver) quantile(action int, q, top float64) float64 {
	low, high := 0.0, top
	if v.above(action, top) > 1-q {
		return top
	}
	wait := v.waiting(action, top)
	for range 24 {
		mid := (low + high) / 2
		if tailWith(v.s.in.Grid, v.s.base[action], mid, wait.Tail) > 1-q {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}
