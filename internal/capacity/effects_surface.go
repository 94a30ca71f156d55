package capacity

import (
	"math"
	"math/bits"

	"gonum.org/v1/gonum/mat"
)

// surface is the response time over users, copy traffic and fresh accounts, interpolated on what was measured:
//
//	ln R(N, copy, fresh, t) = f(N) + β(N)·copy + γ(N)·fresh + (1 + E)·δ·t
//
// f, β and γ are linear between the measured loads; f does not fall, β and γ are not negative. Drift by a factor 1 + δ over
// the run means that all service times grow so: the platform then behaves as if everything took 1 + δ times as long and so
// many more users and copies had come, so that R changes by δ·(1 + E) with E the elasticity ∂ln R/∂ln load. Close to the
// knee, E is several, and a drift seen at the lowest load counts for several times as much at the highest.
type surface struct {
	d           *design
	f           []float64
	beta, gamma []float64 // per top of copy and fresh
	drift       float64
}

// largestElasticity bounds what a small drift may explain.
const largestElasticity = 8.0

// fit solves the regression for the logarithms y, with a drift that is known already.
func (d *design) fit(y []float64, drift float64) *surface {
	s := &surface{d: d, drift: drift}
	adjusted := mat.NewVecDense(len(y), nil)
	var x mat.VecDense
	off := make([]float64, len(y)) // what drift adds to each stage
	for round := range 12 {        // the elasticities come from the fit itself; halfway each time, so that they settle
		for i, st := range d.stages {
			if round > 0 {
				off[i] += (s.drifted(st.Load, d.time[i]) - off[i]) / 2
			}
			adjusted.SetVec(i, y[i]-off[i])
		}
		if err := d.qr.SolveVecTo(&x, false, adjusted); err != nil {
			panic(err) // the design's condition was checked
		}
		s.take(x.RawVector().Data)
		if drift == 0 {
			break
		}
	}
	return s
}

// take sets the coefficients, within the bounds: where f is pooled, the levels with copy traffic stay as they are.
func (s *surface) take(x []float64) {
	d := s.d
	raw := x[:len(d.plain)]
	pooled, err := Isotonic(raw, nil, false)
	if err != nil {
		panic(err) // logarithms of times that were measured are finite
	}
	s.f = pooled
	bound := func(effects, knots []float64) []float64 {
		out := make([]float64, len(effects))
		for k, effect := range effects {
			moved := 0.0
			for i, w := range hat(d.plain, knots[k]) {
				moved += w * (raw[i] - s.f[i])
			}
			out[k] = math.Max(effect+moved, 0)
		}
		return out
	}
	s.beta = bound(x[len(d.plain):len(d.plain)+len(d.copies)], d.copies)
	s.gamma = bound(x[len(d.plain)+len(d.copies):], d.fresh)
}

// still is ln R without drift.
func (s *surface) still(l Load) float64 {
	return interpolated(s.d.plain, s.f, l.Users) + interpolated(s.d.copies, s.beta, l.Users)*l.Copy/math.Max(s.d.top.Copy, 1e-9) +
		interpolated(s.d.fresh, s.gamma, l.Users)*l.Fresh/math.Max(s.d.top.Fresh, 1e-9)
}

// drifted is what drift adds to ln R.
func (s *surface) drifted(l Load, time float64) float64 {
	return (1 + s.elasticity(l)) * s.drift * time
}

// elasticity is the relative growth of R with the load as a whole.
func (s *surface) elasticity(l Load) float64 {
	copies, fresh := l.Copy/math.Max(s.d.top.Copy, 1e-9), l.Fresh/math.Max(s.d.top.Fresh, 1e-9)
	e := l.Users * (slope(s.d.plain, s.f, l.Users) + slope(s.d.copies, s.beta, l.Users)*copies + slope(s.d.fresh, s.gamma, l.Users)*fresh)
	e += interpolated(s.d.copies, s.beta, l.Users)*copies + interpolated(s.d.fresh, s.gamma, l.Users)*fresh
	return math.Min(math.Max(e, 0), largestElasticity)
}

func interpolated(knots, values []float64, x float64) float64 {
	var y float64
	for i, w := range hat(knots, x) {
		y += w * values[i]
	}
	return y
}

// slope is the derivative at x of the parabola through the three knots around it; of the line where there are two.
func slope(knots, values []float64, x float64) float64 {
	n := len(knots)
	if n < 2 {
		return 0
	}
	i := 0 // the knot nearest to x
	for k := range knots {
		if math.Abs(knots[k]-x) < math.Abs(knots[i]-x) {
			i = k
		}
	}
	i = min(max(i, 1), n-2)
	secant := func(k int) float64 { return (values[k+1] - values[k]) / (knots[k+1] - knots[k]) }
	if n == 2 {
		return secant(0)
	}
	left, right := secant(i-1), secant(i)
	bend := (right - left) / (knots[i+1] - knots[i-1])
	return left + bend*(2*x-knots[i-1]-knots[i])
}

// drift estimates by how much times grew over the run, as a logarithm, from stages that were repeated: least squares
// within groups of stages with the same load. It is 0 where there are none.
func (d *design) drift(y []float64) float64 {
	if !d.driftKnown() {
		return 0
	}
	estimate := 0.0
	for range 4 {
		s := d.fit(y, estimate)
		n := len(d.stages)
		meanX, meanY, count := make([]float64, n), make([]float64, n), make([]float64, n)
		x := make([]float64, n)
		for i, st := range d.stages {
			x[i] = (1 + s.elasticity(st.Load)) * d.time[i]
			c := d.cells[i]
			meanX[c] += x[i]
			meanY[c] += y[i]
			count[c]++
		}
		var xx, xy float64
		for i := range d.stages {
			c := d.cells[i]
			dx, dy := x[i]-meanX[c]/count[c], y[i]-meanY[c]/count[c]
			xx += dx * dx
			xy += dx * dy
		}
		estimate = xy / xx
	}
	return estimate
}

// shares divides the rise from one stage to another among the kinds, with the rest at the end; seconds.
func (d *design) shares(kinds []string, from, to int, y []float64, drift float64) []float64 {
	s := d.fit(y, drift)
	at := func(set uint) float64 {
		l, time := d.stages[from].Load, d.time[from]
		for k, kind := range kinds {
			if set>>k&1 == 0 {
				continue
			}
			switch kind {
			case FromUsers:
				l.Users = d.stages[to].Users
			case FromCopy:
				l.Copy = d.stages[to].Copy
			case FromFresh:
				l.Fresh = d.stages[to].Fresh
			case FromDrift:
				time = d.time[to]
			}
		}
		return math.Exp(s.still(l) + s.drifted(l, time))
	}
	n := len(kinds)
	value := make([]float64, 1<<n)
	for set := range value {
		value[set] = at(uint(set))
	}
	out := make([]float64, n+1)
	out[n] = math.Exp(y[to]) - math.Exp(y[from])
	for k := range kinds {
		for set := range value {
			if set>>k&1 == 1 {
				continue
			}
			size := bits.OnesCount(uint(set))
			// of all n! orders those in which exactly this set comes before k
			weight := 1 / float64(n) / binomial(n-1, size)
			out[k] += weight * (value[set|1<<k] - value[set])
		}
		out[n] -= out[k]
	}
	return out
}

func binomial(n, k int) float64 {
	b := 1.0
	for i := range k {
		b *= float64(n-i) / float64(i+1)
	}
	return b
}

// uses divides the use of each resource at a stage, by
//
//	use = u₀ + u₁·N + u₂·copy + u₃·fresh + d·t
//
// fitted by non-negative least squares (utilisation law: use is demand × rate, and rates are in proportion to loads); only
// drift may be negative, and only where a stage was repeated.
func (d *design) uses(to int, whole outcome, drawn []outcome) []Use {
	var list []Use
	kinds := []string{FromRest, FromUsers}
	if len(d.copies) > 0 {
		kinds = append(kinds, FromCopy)
	}
	if len(d.fresh) > 0 {
		kinds = append(kinds, FromFresh)
	}
	if d.driftKnown() {
		kinds = append(kinds, FromDrift)
	}
	for r := range whole.use[to] {
		estimate := d.divide(kinds, to, r, whole.use)
		u := Use{Value: whole.use[to][r]}
		if estimate == nil {
			list = append(list, u)
			continue
		}
		spread := make([][]float64, len(kinds))
		for i := range drawn {
			for k, x := range d.divide(kinds, to, r, drawn[i].use) {
				spread[k] = append(spread[k], x)
			}
		}
		for k, kind := range kinds {
			u.Parts = append(u.Parts, cause(kind, estimate[k], spread[k], d.wider()))
		}
		list = append(list, u)
	}
	return list
}

// divide is one such fit, evaluated at a stage; the rest takes up what the fit leaves. It is nil where the use is not known
// in every stage.
func (d *design) divide(kinds []string, to, r int, use [][]float64) []float64 {
	factor := func(kind string, i int) float64 {
		st := d.stages[i]
		switch kind {
		case FromUsers:
			return st.Users / math.Max(d.top.Users, 1)
		case FromCopy:
			return st.Copy / math.Max(d.top.Copy, 1e-9)
		case FromFresh:
			return st.Fresh / math.Max(d.top.Fresh, 1e-9)
		case FromDrift:
			return d.time[i]
		}
		return 1
	}
	var rows [][]float64
	var y []float64
	for i := range d.stages {
		x := use[i][r]
		if math.IsNaN(x) {
			return nil
		}
		w := 1 / math.Sqrt(math.Max(x, 0.02)) // the variance of use grows with it
		var row []float64
		for _, kind := range kinds {
			row = append(row, w*factor(kind, i))
		}
		if kinds[len(kinds)-1] == FromDrift { // the same once more for the other sign
			row = append(row, -row[len(row)-1])
		}
		rows, y = append(rows, row), append(y, w*x)
	}
	x := nonNegative(rows, y)
	out := make([]float64, len(kinds))
	rest := use[to][r]
	for k := 1; k < len(kinds); k++ {
		coefficient := x[k]
		if kinds[k] == FromDrift {
			coefficient -= x[k+1]
		}
		out[k] = coefficient * factor(kinds[k], to)
		rest -= out[k]
	}
	out[0] = rest
	return out
}
