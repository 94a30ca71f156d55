package testenv

import "math"

// jury judges a running simulation by batch means: the time measured is cut into batches long enough to be nearly independent
// of each other, and their scatter gives the standard error.
type jury struct {
	sim     *simulation
	charges []*charge
	errors  []*charge // by objective: its charge against errors, or nil
	seen    int       // so many of the simulation's tallies have been charged
	batches int
}

// charge is one criterion of one objective: of the actions that it is about, at most the share allowed may be bad.
type charge struct {
	label, action string
	allowed       float64
	counts        []count
	errors        bool      // bad means refused or given up, not slow
	n, bad        int64     // at the end of the last batch
	excess        []float64 // per batch: bad − allowed·n
}

// count is what a charge reads of one action; judged is nil where it is about errors.
type count struct {
	tally  *tally
	judged *judged
}

func (c count) read() (n, bad int64) {
	if c.judged == nil {
		return c.tally.count, c.tally.errors
	}
	return c.tally.count - c.tally.errors, c.judged.over
}

func newJury(sim *simulation) *jury {
	return &jury{sim: sim, errors: make([]*charge, len(sim.objectives))}
}

// sit ends a batch.
func (j *jury) sit() {
	for ; j.seen < len(j.sim.tallies); j.seen++ {
		j.add(j.sim.tallies[j.seen])
	}
	for _, c := range j.charges {
		n, bad := int64(0), int64(0)
		for _, k := range c.counts {
			more, worse := k.read()
			n, bad = n+more, bad+worse
		}
		for len(c.excess) < j.batches { // the action first came up in this batch
			c.excess = append(c.excess, 0)
		}
		c.excess = append(c.excess, float64(bad-c.bad)-c.allowed*float64(n-c.n))
		c.n, c.bad = n, bad
	}
	j.batches++
}

// add charges an action: with its own slowness, and with its part in the errors.
func (j *jury) add(t *tally) {
	for i := range t.judged {
		g := &t.judged[i]
		o := j.sim.objectives[g.objective]
		if o.Quantile > 0 {
			j.charges = append(j.charges, &charge{
				label: o.Action + " " + o.quantileLabel(), action: t.action, allowed: 1 - o.Quantile, counts: []count{{t, g}},
			})
		}
		if o.MaxErrors == 0 {
			continue
		}
		c := j.errors[g.objective]
		if c == nil {
			c = &charge{label: o.Action + " " + o.errorsLabel(), allowed: o.MaxErrors, errors: true}
			j.errors[g.objective] = c
			j.charges = append(j.charges, c)
		}
		c.counts = append(c.counts, count{tally: t})
	}
}

// enough is how many bad actions a charge must allow for before it is judged; chance rules below.
const enough = 10

// verdict names the worst charge, and says whether some objective is certainly broken or all of them certainly hold.
// Charges against actions too rare to judge only keep it from saying that all hold, while they look broken. Without any other
// charge everything holds.
func (j *jury) verdict() (worst *charge, broken, held bool) {
	worst, held = &charge{allowed: 0.5, n: 1 << 40}, true
	most := math.Inf(-1)
	for _, c := range j.charges {
		if allowed := c.allowed * float64(c.n); allowed < enough {
			held = held && float64(c.bad) <= allowed
			continue
		}
		z := c.sigmas()
		broken = broken || z > certain
		held = held && z < -certain
		if m := c.margin(); m > most {
			most, worst = m, c
		}
	}
	return worst, broken, held
}

// deviation is the standard error of the number of bad actions. Batches are joined to about 20 groups and to about 8, so that
// what is left of their correlation fades as the simulation grows longer, and the larger result counts. It is never put below
// that of independent actions, lest few or even batches look certain.
func (c *charge) deviation() float64 {
	variance := c.allowed * (1 - c.allowed) * float64(c.n)
	for _, many := range []int{20, 8} {
		size := max(1, len(c.excess)/many)
		groups, sum, squares := 0.0, 0.0, 0.0
		for at := 0; at+size <= len(c.excess); at += size {
			g := 0.0
			for _, x := range c.excess[at : at+size] {
				g += x
			}
			groups++
			sum += g
			squares += g * g
		}
		if groups > 1 {
			variance = max(variance, groups*(squares-sum*sum/groups)/(groups-1))
		}
	}
	return math.Sqrt(variance)
}

// sigmas is the excess of bad actions in standard errors.
func (c *charge) sigmas() float64 {
	excess, deviation := float64(c.bad)-c.allowed*float64(c.n), c.deviation()
	if deviation == 0 || len(c.excess) < 2 {
		return 0
	}
	return excess / deviation
}

// margin is the log of the odds of a bad action over the odds allowed, with half an action added to either side.
func (c *charge) margin() float64 {
	bad, good := float64(c.bad)+0.5, float64(c.n-c.bad)+0.5
	return math.Log(bad/good) - math.Log(c.allowed/(1-c.allowed))
}

// error is the standard error of the margin: with the share p of n actions bad, ∂ margin/∂ bad = 1 ÷ (n·p·(1−p)).
func (c *charge) error() float64 {
	n := float64(c.n) + 1
	p := (float64(c.bad) + 0.5) / n
	return c.deviation() / (n * p * (1 - p))
}

// against names the action that a charge is about; of errors, the one with the most of them.
func (c *charge) against() string {
	if !c.errors {
		return c.action
	}
	name, most := "", int64(-1)
	for _, k := range c.counts {
		if k.tally.errors > most {
			most, name = k.tally.errors, k.tally.action
		}
	}
	return name
}
