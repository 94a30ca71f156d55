package capacity

import (
	"cmp"
	"math"
	"slices"
)

const (
	discrepancyTable = 0.06   // of a forecast from counters in a table, as the standard deviation of the relative error
	mostUnits        = 10_000 // a limit above that is bytes or the like, and no number of servers
	mostCustomers    = 5e5    // of a queue that is solved customer by customer; above, with so many units, waits are short until all is used up
	unexplained      = 1.5    // measured over modelled quantile from which on something unseen gives way
)

// counter is one resource of the table.
type counter struct {
	index      int
	name       string
	limit      float64
	demand     float64 // S, seconds of use per operation
	background float64 // use without any throughput
	perLoad    float64 // use for each unit of load
	loadAtZero float64 // use that does not grow with load
	se         float64 // standard error of demand, relative
	drift      float64 // share by which use exceeds the fit at the highest third of loads, against the lowest

	seUsedUp, driftUsedUp float64 // the same of perLoad

	capacity   float64 // load at which it breaks an objective; +Inf: not in reach
	by         int     // the objective
	elasticity float64 // d ln capacity / d ln demand
	queue      bool
	base       base // as this queue alone leaves it
}

// counters forecasts from the use of resources with a known limit. The utilisation law U = U₀ + S·X gives the demand S,
// and by it each resource is one of three:
//
//   - a queue, where an operation holds it for no longer than the operation takes: as many servers as its limit says,
//     visited by a closed population (Station), the quantile being the base distribution with the modelled wait;
//   - refusing, where only errors are an objective: Engset's blocking;
//   - held beyond the operation (connections, memory, sessions), or counted in too many units for a queue: it is used up
//     where a + b·N reaches the limit.
func (c *climb) counters() {
	f := c.out
	base := c.base()
	var all []counter
	for r := range c.Resources {
		k, ok := c.counter(r)
		if !ok {
			f.warn("counter-missing", c.Resources[r])
			continue
		}
		c.breaks(&k, base)
		all = append(all, k)
	}
	if len(all) == 0 {
		f.notDetermined("no-counters")
		return
	}
	f.Method = "counters"
	if c.broken == 0 && c.unexplained(all, base) {
		return
	}
	c.drawCounters(all)
}

// base is what is known of an operation where nobody waits: the cycle of a customer and its response time, from the lowest
// third of the loads, and the distribution of that time.
type base struct {
	load     float64   // at which it was measured
	cycle    float64   // seconds from one operation of a customer to the next
	response float64   // mean or, without it, the median objective's value; 0: not known
	values   []float64 // by objective
}

func (c *climb) base() base {
	low := c.steps[:max((len(c.steps)+2)/3, min(2, len(c.steps)))]
	b := base{values: make([]float64, len(c.Objectives))}
	var loads, cycles, means []float64
	for _, s := range low {
		loads = append(loads, s.Load)
		cycles = append(cycles, s.Load/s.Throughput)
		means = append(means, s.Mean)
	}
	b.load, b.cycle = median(loads), median(cycles)
	b.response = median(means)
	for j, o := range c.Objectives {
		var v []float64
		for _, s := range low {
			v = append(v, s.Values[j])
		}
		b.values[j] = median(v)
		if o.latency() && (b.response == 0 || o.Mean) {
			b.response = b.values[j]
		}
	}
	if b.response == 0 && !c.Users {
		b.response = b.cycle
	}
	if c.Users && c.Think > 0 && b.response > 0 {
		b.cycle = c.Think + b.response
	}
	return b
}

// counter fits one resource; ok is false where it is never used.
func (c *climb) counter(r int) (counter, bool) {
	k := counter{index: r, name: c.Resources[r], capacity: math.Inf(1), elasticity: 1}
	last := c.steps[len(c.steps)-1]
	k.limit = last.Limit[r]
	var most, copies float64
	for _, s := range c.steps {
		most, copies = math.Max(most, s.Used[r]), math.Max(copies, s.Copy)
	}
	if most == 0 || k.limit == 0 {
		return k, false
	}
	x, seX, restX := c.proportional(r, most, func(s Step) float64 { return s.Throughput })
	n, seN, restN := c.proportional(r, most, func(s Step) float64 { return s.Load })
	k.background, k.demand = x[1]+x[2]*copies, x[0]
	k.loadAtZero, k.perLoad = n[1]+n[2]*copies, n[0]
	k.se, k.drift = seX, bend(restX)
	k.seUsedUp, k.driftUsedUp = seN, bend(restN)
	return k, k.demand > 0 || k.perLoad > 0
}

// proportional fits a resource's use as x₀·by + x₁ + x₂·copy, all at least 0, with errors in proportion to the use. The
// offset x₁ stays out where it does not make the fit clearly better, because it takes slope from what hardly varies. se is
// the relative standard error of the fit, rest its relative residuals by load.
func (c *climb) proportional(r int, most float64, by func(Step) float64) (x []float64, se float64, rest []float64) {
	var y []float64
	var with, without [][]float64
	for _, s := range c.steps {
		w := 1 / math.Max(s.Used[r], most/100)
		y = append(y, w*s.Used[r])
		with = append(with, []float64{w * by(s), w, w * s.Copy})
		without = append(without, []float64{w * by(s), 0, w * s.Copy})
	}
	n := float64(len(y))
	x = nonNegative(without, y)
	rest = misses(without, y, x)
	sum := squares(rest)
	loads := make([]float64, len(c.steps))
	for i, s := range c.steps {
		loads[i] = by(s)
	}
	if more := nonNegative(with, y); more[0] > 0 && slices.Max(loads) > 1.5*slices.Min(loads) {
		better := misses(with, y, more)
		if gain := squares(better); sum-gain > 12*gain/math.Max(n-3, 0.5) { // F test at about 1 %
			x, rest, sum = more, better, gain
		}
	}
	se = math.Sqrt(sum / math.Max(n-2, 1) / n)
	if n < 3 {
		se = math.Max(se, 0.05)
	}
	return x, se, rest
}

// bend is how much higher the residuals of the highest third are than those of the lowest.
func bend(rest []float64) float64 {
	n := len(rest) / 3
	if n == 0 {
		return 0
	}
	return average(rest[len(rest)-n:]) - average(rest[:n])
}

// misses is y − A·x.
func misses(a [][]float64, y, x []float64) []float64 {
	out := make([]float64, len(y))
	for i, row := range a {
		out[i] = y[i]
		for k, v := range row {
			out[i] -= v * x[k]
		}
	}
	return out
}

func squares(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x * x
	}
	return sum
}

// unexplained tells whether response times at the highest load are far above what the counters explain, even if every
// demand were 8 % larger; then something that the table does not have gives way first, and a number would be wrong with
// confidence.
func (c *climb) unexplained(all []counter, b base) bool {
	top := c.steps[len(c.steps)-1]
	for j, o := range c.Objectives {
		if !o.latency() || top.Values[j] < unexplained*b.values[j] {
			continue
		}
		expected := b.values[j]
		for i := range all {
			if k := &all[i]; k.queue {
				w := c.station(k, k.base, 1.08*k.demand).Wait(top.Load, 1)
				expected = math.Max(expected, expectedAt(o, k.base, j, w))
			}
		}
		if ratio := top.Values[j] / expected; ratio > unexplained {
			c.out.notDetermined("table-unexplained", o.Name, ratio)
			return true
		}
	}
	return false
}

// drawCounters draws the load at which the first resource gives way. A use that bends away from its straight line, as
// misses of a cache do, is taken to bend on as far again, and widens the interval.
func (c *climb) drawCounters(all []counter) {
	f := c.out
	first := make([]float64, len(all))
	alone := make([][]float64, len(all))
	for i := range all {
		k := &all[i]
		noise := k.se * math.Sqrt(6) // of the difference between two thirds, k.se being that of the mean of all rows
		if math.Abs(k.drift) > math.Max(0.08, 3*noise) {
			f.warn("table-demand-drifts", k.name, Share(k.drift))
		} else {
			k.drift = 0
		}
	}
	unknown := 0
	for range c.draws {
		shared := c.rng.NormFloat64()
		best, at := math.Inf(1), -1
		for i := range all {
			k := &all[i]
			scale := discrepancyTable * math.Max(1, math.Log(k.capacity/f.Measured)/math.Log(1/0.6))
			if math.IsInf(k.capacity, 0) {
				scale = 0
			}
			load := k.capacity * math.Exp(scale*shared+k.elasticity*k.se*c.rng.NormFloat64()-math.Max(k.drift, 0)+k.drift/2*c.rng.NormFloat64())
			alone[i] = append(alone[i], load)
			if load < best {
				best, at = load, i
			}
		}
		if at < 0 || best > reach*f.Measured {
			unknown++
			continue
		}
		first[at]++
		c.draw(best)
	}
	if unknown*10 > c.draws {
		f.notDetermined("table-unlimited", reach)
		return
	}
	c.ranked(all, first, alone)
}

// ranked lists the resources by the share of draws in which they give way first.
func (c *climb) ranked(all []counter, first []float64, alone [][]float64) {
	f := c.out
	var most float64
	for i := range all {
		k := &all[i]
		share := first[i] / float64(len(f.Draws))
		r := ResourceForecast{Name: k.name, Probability: share, Limit: k.limit, Demand: k.demand}
		slices.Sort(alone[i])
		if r.Users = quantiles(alone[i]); r.Users.P95 <= reach*f.Measured {
			r.Known = true
		} else {
			r.Users = Interval{}
		}
		f.Resources = append(f.Resources, r)
		if share > most {
			most = share
			f.First = First{Resource: k.name, Probability: share}
			if len(c.Objectives) > 0 {
				f.First.Objective, c.by = c.Objectives[k.by].Objective, k.by
			}
		}
	}
	slices.SortStableFunc(f.Resources, func(a, b ResourceForecast) int { return cmp.Compare(b.Probability, a.Probability) })
}
