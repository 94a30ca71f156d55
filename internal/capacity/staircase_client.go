package capacity

import (
	"math"
	"slices"
)

// Discrepancy of the forecast from the client's data alone, as the standard deviation of the logarithm when it reaches
// from 0.6 of the capacity to the capacity. On 214 public staircases of requests without think time the errors were 11 %
// in the median and 37 % at their 90th percentile: ln(1.37)/1.645 = 0.19. With think time they are larger.
const (
	discrepancyStairs = 0.19
	discrepancyThink  = 0.30
)

// Least rises that tell a queue from chance: of the quantile from the lowest load to the highest, of the mean, and of the
// slope over its standard error.
const (
	leastRise     = 1.25
	leastMeanRise = 1.10
	leastSlope    = 3.0
)

// client forecasts from response times and throughput alone. n is the number of requests under way, for users who think
// X·R by Little's law, since over users response times are flat far below the knee. Two models,
//
//	linear:  q(n) = a + b·n
//	USL:     q(n) = ρ·n/X(n),  ρ the measured ratio of the quantile to the mean
//
// err in opposite directions: the line misses the bend that is still to come, the law overrates the one that it has seen.
// The forecast is the geometric mean of their answers.
func (c *climb) client() {
	f := c.out
	if d := c.different(); d < leastLoads {
		f.notDetermined("table-few-rows", d, leastLoads)
		return
	}
	f.warn("no-counters")
	if slices.ContainsFunc(c.steps, func(s Step) bool { return s.Copy != c.steps[0].Copy }) {
		f.warn("table-copy-mixed")
	}
	best, latency := math.Inf(1), false
	var why Message
	var draws []float64
	for j, o := range c.Objectives {
		if !o.latency() {
			f.warn("table-errors", o.Name)
			continue
		}
		latency = true
		one, reason := c.clientObjective(j)
		if !reason.Empty() {
			if why.Empty() {
				why = reason
			}
			continue
		}
		if m := median(one); m < best {
			best, draws, c.by = m, one, j
		}
	}
	switch {
	case !latency:
		f.notDetermined("table-only-errors")
	case draws == nil:
		f.Why = why
	default:
		f.Method, f.Draws = "staircase", draws
		if c.OnlyUSL {
			f.Method = "usl"
		}
	}
}

// points are what the models of one objective are fitted to.
type points struct {
	n, x, q, mean []float64
	think         float64 // seconds; 0 for requests without think time
}

// points works out the numbers under way; ok is false where users come without response times.
func (c *climb) points(objective int) (p points, ok bool) {
	var thinks []float64
	for _, s := range c.steps {
		n, mean := s.Load, s.Mean
		if mean == 0 {
			if c.Users {
				return p, false
			}
			mean = s.Load / s.Throughput
		}
		if c.Users {
			n = s.Throughput * mean
			thinks = append(thinks, s.Load/s.Throughput-mean)
		}
		p.n, p.x, p.mean = append(p.n, n), append(p.x, s.Throughput), append(p.mean, mean)
		p.q = append(p.q, s.Values[objective])
	}
	if c.Users {
		p.think = c.Think
		if p.think == 0 {
			p.think = math.Max(median(thinks), 0)
		}
	}
	return p, true
}

// clientObjective draws the load at which one objective breaks, or says why the data do not tell.
func (c *climb) clientObjective(objective int) ([]float64, Message) {
	o := c.Objectives[objective]
	p, ok := c.points(objective)
	if !ok {
		return nil, Say("table-no-response")
	}
	line := fitStraight(p.n, p.q)
	law, err := FitUSL(p.n, p.x)
	if err != nil {
		return nil, Say("table-no-fit", err.Error())
	}
	if !p.rises(line, law) {
		return nil, Say("table-flat", o.Name)
	}
	center, apart, ok := c.answer(p, line, law, o.Limit)
	top := c.out.Measured
	if !ok || center > reach*top {
		return nil, Say("table-far", o.Name, reach)
	}
	scale := discrepancyStairs
	if c.Users && p.think > slices.Max(p.mean) {
		scale = discrepancyThink
	}
	scale *= math.Max(math.Log(center/top)/math.Log(1/0.6), 0.3)
	spread := math.Hypot(scale, apart/4)
	var draws []float64
	for range c.draws {
		again := p.resample(c, line, law)
		law, err := FitUSL(again.n, again.x)
		if err != nil {
			continue
		}
		if at, _, ok := c.answer(again, fitStraight(again.n, again.q), law, o.Limit); ok && at < 2*reach*top {
			draws = append(draws, at*math.Exp(spread*c.rng.NormFloat64()))
		}
	}
	if len(draws) < c.draws*9/10 {
		return nil, Say("table-flat", o.Name)
	}
	return draws, Message{}
}

// rises tells whether the data show a queue that has begun to build.
func (p points) rises(l straight, law USL) bool {
	low, high := slices.Min(p.n), slices.Max(p.n)
	base, top := l.at(low), l.at(high)
	return l.b > 0 && l.b > leastSlope*l.se && base < top/leastRise &&
		law.Latency(high) > leastMeanRise*law.Latency(low)
}

// answer is the load at which the two models together put the quantile at the limit, and how far the logarithms of their
// answers lie apart.
func (c *climb) answer(p points, l straight, law USL, limit float64) (load, apart float64, ok bool) {
	ratios := make([]float64, len(p.q))
	for i := range p.q {
		ratios[i] = p.q[i] / p.mean[i]
	}
	ratio := median(ratios[len(ratios)/2:]) // where the queue has begun to build
	byLaw, ok := latencyReaches(law, limit/ratio)
	if !ok {
		return 0, 0, false
	}
	n := byLaw
	if !c.OnlyUSL {
		if l.b <= 0 || l.a >= limit {
			return 0, 0, false
		}
		byLine := (limit - l.a) / l.b
		apart = math.Abs(math.Log(byLine / byLaw))
		n = math.Sqrt(byLine * byLaw)
	}
	if p.think > 0 { // N = n + X·Z
		n += law.At(n) * p.think
	}
	return n, apart, n > 0 && !math.IsInf(n, 0) && !math.IsNaN(n)
}

// latencyReaches solves (1 + σ(n−1) + κn(n−1))/λ = r for n.
func latencyReaches(law USL, r float64) (n float64, ok bool) {
	s, k := law.Sigma.Value, law.Kappa.Value
	rest := 1 - s - r*law.Lambda.Value // κn² + (σ−κ)n + rest = 0
	switch {
	case rest >= 0:
		return 0, false // above the limit with one request
	case k <= 0 && s <= 0:
		return 0, false
	case k <= 0:
		return -rest / s, true
	}
	b := s - k
	root := math.Sqrt(b*b - 4*k*rest)
	if b >= 0 { // the form that does not cancel
		return -2 * rest / (b + root), true
	}
	return (root - b) / (2 * k), true
}

// resample adds residuals of the two fits, drawn anew, to what the fits say.
func (p points) resample(c *climb, l straight, law USL) points {
	again := p
	again.q, again.x = make([]float64, len(p.q)), make([]float64, len(p.x))
	k := float64(len(p.q))
	wider, widerX := math.Sqrt(k/math.Max(k-2, 1)), math.Sqrt(k/math.Max(k-3, 1))
	for i := range p.n {
		e, g := c.rng.IntN(len(p.n)), c.rng.IntN(len(p.n))
		again.q[i] = math.Max(l.at(p.n[i])+wider*(p.q[e]-l.at(p.n[e])), 0.1*p.q[i])
		// throughputs err in proportion to themselves
		again.x[i] = law.At(p.n[i]) * math.Max(1+widerX*(p.x[g]/law.At(p.n[g])-1), 0.1)
	}
	return again
}

// straight is a + b·n by least squares, with the standard error of b.
type straight struct{ a, b, se float64 }

func (l straight) at(n float64) float64 { return l.a + l.b*n }

func fitStraight(n, q []float64) straight {
	k := float64(len(n))
	mn, mq := average(n), average(q)
	var nn, nq float64
	for i := range n {
		nn += (n[i] - mn) * (n[i] - mn)
		nq += (n[i] - mn) * (q[i] - mq)
	}
	if nn == 0 {
		return straight{a: mq}
	}
	l := straight{b: nq / nn}
	l.a = mq - l.b*mn
	var rest float64
	for i := range n {
		e := q[i] - l.at(n[i])
		rest += e * e
	}
	l.se = math.Sqrt(rest / math.Max(k-2, 1) / nn)
	return l
}

func average(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

func median(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	k := len(sorted)
	if k == 0 {
		return 0
	}
	return (sorted[(k-1)/2] + sorted[k/2]) / 2
}
