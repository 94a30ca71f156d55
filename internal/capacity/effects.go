package capacity

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Kinds of causes from which response times rise and resources are used.
const (
	FromUsers = "users"
	FromCopy  = "copy"
	FromFresh = "fresh"
	FromDrift = "drift" // what changed over the run by itself
	FromRest  = "rest"  // what the fit leaves over; of a resource what is in use whatever the load
)

// Experiment is what the stages of one run show of one action and of the resources, some of them with copy traffic or
// with fresh accounts.
type Experiment struct {
	Grid     []Bin   // rising
	Quantile float64 // of the action's response times, in (0, 1); 0: their mean
	Stages   []ExperimentStage
}

// ExperimentStage is one plateau of load.
type ExperimentStage struct {
	Load
	At     float64 // seconds from the beginning of the run to the middle of the hold
	Blocks []ExperimentBlock
}

// ExperimentBlock is a stretch of a stage, long enough to be resampled as one.
type ExperimentBlock struct {
	Counts []float64 // response times of the action by bin of the grid; nil: none
	Use    []float64 // by resource: mean share of its limit that is in use; NaN: not known
}

// Attribution says what a rise comes from.
type Attribution struct {
	Determined bool
	Why        Message  // where not determined
	Unresolved []string // kinds that could not be told from the others; the stages that had them took no part
	From, To   Point    // lowest load without copy traffic and fresh accounts; highest load with them
	Parts      []Part   // of To.Value − From.Value, seconds; they sum to it
	DriftKnown bool     // a stage was repeated, so that drift can be told from load
	Drift      Part     // growth of the action's own times over the whole run, as a share; part of the rise only where it is Clear
	Uses       []Use    // by resource, at To
}

// Point is a load with the response time measured there.
type Point struct {
	Load
	At, Value float64 // seconds
}

// Part is what comes from one cause, with its 90 % interval: seconds of a response time, or a share of a limit.
type Part struct {
	Kind             string
	Value, Low, High float64
}

// Clear tells whether the interval lies on one side of 0.
func (p Part) Clear() bool { return p.Low > 0 || p.High < 0 }

// Use is the share of a resource's limit in use, and what it comes from. Parts is empty where the use is not known.
type Use struct {
	Value float64
	Parts []Part
}

// Attribute divides the rise of an action's response time between the lowest load without copy traffic and the highest
// load with it among users, copy traffic, fresh accounts and drift.
//
// The parts are Shapley values (1953) of the counterfactuals R(N, copy, fresh, time): each cause's contribution averaged
// over all orders in which the causes may be switched on, so that the parts sum whatever interacts near a knee. R is
// interpolated on what was measured (see surface). Intervals come from resampling blocks within stages; draws 0 means 300.
// The same data and seed give the same answer.
func Attribute(e *Experiment, draws int, seed uint64) *Attribution {
	if draws == 0 {
		draws = 300
	}
	out := &Attribution{}
	stages := e.usable()
	d, unresolved := comparisons(stages)
	out.Unresolved = unresolved
	if d == nil {
		out.Why = whyUnresolved(stages, unresolved)
		return out
	}
	out.Determined, out.DriftKnown = true, d.driftKnown()
	from, to := d.from(), d.to()
	whole := e.measure(d, everyBlock)
	wider := d.wider()
	drift := d.drift(whole.mean)
	rng := rand.New(rand.NewPCG(seed, 0x65666665637473))
	drawn := make([]outcome, draws)
	drifts := make([]float64, draws)
	for i := range drawn {
		drawn[i] = e.measure(d, func(blocks int) []int { return resampled(rng, blocks) })
		drifts[i] = d.drift(drawn[i].mean)
	}
	out.Drift = cause(FromDrift, drift, drifts, wider)
	if !out.Drift.Clear() { // the estimate has none, but the intervals keep its doubt
		for i := range drifts {
			drifts[i] -= drift
		}
		drift = 0
	}
	out.From = Point{d.stages[from].Load, d.stages[from].At, math.Exp(whole.value[from])}
	out.To = Point{d.stages[to].Load, d.stages[to].At, math.Exp(whole.value[to])}
	kinds := d.kinds(from, to)
	parts := d.shares(kinds, from, to, whole.value, drift)
	spread := make([][]float64, len(parts))
	for i := range drawn {
		for k, x := range d.shares(kinds, from, to, drawn[i].value, drifts[i]) {
			spread[k] = append(spread[k], x)
		}
	}
	for k, kind := range append(kinds, FromRest) {
		out.Parts = append(out.Parts, cause(kind, parts[k], spread[k], wider))
	}
	out.Uses = d.uses(to, whole, drawn)
	return out
}

// EnoughResponses is how many responses a stage needs for its quantile (0: the mean) to be compared with that of another.
func EnoughResponses(quantile float64) float64 {
	if quantile <= 0 {
		return 30
	}
	return math.Max(30, 5/(1-quantile))
}

// usable leaves out stages with too few responses for the quantile, and sorts by time.
func (e *Experiment) usable() []*ExperimentStage {
	var list []*ExperimentStage
	need := EnoughResponses(e.Quantile)
	for i := range e.Stages {
		st := &e.Stages[i]
		var n float64
		for _, b := range st.Blocks {
			n += sum(b.Counts)
		}
		if n >= need && len(st.Blocks) > 1 {
			list = append(list, st)
		}
	}
	slices.SortStableFunc(list, func(a, b *ExperimentStage) int { return cmp.Compare(a.At, b.At) })
	return list
}

func whyUnresolved(stages []*ExperimentStage, unresolved []string) Message {
	if len(stages) < 3 {
		return Say("effects-few-stages", len(stages))
	}
	switch {
	case len(unresolved) > 1:
		return Say("effects-together")
	case slices.Contains(unresolved, FromFresh):
		return Say("effects-fresh-collinear")
	case slices.Contains(unresolved, FromCopy) && always(stages):
		return Say("effects-copy-always")
	case slices.Contains(unresolved, FromCopy):
		return Say("effects-copy-collinear")
	}
	return Say("effects-no-contrast")
}

// always tells whether every stage had about the same copy traffic.
func always(stages []*ExperimentStage) bool {
	low, high := math.Inf(1), 0.0
	for _, st := range stages {
		low, high = math.Min(low, st.Copy), math.Max(high, st.Copy)
	}
	return low > high/2
}

// outcome is the statistics of one draw by stage of the plan.
type outcome struct {
	value []float64   // logarithm of the quantile, or of the mean
	mean  []float64   // logarithm of the mean
	use   [][]float64 // by stage, then resource
}

// measure works out the statistics of the chosen blocks of each stage.
func (e *Experiment) measure(d *design, choose func(blocks int) []int) outcome {
	var o outcome
	for _, st := range d.stages {
		var counts, use, known []float64
		for sum(counts) == 0 { // again, should a draw find only blocks without responses
			counts = make([]float64, len(e.Grid))
			use, known = make([]float64, len(st.Blocks[0].Use)), make([]float64, len(st.Blocks[0].Use))
			for _, j := range choose(len(st.Blocks)) {
				b := &st.Blocks[j]
				for k, n := range b.Counts {
					counts[k] += n
				}
				for r, x := range b.Use {
					if !math.IsNaN(x) {
						use[r] += x
						known[r]++
					}
				}
			}
		}
		for r := range use {
			use[r] /= known[r] // NaN where none is known
		}
		mean := math.Log(binnedMean(e.Grid, counts))
		value := mean
		if e.Quantile > 0 {
			value = math.Log(binnedQuantile(e.Grid, counts, e.Quantile))
		}
		o.value, o.mean, o.use = append(o.value, value), append(o.mean, mean), append(o.use, use)
	}
	return o
}

func everyBlock(blocks int) []int {
	list := make([]int, blocks)
	for i := range list {
		list[i] = i
	}
	return list
}

// resampled draws one block less than there are: the mean of so many draws has the variance that the mean of the blocks
// is estimated to have, where as many draws as blocks have too little (Rao and Wu 1988).
func resampled(rng *rand.Rand, blocks int) []int {
	list := make([]int, max(blocks-1, 1))
	for i := range list {
		list[i] = rng.IntN(blocks)
	}
	return list
}

// cause is an estimate with the interval of its draws, made wider around it.
func cause(kind string, value float64, draws []float64, wider float64) Part {
	sorted := slices.Clone(draws)
	slices.Sort(sorted)
	q := quantiles(sorted)
	return Part{kind, value, math.Min(value+wider*(q.P05-value), value), math.Max(value+wider*(q.P95-value), value)}
}

func sum(list []float64) float64 {
	var s float64
	for _, x := range list {
		s += x
	}
	return s
}

func binnedMean(grid []Bin, counts []float64) float64 {
	var total, n float64
	for k, x := range counts {
		total += x * (grid[k].Low + grid[k].Width/2)
		n += x
	}
	return total / math.Max(n, 1)
}

// binnedQuantile interpolates within the bin that has the quantile.
func binnedQuantile(grid []Bin, counts []float64, q float64) float64 {
	left := q * sum(counts)
	for k, x := range counts {
		if left <= x && x > 0 {
			return grid[k].Low + grid[k].Width*left/x
		}
		left -= x
	}
	last := grid[len(grid)-1]
	return last.Low + last.Width
}
