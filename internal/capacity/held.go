package capacity

import "math"

// held fits a resource of which only the use is known, or which is held for so long that no visit ends: connections,
// memory, descriptors. Its use grows in proportion to load, and what is left over when the limit is reached gets nothing.
func (s *sample) held(r int, f *resourceFit, c choice, seconds []float64) {
	use := perStage(s.in, c, func(b *Block) float64 { return b.Resources[r].InUse * b.Seconds })
	for i, st := range s.in.Stages {
		for _, j := range c[i] {
			x := &st.Blocks[j].Resources[r]
			if !x.Holds {
				return
			}
			f.limit = math.Max(f.limit, x.Limit)
		}
	}
	f.linear = f.limit > 0
	f.harmless = s.in.Resources[r].Kind == "cache"
	for i := range use { // full already, and nothing broke for it: a cache, a buffer that is meant to be full
		if s.in.Stages[i].Users <= s.opt.lower && seconds[i] > 0 && use[i] >= 0.985*f.limit*seconds[i] {
			f.harmless = true
		}
	}
	f.holds = s.fit(use, seconds)
}

// heldAt is the load at which the first of the resources that are held in proportion to load is used up, and which;
// infinite where there is none.
func (s *sample) heldAt() (users float64, resource int) {
	users, resource = math.Inf(1), -1
	for r := range s.resources {
		if !s.resources[r].linear || s.resources[r].harmless {
			continue
		}
		if n := s.fills(r); n < users {
			users, resource = n, r
		}
	}
	return users, resource
}

// fills is the load at which a resource that is held in proportion to load is used up; infinite where it does not grow.
func (s *sample) fills(r int) float64 {
	f := &s.resources[r]
	if f.holds.PerUser <= 0 {
		return math.Inf(1)
	}
	return math.Max((f.limit-f.holds.at(Load{Copy: s.assumed.Copy, Fresh: s.assumed.Fresh}))/f.holds.PerUser, 0)
}

// outgrown is a resource that is meant to be full, such as a cache, and the load from which on it is: beyond that, more of
// what is asked for has to be fetched elsewhere. seen tells whether the stages went far enough beyond it to show the effect.
func (s *sample) outgrown(measured float64) (resource int, at float64, seen bool) {
	resource, at = -1, math.Inf(1)
	for r := range s.resources {
		f := &s.resources[r]
		if !f.linear || !f.harmless {
			continue
		}
		if n := s.fullFrom(r); n < at {
			resource, at = r, n
		}
	}
	return resource, at, at*outgrownBy <= measured
}

// outgrownBy is how far beyond the load at which a cache is full stages must go to show what misses cost.
const outgrownBy = 1.5

// fullFrom is the load from which on a resource is full, by the stages in which it was not.
func (s *sample) fullFrom(r int) float64 {
	var users, use float64
	limit := 0.0
	for i := range s.in.Stages {
		st := &s.in.Stages[i]
		var held, n float64
		for j := range st.Blocks {
			held += st.Blocks[j].Resources[r].InUse
			limit = math.Max(limit, st.Blocks[j].Resources[r].Limit)
			n++
		}
		if n > 0 && held/n < 0.985*limit && st.Users > users {
			users, use = st.Users, held/n
		}
	}
	switch {
	case users == 0:
		return 0
	case use <= 0:
		return math.Inf(1)
	}
	return users * limit / use
}
