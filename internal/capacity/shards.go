package capacity

import "math"

// scatter moves the shards' shares of the visits as chance does: which shard the accounts of further users lie on is not known. Of N
// users, M of them measured, a shard with the share p of them has it with a standard deviation of
// √(p(1−p)·(1/M − 1/N)), taken at N = 1.6·M.
func (s *sample) scatter(measured float64, normal []float64) {
	var moved []int
	var parts []float64
	for r := range s.in.Resources {
		if s.in.Resources[r].Group == "" || !s.resources[r].valid || measured <= 0 {
			continue
		}
		load := Load{Users: measured, Copy: s.assumed.Copy, Fresh: s.assumed.Fresh}
		p := s.resources[r].visits.at(load) / math.Max(s.groupVisits(s.in.Resources[r].Group, load), 1e-9)
		if p <= 0 || p >= 1 {
			continue
		}
		moved = append(moved, r)
		parts = append(parts, math.Sqrt((1-p)/p*(1-1/1.6)/measured))
	}
	for i, r := range moved {
		f := math.Exp(parts[i] * normal[r])
		s.resources[r].visits.Fixed *= f
		s.resources[r].visits.PerUser *= f
	}
}
