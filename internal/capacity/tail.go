package capacity

import "math"

// Bin is one bucket of a measured distribution: values spread evenly over [Low, Low+Width).
type Bin struct {
	Low, Width float64 // seconds
}

// Tail returns the share of a distribution, given as counts by bin, above limit.
func Tail(grid []Bin, counts []float64, limit float64) float64 {
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

// visitWait is the waiting of one action at one resource: visits per action may be less than one (only some actions of a
// kind go there) or more.
type visitWait struct {
	wait   Wait
	visits float64
}

// waitCells is the resolution of combined waiting times: cells over [0, limit].
const waitCells = 128

// combined is the tail of the sum of independent waits on a grid over [0, limit].
type combined struct {
	limit float64
	above []float64 // above[j] = P(W > j·limit/waitCells)
}

// combine adds up the waits at several resources, numerically: each wait is cut into cells, and their masses are
// convolved. What lies beyond the limit stays beyond it.
func combine(waits []visitWait, limit float64) combined {
	c := combined{limit: limit, above: make([]float64, waitCells+1)}
	mass := make([]float64, waitCells+1) // last: beyond
	mass[0] = 1
	for _, v := range waits {
		whole := math.Floor(v.visits + 1e-9)
		for range int(math.Min(whole, 8)) {
			mass = convolve(mass, cells(v.wait, limit, 1))
		}
		if part := v.visits - whole; part > 1e-6 && whole < 8 {
			mass = convolve(mass, cells(v.wait, limit, part))
		}
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
	for i, x := range a {
		if x < 1e-12 {
			continue
		}
		for j, y := range b {
			out[min(i+j, waitCells)] += x * y
		}
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
