package capacity

import "math"

// Bin is one bucket of a measured distribution: values spread evenly over [Low, Low+Width).
type Bin struct {
	Low, Width float64 // seconds
}

// shareBeyond is the share of a distribution, given as counts by bin, above a limit in seconds.
func shareBeyond(grid []Bin, counts []float64, limit float64) float64 {
	return tailWith(grid, counts, limit, func(t float64) float64 {
		if t < 0 {
			return 1
		}
		return 0
	})
}

// tailWith is P(B + W > limit) where B has the measured distribution and W, independent of it, the given tail. Bins that
// contain the limit are split.
func tailWith(grid []Bin, counts []float64, limit float64, wait func(t float64) float64) float64 {
	var sum, total float64
	for i, n := range counts {
		if n == 0 {
			continue
		}
		b := grid[i]
		total += n
		if b.Low+b.Width <= limit || b.Low >= limit {
			sum += n * wait(limit-b.Low-b.Width/2)
			continue
		}
		over := (b.Low + b.Width - limit) / b.Width
		sum += n * (over + (1-over)*wait((limit-b.Low)/2))
	}
	if total == 0 {
		return 0
	}
	return sum / total
}

// stop is where an action waits: visits per action (less than one where only some actions of a kind go there), each time
// at the same one of its parts, which is chosen with the part's share.
type stop struct {
	visits float64
	parts  []part
}

type part struct {
	wait  Wait
	share float64
}

// waitCells is the resolution of combined waiting times: cells over [0, limit].
const waitCells = 64

// combined is the tail of the sum of independent waits on a grid over [0, limit].
type combined struct {
	limit float64
	above []float64 // above[j] = P(W > j·limit/waitCells)
}

// combine adds up the waits at several stops, numerically: each wait is cut into cells, and their masses are convolved.
// What lies beyond the limit stays beyond it.
func combine(masses [][]float64, limit float64) combined {
	c := combined{limit: limit, above: make([]float64, waitCells+1)}
	mass := make([]float64, waitCells+1) // last: beyond
	mass[0] = 1
	for _, m := range masses {
		mass = convolve(mass, m)
	}
	beyond := mass[waitCells]
	c.above[waitCells] = beyond
	for j := waitCells - 1; j > 0; j-- { // half of a cell's mass lies above its middle
		c.above[j] = beyond + mass[j]/2
		beyond += mass[j]
	}
	c.above[0] = beyond
	return c
}

// mass is the distribution of the wait at a stop: the mixture over its parts of the sum over its visits.
func (s stop) mass(limit float64) []float64 {
	out := make([]float64, waitCells+1)
	whole := math.Floor(s.visits + 1e-9)
	rest := s.visits - whole
	for _, p := range s.parts {
		mass := make([]float64, waitCells+1)
		mass[0] = 1
		if whole >= 1 {
			one := cells(p.wait, limit, 1)
			for range int(math.Min(whole, 8)) {
				mass = convolve(mass, one)
			}
		}
		if rest > 1e-6 && whole < 8 {
			mass = convolve(mass, cells(p.wait, limit, rest))
		}
		for j, m := range mass {
			out[j] += p.share * m
		}
	}
	return out
}

// cells is the mass of a wait in each cell, where a visit happens with probability share only. Cell 0 holds those who do
// not wait, cell j the waits around its middle.
func cells(w Wait, limit, share float64) []float64 {
	mass := make([]float64, waitCells+1)
	if len(w.tail) == 0 || share*w.tail[0] < 1e-7 {
		mass[0] = 1
		return mass
	}
	step := limit / waitCells
	before := 1.0
	for j := range waitCells {
		after := share * w.Tail((float64(j)+0.5)*step)
		mass[j] = before - after
		before = after
	}
	mass[waitCells] = before
	return mass
}

func convolve(a, b []float64) []float64 {
	if b[0] > 1-1e-7 {
		return a
	}
	if a[0] > 1-1e-7 {
		return b
	}
	out := make([]float64, waitCells+1)
	var total float64 // of b; what the inner loop does not place lies beyond
	for _, y := range b {
		total += y
	}
	for i, x := range a {
		if x < 1e-12 {
			continue
		}
		if i == waitCells {
			out[i] += x * total
			break
		}
		placed := 0.0
		row := out[i:waitCells]
		for j := range row {
			row[j] += x * b[j]
			placed += b[j]
		}
		out[waitCells] += x * (total - placed)
	}
	return out
}

// Tail is P(W > t), between grid points by interpolation.
func (c combined) Tail(t float64) float64 {
	if t < 0 {
		return 1
	}
	x := t / c.limit * waitCells
	j := int(x)
	if j >= waitCells {
		return c.above[waitCells]
	}
	f := x - float64(j)
	return c.above[j]*(1-f) + c.above[j+1]*f
}
