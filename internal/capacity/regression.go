package capacity

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// regression is a solution of linear least squares with what the data say about each coefficient.
type regression struct {
	x          []float64
	se         []float64     // standard errors; of a coefficient at its bound zero what it would be if it were free
	bound      []bool        // at the bound zero
	collinear  []bool        // not to be told from others, see worstIndex
	covariance *mat.SymDense // zero where bound
	condition  float64       // largest condition index
	s          float64       // standard error of a residual
	df         int
}

// worstIndex is the condition index above which columns count as collinear. A coefficient is not determined when more than
// half of its variance comes from such directions (Belsley, Kuh and Welsch, Regression Diagnostics, 1980, ch. 3: 30 and a
// half). Columns are scaled to unit length and not centred.
const worstIndex = 30

// regress solves min |A·x − y|, with x ≥ 0 if positive is set; rows and y are weighted already. It fails where rows have
// different lengths, where a value is not finite, and where no degree of freedom is left.
func regress(rows [][]float64, y []float64, positive bool) (*regression, error) {
	if len(rows) == 0 || len(rows[0]) == 0 || len(rows) != len(y) {
		return nil, errors.New("regression: no rows or no columns")
	}
	n := len(rows[0])
	for i, row := range rows {
		if len(row) != n {
			return nil, fmt.Errorf("regression: row %d has %d columns, the first %d", i+1, len(row), n)
		}
		for _, v := range append(row[:n:n], y[i]) {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("regression: row %d has a value that is not finite", i+1)
			}
		}
	}
	r := &regression{
		x: make([]float64, n), se: make([]float64, n), bound: make([]bool, n), collinear: make([]bool, n),
		covariance: mat.NewSymDense(n, nil),
	}
	if err := r.diagnose(rows); err != nil {
		return nil, err
	}
	if positive {
		r.x = nonNegative(rows, y)
		for k, v := range r.x {
			r.bound[k] = v == 0
		}
	}
	free := unheld(r.bound)
	part, err := decompose(rows, free)
	if err != nil {
		return nil, err
	}
	if !positive {
		part.solve(y, r.x)
	}
	var sum float64
	for i, row := range rows {
		d := y[i]
		for k, v := range row {
			d -= v * r.x[k]
		}
		sum += d * d
	}
	if r.df = len(rows) - part.rank(); r.df < 1 {
		return nil, fmt.Errorf("regression: %d observations do not suffice for %d coefficients; measure more", len(rows), n)
	}
	r.s = math.Sqrt(sum / float64(r.df))
	for i, a := range free {
		for j, b := range free[:i+1] {
			r.covariance.SetSym(a, b, r.s*r.s*part.inverse(i, j))
		}
		r.se[a] = math.Sqrt(r.covariance.At(a, a))
	}
	for k, bound := range r.bound {
		if !bound {
			continue
		}
		with, err := decompose(rows, append(free[:len(free):len(free)], k))
		if err != nil {
			return nil, err
		}
		r.se[k] = r.s * math.Sqrt(with.inverse(len(free), len(free)))
	}
	return r, nil
}

// diagnose finds which columns are collinear.
func (r *regression) diagnose(rows [][]float64) error {
	var use []int
	for k := range r.collinear {
		r.collinear[k] = true // a column of zeros says nothing
		for _, row := range rows {
			if row[k] != 0 {
				use = append(use, k)
				break
			}
		}
	}
	all, err := decompose(rows, use)
	if err != nil || len(use) == 0 {
		return err
	}
	if len(rows) < len(use) {
		r.condition = math.Inf(1)
		return nil // the directions without data are not even listed
	}
	for i, k := range use {
		var far, sum float64
		for j, s := range all.sizes {
			size := math.Max(s, 1e-12*all.sizes[0])
			share := all.v.At(i, j) / size
			index := all.sizes[0] / size
			r.condition = math.Max(r.condition, index)
			sum += share * share
			if index > worstIndex {
				far += share * share
			}
		}
		r.collinear[k] = far > sum/2
	}
	return nil
}

// decomposition is the singular value decomposition of some columns of unit length.
type decomposition struct {
	use   []int
	norm  []float64
	sizes []float64 // singular values, falling
	u, v  mat.Dense
}

func decompose(rows [][]float64, use []int) (*decomposition, error) {
	d := &decomposition{use: use, norm: make([]float64, len(use))}
	if len(use) == 0 {
		return d, nil
	}
	m := mat.NewDense(len(rows), len(use), nil)
	for j, k := range use {
		for i := range rows {
			d.norm[j] = math.Hypot(d.norm[j], rows[i][k])
		}
		for i := range rows {
			if d.norm[j] > 0 {
				m.Set(i, j, rows[i][k]/d.norm[j])
			}
		}
	}
	var svd mat.SVD
	if !svd.Factorize(m, mat.SVDThin) {
		return nil, errors.New("regression: the singular values cannot be computed")
	}
	d.sizes = svd.Values(nil)
	svd.UTo(&d.u)
	svd.VTo(&d.v)
	return d, nil
}

// rank counts the singular values that are not zero to rounding.
func (d *decomposition) rank() int {
	n := 0
	for _, s := range d.sizes {
		if s > 1e-10*d.sizes[0] {
			n++
		}
	}
	return n
}

// inverse is an element of the (pseudo-)inverse of AᵀA over the columns in use.
func (d *decomposition) inverse(i, j int) (sum float64) {
	if d.norm[i] == 0 || d.norm[j] == 0 {
		return 0
	}
	for k := range d.rank() {
		sum += d.v.At(i, k) * d.v.At(j, k) / (d.sizes[k] * d.sizes[k])
	}
	return sum / (d.norm[i] * d.norm[j])
}

// solve sets x to the shortest solution over the columns in use.
func (d *decomposition) solve(y, x []float64) {
	for k := range d.rank() {
		var dot float64
		for i, v := range y {
			dot += d.u.At(i, k) * v
		}
		for j, to := range d.use {
			if d.norm[j] > 0 {
				x[to] += d.v.At(j, k) * dot / d.sizes[k] / d.norm[j]
			}
		}
	}
}
