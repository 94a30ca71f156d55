package main

import (
	"math"
	"time"

	"pegel/internal/capacity"
	"pegel/internal/plan"
	"pegel/testenv"
)

// nominal sizes a platform for a plan's users as a planner would from data sheets: the load at which its busiest resource
// would be full if nobody ever waited, less what copy traffic and observers take, and for a resource without a queue the
// load at which it refuses one visit in two hundred.
func nominal(def testenv.Definition, p *plan.Plan) int {
	mix, think := mixOf(p)
	idle := testenv.Simulate(def, workload(p), testenv.SimOptions{Seed: 1, Warmup: 5 * time.Second, Horizon: time.Minute})
	left := def
	left.Resources = append([]testenv.Resource(nil), def.Resources...)
	for i := range left.Resources {
		r := &left.Resources[i]
		units := float64(r.Limit) * (1 - idle.Resources[i].Utilisation)
		if r.Queue != nil && *r.Queue == 0 {
			units = offered(r.Limit) - float64(r.Limit)*idle.Resources[i].Utilisation
		}
		r.Limit = max(1, int(math.Round(units)))
	}
	return testenv.NominalUsers(left, mix, think)
}

// offered is the load, in units in use were there enough, of which a number of units refuse one visit in two hundred.
func offered(units int) float64 {
	low, high := 0.0, 2*float64(units)
	for range 40 {
		mid := (low + high) / 2
		if b, err := capacity.ErlangB(units, mid); err != nil || b > 0.005 {
			high = mid
		} else {
			low = mid
		}
	}
	return low
}
