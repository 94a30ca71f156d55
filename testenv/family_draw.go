package testenv

import (
	"math"
	"time"
)

// part is one resource's share of what an action costs: its mean demand over all actions, in seconds.
type part struct {
	use    string
	demand float64
}

// steps spells out visits of some resources one after the other for each action.
func (f *familyDraw) steps(parts ...part) map[string][]Step {
	operations := map[string][]Step{}
	for i, name := range f.names {
		for _, p := range parts {
			operations[name] = append(operations[name], Step{Use: p.use, For: f.service(p.demand * f.factors[i])})
		}
	}
	return operations
}

func (f *familyDraw) service(mean float64) Service {
	return Service{Mean: max(time.Duration(mean*1e9).Round(10*time.Microsecond), 10*time.Microsecond), CV: math.Round(f.cv*100) / 100}
}

// slots spells out a slot held for a delay and for work on the cores within.
func (f *familyDraw) slots(keep time.Duration, delay, work float64) map[string][]Step {
	operations := map[string][]Step{}
	for i, name := range f.names {
		operations[name] = []Step{{
			Use: "slots", For: f.service(delay * f.factors[i]), Keep: keep,
			Steps: []Step{{Use: "cpu", For: f.service(work * f.factors[i])}},
		}}
	}
	return operations
}

// heaviest is the mean demand over all actions at which 95 % of the costliest one's service times stay below familyAlone: the
// quantile of the log-normal distribution is exp(μ + 1.645σ).
func (f *familyDraw) heaviest() float64 {
	most := 0.0
	for _, x := range f.factors {
		most = max(most, x)
	}
	v := math.Log1p(f.cv * f.cv)
	return familyAlone / (most * math.Exp(1.645*math.Sqrt(v)-v/2))
}

// size draws the width of the resource that limits the platform and the users that it shall carry, such that the demand made
// there is not above its share of the heaviest. full is the number of units in use at the limit.
func (f *familyDraw) size(low, high, share float64, full func(units int) float64) (users float64, units int, demand float64) {
	for {
		units = int(math.Round(f.spread(2, 32)))
		if least := full(units) * f.think / (f.heaviest() * share); least < high {
			users = f.spread(max(low, least), high)
			return users, units, full(units) * f.think / users
		}
	}
}

// queueing is the number of units in use at which a station with a queue is expected to break the objective.
func queueing(units int) float64 { return familyFull * float64(units) }

// cores is the number of cores that are used to 1 ÷ headroom where users put the demand on each of them.
func (f *familyDraw) cores(users, demand, headroom float64) int {
	return max(1, int(math.Ceil(users/f.think*demand*headroom/familyFull)))
}

func nominal(users float64) int { return int(math.Round(users)) }

func drawCPU(f *familyDraw) Drawn { return f.cpu(300, 2000, 1, nil) }

// cpu draws a platform of cores alone, which slow times may leave with a share of their speed when it matters.
func (f *familyDraw) cpu(low, high, speed float64, slow []Slow) Drawn {
	users, units, demand := f.size(low, high, speed, func(units int) float64 { return queueing(units) * speed })
	return Drawn{
		Definition: Definition{
			Resources:  []Resource{{Name: "cpu", Kind: "cores", Limit: units, Slow: slow}},
			Operations: f.steps(part{"cpu", demand}),
		},
		Nominal: nominal(users),
	}
}

func drawDisk(f *familyDraw) Drawn {
	users, units, demand := f.size(300, 2000, 0.6, queueing)
	disk := familyFull * f.think / users
	// One of the two has more than enough.
	if more := f.between(1.15, 2); f.random.IntN(2) == 0 {
		disk /= more
	} else {
		demand /= more
	}
	return Drawn{
		Definition: Definition{
			Resources:  []Resource{{Name: "cpu", Kind: "cores", Limit: units}, {Name: "disk", Kind: "disk", Limit: 1}},
			Operations: f.steps(part{"cpu", demand}, part{"disk", disk}),
		},
		Nominal: nominal(users),
	}
}

func drawBalancer(f *familyDraw) Drawn {
	users, units, hold := f.size(300, 2200, 1, queueing)
	work := hold * f.between(0.05, 0.3)
	return Drawn{
		Definition: Definition{
			Resources: []Resource{
				{Name: "slots", Kind: "slots", Limit: units, Queue: new(20_000)},
				{Name: "cpu", Kind: "cores", Limit: 1 + f.cores(users, work, f.between(2, 3))},
			},
			Operations: f.slots(0, hold-work, work),
		},
		Nominal: nominal(users),
	}
}

func drawKeepalive(f *familyDraw) Drawn {
	users := f.spread(300, 2000)
	keep := f.between(1.5, 6)
	work := f.between(0.2, 0.6) * f.heaviest()
	delay := f.between(0.1, 0.3) * f.heaviest()
	// A slot is held while its user thinks, but no longer than it is kept: for think times T with ln T ~ N(μ, σ²),
	// E min(T, k) = E T·Φ((ln k − μ − σ²)/σ) + k·(1 − Φ((ln k − μ)/σ)).
	phi := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	x := (math.Log(keep) - f.mu) / f.sigma
	held := f.think*phi(x-f.sigma) + keep*(1-phi(x)) + work + delay
	return Drawn{
		Definition: Definition{
			Resources: []Resource{
				{Name: "slots", Kind: "slots", Limit: int(math.Ceil(users * held / (f.think + work + delay))), Queue: new(20_000)},
				{Name: "cpu", Kind: "cores", Limit: f.cores(users, work, f.between(1.3, 3))},
			},
			Operations: f.slots(time.Duration(keep*1e9).Round(10*time.Millisecond), delay, work),
		},
		Nominal: nominal(users),
	}
}

// erlang is the load, in units in use were there enough, of which units without a queue refuse a share. Erlang's formula B by
// its recursion, inverted by bisection.
func erlang(units int, share float64) float64 {
	low, high := 0.0, 2*float64(units)
	for range 50 {
		a, b := (low+high)/2, 1.0
		for k := 1; k <= units; k++ {
			b = a * b / (float64(k) + a*b)
		}
		if b > share {
			high = a
		} else {
			low = a
		}
	}
	return low
}

func drawRefusing(f *familyDraw) Drawn {
	return f.refusing(familyErrors)
}

// refusing draws slots without a queue that refuse a share of the visits.
func (f *familyDraw) refusing(share float64) Drawn {
	users, units, hold := f.size(300, 2200, 1, func(units int) float64 { return erlang(units, share) })
	work := hold * f.between(0.1, 0.4)
	return Drawn{
		Definition: Definition{
			Resources: []Resource{
				{Name: "slots", Kind: "slots", Limit: units, Queue: new(0)},
				{Name: "cpu", Kind: "cores", Limit: 1 + f.cores(users, work, f.between(1.3, 3))},
			},
			Operations: f.slots(0, hold-work, work),
		},
		Nominal: nominal(users),
	}
}

func drawLock(f *familyDraw) Drawn {
	users := f.spread(300, 2000)
	locked := familyFull * f.think / users
	work := f.between(0.2, 0.7) * f.heaviest()
	return Drawn{
		Definition: Definition{
			Resources: []Resource{
				{Name: "cpu", Kind: "cores", Limit: f.cores(users, work, f.between(1.7, 3))},
				{Name: "lock", Kind: "lock", Limit: 1, Hidden: true},
			},
			Operations: f.steps(part{"cpu", work}, part{"lock", locked}),
		},
		Nominal: nominal(users),
	}
}

func drawMemory(f *familyDraw) Drawn {
	users := f.spread(300, 2000)
	work := f.between(0.3, 1) * f.heaviest()
	each := math.Round(f.between(1, 6)*10) / 10
	base := math.Round(each * users * f.between(0.2, 1.5))
	return Drawn{
		Definition: Definition{
			Resources: []Resource{
				{Name: "cpu", Kind: "cores", Limit: f.cores(users, work, f.between(1.3, 3))},
				{Name: "memory", Kind: "memory", Limit: int(base + each*users), Memory: &Memory{
					Base: base, PerAccount: each, TTL: time.Duration(f.between(60, 150)) * time.Second,
					Beyond: &Beyond{Speed: math.Round(f.between(0.1, 0.25)*100) / 100, Slows: []string{"cpu"}},
				}},
			},
			Operations: f.steps(part{"cpu", work}),
		},
		Nominal: nominal(users),
	}
}

func drawBursts(f *familyDraw) Drawn {
	return f.cpu(300, 1500, 0.68, []Slow{{Every: 25 * time.Second, For: 5 * time.Second, Speed: 0.6}})
}

func drawGC(f *familyDraw) Drawn {
	gap, least, most := f.between(10, 40), f.between(0.2, 0.5), f.between(0.6, 1.2)
	return f.cpu(300, 900, 0.93, []Slow{{
		Every: time.Duration((gap + (least+most)/2) * 1e9).Round(100 * time.Millisecond), Speed: 0, Random: true,
		For: time.Duration(least * 1e9).Round(10 * time.Millisecond), UpTo: time.Duration(most * 1e9).Round(10 * time.Millisecond),
	}})
}

func drawNeighbour(f *familyDraw) Drawn {
	on, off, speed := f.between(10, 40), f.between(10, 40), math.Round(f.between(0.5, 0.8)*100)/100
	return f.cpu(300, 900, speed, []Slow{{
		Every: time.Duration((on + off) * 1e9).Round(100 * time.Millisecond), For: time.Duration(on * 1e9).Round(100 * time.Millisecond),
		Speed: speed, Random: true,
	}})
}

func drawCache(f *familyDraw) Drawn {
	users, fits, times := f.spread(300, 2000), f.between(0.35, 0.7), f.between(4, 8)
	missed := 1 - fits
	hit := familyFull * f.think / users / (1 + missed*times)
	work := f.between(0.2, 0.5) * f.heaviest()
	each := math.Round(f.between(1, 6)*10) / 10
	ttl := time.Duration(f.between(60, 150)) * time.Second
	operations := f.steps(part{"cpu", work}, part{"disk", hit})
	for i, name := range f.names {
		operations[name] = append(operations[name], Step{Use: "disk", For: f.service(hit * times * f.factors[i]), Miss: "cache"})
	}
	return Drawn{
		Definition: Definition{
			Resources: []Resource{
				{Name: "cpu", Kind: "cores", Limit: f.cores(users, work, f.between(1.5, 3))},
				{Name: "cache", Kind: "cache", Limit: int(math.Ceil(each * users * fits)), Cache: &Cache{PerAccount: each, TTL: ttl}},
				{Name: "disk", Kind: "disk", Limit: 1},
			},
			Operations: operations,
		},
		Nominal: nominal(users),
	}
}

func drawRetry(f *familyDraw) Drawn {
	var d Drawn
	if f.random.IntN(2) == 0 {
		d = f.refusing(0.15)
	} else {
		d = f.cpu(300, 2000, 1, nil)
	}
	d.Workload.Retry = Retry{
		Times:    3,
		Backoff:  time.Duration(f.between(100, 400)) * time.Millisecond,
		Patience: time.Duration(f.between(1500, 4000)) * time.Millisecond,
	}
	return d
}
