package testenv

import (
	"fmt"
	"time"
)

// pilot simulates a few users to learn the length of their cycle, and from it and the busiest resource's utilisation guesses
// the limit.
func (s *search) pilot() (int, error) {
	const users, enough, longest = 20, 600, 48 * time.Hour
	sim := newSimulation(s.def, s.workload, users, s.options.Seed)
	s.simulations++
	var actions int64
	for span := int64(time.Second); actions < enough; span += span / 2 {
		if err := s.ctx.Err(); err != nil {
			return 0, err
		}
		if span > int64(longest) {
			return 0, fmt.Errorf("%w: %d users do only %d actions in %v", errNoLimit, users, actions, longest)
		}
		sim.engine.advance(span)
		actions = 0
		for _, t := range sim.tallies {
			if !t.background {
				actions += t.count
			}
		}
	}
	s.events += sim.engine.handled
	s.unit = time.Duration(users * sim.engine.now / actions)
	slowest := time.Duration(0)
	for _, o := range s.workload.Objectives {
		slowest = max(slowest, o.Max)
	}
	s.unit += min(slowest, 2*s.unit)
	s.warmup = 24 * s.unit // the start is forgotten at a rate of about one e-fold a unit, near saturation some times slower
	most := 0.0
	for i, r := range sim.engine.stats(nil, 0) {
		d := s.def.Resources[i]
		for _, slow := range d.Slow {
			s.unit = max(s.unit, slow.Every)
		}
		switch {
		case d.Memory != nil:
			s.warmup = max(s.warmup, 2*d.Memory.TTL)
		case d.Cache != nil:
			s.warmup = max(s.warmup, 2*d.Cache.TTL)
		default:
			most = max(most, r.Utilisation)
		}
	}
	if most == 0 {
		return 0, fmt.Errorf("%w: the actions use no resource", errNoLimit)
	}
	return int(users / most), nil
}
