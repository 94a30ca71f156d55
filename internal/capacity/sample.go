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

// Prior of spread: so many seconds of waiting are taken as seen already, at a ratio somewhat above one, because times on
// real resources vary more than exponential ones. A queue that is only sampled must be seen for longer.
const (
	spreadPrior        = 1.15
	priorWait          = 0.5
	priorWaitIfSampled = 5.0
	enoughWaiters      = 8.0 // visits that should have waited, none of which did, by chance: 3 in 10,000
)

// spreads compares the time that visits have waited with what the model says for exponential service times. By the
// approximation of Allen and Cunneen (1978) the ratio is (1 + cv²)/2 for a coefficient of variation cv.
func (s *sample) spreads(c choice) {
	seconds := perStage(s.in, c, func(b *Block) float64 { return b.Seconds })
	for r := range s.resources {
		f := &s.resources[r]
		f.spread = 1
		f.refuses = s.in.Resources[r].Queueing == Refuses
		if !f.valid {
			continue
		}
		waited := perStage(s.in, c, func(b *Block) float64 { return b.Resources[r].Waited })
		seen, expected, prior, waiters := 0.0, 0.0, priorWait, 0.0
		for i, st := range s.in.Stages {
			for _, j := range c[i] {
				if st.Blocks[j].Resources[r].Sampled {
					prior = priorWaitIfSampled
				}
			}
			model, customers := s.station(r, st.Load)
			w := model.Wait(customers, 1)
			seen += waited[i]
			visits := f.visits.at(st.Load) * seconds[i]
			expected += w.Mean() * visits
			if len(w.tail) > 0 {
				waiters += w.tail[0] * visits
			}
		}
		if s.in.Resources[r].Queueing == MayRefuse && seen == 0 {
			refused := perStage(s.in, c, func(b *Block) float64 { return b.Resources[r].Refused })
			var some float64
			for _, n := range refused {
				some += n
			}
			f.refuses = some > 0 || waiters > enoughWaiters && !s.sheltered(r)
		}
		f.spread = math.Min(math.Max((seen+prior*spreadPrior)/(expected+prior), 0.4), 4)
	}
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

func (s *sample) demands(c choice) {
	seconds := perStage(s.in, c, func(b *Block) float64 { return b.Seconds })
	for r := range s.in.Resources {
		var f resourceFit
		visits := perStage(s.in, c, func(b *Block) float64 { return b.Resources[r].Visits })
		busy := perStage(s.in, c, func(b *Block) float64 {
			x := &b.Resources[r]
			if x.Busy > 0 {
				return x.Busy
			}
			return x.InUse * b.Seconds // no busy counter: Little's law on the gauge
		})
		var sumVisits, sumBusy float64
		f.valid = true
		for i, st := range s.in.Stages {
			for _, j := range c[i] {
				x := &st.Blocks[j].Resources[r]
				f.valid = f.valid && x.Valid
				f.limit = math.Max(f.limit, x.Limit)
			}
			sumVisits += visits[i]
			sumBusy += busy[i]
		}
		f.valid = f.valid && f.limit > 0 && sumVisits > 0 && sumBusy > 0
		if !f.valid {
			s.held(r, &f, c, seconds)
		}
		if f.valid {
			f.demand = sumBusy / sumVisits
			f.gauged = s.gauged(r)
			f.visits = s.fit(visits, seconds)
			if f.drifts = s.drifts(r, c, visits, busy); f.drifts {
				scaled := make([]float64, len(busy))
				for i := range busy {
					scaled[i] = busy[i] / f.demand
				}
				f.use = s.fit(scaled, seconds) // in visits of the mean demand, for the same weights
			}
		}
		s.resources = append(s.resources, f)
	}
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
	for a := range s.in.Actions {
		counts := make([]float64, len(s.in.Grid))
		var sum, n float64
		for i := range s.in.Stages {
			if !calm[i] {
				continue
			}
			for _, j := range c[i] {
				x := &s.in.Stages[i].Blocks[j].Actions[a]
				for k, bin := range x.bins {
					counts[bin] += x.values[k]
				}
				sum += x.seconds
				n += x.responses
			}
		}
		s.base = append(s.base, counts)
		s.mean = append(s.mean, sum/math.Max(n, 1))
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

// drifts tells whether the seconds of use per visit change with load, by a twentieth between the lower stages and the highest.
// They fall where something uses the resource whatever the users do (copy traffic, cron), so that the sum is
// U = U₀ + S·X; they rise where caches overflow. A rise counts only beyond what waits elsewhere explain, during which an outer
// resource is held.
func (s *sample) drifts(r int, c choice, visits, busy []float64) bool {
	top := len(s.in.Stages) - 1
	if top < 3 || visits[top] < 400 {
		return false
	}
	var low, n float64
	for i := range top/2 + 1 {
		low += busy[i]
		n += visits[i]
	}
	if n < 400 {
		return false
	}
	before, after := low/n, busy[top]/visits[top]
	chance := 4 * after * math.Sqrt(1/n+1/visits[top])
	if after < before {
		return before-after > 0.05*before+chance
	}
	var elsewhere float64
	for k := range s.in.Resources {
		if k != r {
			for _, j := range c[top] {
				elsewhere += s.in.Stages[top].Blocks[j].Resources[k].Waited
			}
		}
	}
	return after-before > 0.05*before+1.2*elsewhere/visits[top]+chance
}

// sheltered tells whether another resource that lets through no more at a time stands before this one, so that nobody ever
// waits here: one that is passed by all actions that pass here.
func (s *sample) sheltered(r int) bool {
	for k := range s.in.Resources {
		if k == r || !s.resources[k].valid || s.resources[k].limit > s.resources[r].limit {
			continue
		}
		covers := true
		for a, passes := range s.in.Resources[r].Passes {
			covers = covers && (!passes || s.in.Resources[k].Passes[a])
		}
		if covers {
			return true
		}
	}
	return false
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

// scatter moves the shards' shares of the visits as chance does: which shard the accounts of further users lie on is not known. Of N
// users, M of them measured, a shard with the share p of them has it with a standard deviation of
// √(p(1−p)·(1/M − 1/N)), taken at N = 1.6·M.
func (s *sample) scatter(measured float64, normal []float64) {
	var moved []int
	var parts []float64
	for r := range s.in.Resources {
		if s.in.Resources[r].Group == "" || !s.resources[r].valid || measured <= 0 {
			continue
		}
		load := Load{Users: measured, Copy: s.assumed.Copy, Fresh: s.assumed.Fresh}
		p := s.resources[r].visits.at(load) / math.Max(s.groupVisits(s.in.Resources[r].Group, load), 1e-9)
		if p <= 0 || p >= 1 {
			continue
		}
		moved = append(moved, r)
		parts = append(parts, math.Sqrt((1-p)/p*(1-1/1.6)/measured))
	}
	for i, r := range moved {
		f := math.Exp(parts[i] * normal[r])
		s.resources[r].visits.Fixed *= f
		s.resources[r].visits.PerUser *= f
	}
}

// gauged tells whether a resource has no counter of the seconds in use.
func (s *sample) gauged(r int) bool {
	for i := range s.in.Stages {
		for j := range s.in.Stages[i].Blocks {
			if s.in.Stages[i].Blocks[j].Resources[r].Busy > 0 {
				return false
			}
		}
	}
	return true
}

// bounded corrects demands that come from a gauge of what is in use, read now and then: a visit that lasts as long as the
// action itself cannot last longer than the action's mean time without waiting, which is known far better. Resources that
// are held beyond the action (connections kept open) lie well above that and stay as they are.
func (s *sample) bounded() {
	for r := range s.resources {
		f := &s.resources[r]
		if !f.valid || f.drifts || !f.gauged {
			continue
		}
		var visits, seconds float64
		for i := range s.in.Stages {
			for a, passes := range s.in.Resources[r].Passes {
				if passes {
					seconds += s.rate[a].at(s.in.Stages[i].Load) * s.mean[a]
				}
			}
			visits += f.visits.at(s.in.Stages[i].Load)
		}
		if most := seconds / math.Max(visits, 1e-9); most > 0 && f.demand > most && f.demand < gaugeError*most {
			f.demand = most
		}
	}
}

// gaugeError is how far a mean of a gauge may lie above the truth by chance.
const gaugeError = 1.25
