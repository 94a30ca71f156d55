package testenv

import (
	"fmt"
	"math"
	"slices"
)

// program is a definition compiled to one flat list of instructions, which any number of jobs may execute.
type program struct {
	code   []instruction
	starts map[string]int32 // operation → index of its first instruction
	groups []shards
	expire int32 // index of the instruction at which a kept unit's time ends
}

type opcode uint8

const (
	opTake      opcode = iota // take a unit of resource target
	opTakeShard               // take a unit of the account's shard in group target
	opServe                   // be busy for a drawn time
	opGive                    // give back the unit taken last
	opMiss                    // go to skip if cache number target does not miss
	opExpire                  // end the time of a kept unit
	opEnd
)

type instruction struct {
	op     opcode
	target int32
	skip   int32
	keep   int64 // of opGive: how long the account keeps the unit, in nanoseconds
	// A service time is exp(mu + sigma·z) for a standard normal z, or, where exponential, −mean·ln u.
	mu, sigma, mean float64
	exponential     bool
}

// shards places accounts on the members of a group.
type shards struct {
	salt       uint64    // of the hash, so that two groups' placements are unrelated
	cumulative []float64 // running share of the weights, ending at 1
	members    []int32
	balanced   bool // the balancer chooses, not the account
}

// of is the shard of an account, by a hash of its number (the finaliser of splitmix64), as real software places accounts:
// whatever subset of them is active has the weights as far as chance allows.
func (s *shards) of(account int) int32 {
	x := uint64(account)*0x9e3779b97f4a7c15 + s.salt
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	u := float64((x^x>>31)>>11) / (1 << 53)
	for i, c := range s.cumulative {
		if u < c {
			return s.members[i]
		}
	}
	return s.members[len(s.members)-1]
}

// choose is the member for a visit: that of the instance which the balancer has chosen, from 1, or the account's.
func (s *shards) choose(account int, instance int32) int32 {
	if s.balanced && instance > 0 {
		return s.members[instance-1]
	}
	return s.of(account)
}

// compile panics on a definition that does not pass Check.
func compile(d Definition) *program {
	if err := d.Check(); err != nil {
		panic(fmt.Sprintf("testenv: platform definition %q: %v", d.Name, err))
	}
	p := &program{starts: map[string]int32{}}
	resources, groups, caches := map[string]int32{}, map[string]int32{}, map[string]int32{}
	filled := int32(0) // memories and caches so far
	for i, r := range d.Resources {
		resources[r.Name] = int32(i)
		if r.Memory != nil || r.Cache != nil {
			caches[r.Name] = filled
			filled++
		}
		if r.Group == "" {
			continue
		}
		g, ok := groups[r.Group]
		if !ok {
			g = int32(len(p.groups))
			groups[r.Group] = g
			p.groups = append(p.groups, shards{salt: (uint64(g) + 1) * 0xd1b54a32d192ed03})
		}
		p.groups[g].members = append(p.groups[g].members, int32(i))
	}
	for name, g := range groups {
		s, sum := &p.groups[g], 0.0
		s.balanced = d.Balance != nil && slices.Contains(d.Balance.Groups, name)
		for _, w := range d.shares(name) {
			sum += w
			s.cumulative = append(s.cumulative, sum)
		}
	}
	var emit func(steps []Step)
	emit = func(steps []Step) {
		for _, s := range steps {
			ask := len(p.code)
			if s.Miss != "" {
				p.code = append(p.code, instruction{op: opMiss, target: caches[s.Miss]})
			}
			take := instruction{op: opTake}
			if g, ok := groups[s.Use]; ok {
				take = instruction{op: opTakeShard, target: g}
			} else {
				take.target = resources[s.Use]
			}
			p.code = append(p.code, take)
			if s.For.Mean > 0 {
				p.code = append(p.code, s.For.compile())
			}
			emit(s.Steps)
			p.code = append(p.code, instruction{op: opGive, keep: int64(s.Keep)})
			if s.Miss != "" {
				p.code[ask].skip = int32(len(p.code))
			}
		}
	}
	for name, steps := range d.Operations {
		p.starts[name] = int32(len(p.code))
		emit(steps)
		p.code = append(p.code, instruction{op: opEnd})
	}
	p.expire = int32(len(p.code))
	p.code = append(p.code, instruction{op: opExpire})
	return p
}

// groupOf finds a group by a resource that is in it.
func (p *program) groupOf(d Definition, name string) *shards {
	for i, r := range d.Resources {
		if r.Group != name {
			continue
		}
		for g := range p.groups {
			if slices.Contains(p.groups[g].members, int32(i)) {
				return &p.groups[g]
			}
		}
	}
	return nil
}

// shares are the parts of a group's visits that its members get, in order, summing to 1.
func (d Definition) shares(group string) []float64 {
	weights := d.Shards[group]
	if weights == nil {
		for range d.members(group) {
			weights = append(weights, 1)
		}
	}
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	shares := make([]float64, len(weights))
	for i, w := range weights {
		shares[i] = w / sum
	}
	return shares
}

// compile finds the parameters of the normal distribution under the log-normal one: with mean m and coefficient of variation c,
// σ² = ln(1 + c²) and μ = ln m − σ²/2.
func (s Service) compile() instruction {
	if s.Shape == Exponential {
		return instruction{op: opServe, exponential: true, mean: float64(s.Mean)}
	}
	v := math.Log1p(s.CV * s.CV)
	return instruction{op: opServe, mean: float64(s.Mean), mu: math.Log(float64(s.Mean)) - v/2, sigma: math.Sqrt(v)}
}

// draw is a service time in nanoseconds by inversion, one uniform number each, so that the same number gives a similar time
// in a slightly different simulation.
func (in *instruction) draw(random *uint64) int64 {
	if in.sigma == 0 && !in.exponential {
		return int64(in.mean)
	}
	u := uniform(random)
	if in.exponential {
		return int64(-in.mean * math.Log(u))
	}
	return int64(math.Exp(in.mu + in.sigma*normal(u)))
}

// normal is the quantile of the standard normal distribution.
func normal(u float64) float64 { return math.Sqrt2 * math.Erfinv(2*u-1) }

// uniform draws from the open interval (0, 1).
func uniform(random *uint64) float64 {
	*random += 0x9e3779b97f4a7c15
	return (float64(mix(*random)>>11) + 0.5) / (1 << 53)
}

// mix is the finalizer of the SplitMix64 generator (Steele, Lea and Flood 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
