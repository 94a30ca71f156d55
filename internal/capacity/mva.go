package capacity

import (
	"fmt"
	"math"
)

// mostExact is the largest population that SolveExact takes; its time grows with the square.
const mostExact = 20000

// SolveExact returns the exact mean values of a network with one class and a whole number of customers, with centers of
// any number of servers or any speeds: the values of exact mean value analysis (Reiser and Lavenberg 1980).
//
// It sums products instead of recursing over populations, since the recursion with speeds that depend on load subtracts
// nearly equal numbers (Casale and Serazzi 2005). With F_k(n) = Π_{j=1..n} D_k/α_k(j) and G the convolution of all F_k
// (Buzen 1973),
//
//	X(N) = G(N−1)/G(N),  P_k(n) = F_k(n)·G_without_k(N−n)/G(N)
//
// Each F_k(n) is multiplied by xⁿ and scaled to sum 1, which leaves the ratios as they are. With x chosen so that the mean
// numbers at all centers add up to N, the terms that matter are near 1 and those that vanish do not matter.
//
// It fails for more than one class, for more than 20,000 customers and where the network is not valid.
func (n Network) SolveExact() (NetworkSolution, error) {
	demands, err := n.check()
	if err != nil {
		return NetworkSolution{}, err
	}
	if len(n.Classes) != 1 {
		return NetworkSolution{}, fmt.Errorf("solve a network exactly: %d classes; use SolveLinearizer for more than one", len(n.Classes))
	}
	all, think := n.Classes[0].Customers, n.Classes[0].Think
	if all != math.Floor(all) || all > mostExact {
		return NetworkSolution{}, fmt.Errorf("solve a network exactly: %g customers; use SolveLinearizer for more than %d or a part of one", all, mostExact)
	}
	out := NetworkSolution{Throughput: make([]float64, 1), Response: make([]float64, 1)}
	for range n.Centers {
		out.Centers = append(out.Centers, CenterSolution{
			Queue: make([]float64, 1), Response: make([]float64, 1), Distribution: []float64{1},
		})
	}
	if all == 0 {
		return out, nil
	}
	size := int(all)
	terms := [][]float64{logTerms(think, size, Center{}.speed)} // logarithms of F, thinking first
	for k, c := range n.Centers {
		terms = append(terms, logTerms(demands[k][0], size, c.speed))
	}
	x, f := tilt(terms, size)
	before, after := partialProducts(f, size)
	whole := after[0]
	out.Throughput[0] = math.Exp(x) * whole[size-1] / whole[size]
	for k := range n.Centers {
		c := &out.Centers[k]
		c.Distribution = make([]float64, size+1)
		for j := range c.Distribution {
			p := f[k+1][j]
			if p > 0 {
				p *= convolveAt(before[k+1], after[k+2], size-j) / whole[size]
			}
			c.Distribution[j] = p
			c.Queue[0] += float64(j) * p
		}
		c.Response[0] = c.Queue[0] / out.Throughput[0]
		c.Utilisation = out.Throughput[0] * demands[k][0] / n.Centers[k].fullSpeed()
		out.Response[0] += c.Response[0]
	}
	return out, nil
}

// logTerms returns log F(n) for n from 0 to size; −∞ from 1 on where the demand is zero.
func logTerms(demand float64, size int, speed func(int) float64) []float64 {
	out := make([]float64, size+1)
	log := math.Log(demand)
	for n := 1; n <= size; n++ {
		out[n] = out[n-1] + log - math.Log(speed(n))
	}
	return out
}

// tilt finds, by bisection, the logarithm of the x at which the mean numbers of all centers add up to size − ½, and the
// distributions F_k(n)·xⁿ scaled to sum 1.
func tilt(terms [][]float64, size int) (x float64, f [][]float64) {
	f = make([][]float64, len(terms))
	for k := range f {
		f[k] = make([]float64, size+1)
	}
	mean := func(x float64) (sum float64) {
		for k, t := range terms {
			sum += weigh(t, x, f[k])
		}
		return sum
	}
	target := float64(size) - 0.5
	low, high := -1.0, 1.0
	for step := 1.0; mean(low) > target; step *= 2 {
		low -= step
	}
	for step := 1.0; mean(high) < target; step *= 2 {
		high += step
	}
	for high-low > 1e-3/float64(size) {
		x = (low + high) / 2
		if mean(x) < target {
			low = x
		} else {
			high = x
		}
	}
	mean(x)
	return x, f
}

// weigh fills f with exp(t[n] + n·x) scaled to sum 1 and returns its mean. What is below 1e-25 of the largest is left out.
func weigh(t []float64, x float64, f []float64) (mean float64) {
	largest := math.Inf(-1)
	for n, v := range t {
		largest = math.Max(largest, v+float64(n)*x)
	}
	var sum float64
	for n, v := range t {
		f[n] = 0
		if v += float64(n)*x - largest; v > -57 {
			f[n] = math.Exp(v)
			sum += f[n]
			mean += float64(n) * f[n]
		}
	}
	for n := range f {
		f[n] /= sum
	}
	return mean / sum
}

// partialProducts returns the convolutions of the first k and of the last len(f) − k distributions, for each k, up to size.
func partialProducts(f [][]float64, size int) (before, after [][]float64) {
	one := make([]float64, size+1)
	one[0] = 1
	before, after = make([][]float64, len(f)+1), make([][]float64, len(f)+1)
	before[0], after[len(f)] = one, one
	for k := range f {
		before[k+1] = convolveAll(before[k], f[k])
	}
	for k := len(f) - 1; k >= 0; k-- {
		after[k] = convolveAll(after[k+1], f[k])
	}
	return before, after
}

func convolveAll(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for n := range out {
		out[n] = convolveAt(a, b, n)
	}
	return out
}

// convolveAt is Σ_i a[i]·b[n−i].
func convolveAt(a, b []float64, n int) (sum float64) {
	for i, v := range a[:n+1] {
		if v != 0 {
			sum += v * b[n-i]
		}
	}
	return sum
}
