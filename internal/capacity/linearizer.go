package capacity

import (
	"errors"
	"math"
)

// SolveBardSchweitzer returns approximate mean values of a network with any number of classes (Bard 1979; Schweitzer 1979).
// A customer of class c who arrives finds the mean numbers of a network with one customer of its class less; the method
// takes the share F_ik of class i that is at center k to be the same in both:
//
//	R_ck = D_ck·φ_k(Σ_i (N_i − [i=c])·F_ik),  X_c = N_c/(Z_c + Σ_k R_ck),  F_ck = X_c·R_ck/N_c
//
// φ_k(q), how much longer a stay is than the service alone when q customers are found on average, is 1 + q for one server
// and 1 for a delay. For several servers or other speeds it is Σ_n p(n)·(n+1)/α(n+1) with
// p(n) ∝ Π_{j=1..n} (M−j+1)·a/α(j), the distribution at a center that M customers visit from a delay, with a such that its mean is q;
// this is exact where the center is the only queue (compare Station). Linearizer's response times are then right to 3 %,
// where the usual split into a fast server and a delay (Seidmann, Schweitzer and Shalev-Oren 1987) errs by up to 15 %
// (TestLinearizerManyServers).
//
// It fails where the network is not valid or the equations do not converge.
func (n Network) SolveBardSchweitzer() (NetworkSolution, error) {
	l, err := n.linearizer()
	if err != nil {
		return NetworkSolution{}, err
	}
	if err := l.core(-1); err != nil {
		return NetworkSolution{}, err
	}
	return l.solution(), nil
}

// SolveLinearizer returns approximate mean values as SolveBardSchweitzer does, only that the shares may differ with one
// customer less (Linearizer; Chandy and Neuse 1982). The differences D_ikj = F_ik(N − e_j) − F_ik(N) are estimated by
// solving the networks with one customer of each class less, three times over, each time with the latest differences. The
// error is mostly a tenth of that of Bard and Schweitzer's method (TestApproximateAgainstExact).
func (n Network) SolveLinearizer() (NetworkSolution, error) {
	l, err := n.linearizer()
	if err != nil {
		return NetworkSolution{}, err
	}
	for range 3 {
		if err := l.core(-1); err != nil {
			return NetworkSolution{}, err
		}
		full := l.share
		less := make([][][]float64, len(n.Classes))
		for j := range n.Classes {
			l.share = cloneRows(full)
			if n.Classes[j].Customers > 0 {
				if err := l.core(j); err != nil {
					return NetworkSolution{}, err
				}
			}
			less[j] = l.share
		}
		l.share = full
		for j := range less {
			for k := range l.difference {
				for i := range l.difference[k] {
					l.difference[k][i][j] = less[j][k][i] - full[k][i]
				}
			}
		}
	}
	if err := l.core(-1); err != nil {
		return NetworkSolution{}, err
	}
	return l.solution(), nil
}

// linearizer is the state of one approximate solution.
type linearizer struct {
	Network
	demands    [][]float64   // by center and class
	share      [][]float64   // by center and class: F
	difference [][][]float64 // by center, class i and class j removed: D
	response   [][]float64   // by center and class
	rate       []float64     // by center: log a, where the last search for it ended
}

func (n Network) linearizer() (*linearizer, error) {
	demands, err := n.check()
	if err != nil {
		return nil, err
	}
	l := &linearizer{Network: n, demands: demands, rate: make([]float64, len(n.Centers))}
	for k := range n.Centers {
		l.response = append(l.response, make([]float64, len(n.Classes)))
		l.share = append(l.share, make([]float64, len(n.Classes)))
		l.difference = append(l.difference, nil)
		for c, class := range n.Classes {
			l.difference[k] = append(l.difference[k], make([]float64, len(n.Classes)))
			cycle := class.Think
			for _, row := range demands {
				cycle += row[c]
			}
			if cycle > 0 {
				l.share[k][c] = demands[k][c] / cycle
			}
		}
	}
	return l, nil
}

const (
	coreRounds    = 20000
	coreTolerance = 1e-9 // of a share
)

// core solves the equations with one customer of class less taken away (−1: none), leaving shares and responses.
func (l *linearizer) core(less int) error {
	number := func(class, removed int) float64 { // customers of class with removed, and with less, taken away
		m := l.Classes[class].Customers
		if class == removed {
			m--
		}
		if class == less {
			m--
		}
		return math.Max(m, 0)
	}
	last, step := cloneRows(l.share), cloneRows(l.share)
	for round := range coreRounds {
		var change float64
		for k, center := range l.Centers {
			for c, d := range l.demands[k] {
				switch {
				case d == 0:
					l.response[k][c] = 0
				case center.delays():
					l.response[k][c] = d
				default:
					var found, others float64
					for i := range l.Classes {
						m := number(i, c)
						others += m
						found += m * math.Min(math.Max(l.share[k][i]+l.difference[k][i][c], 0), 1)
					}
					l.response[k][c] = d * l.stretch(k, found, others)
				}
			}
		}
		for c, class := range l.Classes {
			cycle := class.Think
			for k := range l.Centers {
				cycle += l.response[k][c]
			}
			if cycle == 0 {
				continue // a class without customers that asks for nothing
			}
			for k := range l.Centers {
				next := l.response[k][c] / cycle
				change = math.Max(change, math.Abs(next-l.share[k][c]))
				if round > coreRounds/10 { // swinging
					next = (next + l.share[k][c]) / 2
				}
				l.share[k][c] = next
			}
		}
		if change < coreTolerance {
			return nil
		}
		l.extrapolate(last, step, round%8 == 7)
	}
	return errors.New("solve a network: the equations do not converge; demands may fall too steeply with the number of customers")
}

// extrapolate notes the step from last to the present shares. Where it keeps the direction of the step before and is λ
// times as long, and jump is set, it goes on to where the geometric series of such steps ends (Aitken).
func (l *linearizer) extrapolate(last, step [][]float64, jump bool) {
	var own, both, before float64
	for k, row := range l.share {
		for c, v := range row {
			d := v - last[k][c]
			own += d * d
			both += d * step[k][c]
			before += step[k][c] * step[k][c]
			last[k][c], step[k][c] = v, d
		}
	}
	ratio := both / before
	if !jump || !(ratio > 0.5 && ratio < 0.9999) || both < 0.999*math.Sqrt(own*before) {
		return
	}
	for k, row := range l.share {
		for c := range row {
			row[c] = math.Min(math.Max(row[c]+step[k][c]*ratio/(1-ratio), 0), 1)
		}
		copy(last[k], row)
	}
}

// stretch is φ: how many times its demand a customer stays at center k who finds that many others there of the others in
// the network.
func (l *linearizer) stretch(k int, found, others float64) float64 {
	center := l.Centers[k]
	if center.Speed == nil && center.Servers == 1 {
		return 1 + found
	}
	if found < 1e-12 || others < 1e-12 {
		return 1 / center.speed(1)
	}
	if found > others*(1-1e-9) {
		return (others + 1) / center.speed(int(others+1))
	}
	if settled := float64(center.settled()); found-settled > 10+8*math.Sqrt(others-found) {
		// so many wait that the center is never below its last speed: those away are at most Poisson distributed
		return (found + 1) / center.speed(int(found))
	}
	low, high := math.Inf(-1), math.Inf(1)
	x := l.rate[k]
	for range 100 {
		mean, variance, stretch := center.fromDelay(x, others)
		if math.Abs(mean-found) < 1e-10*others {
			l.rate[k] = x
			return stretch
		}
		if mean > found {
			high = x
		} else {
			low = x
		}
		next := x + (found-mean)/math.Max(variance, 1e-300) // Newton: d mean/d log a is the variance
		switch {
		case next > low && next < high && math.Abs(next-x) < 2:
			x = next
		case math.IsInf(low, 0):
			x -= 2
		case math.IsInf(high, 0):
			x += 2
		default:
			x = (low + high) / 2
		}
	}
	l.rate[k] = x
	_, _, stretch := center.fromDelay(x, others)
	return stretch
}

// fromDelay is the number present at a center that others customers visit from a delay, its distribution being
// p(n) ∝ Π_{j=1..n} (others−j+1)·a/α(j): mean, variance, and the mean of (n+1)/α(n+1).
func (c Center) fromDelay(logA, others float64) (mean, variance, stretch float64) {
	a := math.Exp(logA)
	weight, sum, first, second, long := 1.0, 0.0, 0.0, 0.0, 0.0
	settled := c.settled()
	for n := 0; ; n++ {
		v := float64(n)
		sum += weight
		first += weight * v
		second += weight * v * v
		long += weight * (v + 1) / c.speed(n+1)
		factor := (others - v) * a / c.speed(n+1)
		if factor <= 0 || n > settled && factor < 1 && weight*v*v < 1e-15*sum {
			break
		}
		if weight *= factor; weight > 1e200 {
			weight, sum, first, second, long = weight/1e200, sum/1e200, first/1e200, second/1e200, long/1e200
		}
	}
	mean = first / sum
	return mean, second/sum - mean*mean, long / sum
}

func (l *linearizer) solution() NetworkSolution {
	out := NetworkSolution{Throughput: make([]float64, len(l.Classes)), Response: make([]float64, len(l.Classes))}
	for c, class := range l.Classes {
		for k := range l.Centers {
			out.Response[c] += l.response[k][c]
		}
		if class.Customers > 0 {
			out.Throughput[c] = class.Customers / (class.Think + out.Response[c])
		}
	}
	for k, center := range l.Centers {
		s := CenterSolution{Response: l.response[k], Queue: make([]float64, len(l.Classes))}
		for c := range l.Classes {
			s.Queue[c] = out.Throughput[c] * s.Response[c]
			s.Utilisation += out.Throughput[c] * l.demands[k][c] / center.fullSpeed()
		}
		out.Centers = append(out.Centers, s)
	}
	return out
}

func cloneRows(rows [][]float64) [][]float64 {
	out := make([][]float64, len(rows))
	for i, row := range rows {
		out[i] = append([]float64(nil), row...)
	}
	return out
}
