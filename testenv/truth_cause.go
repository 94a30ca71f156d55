package testenv

// cause is the resource to which a charge is due: for errors the one that refuses the most, or else the one that most of the
// waiting is due to.
func (s *simulation) cause(errors bool) string {
	first, second := s.culprit, s.refuser
	if errors {
		first, second = second, first
	}
	if name := first(); name != "" {
		return name
	}
	return second()
}

// culprit is the resource that most of the waiting is due to. The share of a resource's holders that waits for a nested
// resource passes the same share of its own queue on to that one, from the outside in. Service prolonged by a memory over its
// limit counts as waiting for the memory, and where that is more than a twentieth of the service so does the whole queue, which
// grows far more than in proportion. A pause before the next attempt counts as waiting for what refused the last.
func (s *simulation) culprit() string {
	e := s.engine
	k := len(e.resources)
	stats := e.stats(s.from, s.since)
	var due func(r int) float64
	memo := make([]float64, k)
	for i := range memo {
		memo[i] = -1
	}
	// Check made sure that nesting has no cycles, and memories pass nothing on, so the recursion ends.
	passed := func(outer, inner int) float64 {
		busy := stats[outer].Busy
		if stretched := float64(e.stretched[outer*k+inner]) / 1e9; stretched > 0.05*busy {
			return due(outer)
		}
		blocked := float64(e.blocked[outer*k+inner]) / 1e9
		if blocked == 0 {
			return 0
		}
		return min(1, blocked/busy) * due(outer)
	}
	due = func(r int) float64 {
		if memo[r] < 0 {
			memo[r] = stats[r].Wait + float64(stats[r].Refused)*s.retry.Backoff.Seconds()
			for outer := range k {
				memo[r] += passed(outer, r) + float64(e.stretched[outer*k+r])/1e9
			}
		}
		return memo[r]
	}
	worst, name := 0.0, ""
	for r := range k {
		kept := due(r)
		for inner := range k {
			kept -= passed(r, inner)
		}
		if kept > worst {
			worst, name = kept, stats[r].Name
		}
	}
	return name
}

// refuser is the resource that refused the most.
func (s *simulation) refuser() string {
	most, name := int64(0), ""
	for _, r := range s.engine.stats(s.from, s.since) {
		if r.Refused > most {
			most, name = r.Refused, r.Name
		}
	}
	return name
}
