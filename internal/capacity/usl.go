package capacity

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

// USL is the Universal Scalability Law fitted to throughput X over a load N:
//
//	X(N) = λN / (1 + σ(N−1) + κN(N−1))
//
// (Gunther, Guerrilla Capacity Planning, 2007, ch. 4). N counts what is at work at the same time, for users who think the
// number in the system N = X·R and not the number of users.
type USL struct {
	Sigma      Coefficient // σ ≥ 0: contention, what must be done one after the other
	Kappa      Coefficient // κ ≥ 0: coherency, what each has to agree on with each other
	Lambda     Coefficient // λ > 0: throughput of one, per second
	ResidualSE float64     // standard error of a single throughput
	DF         int         // points less coefficients that are not bound

	covariance *mat.SymDense // of σ, κ, λ
	tilts      [][3]float64  // by bound coefficient: all three where it is at its High and the others have followed
}

// Coefficient is an estimate with its 95 % interval Value ± t(0.975, DF)·SE by Student's t distribution. The R package usl
// prints narrower ones under that name: its factor is t(0.95, points − 1).
type Coefficient struct {
	Value, Low, High float64
	SE               float64 // standard error; 0 where Bound
	// Bound tells that the value lies on its bound. Low is then the bound, and High the one-sided 95 % limit.
	Bound bool
	// UslLow and UslHigh are what the R package usl prints as its 95 % interval, for comparison with published fits; as
	// Low and High where Bound.
	UslLow, UslHigh float64
}

// FitUSL fits the law to the throughputs x at the loads n by least squares with equal weights. It needs at least four
// points at three different loads, all loads above zero, no throughput below zero and one above.
//
// Gunther's transformation N/X = (1 + σ(N−1) + κN(N−1))/λ, which is linear in 1/λ, σ/λ and κ/λ, gives the start.
func FitUSL(n, x []float64) (USL, error) {
	if err := checkUSL(n, x); err != nil {
		return USL{}, err
	}
	q := leastSquares{
		Count: len(n),
		Start: startUSL(n, x),
		Low:   []float64{0, 0, 0},
		Residuals: func(p, r []float64) {
			for i := range n {
				r[i] = uslAt(p, n[i]) - x[i]
			}
		},
		Jacobian: func(p []float64, j *mat.Dense) {
			for i := range n {
				g := uslGradient(p, n[i])
				j.SetRow(i, g[:])
			}
		},
	}
	fit, err := q.fit()
	if err != nil {
		return USL{}, fmt.Errorf("fit the scalability law: %w", err)
	}
	u := USL{DF: fit.DF, covariance: fit.Covariance, ResidualSE: math.Sqrt(fit.SumSquares / float64(fit.DF))}
	for k, c := range []*Coefficient{&u.Sigma, &u.Kappa, &u.Lambda} {
		*c = Coefficient{Value: fit.Parameters[k], Bound: fit.Bound[k]}
		if !c.Bound {
			c.SE = math.Sqrt(fit.Covariance.At(k, k))
			d := studentT(0.975, fit.DF) * c.SE
			c.Low, c.High = math.Max(c.Value-d, 0), c.Value+d
			d = studentT(0.95, len(n)-1) * c.SE
			c.UslLow, c.UslHigh = c.Value-d, c.Value+d
			continue
		}
		high, tilt := boundLimit(fit, k, u.ResidualSE)
		c.Low, c.High = c.Value, high
		c.UslLow, c.UslHigh = c.Low, c.High
		u.tilts = append(u.tilts, tilt)
	}
	return u, nil
}

func checkUSL(n, x []float64) error {
	if len(n) != len(x) {
		return fmt.Errorf("fit the scalability law: %d loads but %d throughputs", len(n), len(x))
	}
	different := slices.Clone(n)
	slices.Sort(different)
	different = slices.Compact(different)
	if len(n) < 4 || len(different) < 3 {
		return fmt.Errorf("fit the scalability law: %d points at %d loads; at least 4 points at 3 different loads are needed",
			len(n), len(different))
	}
	some := false
	for i := range n {
		if !(n[i] > 0) || math.IsInf(n[i], 0) || !(x[i] >= 0) || math.IsInf(x[i], 0) {
			return fmt.Errorf("fit the scalability law: point %d (load %g, throughput %g) must have a load above 0 and a throughput of at least 0",
				i+1, n[i], x[i])
		}
		some = some || x[i] > 0
	}
	if !some {
		return fmt.Errorf("fit the scalability law: every throughput is 0")
	}
	return nil
}

// startUSL solves the transformed problem. An error of X changes N/X by N/X² times as much, hence the weights X²/N.
func startUSL(n, x []float64) []float64 {
	var rows [][]float64
	var y []float64
	best := 0.0
	for i := range n {
		best = math.Max(best, x[i]/n[i])
		if x[i] == 0 {
			continue
		}
		w := x[i] * x[i] / n[i]
		rows = append(rows, []float64{w, w * (n[i] - 1), w * n[i] * (n[i] - 1)})
		y = append(y, x[i])
	}
	c := nonNegative(rows, y)
	if c[0] <= 0 { // contention so strong that λ is not to be seen
		return []float64{0.1, 1e-3, best}
	}
	return []float64{c[1] / c[0], c[2] / c[0], 1 / c[0]}
}

// boundLimit is the one-sided 95 % limit of a coefficient held at its bound b, and the coefficients there, from the
// profile of the sum of squares in the linearised model: with H the curvature when the others follow and g ≥ 0 the slope,
// H·d² + 2g·d = (t·s)² is reached at b + d (likelihood ratio; Seber and Wild, Nonlinear Regression, 1989, ch. 5).
func boundLimit(f leastSquaresFit, k int, s float64) (limit float64, tilt [3]float64) {
	copy(tilt[:], f.Parameters)
	free := unheld(f.Bound)
	curvature := f.Normal.At(k, k)
	follow := make([]float64, len(free)) // change of the others for each unit of d
	if inverse, ok := invertPart(f.Normal, free); ok {
		for i := range free {
			for j, b := range free {
				follow[i] -= inverse.At(i, j) * f.Normal.At(b, k)
			}
		}
		for i, a := range free {
			curvature += follow[i] * f.Normal.At(a, k)
		}
	}
	g, room := math.Max(f.Gradient[k], 0), studentT(0.95, f.DF)*s
	d := math.Inf(1)
	if root := g + math.Sqrt(g*g+math.Max(curvature, 0)*room*room); root > 0 {
		d = room * room / root
	} else if room == 0 {
		d = 0
	}
	limit = f.Parameters[k] + d
	tilt[k] = limit
	for i, a := range free {
		tilt[a] = math.Max(tilt[a]+follow[i]*d, 0)
	}
	return limit, tilt
}

func studentT(p float64, df int) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(df)}.Quantile(p)
}

func uslAt(p []float64, n float64) float64 {
	return p[2] * n / (1 + p[0]*(n-1) + p[1]*n*(n-1))
}

// uslGradient is ∂X/∂(σ, κ, λ).
func uslGradient(p []float64, n float64) [3]float64 {
	below := 1 + p[0]*(n-1) + p[1]*n*(n-1)
	d := -p[2] * n / (below * below)
	return [3]float64{d * (n - 1), d * n * (n - 1), n / below}
}

func (u USL) values() []float64 { return []float64{u.Sigma.Value, u.Kappa.Value, u.Lambda.Value} }

// At is the throughput at a load, per second.
func (u USL) At(n float64) float64 { return uslAt(u.values(), n) }

// Peak is the load N* = √((1−σ)/κ) with the largest throughput, and that throughput. ok is false where there is none:
// κ = 0, or contention so strong that throughput falls from the first.
func (u USL) Peak() (n, x float64, ok bool) {
	if u.Kappa.Value <= 0 || u.Sigma.Value >= 1 {
		return 0, 0, false
	}
	n = math.Sqrt((1 - u.Sigma.Value) / u.Kappa.Value)
	return n, u.At(n), true
}

// Limit is the throughput λ/σ that is never reached however large the load, where κ = 0. ok is false where there is no
// such limit: with κ > 0 there is a peak, with σ = 0 as well throughput grows for ever.
func (u USL) Limit() (x float64, ok bool) {
	if u.Kappa.Value > 0 || u.Sigma.Value <= 0 {
		return 0, false
	}
	return u.Lambda.Value / u.Sigma.Value, true
}

// Latency is the mean time in the system at a load, seconds, by Little's law R = N/X(N).
func (u USL) Latency(n float64) float64 {
	return (1 + u.Sigma.Value*(n-1) + u.Kappa.Value*n*(n-1)) / u.Lambda.Value
}

// LoadFor is the smallest load with a throughput: the lower root of xκN² + (x(σ−κ) − λ)N + x(1−σ) = 0. With Latency it
// gives the time in the system at a throughput. ok is false where the throughput is never reached.
func (u USL) LoadFor(x float64) (n float64, ok bool) {
	a, b, c := x*u.Kappa.Value, x*(u.Sigma.Value-u.Kappa.Value)-u.Lambda.Value, x*(1-u.Sigma.Value)
	root := b*b - 4*a*c
	if x < 0 || b >= 0 || root < 0 {
		return 0, false
	}
	n = 2 * c / (-b + math.Sqrt(root)) // the form of the lower root that does not cancel
	return n, n >= 0
}

// Band is the 95 % confidence band of the mean throughput at a load, by the delta method: X(N) ± t·√(gᵀCg) with g the
// gradient by the coefficients and C their covariance. Where a coefficient lies on its bound, the band is widened, on the
// side to which throughput then moves, by what the coefficient's one-sided limit would change.
func (u USL) Band(n float64) (low, high float64) { return u.band(n, 0) }

// PredictionBand is the 95 % band in which a single further measurement of throughput at a load is expected: as Band, with
// the variance of one measurement added.
func (u USL) PredictionBand(n float64) (low, high float64) {
	return u.band(n, u.ResidualSE*u.ResidualSE)
}

func (u USL) band(n, single float64) (low, high float64) {
	p := u.values()
	g := uslGradient(p, n)
	variance := single
	for i := range g {
		for j := range g {
			variance += g[i] * g[j] * u.covariance.At(i, j)
		}
	}
	t := studentT(0.975, u.DF)
	down := t * t * math.Max(variance, 0)
	up := down
	mid := u.At(n)
	for _, tilt := range u.tilts {
		if d := uslAt(tilt[:], n) - mid; d < 0 {
			down += d * d
		} else {
			up += d * d
		}
	}
	return math.Max(mid-math.Sqrt(down), 0), mid + math.Sqrt(up)
}
