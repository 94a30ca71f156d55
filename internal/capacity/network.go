package capacity

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/interp"
)

// Network is a closed network of queues: customers of several classes go round, each cycle asking every center for its
// demand and then thinking. It is separable (Baskett, Chandy, Muntz and Palacios 1975): times at a center are exponential
// where all classes have the same demand a visit, or the center is shared equally among those present.
type Network struct {
	Classes []Class
	Centers []Center
}

// Class is a kind of customer.
type Class struct {
	Customers float64 // how many there are; at least 0, whole numbers only for SolveExact
	Think     float64 // seconds between two cycles
}

// Center is a place where customers are served.
type Center struct {
	Demands []float64 // by class: seconds of service a cycle, visits times service time
	Servers int       // units that each serve one customer at a time; 0: a delay, nobody waits
	// Speed[j−1] is the speed of the whole center with j customers relative to one unit, above zero; its last value holds for
	// more. Nil: min(j, Servers).
	Speed []float64
	// AtLoad is a factor on the demands where there are so many customers in the whole network, as DemandCurve gives it; it
	// must be above zero. Nil: 1. In a closed network the number is fixed, so that the equations hold with the demands as
	// they are at it. MVASD (Kattepur and Nambiar 2015) differs in keeping, for each step of its recursion, the demands of
	// that step.
	AtLoad func(customers float64) float64
}

// NetworkSolution is the mean state of a network.
type NetworkSolution struct {
	Throughput []float64 // by class: cycles per second
	Response   []float64 // by class: seconds a cycle without thinking
	Centers    []CenterSolution
}

// CenterSolution is the mean state of one center.
type CenterSolution struct {
	Utilisation  float64   // share of the full speed in use (approximately: at most 1.0002); at a delay the mean number present
	Queue        []float64 // by class: mean number present, waiting or in service
	Response     []float64 // by class: seconds there a cycle
	Distribution []float64 // P(n customers present), n from 0; from SolveExact only
}

// DemandCurve interpolates demands measured at several populations for use as Center.AtLoad (with demands of 1) or by
// itself: by monotone cubics (Fritsch and Butland 1984), which do not overshoot, constant outside the measured range. The
// populations must rise and the demands be above zero.
func DemandCurve(customers, demands []float64) (func(float64) float64, error) {
	if len(customers) != len(demands) || len(customers) == 0 {
		return nil, fmt.Errorf("demand curve: %d populations and %d demands", len(customers), len(demands))
	}
	for i := range customers {
		if !(demands[i] > 0) || math.IsInf(demands[i], 0) || math.IsNaN(customers[i]) || math.IsInf(customers[i], 0) {
			return nil, fmt.Errorf("demand curve: point %d (population %g, demand %g) must be finite and its demand above 0", i+1, customers[i], demands[i])
		}
		if i > 0 && customers[i] <= customers[i-1] {
			return nil, fmt.Errorf("demand curve: population %g does not rise above %g", customers[i], customers[i-1])
		}
	}
	x, y := slices.Clone(customers), slices.Clone(demands)
	last := len(x) - 1
	var predict func(float64) float64
	if last == 1 {
		predict = func(n float64) float64 { return y[0] + (y[1]-y[0])*(n-x[0])/(x[1]-x[0]) }
	} else if last > 1 {
		var cubic interp.FritschButland
		if err := cubic.Fit(x, y); err != nil {
			return nil, fmt.Errorf("demand curve: %w", err)
		}
		predict = cubic.Predict
	}
	return func(n float64) float64 {
		switch {
		case !(n > x[0]):
			return y[0]
		case n >= x[last]:
			return y[last]
		}
		return predict(n)
	}, nil
}

// check returns what is wrong with the network, and otherwise the demands by center and class at its population.
func (n Network) check() (demands [][]float64, err error) {
	if len(n.Classes) == 0 || len(n.Centers) == 0 {
		return nil, fmt.Errorf("network: %d classes and %d centers; at least one of each is needed", len(n.Classes), len(n.Centers))
	}
	cycle := make([]float64, len(n.Classes))
	for c, class := range n.Classes {
		if !(class.Customers >= 0) || math.IsInf(class.Customers, 0) || !(class.Think >= 0) || math.IsInf(class.Think, 0) {
			return nil, fmt.Errorf("network: class %d has %g customers who think %g s; neither may be negative", c+1, class.Customers, class.Think)
		}
		cycle[c] = class.Think
	}
	all := n.customers()
	for k, center := range n.Centers {
		if len(center.Demands) != len(n.Classes) || center.Servers < 0 {
			return nil, fmt.Errorf("network: center %d has %d demands for %d classes and %d servers", k+1, len(center.Demands), len(n.Classes), center.Servers)
		}
		for j, v := range center.Speed {
			if !(v > 0) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("network: center %d has speed %g with %d customers; it must be above 0", k+1, v, j+1)
			}
		}
		factor := 1.0
		if center.AtLoad != nil {
			factor = center.AtLoad(all)
		}
		row := make([]float64, len(center.Demands))
		for c, d := range center.Demands {
			row[c] = d * factor
			if !(row[c] >= 0) || math.IsInf(row[c], 0) || !(factor > 0) {
				return nil, fmt.Errorf("network: center %d has demand %g s, factor %g, for class %d; demands must not be negative and factors above 0", k+1, d, factor, c+1)
			}
			cycle[c] += row[c]
		}
		demands = append(demands, row)
	}
	for c, s := range cycle {
		if s == 0 && n.Classes[c].Customers > 0 {
			return nil, fmt.Errorf("network: class %d neither thinks nor asks for anything", c+1)
		}
	}
	return demands, nil
}

// customers is the number of customers of all classes.
func (n Network) customers() float64 {
	var sum float64
	for _, c := range n.Classes {
		sum += c.Customers
	}
	return sum
}

// delays tells whether nobody waits at the center.
func (c Center) delays() bool { return c.Servers == 0 && c.Speed == nil }

// speed is the speed with j ≥ 1 customers.
func (c Center) speed(j int) float64 {
	switch {
	case c.Speed != nil:
		return c.Speed[min(j, len(c.Speed))-1]
	case c.Servers == 0:
		return float64(j)
	}
	return float64(min(j, c.Servers))
}

// settled is the number of customers from which on the speed stays the same.
func (c Center) settled() int {
	if c.Speed != nil {
		return len(c.Speed)
	}
	return c.Servers
}

// fullSpeed is the largest speed, 1 for a delay.
func (c Center) fullSpeed() float64 {
	if c.Speed != nil {
		return slices.Max(c.Speed)
	}
	return float64(max(c.Servers, 1))
}
