package capacity

// Change is one resource as it would be.
type Change struct {
	Resource string  // its name, or the name of a group for all of its shards
	Limit    float64 // the new limit; 0: as measured
	Times    float64 // factor on the limit; 0: 1
	Demand   float64 // factor on the seconds of use per visit; 0: 1
}

// adapt turns a sample of what was measured into one of what the forecast asks for: other limits and demands, another mix,
// copy traffic and fresh accounts as told, further actions.
func (s *sample) adapt() {
	s.surge = s.opt.Surge
	if s.opt.Copy != nil {
		s.assumed.Copy = *s.opt.Copy
	}
	if s.opt.Fresh != nil {
		s.assumed.Fresh = *s.opt.Fresh
	}
	if s.opt.Mix != nil {
		for a := range s.rate {
			s.rate[a] = s.rate[a].mixed(s.opt.Mix)
		}
		for r := range s.resources {
			s.resources[r].visits = s.resources[r].visits.mixed(s.opt.Mix)
			s.resources[r].holds = s.resources[r].holds.mixed(s.opt.Mix)
		}
	}
	for _, c := range s.opt.Changes {
		for r := range s.in.Resources {
			if s.in.Resources[r].Name != c.Resource && s.in.Resources[r].Group != c.Resource {
				continue
			}
			f := &s.resources[r]
			if c.Limit > 0 {
				f.limit = c.Limit
			}
			if c.Times > 0 {
				f.limit *= c.Times
			}
			if c.Demand > 0 {
				f.demand *= c.Demand
			}
		}
	}
}

// surged is how many visits per second a surge brings to a resource, for each active user.
func (s *sample) surged(r int) float64 {
	var sum float64
	for a, rate := range s.surge {
		if rate > 0 && a < len(s.rate) && s.passes(r, a) {
			sum += rate * s.resources[r].share
		}
	}
	return sum
}

// supposes tells whether the forecast is for something else than what was measured, which the stages then neither show to
// hold nor to break.
func (o *Options) supposes() bool {
	return o.Copy != nil || o.Fresh != nil || o.Mix != nil || o.Surge != nil || len(o.Changes) > 0
}
