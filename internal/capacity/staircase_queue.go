package capacity

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// breaks finds the load at which the resource breaks the first objective.
func (c *climb) breaks(k *counter, b base) {
	latency := slices.ContainsFunc(c.Objectives, StepObjective.latency)
	units := k.limit <= mostUnits && k.limit-k.background >= 1 && c.out.Measured*reach < mostCustomers
	usedUp := (k.limit - k.loadAtZero) / k.perLoad // infinite where use does not grow with load
	refusing := func(demand float64) (float64, int) { return c.refusesAt(k, b, demand) }
	queueing := func(demand float64) (float64, int) { return c.queuesAt(k, demand) }
	find := func(float64) (float64, int) { return usedUp, c.firstOf(latency) }
	if units && b.response > 0 && k.demand <= 1.1*b.response && latency {
		find, k.queue, k.base = queueing, true, c.unqueued(k, b)
	} else if units && !latency && len(c.Objectives) > 0 {
		find = refusing
	}
	k.capacity, k.by = find(k.demand)
	if !k.queue {
		if !units || latency || len(c.Objectives) == 0 {
			k.se, k.drift = k.seUsedUp, k.driftUsedUp
		}
		return
	}
	up, _ := find(k.demand * 1.05)
	down, _ := find(k.demand / 1.05)
	if !math.IsInf(up, 0) && !math.IsInf(down, 0) && up > 0 && down > 0 {
		k.elasticity = math.Abs(math.Log(down/up)) / math.Log(1.05*1.05)
	}
	if at, _ := refusing(k.demand); at < 0.95*k.capacity && at < reach*c.out.Measured {
		c.out.warn("table-queue-assumed", k.name, at)
	}
}

// firstOf is the first objective of a kind, 0 where there is none.
func (c *climb) firstOf(latency bool) int {
	return max(0, slices.IndexFunc(c.Objectives, func(o StepObjective) bool { return o.latency() == latency }))
}

// station is the resource as a closed queue. What is in use without load makes all units slower by its share.
func (c *climb) station(k *counter, b base, demand float64) Station {
	demand /= 1 - k.background/k.limit
	return Station{Servers: k.limit, Demand: demand, Delay: math.Max(b.cycle-demand, 1e-6*demand)}
}

// unqueued is the base without the waits that the queue itself explains at the base's load: where a table begins near
// saturation, its lowest loads wait too. Delay and values are such that the model gives what was measured there.
func (c *climb) unqueued(k *counter, b base) base {
	out := base{load: b.load, response: b.response, values: slices.Clone(b.values)}
	wait := func(cycle float64) Wait {
		out.cycle = cycle
		return c.station(k, out, k.demand).Wait(b.load, 1)
	}
	low, high := k.demand, math.Max(b.cycle, k.demand)
	for range 40 {
		mid := (low + high) / 2
		if w := wait(mid); mid+w.Mean() > b.cycle {
			high = mid
		} else {
			low = mid
		}
	}
	w := wait(high)
	if w.Mean() < 0.02*b.response {
		out.cycle = b.cycle
		return out
	}
	out.response = math.Max(b.response-w.Mean(), math.Min(k.demand, b.response))
	for j, o := range c.Objectives {
		if !o.latency() {
			continue
		}
		low, high := 1e-3*b.values[j], b.values[j]
		for range 30 {
			out.values[j] = (low + high) / 2
			if expectedAt(o, out, j, w) > b.values[j] {
				high = out.values[j]
			} else {
				low = out.values[j]
			}
		}
	}
	return out
}

// queuesAt is the load at which waiting breaks the first latency objective.
func (c *climb) queuesAt(k *counter, demand float64) (float64, int) {
	b := k.base
	st := c.station(k, b, demand)
	best, by := math.Inf(1), 0
	for j, o := range c.Objectives {
		if !o.latency() {
			continue
		}
		grid, counts := baseDistribution(o, b, j)
		at := c.bisect(func(n float64) bool {
			w := st.Wait(n, 1)
			if o.Mean {
				return b.values[j]+w.Mean() >= o.Limit
			}
			return tailWith(grid, counts, o.Limit, w.beyond) > 1-o.Quantile
		})
		if at < best {
			best, by = at, j
		}
	}
	return best, by
}

// refusesAt is the load at which a resource with no room to wait breaks the first objective on errors.
func (c *climb) refusesAt(k *counter, b base, demand float64) (float64, int) {
	st := c.station(k, b, demand)
	best, by := math.Inf(1), 0
	for j, o := range c.Objectives {
		if o.latency() {
			continue
		}
		if at := c.bisect(func(n float64) bool { return st.Blocking(n) > o.Errors }); at < best {
			best, by = at, j
		}
	}
	return best, by
}

// bisect is the load at which broken becomes true, infinite beyond reach.
func (c *climb) bisect(broken func(load float64) bool) float64 {
	high := 1.5 * reach * c.out.Measured
	low := math.Min(1, high/100)
	if !broken(high) {
		return math.Inf(1)
	}
	for high-low > 0.002*low {
		mid := (low + high) / 2
		if broken(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return (low + high) / 2
}

// baseDistribution is the log-normal distribution whose quantile is the base value of the objective and whose mean is the
// base mean: with v the quantile at z standard deviations and m the mean, ln(v/m) = z·σ − σ²/2.
func baseDistribution(o StepObjective, b base, j int) (grid []Bin, counts []float64) {
	if o.Mean {
		return nil, nil
	}
	normal := distuv.Normal{Mu: 0, Sigma: 1}
	z, sigma := normal.Quantile(o.Quantile), 0.5
	if b.response > 0 && b.response != b.values[j] && z > 0 {
		sigma = z - math.Sqrt(math.Max(z*z-2*math.Log(b.values[j]/b.response), 0))
	}
	sigma = math.Min(math.Max(sigma, 0.05), 1.5)
	middle := b.values[j] * math.Exp(-z*sigma)
	const cells = 400
	for i := range cells { // from −4σ to 4σ
		low, high := -4+8*float64(i)/cells, -4+8*float64(i+1)/cells
		from, to := middle*math.Exp(low*sigma), middle*math.Exp(high*sigma)
		grid = append(grid, Bin{Low: from, Width: to - from})
		counts = append(counts, normal.CDF(high)-normal.CDF(low))
	}
	return grid, counts
}

// expectedAt is the objective's quantile or mean with a wait.
func expectedAt(o StepObjective, b base, j int, w Wait) float64 {
	if o.Mean {
		return b.values[j] + w.Mean()
	}
	grid, counts := baseDistribution(o, b, j)
	low, high := 0.0, b.values[j]
	for tailWith(grid, counts, high, w.beyond) > 1-o.Quantile && high < 1e6*b.values[j] {
		low, high = high, 2*high
	}
	for range 20 {
		mid := (low + high) / 2
		if tailWith(grid, counts, mid, w.beyond) > 1-o.Quantile {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// beyond is Tail for any t: below 0 every wait is longer.
func (w Wait) beyond(t float64) float64 {
	if t < 0 {
		return 1
	}
	return w.Tail(t)
}
