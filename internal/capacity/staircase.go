package capacity

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Staircase is a table of loads that was measured elsewhere: a few numbers for each load, no histograms and no blocks.
// Its forecast is the counters' where it has resources, else one from response times and throughput alone.
type Staircase struct {
	Users      bool    // Load counts users who think; otherwise requests under way
	Think      float64 // seconds between a user's actions; 0: as users, throughput and response times say
	Objectives []StepObjective
	Resources  []string
	Steps      []Step // in any order
	// OnlyUSL makes the forecast from the scalability law alone, whatever else the table has.
	OnlyUSL bool
}

// StepObjective is a limit on a quantile of response time, on its mean, or on the share of errors.
type StepObjective struct {
	Objective
	Mean bool
}

// latency tells whether the objective is on response times.
func (o StepObjective) latency() bool { return o.Mean || o.Quantile > 0 }

// limit is in seconds, or a share.
func (o StepObjective) limit() float64 {
	if o.latency() {
		return o.Limit
	}
	return o.Errors
}

// holds tells whether a value is within the objective.
func (o StepObjective) holds(v float64) bool { return v < o.limit() || !o.latency() && v == o.limit() }

// Step is one row of a staircase.
type Step struct {
	Load       float64   // above 0
	Throughput float64   // per second, above 0
	Mean       float64   // of the response time, seconds; 0: not known
	Copy       float64   // copy operations per second
	Values     []float64 // by objective: seconds, or the share of errors
	Used       []float64 // by resource
	Limit      []float64 // by resource
}

const (
	leastLoads = 4    // different loads that two models of the client's data need
	mostSteps  = 1000 // rows beyond which neighbours are averaged
	pooledTo   = 400
)

// climb is a staircase's forecast in the making.
type climb struct {
	*Staircase
	steps []Step // by load
	rng   *rand.Rand
	draws int
	out   *Forecast

	held, broken float64 // the two loads between which an objective is crossed in the table; broken 0: none is
	crossing     float64 // where, by interpolation
	by           int     // the objective that is crossed, or that gives way
}

// Forecast is the load at which the first objective breaks, or the reason why the table does not tell. The draws of its
// interval follow from the seed.
func (s *Staircase) Forecast(opt Options) *Forecast {
	if opt.Draws == 0 {
		opt.Draws = 300
	}
	f := &Forecast{Method: "none"}
	if len(s.Steps) == 0 {
		f.notDetermined("no-stage")
		return f
	}
	c := &climb{Staircase: s, steps: slices.Clone(s.Steps), rng: rand.New(rand.NewPCG(opt.Seed, 0x7461626c65)), draws: opt.Draws, out: f}
	slices.SortStableFunc(c.steps, func(a, b Step) int { return cmp.Compare(a.Load, b.Load) })
	f.Measured = c.steps[len(c.steps)-1].Load
	c.measured()
	if len(c.steps) > mostSteps {
		c.steps = pool(c.steps, pooledTo)
	}
	switch {
	case c.broken > 0 && c.held == 0:
		f.notDetermined("table-broken-first", s.Objectives[c.by].Name, c.broken)
	case len(s.Resources) > 0 && !s.OnlyUSL:
		c.counters()
	default:
		c.client()
	}
	c.conclude()
	return f
}

// measured finds what the rows themselves show. Lower is the highest load up to which no row broke an objective. An
// objective is crossed where the sequence of its values, made rising by pooling (isotonic regression), goes over its
// limit: a single bad row among good ones at higher loads does not cross it.
func (c *climb) measured() {
	f := c.out
	f.Lower = f.Measured
	for j, o := range c.Objectives {
		for i := range c.steps {
			if !o.holds(c.steps[i].Values[j]) {
				f.Lower = math.Min(f.Lower, c.below(c.steps[i].Load))
				break
			}
		}
		if held, at, broken := cross(c.steps, j, o); broken > 0 && (c.broken == 0 || broken < c.broken) {
			c.held, c.crossing, c.broken, c.by = held, at, broken, j
		}
	}
	f.BrokenAt = c.broken
	if f.Lower == 0 && c.held > 0 {
		f.warn("nothing-shown")
	}
}

// cross finds the neighbouring loads between which the steps, sorted by load, cross an objective, and where between them;
// broken is 0 where they do not, held where it is broken at the lowest load.
func cross(steps []Step, objective int, o StepObjective) (held, at, broken float64) {
	loads, values, weights := series(steps, objective)
	smooth, err := Isotonic(values, weights, false)
	if err != nil { // no such value comes from a table that was read
		return 0, 0, 0
	}
	i := slices.IndexFunc(smooth, func(v float64) bool { return !o.holds(v) })
	switch {
	case i < 0:
		return 0, 0, 0
	case i == 0:
		return 0, 0, loads[0]
	}
	held, broken = loads[i-1], loads[i]
	share := 0.5 // on the logarithm, in which response times rise evenly near the knee
	if low := smooth[i-1]; low > 0 {
		share = math.Log(o.limit()/low) / math.Log(smooth[i]/low)
	}
	return held, held + (broken-held)*math.Min(math.Max(share, 0), 1), broken
}

// series are an objective's values by load, rows of one load averaged.
func series(steps []Step, objective int) (loads, values, weights []float64) {
	for _, s := range steps {
		v := s.Values[objective]
		if n := len(loads); n > 0 && loads[n-1] == s.Load {
			weights[n-1]++
			values[n-1] += (v - values[n-1]) / weights[n-1]
			continue
		}
		loads, values, weights = append(loads, s.Load), append(values, v), append(weights, 1)
	}
	return loads, values, weights
}

// below is the largest measured load under v, 0 where there is none.
func (c *climb) below(v float64) float64 {
	i, _ := slices.BinarySearchFunc(c.steps, v, func(s Step, v float64) int { return cmp.Compare(s.Load, v) })
	if i == 0 {
		return 0
	}
	return c.steps[i-1].Load
}

// different counts the different loads.
func (c *climb) different() int {
	n := 0
	for i := range c.steps {
		if i == 0 || c.steps[i].Load != c.steps[i-1].Load {
			n++
		}
	}
	return n
}

// pool averages neighbours, so that about so many steps are left.
func pool(steps []Step, to int) []Step {
	size := (len(steps) + to - 1) / to
	var out []Step
	for group := range slices.Chunk(steps, size) {
		sum := Step{Values: make([]float64, len(group[0].Values)), Used: make([]float64, len(group[0].Used)), Limit: make([]float64, len(group[0].Limit))}
		w := 1 / float64(len(group))
		for _, s := range group {
			sum.Load += w * s.Load
			sum.Throughput += w * s.Throughput
			sum.Mean += w * s.Mean
			sum.Copy += w * s.Copy
			for _, v := range []struct{ to, from []float64 }{{sum.Values, s.Values}, {sum.Used, s.Used}, {sum.Limit, s.Limit}} {
				for i, x := range v.from {
					v.to[i] += w * x
				}
			}
		}
		out = append(out, sum)
	}
	return out
}

// draw adds a draw of the capacity.
func (c *climb) draw(load float64) { c.out.Draws = append(c.out.Draws, load) }

// conclude turns the draws into the answer, or into "not determined". What the rows have shown bounds every draw.
func (c *climb) conclude() {
	f := c.out
	if c.held > 0 {
		c.crossed()
	}
	if !f.Why.Empty() {
		f.Draws = nil
		f.Warnings = append(f.Warnings, f.Why)
		return
	}
	shown := 0 // draws below what the rows have shown to hold
	for i, d := range f.Draws {
		if d < f.Lower {
			shown++
			f.Draws[i] = f.Lower
		}
	}
	if shown > len(f.Draws)/2 && c.broken == 0 {
		f.notDetermined("table-contradicted", f.Lower)
		f.Draws = nil
		f.Warnings = append(f.Warnings, f.Why)
		return
	}
	slices.Sort(f.Draws)
	f.Users = quantiles(f.Draws)
	f.Determined = true
	if f.Users.P95 > widest*f.Users.P05 {
		f.notDetermined("table-wide", widest)
		f.Draws = nil
		f.Warnings = append(f.Warnings, f.Why)
		return
	}
	if far := f.Users.P50 / f.Measured; far > 2.2 {
		f.warn("far-extrapolation", far)
	}
	if len(c.Objectives) > 0 && f.First.Objective.Name == "" {
		f.First.Objective = c.Objectives[c.by].Objective
	}
	if f.First.Probability == 0 {
		f.First.Probability = 1
	}
}

// widest is the factor between the ends of an interval beyond which it is no answer.
const widest = 2.5

// crossed handles a table that goes over the knee: the capacity lies between the two loads, whatever a model says. Draws
// inside are kept; without them it lies anywhere between, most likely where the values cross the limit.
func (c *climb) crossed() {
	f := c.out
	inside := 0
	for _, d := range f.Draws {
		if d >= c.held*0.95 && d <= c.broken*1.05 {
			inside++
		}
	}
	if inside*2 > len(f.Draws) && f.Why.Empty() && len(c.steps) < manyRows {
		for i := range f.Draws {
			f.Draws[i] = math.Min(math.Max(f.Draws[i], c.held*0.97), c.broken*1.03)
		}
		return
	}
	if c.broken > widest*c.held {
		f.notDetermined("table-between", c.held, c.broken)
		return
	}
	f.Why, f.Draws, f.Method = Message{}, nil, "measured"
	f.First = First{ObjectiveRef: ObjectiveRef{Objective: c.Objectives[c.by].Objective}, Probability: 1}
	for range c.draws {
		c.draw(c.between() * math.Exp(0.03*c.rng.NormFloat64())) // the rows' own noise
	}
}

// manyRows is from how many rows on a table is resampled to find how sure a crossing is.
const manyRows = 12

// between draws a load between the two that hold the crossing: most likely at the crossing, never at the ends. Where there
// are many rows, they are drawn anew first, which moves the two.
func (c *climb) between() float64 {
	held, at, broken := c.held, c.crossing, c.broken
	if len(c.steps) >= manyRows {
		again := make([]Step, len(c.steps))
		for i := range again {
			again[i] = c.steps[c.rng.IntN(len(c.steps))]
		}
		slices.SortStableFunc(again, func(a, b Step) int { return cmp.Compare(a.Load, b.Load) })
		if h, x, b := cross(again, c.by, c.Objectives[c.by]); h > 0 {
			held, at, broken = h, x, b
		}
	}
	near := math.Sqrt(c.rng.Float64()) // triangular
	if c.rng.Float64()*(broken-held) < at-held {
		return held + (at-held)*near
	}
	return broken - (broken-at)*near
}
