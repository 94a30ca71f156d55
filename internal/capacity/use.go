package capacity

import "math"

func (s *sample) demands(c choice) {
	seconds := perStage(s.in, c, func(b *Block) float64 { return b.Seconds })
	for r := range s.in.Resources {
		var f resourceFit
		visits := perStage(s.in, c, func(b *Block) float64 { return b.Resources[r].Visits })
		busy := perStage(s.in, c, func(b *Block) float64 {
			x := &b.Resources[r]
			if x.Busy > 0 {
				return x.Busy
			}
			return x.InUse * b.Seconds // no busy counter: Little's law on the gauge
		})
		var sumVisits, sumBusy float64
		f.valid = true
		for i, st := range s.in.Stages {
			for _, j := range c[i] {
				x := &st.Blocks[j].Resources[r]
				f.valid = f.valid && x.Valid
				f.limit = math.Max(f.limit, x.Limit)
			}
			sumVisits += visits[i]
			sumBusy += busy[i]
		}
		f.valid = f.valid && f.limit > 0 && sumVisits > 0 && sumBusy > 0
		if !f.valid {
			s.held(r, &f, c, seconds)
		}
		if f.valid {
			f.demand = sumBusy / sumVisits
			f.gauged = s.gauged(r)
			f.visits = s.fit(visits, seconds)
			if f.drifts = s.drifts(r, c, visits, busy); f.drifts {
				scaled := make([]float64, len(busy))
				for i := range busy {
					scaled[i] = busy[i] / f.demand
				}
				f.use = s.fit(scaled, seconds) // in visits of the mean demand, for the same weights
			}
		}
		s.resources = append(s.resources, f)
	}
}

// drifts tells whether the seconds of use per visit change with load, by a twentieth between the lower stages and the highest.
// They fall where something uses the resource whatever the users do (copy traffic, cron), so that the sum is
// U = U₀ + S·X; they rise where caches overflow. A rise counts only beyond what waits elsewhere explain, during which an outer
// resource is held.
func (s *sample) drifts(r int, c choice, visits, busy []float64) bool {
	top := len(s.in.Stages) - 1
	if top < 3 || visits[top] < 400 {
		return false
	}
	var low, n float64
	for i := range top/2 + 1 {
		low += busy[i]
		n += visits[i]
	}
	if n < 400 {
		return false
	}
	before, after := low/n, busy[top]/visits[top]
	chance := 4 * after * math.Sqrt(1/n+1/visits[top])
	if after < before {
		return before-after > 0.05*before+chance
	}
	var elsewhere float64
	for k := range s.in.Resources {
		if k != r {
			for _, j := range c[top] {
				elsewhere += s.in.Stages[top].Blocks[j].Resources[k].Waited
			}
		}
	}
	return after-before > 0.05*before+1.2*elsewhere/visits[top]+chance
}

// gauged tells whether a resource has no counter of the seconds in use.
func (s *sample) gauged(r int) bool {
	for i := range s.in.Stages {
		for j := range s.in.Stages[i].Blocks {
			if s.in.Stages[i].Blocks[j].Resources[r].Busy > 0 {
				return false
			}
		}
	}
	return true
}

// bounded corrects demands that come from a gauge of what is in use, read now and then: a visit that lasts as long as the
// action itself cannot last longer than the action's mean time without waiting, which is known far better. Resources that
// are held beyond the action (connections kept open) lie well above that and stay as they are.
func (s *sample) bounded() {
	for r := range s.resources {
		f := &s.resources[r]
		if !f.valid || f.drifts || !f.gauged {
			continue
		}
		var visits, seconds float64
		for i := range s.in.Stages {
			for a, passes := range s.in.Resources[r].Passes {
				if passes {
					seconds += s.rate[a].at(s.in.Stages[i].Load) * s.mean[a]
				}
			}
			visits += f.visits.at(s.in.Stages[i].Load)
		}
		if most := seconds / math.Max(visits, 1e-9); most > 0 && f.demand > most && f.demand < gaugeError*most {
			f.demand = most
		}
	}
}

// gaugeError is how far a mean of a gauge may lie above the truth by chance.
const gaugeError = 1.25
