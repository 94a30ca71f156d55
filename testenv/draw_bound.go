package testenv

import (
	"maps"
	"math"
	"slices"
	"time"
)

// NominalUsers is the asymptotic bound of operational analysis on the number of active users: the least, over the resources,
// of limit ÷ demand × cycle time, at which the busiest resource would be fully used if nobody ever waited. mix gives the mean
// number of visits of each operation per action; thinkAndBase is the mean think time plus whatever an action takes beside the
// network; the cycle adds the mean time that an action spends in the network without waiting. It serves to size the stages of
// a test and is not the truth: waiting, chance and the objectives decide where the platform really degrades. It is 0 if the mix
// uses no resource. The demand on an outer resource includes the nested service times, but no waiting; hidden resources, slow
// times and cache misses are left out, since a planner would not know them.
func NominalUsers(def Definition, mix map[string]float64, thinkAndBase time.Duration) int {
	demands, alone := def.demands(mix)
	cycle := thinkAndBase.Seconds() + alone
	bound := math.Inf(1)
	for _, r := range def.Resources {
		if d := demands[r.Name]; d > 0 && !r.Hidden {
			bound = min(bound, float64(r.Limit)/d*cycle)
		}
	}
	if math.IsInf(bound, 1) {
		return 0
	}
	return int(bound)
}

// demands are the seconds for which an action of the mix holds each resource when nobody waits, and the seconds it takes.
func (d Definition) demands(mix map[string]float64) (demands map[string]float64, alone float64) {
	demands = map[string]float64{}
	var hold func(steps []Step, visits float64) float64
	hold = func(steps []Step, visits float64) float64 {
		total := 0.0
		for _, s := range steps {
			if s.Miss != "" {
				continue
			}
			t := s.For.Mean.Seconds() + hold(s.Steps, visits)
			members := d.members(s.Use)
			shares := []float64{1}
			if len(members) > 1 || members[0] != s.Use {
				shares = d.shares(s.Use)
			}
			for i, m := range members {
				demands[m] += visits * shares[i] * t
			}
			total += t
		}
		return total
	}
	for _, op := range slices.Sorted(maps.Keys(mix)) { // in order, so that the sums are the same each time
		alone += mix[op] * hold(d.Operations[op], mix[op])
	}
	return demands, alone
}
