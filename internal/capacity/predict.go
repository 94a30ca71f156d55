package capacity

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// prediction is a forecast in the making.
type prediction struct {
	in     *Input
	opt    Options
	out    *Forecast
	pairs  []pair
	rng    *rand.Rand
	broken brokenAt

	samples []*sample         // of the first draws that gave a number
	factors []float64         // discrepancy of each draw that did
	by, res []int             // by draw: the pair that breaks first, the resource; res −1: none
	slow    map[int][]float64 // by resource whose speed changes: what is left of its capacity, several guesses
	rise    rise              // of response times that the counters do not explain
	unknown int               // draws in which nothing breaks within reach
	below   int               // draws below what the stages have shown to hold
}

// draw is one bootstrap draw on its way: what is drawn first, in order, and what is worked out from it, in any order.
type draw struct {
	blocks choice
	factor float64
	order  int       // which of the guesses at a changing speed
	shards []float64 // standard normal, one for each resource
	sample *sample
	users  float64
	by     int
	res    int
	ok     bool
}

// run makes the draws. ready completes a draw's sample; false leaves the draw out. All random numbers are drawn before the
// work is shared out, so that the result depends on the seed alone.
func (p *prediction) run(discrepancy float64, guess float64, ready func(*sample, choice) bool) {
	f := p.out
	limit := reach * f.Measured
	draws := make([]draw, p.opt.Draws)
	for i := range draws {
		draws[i].blocks = resample(p.in, p.rng)
		draws[i].factor = math.Exp(discrepancy * p.rng.NormFloat64())
		draws[i].order = p.rng.IntN(1 << 16)
		for range p.in.Resources {
			draws[i].shards = append(draws[i].shards, p.rng.NormFloat64())
		}
	}
	work := func(i int) {
		d := &draws[i]
		if f.Method == "counters" {
			d.sample = condense(p.in, d.blocks, &p.opt)
		} else {
			d.sample = condenseBlind(p.in, d.blocks, &p.opt)
		}
		for r := range p.slow { // the waits seen are those of the changing speed
			d.sample.resources[r].spread = 1
		}
		if !ready(d.sample, d.blocks) {
			return
		}
		d.sample.adapt()
		d.sample.scatter(f.Measured, d.shards)
		d.users, d.by, d.res, d.ok = d.sample.capacityOf(p.pairs, guess, limit)
		if shares := p.slow[d.res]; d.ok && len(shares) > 0 {
			d.factor *= shares[d.order%len(shares)]
		}
		if i >= keptSamples {
			d.sample = nil
		}
	}
	if work(0); draws[0].ok {
		guess = draws[0].users // for the others, which lie near it
	}
	each(len(draws)-1, func(i int) { work(i + 1) })
	var free []float64 // the draws, not held to any fact
	for i := range draws {
		d := &draws[i]
		if !d.ok {
			p.unknown++
			free = append(free, limit)
			continue
		}
		free = append(free, d.users*d.factor)
		if d.sample != nil {
			p.samples = append(p.samples, d.sample)
		}
		p.factors = append(p.factors, d.factor)
		p.by = append(p.by, d.by)
		p.res = append(p.res, d.res)
		f.Draws = append(f.Draws, p.within(d.users*d.factor))
	}
	p.aboveModel(free)
}

// keptSamples is of how many draws the samples are kept for the details, which look at fewer.
const keptSamples = 100

// each calls f for 0 to n−1 on all cores and returns when all are done.
func each(n int, f func(i int)) {
	var (
		wg   sync.WaitGroup
		next atomic.Int64
	)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}

// within keeps a draw inside what the stages have shown: above the highest load at which all objectives held clearly, and
// not above the first one at which one was broken.
func (p *prediction) within(users float64) float64 {
	if p.opt.supposes() {
		return users
	}
	if p.broken.at > 0 {
		users = math.Min(users, p.broken.at)
	}
	if users < p.out.Lower {
		p.below++
		return p.out.Lower
	}
	return users
}

// conclude turns the draws into the answer, or into "not determined".
func (p *prediction) conclude() {
	f := p.out
	if !f.Why.Empty() {
		return
	}
	if p.broken.at > 0 && !p.opt.supposes() {
		p.crossed()
	}
	n := len(f.Draws)
	if n < p.opt.Draws*9/10 {
		f.notDetermined("nothing-in-reach", p.unknown, p.opt.Draws, reach*f.Measured, reach)
		return
	}
	sorted := slices.Clone(f.Draws)
	slices.Sort(sorted)
	f.Draws = sorted
	f.Users = quantiles(sorted)
	f.Determined = true
	if (f.Method == "in-flight" || p.rise.found) && f.Users.P95 > 2*f.Users.P05 {
		f.notDetermined("weak-rise")
		return
	}
	if f.Method == "in-flight" && f.Users.P50 > reachBlind*f.Measured {
		f.notDetermined("too-far-unseen", reachBlind, f.Users.P50/f.Measured)
		return
	}
	if p.below > n/2 && p.broken.at == 0 {
		f.notDetermined("contradicted", f.Lower)
		return
	}
	if len(p.samples) > 0 {
		if r, at, seen := p.samples[0].outgrown(f.Measured); r >= 0 && !seen && f.Users.P50 > at {
			f.notDetermined("outgrown", p.resourceName(r), at)
			return
		}
	}
	if f.Users.P50 > 2.2*f.Measured {
		f.warn("far-extrapolation", f.Users.P50/f.Measured)
	}
	p.unseen()
}

// crossed handles a staircase that went over the knee: an objective was broken in a stage, so the capacity lies below it
// whatever a model says. Draws that lie above are replaced by others that do not; where hardly any is left, the model does not
// know what gave way.
func (p *prediction) crossed() {
	f := p.out
	var below []float64
	for _, d := range f.Draws {
		if d < p.broken.at {
			below = append(below, d)
		}
	}
	n := p.opt.Draws // those in which the model saw nothing coming lie above too
	if explained := float64(len(below)) / float64(n); explained < leastExplained {
		why := Say("broke-unexplained", p.broken.ref.Objective, p.broken.ref.Action, p.broken.at)
		if p.broken.ref.Action == "" { // an objective of all actions together
			why = Say("all-broke-unexplained", p.broken.ref.Objective, p.broken.at)
		}
		if p.broken.observed {
			why = Say("observed-unexplained", p.broken.at)
		}
		f.warn("unseen-bottleneck", why)
		below = below[:0]
		for range n {
			below = append(below, f.Lower+(p.broken.at-f.Lower)*p.rng.Float64())
		}
		f.First = First{ObjectiveRef: p.broken.ref, Resource: "", Probability: 1 - explained}
	}
	f.Draws = slices.Clone(below)
	for len(f.Draws) < n {
		f.Draws = append(f.Draws, below[p.rng.IntN(len(below))])
	}
}

// leastExplained is the share of the draws that must lie below a load at which an objective was broken, for the model to
// have an explanation of it.
const leastExplained = 0.05

// fewSamples leaves out objectives of actions whose time without waiting is not known well enough: fewer than five samples
// beyond the quantile at loads where hardly anyone waited. The others stand for them; if there are none, all stay.
func (p *prediction) fewSamples(whole *sample) {
	var keep []pair
	judged := false
	left := map[int]bool{}
	var names []string
	for _, q := range p.pairs {
		var n float64
		if q.action >= 0 {
			for _, x := range whole.base[q.action] {
				n += x
			}
		}
		if q.objective.Quantile > 0 && n*(1-q.objective.Quantile) < 5 {
			if !left[q.action] {
				left[q.action] = true
				names = append(names, p.in.Actions[q.action].Name)
			}
			continue
		}
		keep = append(keep, q)
		judged = judged || q.objective.Quantile > 0
	}
	if !judged || len(names) == 0 {
		return
	}
	p.pairs = keep
	p.out.warn("few-samples", strings.Join(names, ", "))
}

// missingCounters warns of resources without usable counters.
func (p *prediction) missingCounters(whole *sample) {
	for r, x := range whole.resources {
		if !x.valid && !x.linear {
			p.out.warn("counter-missing", p.in.Resources[r].Name)
		}
	}
}

// unseen compares what the model predicts for the highest stage with what was measured there. Where much more waited than
// the counters explain, a bottleneck is not observed, and a number would be wrong with confidence.
func (p *prediction) unseen() {
	if p.out.Method != "counters" || len(p.in.Stages) < 2 || p.broken.at > 0 && !p.broken.observed {
		return
	}
	s := condense(p.in, all(p.in), &Options{})
	if p.rise.found {
		s.reveal(p.rise, all(p.in))
	}
	top := len(p.in.Stages) - 1
	v := s.solver(p.in.Stages[top].Users) // with copy traffic as at its most; the other stages do not matter here
	c := all(p.in)
	worst, name := 0.0, ""
	for _, q := range p.pairs {
		if q.objective.Quantile == 0 {
			continue
		}
		at := v.s.baseQuantile(q.action, 0.9)
		probe := pair{q.action, Objective{Quantile: 0.9, Limit: at}}
		seen, n := shareAbove(p.in, top, c[top], probe)
		if n < 200 {
			continue
		}
		expect := v.above(q.action, at)
		if seen-expect > 4*math.Sqrt(expect*(1-expect)/n) && seen-expect > worst {
			worst, name = seen-expect, p.in.Actions[q.action].Name
		}
	}
	switch {
	case worst > 0.20:
		p.out.warn("unseen-bottleneck", Say("slowed-unexplained", name))
		p.out.notDetermined("unseen-rise")
	case worst > 0.10:
		p.out.warn("unseen-bottleneck-suspected", name)
	}
}

func (s *sample) baseQuantile(action int, q float64) float64 {
	var total, seen float64
	for _, n := range s.base[action] {
		total += n
	}
	for k, n := range s.base[action] {
		if seen += n; seen >= q*total {
			return s.in.Grid[k].Low + s.in.Grid[k].Width
		}
	}
	return 0
}

// quantiles of sorted draws.
func quantiles(sorted []float64) Interval {
	at := func(q float64) float64 {
		x := q * float64(len(sorted)-1)
		i := int(x)
		if i+1 >= len(sorted) {
			return sorted[len(sorted)-1]
		}
		return sorted[i] + (x-float64(i))*(sorted[i+1]-sorted[i])
	}
	return Interval{at(0.05), at(0.5), at(0.95)}
}

// modulations finds the resources whose speed changes and what that leaves of their capacity.
func (p *prediction) modulations(whole *sample) {
	p.slow = map[int][]float64{}
	for r := range p.in.Resources {
		if !whole.resources[r].valid {
			continue
		}
		m := whole.modulated(r)
		if !m.found {
			continue
		}
		whole.resources[r].spread = 1
		alone := *whole
		alone.resources = append([]resourceFit(nil), whole.resources...)
		for k := range alone.resources {
			if k != r {
				alone.resources[k].valid, alone.resources[k].linear = false, false
			}
		}
		guess, _, _, ok := alone.capacityOf(p.pairs, p.out.Measured, reach*p.out.Measured)
		if !ok {
			continue
		}
		p.slow[r] = whole.slowdown(r, m, p.pairs, guess, p.rng)
		p.out.warn("changing-speed", p.in.Resources[r].Name, Share(m.tau))
	}
}
