package capacity

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

// What makes stages comparable.
const (
	sameLoad    = 0.05 // loads that differ by no more are one load
	bracket     = 1.6  // a load between two others is comparable to both if these differ by no more than this factor
	plainUpTo   = 0.1  // share of the most copy traffic (or fresh accounts) that counts as none
	presentFrom = 0.3  // share from which on it counts as there
	mostVIF     = 10.0 // variance inflation from which on two causes cannot be told apart (Marquardt 1970)
	repeatAfter = 0.4  // share of the run that must lie between a stage and its repetition
)

// design is the regression of log response times on the loads of the stages: hat functions of the users for the level
// without copy traffic and fresh accounts, and further ones for the effect of each of these, at the loads where stages
// with and without it can be compared.
type design struct {
	stages        []*ExperimentStage // that take part in the regression of response times, by time
	time          []float64          // by stage, from 0 to 1 over the run
	plain         []float64          // loads measured without copy traffic and fresh accounts, rising
	copies, fresh []float64          // loads measured with them
	top           Load               // the most of each
	qr            mat.QR
	rows          *mat.Dense
	cells         []int // by stage: stages with the same load throughout have the same number
}

// comparisons finds the stages that can be compared and the causes that they tell apart; nil where none is.
func comparisons(stages []*ExperimentStage) (*design, []string) {
	var top Load
	for _, st := range stages {
		top.Users, top.Copy, top.Fresh = math.Max(top.Users, st.Users), math.Max(top.Copy, st.Copy), math.Max(top.Fresh, st.Fresh)
	}
	var unresolved []string
	try := func(copies, fresh bool) *design {
		var some []*ExperimentStage
		for _, st := range stages {
			if (copies || st.Copy <= plainUpTo*top.Copy) && (fresh || st.Fresh <= plainUpTo*top.Fresh) {
				some = append(some, st)
			}
		}
		return newDesign(some, top, copies && top.Copy > 0, fresh && top.Fresh > 0)
	}
	if d := try(true, true); d != nil {
		return d, nil
	}
	if top.Fresh > 0 {
		unresolved = []string{FromFresh}
		if top.Copy > 0 {
			if d := try(true, false); d != nil {
				return d, unresolved
			}
			if d := try(false, true); d != nil {
				return d, []string{FromCopy}
			}
			unresolved = []string{FromCopy, FromFresh}
		}
	} else if top.Copy > 0 {
		unresolved = []string{FromCopy}
	}
	return nil, unresolved
}

// newDesign returns nil where a cause that should be told apart cannot be.
func newDesign(stages []*ExperimentStage, top Load, copies, fresh bool) *design {
	d := &design{top: top}
	if len(stages) < 3 || !copies && !fresh {
		return nil
	}
	var plain, withCopy, withFresh []float64
	for _, st := range stages {
		if st.Copy <= plainUpTo*top.Copy && st.Fresh <= plainUpTo*top.Fresh {
			plain = append(plain, st.Users)
		}
	}
	d.plain = knots(plain)
	first, last := stages[0].At, stages[len(stages)-1].At
	for _, st := range stages {
		if !d.comparable(st.Users) {
			continue
		}
		d.stages = append(d.stages, st)
		d.time = append(d.time, (st.At-first)/math.Max(last-first, 1e-9))
		if st.Copy >= presentFrom*top.Copy && copies {
			withCopy = append(withCopy, st.Users)
		}
		if st.Fresh >= presentFrom*top.Fresh && fresh {
			withFresh = append(withFresh, st.Users)
		}
	}
	d.copies, d.fresh = knots(withCopy), knots(withFresh)
	// an effect seen only far below the highest load says nothing of the knee
	if copies && (len(d.copies) == 0 || d.copies[len(d.copies)-1] < top.Users/2) ||
		fresh && (len(d.fresh) == 0 || d.fresh[len(d.fresh)-1] < top.Users/2) {
		return nil
	}
	columns := len(d.plain) + len(d.copies) + len(d.fresh)
	if len(d.stages) < columns {
		return nil
	}
	d.rows = mat.NewDense(len(d.stages), columns, nil)
	for i, st := range d.stages {
		d.rows.SetRow(i, d.row(st.Load))
	}
	for j := len(d.plain); j < columns; j++ {
		if inflation(d.rows, j) > mostVIF {
			return nil
		}
	}
	d.qr.Factorize(d.rows)
	if d.qr.Cond() > 1e8 {
		return nil
	}
	d.cells = make([]int, len(d.stages))
	for i, st := range d.stages {
		d.cells[i] = i
		for j, other := range d.stages[:i] {
			if alike(st.Users, other.Users, sameLoad*top.Users) && alike(st.Copy, other.Copy, 0.15*top.Copy) && alike(st.Fresh, other.Fresh, 0.15*top.Fresh) {
				d.cells[i] = d.cells[j]
				break
			}
		}
	}
	return d
}

func alike(a, b, within float64) bool { return math.Abs(a-b) <= within }

// knots are the loads, each group of nearly equal ones as its mean, rising.
func knots(loads []float64) []float64 {
	slices.Sort(loads)
	var list []float64
	for i := 0; i < len(loads); {
		j := i
		for j < len(loads) && loads[j] <= loads[i]*(1+sameLoad) {
			j++
		}
		list = append(list, sum(loads[i:j])/float64(j-i))
		i = j
	}
	return list
}

// comparable tells whether plain stages say what would be at this load without copy traffic.
func (d *design) comparable(users float64) bool {
	for i, k := range d.plain {
		if alike(users, k, sameLoad*k) || i > 0 && users > d.plain[i-1] && users < k && k <= bracket*d.plain[i-1] {
			return true
		}
	}
	return false
}

// row is the regression's row at a load.
func (d *design) row(l Load) []float64 {
	row := hat(d.plain, l.Users)
	for _, w := range hat(d.copies, l.Users) {
		row = append(row, w*l.Copy/math.Max(d.top.Copy, 1e-9))
	}
	for _, w := range hat(d.fresh, l.Users) {
		row = append(row, w*l.Fresh/math.Max(d.top.Fresh, 1e-9))
	}
	return row
}

// hat is the weights of the knots in the linear interpolation at x; beyond the ends the nearest knot alone.
func hat(knots []float64, x float64) []float64 {
	w := make([]float64, len(knots))
	if len(knots) == 0 {
		return w
	}
	i, found := slices.BinarySearch(knots, x)
	switch {
	case found || i == 0:
		w[i] = 1
	case i == len(knots):
		w[i-1] = 1
	default:
		w[i] = (x - knots[i-1]) / (knots[i] - knots[i-1])
		w[i-1] = 1 - w[i]
	}
	return w
}

// inflation is the variance inflation of one column's coefficient: 1/(1 − R²) of the column regressed on the others.
func inflation(a *mat.Dense, column int) float64 {
	m, n := a.Dims()
	y := mat.NewVecDense(m, mat.Col(nil, column, a))
	total := mat.Dot(y, y)
	if total == 0 {
		return math.Inf(1)
	}
	// modified Gram–Schmidt: what is left of the column after projection on each of the others, made orthogonal
	var basis []*mat.VecDense
	for j := range n {
		if j == column {
			continue
		}
		v := mat.NewVecDense(m, mat.Col(nil, j, a))
		norm := mat.Norm(v, 2)
		for _, b := range basis {
			v.AddScaledVec(v, -mat.Dot(v, b), b)
		}
		if left := mat.Norm(v, 2); left > 1e-9*norm {
			v.ScaleVec(1/left, v)
			basis = append(basis, v)
		}
	}
	for _, b := range basis {
		y.AddScaledVec(y, -mat.Dot(y, b), b)
	}
	return total / math.Max(mat.Dot(y, y), 1e-12*total)
}

// driftKnown tells whether some stage was repeated late enough to see drift.
func (d *design) driftKnown() bool {
	for i := range d.cells {
		if d.time[i]-d.time[d.cells[i]] >= repeatAfter {
			return true
		}
	}
	return false
}

// from is the first stage at the lowest load without copy traffic and fresh accounts.
func (d *design) from() int {
	for i, st := range d.stages {
		if d.isPlain(st) && alike(st.Users, d.plain[0], sameLoad*d.plain[0]) {
			return i
		}
	}
	return 0
}

func (d *design) isPlain(st *ExperimentStage) bool {
	return st.Copy <= plainUpTo*d.top.Copy && st.Fresh <= plainUpTo*d.top.Fresh
}

// to is the stage with the highest load among those with copy traffic or fresh accounts; at one load the one with the most.
func (d *design) to() int {
	best, most := 0, math.Inf(-1)
	for i, st := range d.stages {
		share := st.Copy/math.Max(d.top.Copy, 1e-9) + st.Fresh/math.Max(d.top.Fresh, 1e-9)
		if share < presentFrom {
			continue
		}
		// one load is a few per cent wide, and what copies or is fresh adds up to two
		if x := st.Users/(sameLoad*d.top.Users) + share/2; x > most {
			best, most = i, x
		}
	}
	return best
}

// kinds are the causes that differ between two stages.
func (d *design) kinds(from, to int) []string {
	a, b := d.stages[from], d.stages[to]
	var kinds []string
	if !alike(a.Users, b.Users, sameLoad*a.Users) {
		kinds = append(kinds, FromUsers)
	}
	if len(d.copies) > 0 && b.Copy > plainUpTo*d.top.Copy {
		kinds = append(kinds, FromCopy)
	}
	if len(d.fresh) > 0 && b.Fresh > plainUpTo*d.top.Fresh {
		kinds = append(kinds, FromFresh)
	}
	if d.driftKnown() {
		kinds = append(kinds, FromDrift)
	}
	return kinds
}

// wider is by how much the intervals of a bootstrap over few blocks must be wider: Student's quantile over the normal one,
// with the blocks of the stage that has fewest.
func (d *design) wider() float64 {
	fewest := len(d.stages[0].Blocks)
	for _, st := range d.stages {
		fewest = min(fewest, len(st.Blocks))
	}
	return distuv.StudentsT{Sigma: 1, Nu: float64(fewest - 1)}.Quantile(0.95) / distuv.UnitNormal.Quantile(0.95)
}
