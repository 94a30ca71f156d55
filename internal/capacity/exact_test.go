package capacity

import (
	"math"
	"math/rand/v2"
)

// exactPlatform is a closed queue of one kind of action whose measurements are what queueing theory says, with counts that
// scatter as those of independent events do (Poisson). Its truth is known to rounding.
type exactPlatform struct {
	servers, demand float64 // of the one station that makes actions wait
	think           float64 // seconds
	alone           float64 // mean response time when nobody waits, the demand included
	hidden          bool    // no counter shows the station; one that shows wide cores without a queue is there instead
	seconds         float64 // of a block
	blocks          int     // of a stage
	seed            uint64
}

// exactLimit is the objective's limit in seconds: 95 % shall stay below.
const exactLimit = 1.0

// exactGrid has bins of 10 ms, fine beside the times measured.
func exactGrid() []Bin {
	grid := make([]Bin, 300)
	for k := range grid {
		grid[k] = Bin{0.01 * float64(k), 0.01}
	}
	return grid
}

func (p exactPlatform) station() Station {
	return Station{Servers: p.servers, Demand: p.demand, Delay: p.think + p.alone - p.demand}
}

// base is the distribution of response times when nobody waits: log-normal, σ = 0.4.
func (p exactPlatform) base(grid []Bin) []float64 {
	const sigma = 0.4
	mu := math.Log(p.alone) - sigma*sigma/2
	below := func(t float64) float64 {
		if t <= 0 {
			return 0
		}
		return math.Erfc(-(math.Log(t)-mu)/sigma/math.Sqrt2) / 2
	}
	counts := make([]float64, len(grid))
	for k, b := range grid {
		counts[k] = below(b.Low+b.Width) - below(b.Low)
	}
	return counts
}

// truth is the number of users at which 5 % of the response times are above the limit.
func (p exactPlatform) truth() float64 {
	grid := exactGrid()
	base := p.base(grid)
	low, high := 1.0, 100*p.servers/p.demand*p.think
	for range 60 {
		mid := (low + high) / 2
		if tailWith(grid, base, exactLimit, tailOf(p.station().Wait(mid, 1))) > 0.05 {
			high = mid
		} else {
			low = mid
		}
	}
	return (low + high) / 2
}

// at measures stages at the given loads.
func (p exactPlatform) at(loads ...float64) *Input {
	rng := rand.New(rand.NewPCG(p.seed, 1))
	in := &Input{
		Grid:      exactGrid(),
		Actions:   []Action{{Name: "web.list", Objectives: []Objective{{Name: "p95", Quantile: 0.95, Limit: exactLimit}}}},
		Resources: []Resource{{Name: "cpu", Kind: "cores", Passes: []bool{true}}},
	}
	base := p.base(in.Grid)
	for _, users := range loads {
		users = math.Round(users)
		x, _ := p.station().Solve(int(users))
		wait := p.station().Wait(users, 1)
		share := make([]float64, len(in.Grid))
		before := 1.0
		for k, b := range in.Grid {
			after := tailWith(in.Grid, base, b.Low+b.Width, tailOf(wait))
			share[k] = before - after
			before = after
		}
		share[len(share)-1] += before
		st := Stage{Load: Load{Users: users}}
		for range p.blocks {
			a := ActionBlock{Counts: make([]float64, len(in.Grid))}
			for k, s := range share {
				a.Counts[k] = poisson(rng, x*p.seconds*s)
				a.Done += a.Counts[k]
			}
			r := ResourceBlock{Valid: true, Holds: true, Visits: a.Done}
			if p.hidden {
				r.Limit, r.Busy = 400, 0.01*a.Done
			} else {
				r.Limit = p.servers
				r.Busy = p.demand * a.Done * (1 + rng.NormFloat64()/math.Sqrt(math.Max(a.Done, 1)))
				r.Waited = wait.Mean() * a.Done
			}
			r.InUse = r.Busy / p.seconds
			st.Blocks = append(st.Blocks, Block{Seconds: p.seconds, Actions: []ActionBlock{a}, Resources: []ResourceBlock{r}})
		}
		in.Stages = append(in.Stages, st)
	}
	return in
}

// shares are loads as parts of one.
func shares(of float64, parts ...float64) []float64 {
	loads := make([]float64, len(parts))
	for i, p := range parts {
		loads[i] = p * of
	}
	return loads
}

// poisson draws a Poisson number, by a normal one where the mean is large.
func poisson(rng *rand.Rand, mean float64) float64 {
	if mean > 200 {
		return math.Max(0, math.Round(mean+math.Sqrt(mean)*rng.NormFloat64()))
	}
	n := 0.0
	for t := rng.ExpFloat64(); t < mean; t += rng.ExpFloat64() {
		n++
	}
	return n
}

// tailOf is P(W > t) for any t: a wait is never below zero.
func tailOf(w Wait) func(t float64) float64 {
	return func(t float64) float64 {
		if t < 0 {
			return 1
		}
		return w.Tail(t)
	}
}
