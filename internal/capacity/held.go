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
	f.holds = s.fit(use, seconds)
}

// heldAt is the load at which the first of the resources that are held in proportion to load is used up, and which;
// infinite where there is none.
func (s *sample) heldAt() (users float64, resource int) {
	users, resource = math.Inf(1), -1
	for r := range s.resources {
		if !s.resources[r].linear {
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
