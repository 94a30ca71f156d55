package testenv

import "math"

// jury judges a running simulation by batch means: the time measured is cut into batches long enough to be nearly independent
// of each other, and their scatter gives the standard error.
type jury struct {
	sim     *simulation
	charges []*charge
	seen    []int // per tally of the simulation, how many of its charges are on the list: all or none
	batches int
}

// charge is one criterion of one objective against one action: of n actions, at most the share allowed may be bad.
type charge struct {
	label, action string
	refusals      bool // bad means refused, not slow
	allowed       float64
	read          func() (n, bad int64) // since measuring began
	n, bad        int64                 // at the end of the last batch
	excess        []float64             // per batch: bad − allowed·n
}

func newJury(sim *simulation) *jury { return &jury{sim: sim} }

// sit ends a batch.
func (j *jury) sit() {
	for i := len(j.seen); i < len(j.sim.tallies); i++ {
		j.seen = append(j.seen, j.add(j.sim.tallies[i]))
	}
	for _, c := range j.charges {
		n, bad := c.read()
		for len(c.excess) < j.batches { // the action first came up in this batch
			c.excess = append(c.excess, 0)
		}
		c.excess = append(c.excess, float64(bad-c.bad)-c.allowed*float64(n-c.n))
		c.n, c.bad = n, bad
	}
	j.batches++
}

// add puts the charges against an action on the list.
func (j *jury) add(t *tally) int {
	for i := range t.judged {
		o := j.sim.objectives[t.judged[i].objective]
		if o.Quantile > 0 {
			j.charges = append(j.charges, &charge{
				label: o.Action + " " + o.quantileLabel(), action: t.action, allowed: 1 - o.Quantile,
				read: func() (int64, int64) { return t.count - t.errors, t.judged[i].over },
			})
		}
		if o.MaxErrors > 0 {
			j.charges = append(j.charges, &charge{
				label: o.Action + " " + o.errorsLabel(), action: t.action, refusals: true, allowed: o.MaxErrors,
				read: func() (int64, int64) { return t.count, t.errors },
			})
		}
	}
	return len(t.judged)
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

// sigmas is the excess of bad actions in standard errors. Batches are joined to about twenty groups, so that what is left of
// their correlation fades as the simulation grows longer. The error is never put below that of independent actions, lest
// few or even batches look certain.
func (c *charge) sigmas() float64 {
	size := max(1, len(c.excess)/20)
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
	if groups < 2 {
		return 0
	}
	variance := groups * (squares - sum*sum/groups) / (groups - 1) // of the sum
	variance = max(variance, c.allowed*(1-c.allowed)*float64(c.n))
	if variance == 0 {
		return 0
	}
	return sum / math.Sqrt(variance)
}

// margin is the log of the odds of a bad action over the odds allowed, with half an action added to either side.
func (c *charge) margin() float64 {
	bad, good := float64(c.bad)+0.5, float64(c.n-c.bad)+0.5
	return math.Log(bad/good) - math.Log(c.allowed/(1-c.allowed))
}
