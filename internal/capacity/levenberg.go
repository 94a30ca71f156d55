package capacity

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// leastSquares is a problem of non-linear least squares: find the parameters p with Low ≤ p ≤ High that make the sum of
// squares of Count residuals smallest.
type leastSquares struct {
	Count     int
	Residuals func(p, r []float64)            // fills the Count residuals r at p
	Jacobian  func(p []float64, j *mat.Dense) // fills ∂r/∂p, Count rows; nil: by central differences
	Start     []float64                       // moved into the bounds
	Low, High []float64                       // nil: unbounded
}

// leastSquaresFit is a solution of a leastSquares problem.
type leastSquaresFit struct {
	Parameters []float64
	Bound      []bool // the parameter lies on its bound, and the sum of squares would fall beyond it
	SumSquares float64
	DF         int // residuals less parameters that are not bound
	// Covariance of the parameters, s²·(JᵀJ)⁻¹ over those that are not bound and zero elsewhere. All zero where DF is 0.
	Covariance *mat.SymDense
	Normal     *mat.SymDense // JᵀJ over all parameters
	Gradient   []float64     // Jᵀr, half the slope of the sum of squares
}

const levenbergSteps = 500

// fit solves the problem by the method of Levenberg (1944) and Marquardt (1963): steps δ with
//
//	(JᵀJ + μ·D)·δ = −Jᵀr
//
// D being the largest diagonal of JᵀJ so far (Moré 1978), μ following the gain as Nielsen (1999) proposes. Bounds are kept
// by an active set: a parameter on its bound whose step would leave it is held, and steps of the others are clamped.
// It fails where there are fewer residuals than parameters, where the residuals at the start are not finite, where the
// data do not determine the parameters (JᵀJ singular), or where 500 steps do not suffice.
func (q leastSquares) fit() (leastSquaresFit, error) {
	l, err := q.start()
	if err != nil {
		return leastSquaresFit{}, err
	}
	for range levenbergSteps {
		l.derive()
		if l.done() {
			return l.finish()
		}
		if !l.improve() { // no smaller sum of squares can be told from this one in floating point
			return l.finish()
		}
	}
	return leastSquaresFit{}, fmt.Errorf("least squares: no minimum after %d steps; try another start", levenbergSteps)
}

// levenberg is the state of one solution.
type levenberg struct {
	leastSquares
	p, r, try, tryR []float64
	jacobian        *mat.Dense
	normal          *mat.SymDense
	gradient, scale []float64
	held            []bool
	sum, mu, grow   float64
	flat            bool // the last step changed nothing that matters
}

func (q leastSquares) start() (*levenberg, error) {
	n := len(q.Start)
	switch {
	case n == 0:
		return nil, errors.New("least squares: no parameters")
	case q.Count < n:
		return nil, fmt.Errorf("least squares: %d points for %d parameters", q.Count, n)
	case q.Low != nil && len(q.Low) != n || q.High != nil && len(q.High) != n:
		return nil, fmt.Errorf("least squares: bounds for %d and %d of %d parameters", len(q.Low), len(q.High), n)
	}
	l := &levenberg{
		leastSquares: q,
		p:            make([]float64, n), try: make([]float64, n),
		r: make([]float64, q.Count), tryR: make([]float64, q.Count),
		jacobian: mat.NewDense(q.Count, n, nil), normal: mat.NewSymDense(n, nil),
		gradient: make([]float64, n), scale: make([]float64, n), held: make([]bool, n),
		mu: 1e-3, grow: 2,
	}
	for k, x := range q.Start {
		if q.Low != nil && q.High != nil && q.Low[k] > q.High[k] {
			return nil, fmt.Errorf("least squares: bounds of parameter %d are crossed: %g > %g", k, q.Low[k], q.High[k])
		}
		l.p[k] = l.clamp(k, x)
	}
	q.Residuals(l.p, l.r)
	l.sum = sumSquares(l.r)
	if math.IsNaN(l.sum) || math.IsInf(l.sum, 0) {
		return nil, errors.New("least squares: the residuals at the start are not finite")
	}
	return l, nil
}

func (l *levenberg) clamp(k int, x float64) float64 {
	if l.Low != nil {
		x = math.Max(x, l.Low[k])
	}
	if l.High != nil {
		x = math.Min(x, l.High[k])
	}
	return x
}

// derive updates the Jacobian, JᵀJ, Jᵀr and which parameters are held on their bound.
func (l *levenberg) derive() {
	if l.Jacobian != nil {
		l.Jacobian(l.p, l.jacobian)
	} else {
		l.differences()
	}
	n := len(l.p)
	raw := l.jacobian.RawMatrix()
	for a := range n {
		for b := a; b < n; b++ {
			var sum float64
			for i := range l.Count {
				sum += raw.Data[i*raw.Stride+a] * raw.Data[i*raw.Stride+b]
			}
			l.normal.SetSym(a, b, sum)
		}
		var g float64
		for i, r := range l.r {
			g += raw.Data[i*raw.Stride+a] * r
		}
		l.gradient[a] = g
		l.scale[a] = math.Max(l.scale[a], l.normal.At(a, a))
		l.held[a] = l.Low != nil && l.p[a] <= l.Low[a] && g >= 0 || l.High != nil && l.p[a] >= l.High[a] && g <= 0
	}
}

// differences fills the Jacobian by central differences, one-sided at a bound.
func (l *levenberg) differences() {
	up, down := make([]float64, l.Count), make([]float64, l.Count)
	p := append([]float64(nil), l.p...)
	for k, x := range l.p {
		h := 6e-6 * math.Max(math.Abs(x), 1e-4) // near the cube root of the rounding error
		p[k] = l.clamp(k, x+h)
		high := p[k]
		l.Residuals(p, up)
		p[k] = l.clamp(k, x-h)
		low := p[k]
		l.Residuals(p, down)
		p[k] = x
		for i := range up {
			d := 0.0
			if high > low {
				d = (up[i] - down[i]) / (high - low)
			}
			l.jacobian.Set(i, k, d)
		}
	}
}

// done tells whether the residuals are orthogonal to every direction in which a step is allowed: the cosine between them
// is below 1e-10.
func (l *levenberg) done() bool {
	if l.sum == 0 || l.flat {
		return true
	}
	for k, g := range l.gradient {
		if !l.held[k] && math.Abs(g) > 1e-10*math.Sqrt(l.normal.At(k, k)*l.sum) {
			return false
		}
	}
	return true
}

// improve takes one step that makes the sum of squares smaller, and tells whether there was one.
func (l *levenberg) improve() bool {
	for l.mu < 1e16 {
		step, ok := l.step()
		if !ok {
			l.harder()
			continue
		}
		var expected, moved float64
		for k, d := range step {
			l.try[k] = l.clamp(k, l.p[k]+d)
			d = l.try[k] - l.p[k]
			step[k] = d
			expected -= 2 * d * l.gradient[k]
			moved = math.Max(moved, math.Abs(d)/(math.Abs(l.p[k])+1e-12))
		}
		for a, d := range step {
			for b, e := range step {
				expected -= d * e * l.normal.At(a, b)
			}
		}
		l.Residuals(l.try, l.tryR)
		sum := sumSquares(l.tryR)
		if gain := l.sum - sum; gain > 0 { // false for NaN too
			l.flat = gain < 1e-14*l.sum && moved < 1e-9
			ratio := gain / math.Max(expected, 1e-300)
			l.mu = math.Max(l.mu*math.Max(1.0/3, 1-math.Pow(2*ratio-1, 3)), 1e-15)
			l.grow = 2
			l.p, l.try = l.try, l.p
			l.r, l.tryR = l.tryR, l.r
			l.sum = sum
			return true
		}
		if moved < 1e-14 {
			return false
		}
		l.harder()
	}
	return false
}

func (l *levenberg) harder() {
	l.mu *= l.grow
	l.grow *= 2
}

// step solves for δ over the parameters that are not held.
func (l *levenberg) step() ([]float64, bool) {
	free := unheld(l.held)
	m := mat.NewSymDense(len(free), nil)
	b := mat.NewVecDense(len(free), nil)
	for i, a := range free {
		for j := i; j < len(free); j++ {
			m.SetSym(i, j, l.normal.At(a, free[j]))
		}
		m.SetSym(i, i, m.At(i, i)+l.mu*math.Max(l.scale[a], 1e-300))
		b.SetVec(i, -l.gradient[a])
	}
	var chol mat.Cholesky
	if !chol.Factorize(m) {
		return nil, false
	}
	var x mat.VecDense
	if err := chol.SolveVecTo(&x, b); err != nil && math.IsInf(chol.Cond(), 1) {
		return nil, false
	}
	step := make([]float64, len(l.p))
	for i, a := range free {
		step[a] = x.AtVec(i)
	}
	return step, true
}

func (l *levenberg) finish() (leastSquaresFit, error) {
	l.derive()
	f := leastSquaresFit{
		Parameters: l.p, Bound: l.held, SumSquares: l.sum,
		Normal: l.normal, Gradient: l.gradient, Covariance: mat.NewSymDense(len(l.p), nil),
	}
	free := unheld(l.held)
	f.DF = l.Count - len(free)
	if len(free) == 0 {
		return f, nil
	}
	inverse, ok := invertPart(l.normal, free)
	if !ok {
		return leastSquaresFit{}, errors.New("least squares: the data do not determine the parameters; measure at more different loads")
	}
	if f.DF > 0 {
		for i, a := range free {
			for j, b := range free[:i+1] {
				f.Covariance.SetSym(a, b, l.sum/float64(f.DF)*inverse.At(i, j))
			}
		}
	}
	return f, nil
}

// unheld lists the indices that are false.
func unheld(held []bool) []int {
	var free []int
	for k, h := range held {
		if !h {
			free = append(free, k)
		}
	}
	return free
}

// invertPart inverts the rows and columns use of a positive definite matrix, scaled to a unit diagonal first. ok is false
// where it is singular to working precision.
func invertPart(m mat.Symmetric, use []int) (inverse *mat.SymDense, ok bool) {
	n := len(use)
	scaled := mat.NewSymDense(n, nil)
	for i, a := range use {
		for j, b := range use[:i+1] {
			d := math.Sqrt(m.At(a, a) * m.At(b, b))
			if d == 0 {
				return nil, false
			}
			scaled.SetSym(i, j, m.At(a, b)/d)
		}
	}
	var chol mat.Cholesky
	if !chol.Factorize(scaled) || chol.Cond() > 1e14 {
		return nil, false
	}
	inverse = mat.NewSymDense(n, nil)
	if err := chol.InverseTo(inverse); err != nil {
		return nil, false
	}
	for i, a := range use {
		for j, b := range use[:i+1] {
			inverse.SetSym(i, j, inverse.At(i, j)/math.Sqrt(m.At(a, a)*m.At(b, b)))
		}
	}
	return inverse, true
}

func sumSquares(r []float64) float64 {
	var sum float64
	for _, x := range r {
		sum += x * x
	}
	return sum
}
