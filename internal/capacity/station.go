// Package capacity turns measurements into models and models into a forecast. It is pure mathematics on its own plain
// types: it knows no protocol, no archive and no clock.
//
// It assumes stages of constant load, each measured as blocks of time that may be resampled; users who think between
// their actions, so that load does not grow without bound; and resources with a known limit, whose counters the platform
// itself gives. Where the data cannot tell where the platform gives way, the forecast says so instead of a number.
package capacity

import "math"

// Station is one resource visited by a closed population: Servers units, each visit using one for Demand seconds, each
// customer coming back after Delay seconds elsewhere (think time and other resources).
//
// The number n of customers at the station follows the machine-repairman distribution with c servers,
//
//	p(n) ∝ Π_{k=1..n} (N−k+1)·S / (Z′·min(k,c))
//
// which is exact for exponential times and, for the delay, for any distribution (Reiser and Lavenberg 1980; Gunther,
// Guerrilla Capacity Planning, ch. 6).
type Station struct {
	Servers float64 // c, at least 1
	Demand  float64 // S, seconds per visit
	Delay   float64 // Z′, seconds
}

// queueTail returns T with T[m] = P(n ≥ c+m) as an arriving customer finds it: by the arrival theorem the distribution
// with one customer less. T is cut where it falls below 1e-12. It is written over room.
func (s Station) queueTail(customers float64, room []float64) []float64 {
	n := math.Max(customers-1, 0)
	c := math.Max(1, math.Floor(s.Servers+1e-9))
	if s.Demand <= 0 || !(n >= c) { // also where n is no number
		return nil
	}
	const huge = 1e200
	ratio := s.Demand / math.Max(s.Delay, 1e-9)
	var sum float64 // unnormalised mass of all n so far
	if room == nil {
		room = make([]float64, 0, 64)
	}
	above := room[:0]
	weight := 1.0
	k := 0.0
	for ; k < c; k++ {
		sum += weight
		weight *= (n - k) * ratio / (k + 1)
		if sum > huge {
			weight, sum = weight/huge, sum/huge
		}
	}
	for each := ratio / c; ; k++ {
		above = append(above, weight)
		sum += weight
		if !(k < n) {
			break
		}
		weight *= math.Max(n-k, 0) * each
		if k > c && weight < 1e-14*sum {
			break
		}
		if sum > huge {
			weight, sum = weight/huge, sum/huge
			for i := range above {
				above[i] /= huge
			}
		}
	}
	tail := 0.0
	for i := len(above) - 1; i >= 0; i-- {
		tail += above[i] / sum
		above[i] = tail
	}
	for len(above) > 0 && above[len(above)-1] < 1e-12 {
		above = above[:len(above)-1]
	}
	return above
}

// Wait is the distribution of the time that a visit waits for a unit, first come first served.
type Wait struct {
	tail   []float64 // P(n ≥ c+m) at arrival
	rate   float64   // c/S: units freed per second while all are in use
	spread float64   // factor on all times
}

// Wait returns the waiting time at a population. spread is the factor by which visits wait longer than exponential times
// would make them, 1 for none. In a closed system waiting holds customers back, so that the factor applies at the smaller
// population N′ which, with waits so stretched, takes up all N customers: N = N′ + (spread − 1)·X(N′)·W(N′). In
// saturation the wait is then N·S/c less the time spent elsewhere, as it must be whatever the spread.
func (s Station) Wait(customers, spread float64) Wait {
	if spread <= 0 {
		spread = 1
	}
	w := Wait{rate: math.Max(1, math.Floor(s.Servers+1e-9)) / s.Demand, spread: spread}
	if math.Abs(spread-1) < 0.02 {
		w.spread = 1
		w.tail = s.queueTail(customers, nil)
		return w
	}
	over := func(n float64) float64 { // how many customers the stretched waits take up beyond those there are
		w.tail = s.queueTail(n, w.tail)
		mean := w.Mean() / spread
		return n + (spread-1)*n/(s.Delay+s.Demand+mean)*mean - customers
	}
	at := over(customers)
	if math.Abs(at) < 0.0005*customers { // hardly anyone waits
		return w
	}
	other := customers / spread
	if beyond := over(other); spread > 1 {
		falsePosition(other, customers, beyond, at, 0.001*customers, 0.0005*customers, over)
	} else {
		falsePosition(customers, other, at, beyond, 0.001*customers, 0.0005*customers, over)
	}
	return w
}

// falsePosition narrows a bracket of a root of the rising f by the Illinois method, to within the tolerance (in x) or until f
// is smaller than small, and returns the last x at which f was called.
func falsePosition(low, high, fLow, fHigh, tolerance, small float64, f func(float64) float64) float64 {
	x, side := high, 0
	for range 40 {
		if high-low < tolerance || fHigh <= 0 {
			return x
		}
		if x = low + (high-low)*fLow/(fLow-fHigh); !(x > low && x < high) {
			x = (low + high) / 2
		}
		y := f(x)
		if math.Abs(y) < small {
			return x
		}
		if y > 0 {
			high, fHigh = x, y
			if side == 1 {
				fLow /= 2
			}
			side = 1
		} else {
			low, fLow = x, y
			if side == -1 {
				fHigh /= 2
			}
			side = -1
		}
	}
	return x
}

// Tail is P(W > t) = Σ_{n≥c} p(n)·P(Poisson(c·t/S) ≤ n−c), written as Σ_m Poisson(m; c·t/S)·P(n ≥ c+m).
func (w Wait) Tail(t float64) float64 {
	if len(w.tail) == 0 {
		return 0
	}
	if t <= 0 {
		return w.tail[0]
	}
	x := w.rate * t / w.spread
	spread := 6*math.Sqrt(x) + 6
	from := math.Max(0, math.Floor(x-spread))
	if from >= float64(len(w.tail)) {
		return 0
	}
	logp := from*math.Log(x) - x
	if from > 0 {
		l, _ := math.Lgamma(from + 1)
		logp -= l
	}
	p := math.Exp(logp)
	var sum float64
	for m := int(from); m < len(w.tail) && float64(m) < x+spread; m++ {
		sum += p * w.tail[m]
		p *= x / float64(m+1)
	}
	return math.Min(sum, w.tail[0])
}

// Mean is E[W] = Σ_{m≥0} P(n ≥ c+m)·S/c, times the spread.
func (w Wait) Mean() float64 {
	var sum float64
	for _, t := range w.tail {
		sum += t
	}
	if sum == 0 {
		return 0
	}
	return sum / w.rate * w.spread
}

// Blocking is the share of arrivals that a station with no room to wait refuses: Engset's formula,
//
//	B = C(N−1,c)·a^c / Σ_{k=0..c} C(N−1,k)·a^k,  a = S/Z′
//
// (Engset 1918), valid for any distribution of the times.
func (s Station) Blocking(customers float64) float64 {
	n := customers - 1
	c := math.Max(1, math.Floor(s.Servers+1e-9))
	if n < c || s.Demand <= 0 {
		return 0
	}
	a := s.Demand / math.Max(s.Delay, 1e-9)
	return refused(int(c), func(k int) float64 { return a * (n - float64(k) + 1) })
}

// Solve returns throughput and mean response time (waiting and use) of the station at a whole population, exactly.
func (s Station) Solve(customers int) (throughput, response float64) {
	c := math.Max(1, math.Floor(s.Servers+1e-9))
	weight, sum, busy := 1.0, 1.0, 0.0
	for k := 1; k <= customers; k++ {
		weight *= float64(customers-k+1) * s.Demand / (math.Max(s.Delay, 1e-12) * math.Min(float64(k), c))
		sum += weight
		busy += weight * math.Min(float64(k), c)
		if sum > 1e200 {
			weight, sum, busy = weight/1e200, sum/1e200, busy/1e200
		}
	}
	throughput = busy / sum / s.Demand
	return throughput, float64(customers)/throughput - s.Delay
}
