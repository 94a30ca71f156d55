package capacity

import (
	"math"
	"math/rand/v2"
)

// A resource whose speed changes over time (a batch job each half minute, collection of garbage, a neighbour on the same
// machine) has less capacity than its mean demand says: while it is slow, work piles up that takes long to be done.
// It shows in the counters as seconds of use per visit that differ between blocks more than chance allows. For blocks of
// n visits,
//
//	E(S_b/S̄ − 1)² = τ² + σ²/n,
//
// where σ²/n is chance and τ the standard deviation of the speed itself, which is found by regression on 1/n (Mi, Casale, Cherkasova
// and Smirni 2008 use the index of dispersion to the same end).
type modulation struct {
	found bool
	tau   float64
	speed []float64 // factor on the demand, block by block, in the order of time; chance taken out
	step  float64   // seconds of a block
}

// A modulation counts from so many percent, and from so many standard errors.
const (
	modulationLeast    = 0.06
	modulationEvidence = 6.0
)

// modulated looks for a changing speed of a resource.
func (s *sample) modulated(r int) modulation {
	var ratio, visits []float64
	var seconds float64
	for i := range s.in.Stages {
		st := &s.in.Stages[i]
		var busy, n float64
		for j := range st.Blocks {
			b := &st.Blocks[j].Resources[r]
			if !b.Valid || b.Busy <= 0 {
				continue
			}
			busy += b.Busy
			n += b.Visits
		}
		if n < 100 {
			continue
		}
		for j := range st.Blocks {
			b := &st.Blocks[j].Resources[r]
			if b.Visits < 8 || b.Busy <= 0 {
				continue
			}
			ratio = append(ratio, b.Busy/b.Visits/(busy/n))
			visits = append(visits, b.Visits)
			seconds += st.Blocks[j].Seconds
		}
	}
	if len(ratio) < 40 {
		return modulation{}
	}
	// weighted by n², because the scatter of the squares falls with 1/n²
	var sw, sx, sy, sxx, sxy float64
	for b, x := range ratio {
		w, e := math.Min(visits[b]*visits[b], 1e6), (x-1)*(x-1)
		sw += w
		sx += w / visits[b]
		sy += w * e
		sxx += w / visits[b] / visits[b]
		sxy += w * e / visits[b]
	}
	det := sw*sxx - sx*sx
	if det <= 0 {
		return modulation{}
	}
	slope := math.Max((sw*sxy-sx*sy)/det, 0.1)
	tau2 := (sy - slope*sx) / sw
	var scatter float64
	for b, x := range ratio {
		w := math.Min(visits[b]*visits[b], 1e6)
		d := (x-1)*(x-1) - tau2 - slope/visits[b]
		scatter += w * w * d * d
	}
	m := modulation{step: seconds / float64(len(ratio))}
	if tau2 <= modulationLeast*modulationLeast || tau2 < modulationEvidence*math.Sqrt(scatter)/sw {
		return m
	}
	m.found, m.tau = true, math.Sqrt(tau2)
	for b, x := range ratio {
		m.speed = append(m.speed, math.Max(1+(x-1)*tau2/(tau2+slope/visits[b]), 0.05))
	}
	return m
}

// shuffled returns the speeds in another order, by stretches of about a minute, so that what belongs together stays so.
func (m modulation) shuffled(rng *rand.Rand) []float64 {
	stretch := max(1, min(int(60/m.step), len(m.speed)/4))
	var out []float64
	for len(out) < len(m.speed) {
		from := rng.IntN(len(m.speed) - stretch + 1)
		out = append(out, m.speed[from:from+stretch]...)
	}
	return out
}

// simulatedCells is the resolution of simulated waits up to a limit.
const simulatedCells = 200

// simulate plays the closed queue with a changing speed as a birth-death process and returns the tail of the waiting time
// at cells of limit/simulatedCells. Customers come at rate (N − k)/Z′ and go at rate min(k, c)/(S·z(t)); an arrival that finds k ≥ c waits
// until k − c + 1 others have gone, which takes as long as the speed then has it.
func (st Station) simulate(customers float64, speed []float64, step, limit float64, rng *rand.Rand) []float64 {
	n := int(customers + 0.5)
	c := int(math.Max(1, math.Floor(st.Servers+1e-9)))
	end := step * float64(len(speed))
	work := make([]float64, len(speed)+1) // units of work done until the beginning of each step, per busy server
	for i, z := range speed {
		work[i+1] = work[i] + step/(st.Demand*z)
	}
	// when so much work is done after t; beyond the end the last speed goes on
	after := func(t, amount float64) float64 {
		i := min(int(t/step), len(speed)-1)
		target := work[i] + (t-float64(i)*step)/(st.Demand*speed[i]) + amount
		for i < len(speed)-1 && work[i+1] < target {
			i++
		}
		return float64(i)*step + (target-work[i])*st.Demand*speed[i] - t
	}
	counts := make([]float64, simulatedCells+1)
	k := int(float64(n) * st.Demand / (st.Demand + st.Delay))
	var arrivals float64
	for t := 0.0; t < end; {
		i := min(int(t/step), len(speed)-1)
		come := float64(n-k) / st.Delay
		leave := float64(min(k, c)) / (st.Demand * speed[i])
		dt := rng.ExpFloat64() / (come + leave)
		if next := float64(i+1) * step; t+dt > next { // the speed changes first; exponential times forget
			t = next + 1e-12*end
			continue
		}
		t += dt
		if rng.Float64()*(come+leave) >= come {
			k--
			continue
		}
		arrivals++
		if k >= c {
			behind := float64(k - c + 1)
			amount := behind + math.Sqrt(behind)*rng.NormFloat64()
			if behind < 20 {
				amount = 0
				for range int(behind) {
					amount += rng.ExpFloat64()
				}
			}
			wait := after(t, math.Max(amount, 0)/float64(c))
			counts[min(int(wait/limit*simulatedCells), simulatedCells)]++
		}
		k++
	}
	tail := make([]float64, simulatedCells+1)
	sum := 0.0
	for i := simulatedCells; i >= 0; i-- {
		sum += counts[i]
		tail[i] = sum / math.Max(arrivals, 1)
	}
	return tail
}

// simulatedCapacity is the load at which the worst objective breaks when only one resource makes actions wait, at
// speeds that change as given.
func (s *sample) simulatedCapacity(r int, pairs []pair, speed []float64, step, guess float64, seed uint64) float64 {
	over := func(users float64) float64 {
		load := Load{Users: users, Copy: s.assumed.Copy, Fresh: s.assumed.Fresh}
		st, customers := s.station(r, load)
		worst := 1e-9
		tails := map[float64][]float64{}
		for _, p := range pairs {
			limit := p.objective.Limit
			if p.objective.Quantile == 0 || !s.passes(r, p.action) {
				continue
			}
			tail := tails[limit]
			if tail == nil {
				tail = st.simulate(customers, speed, step, limit, rand.New(rand.NewPCG(seed, 7)))
				tails[limit] = tail
			}
			visits := math.Min(math.Max(s.resources[r].share, 0), 1)
			above := tailWith(s.in.Grid, s.base[p.action], limit, func(t float64) float64 {
				if t < 0 {
					return 1
				}
				return visits * tail[min(int(t/limit*simulatedCells), simulatedCells)]
			})
			worst = math.Max(worst, above/(1-p.objective.Quantile))
		}
		return math.Log(worst)
	}
	low, high := guess*0.3, guess*1.15
	if over(high) < 0 {
		return high
	}
	for range 9 {
		mid := (low + high) / 2
		if over(mid) > 0 {
			high = mid
		} else {
			low = mid
		}
	}
	return (low + high) / 2
}

// slowdown is what a changing speed leaves of a resource's capacity, as shares of that at its mean speed: one for each of a
// few orders of the speeds as they were seen.
func (s *sample) slowdown(r int, m modulation, pairs []pair, guess float64, rng *rand.Rand) []float64 {
	const orders = 4
	steady := make([]float64, len(m.speed))
	for i := range steady {
		steady[i] = 1
	}
	seeds := make([]uint64, orders)
	speeds := make([][]float64, orders)
	for i := range orders {
		seeds[i] = rng.Uint64()
		speeds[i] = m.shuffled(rng)
	}
	shares := make([]float64, orders)
	each(orders, func(i int) {
		whole := s.simulatedCapacity(r, pairs, steady, m.step, guess, seeds[i])
		shares[i] = math.Min(s.simulatedCapacity(r, pairs, speeds[i], m.step, guess, seeds[i])/whole, 1)
	})
	return shares
}
