package capacity

import (
	"math"
	"math/rand/v2"
)

// sample is the measurements of one bootstrap draw, condensed to what the models need.
type sample struct {
	in        *Input
	base      [][]float64 // by action: service times without waiting, counts by bin
	mean      []float64   // by action: their mean
	rate      []line      // by action: done per second over users
	resources []resourceFit
	assumed   Load      // copy traffic and fresh accounts that the forecast assumes
	surge     []float64 // by action: further actions per second and active user
	columns   columns
	opt       *Options
}

// resourceFit is one resource of one draw.
type resourceFit struct {
	valid   bool
	limit   float64
	demand  float64 // seconds of use per visit
	visits  line    // per second
	use     line    // seconds of use per second, where the demand drifts with load
	drifts  bool    // the demand changes with load, and not by waits elsewhere while the resource is held
	share   float64 // visits per action that passes through it
	holds   line    // units in use over load, where visits are not counted: held connections, memory
	linear  bool    // only holds is known
	refuses bool    // what does not fit is refused
	gauged  bool    // the demand comes from a gauge of what is in use
	// harmless is what was full in a stage in which every objective held.
	harmless bool
	spread   float64 // how much longer visits wait than exponential times would make them
}

// choice says which blocks of which stage a draw takes.
type choice [][]int

// all takes every block once.
func all(in *Input) choice {
	c := make(choice, len(in.Stages))
	for i, st := range in.Stages {
		for j := range st.Blocks {
			c[i] = append(c[i], j)
		}
	}
	return c
}

// resample draws as many blocks of each stage as it has, with replacement. Blocks are longer than the platform's
// relaxation time, so that they are nearly independent (Künsch 1989).
func resample(in *Input, rng *rand.Rand) choice {
	c := make(choice, len(in.Stages))
	for i, st := range in.Stages {
		for range st.Blocks {
			c[i] = append(c[i], rng.IntN(len(st.Blocks)))
		}
	}
	return c
}

func newSample(in *Input, opt *Options) *sample {
	s := &sample{in: in, opt: opt, columns: columnsOf(in, opt)}
	for i := range in.Stages {
		s.assumed.Copy = math.Max(s.assumed.Copy, in.Stages[i].Copy)
	}
	return s
}

// condense estimates demands and rates from the chosen blocks.
func condense(in *Input, c choice, opt *Options) *sample {
	s := newSample(in, opt)
	s.rates(c)
	s.demands(c)
	s.spreads(c)
	s.bases(c)
	s.shares()
	s.bounded()
	return s
}

// timesTaken is how many times a draw takes each block of each stage.
func timesTaken(in *Input, c choice) [][]float64 {
	times := make([][]float64, len(c))
	for i := range c {
		times[i] = make([]float64, len(in.Stages[i].Blocks))
		for _, j := range c[i] {
			times[i][j]++
		}
	}
	return times
}

// perStage sums f over the chosen blocks of each stage.
func perStage(in *Input, c choice, f func(b *Block) float64) []float64 {
	out := make([]float64, len(in.Stages))
	for i := range in.Stages {
		for _, j := range c[i] {
			out[i] += f(&in.Stages[i].Blocks[j])
		}
	}
	return out
}

// bases pools the service times of the stages in which, by the counters, hardly anyone waited (less than 8 % of visits at
// every resource, and these for a fraction of one visit); the lowest stage always counts.
func (s *sample) bases(c choice) {
	calm := make([]bool, len(s.in.Stages))
	lowest := 0
	for i, st := range s.in.Stages {
		calm[i] = len(s.resources) > 0
		if st.Users < s.in.Stages[lowest].Users {
			lowest = i
		}
		for r := range s.resources {
			f := &s.resources[r]
			if !f.valid {
				calm[i] = false
				continue
			}
			model, customers := s.station(r, st.Load)
			if tail := model.Wait(customers, f.spread).tail; len(tail) > 0 && tail[0] > 0.08 {
				calm[i] = false
			}
		}
	}
	calm[lowest] = true
	s.base, s.mean = make([][]float64, len(s.in.Actions)), make([]float64, len(s.in.Actions))
	for a := range s.base {
		s.base[a] = make([]float64, len(s.in.Grid))
	}
	responses := make([]float64, len(s.in.Actions))
	for i, times := range timesTaken(s.in, c) {
		if !calm[i] {
			continue
		}
		for j, m := range times {
			if m == 0 {
				continue
			}
			for a := range s.base {
				x := &s.in.Stages[i].Blocks[j].Actions[a]
				counts, values := s.base[a], x.Values[:len(x.Bins)]
				for k, bin := range x.Bins {
					counts[bin] += m * values[k]
				}
				s.mean[a] += m * x.seconds
				responses[a] += m * x.responses
			}
		}
	}
	for a, n := range responses {
		s.mean[a] /= math.Max(n, 1)
	}
}

func (s *sample) shares() {
	for r := range s.resources {
		f := &s.resources[r]
		if !f.valid {
			continue
		}
		var through, visits float64
		for _, st := range s.in.Stages {
			visits += f.visits.at(st.Load)
			for a, passes := range s.in.Resources[r].Passes {
				if passes {
					through += s.rate[a].at(st.Load)
				}
			}
		}
		if through > 0 {
			f.share = visits / through
		}
	}
}

// station is a resource's closed model at a load, with the number of its customers: of the active users those who come
// here at all, and of these, where the resource is a shard, those whose accounts lie on it.
func (s *sample) station(r int, load Load) (st Station, customers float64) {
	f := &s.resources[r]
	visits := math.Max(f.visits.at(load)+s.surged(r)*load.Users, 1e-9)
	customers = load.Users
	if r < len(s.in.Resources) {
		res := &s.in.Resources[r]
		if res.Population > 0 {
			customers *= res.Population
		}
		if res.Group != "" {
			customers *= visits / math.Max(s.groupVisits(res.Group, load), visits)
		}
	}
	cycle, demand := customers/visits, f.demand
	if f.drifts {
		demand *= math.Max(f.use.at(load), 1e-9) / math.Max(f.visits.at(load), 1e-9)
	}
	return Station{Servers: f.limit, Demand: demand, Delay: math.Max(cycle-demand, 1e-6)}, customers
}

// groupVisits is the visits per second at all shards of a group.
func (s *sample) groupVisits(group string, load Load) float64 {
	var sum float64
	for r := range s.in.Resources {
		if s.in.Resources[r].Group == group && s.resources[r].valid {
			sum += s.resources[r].visits.at(load) + s.surged(r)*load.Users
		}
	}
	return sum
}
