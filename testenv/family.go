package testenv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Family is a kind of platform, of which DrawFamily makes up examples to check forecasts against.
type Family struct {
	Name string
	What string // limits it
	// Inside says whether the usual models of capacity (queues with counters, pools, linear counters, periodic slow times) can
	// describe it. The others are there to see what a forecast does outside its model.
	Inside bool

	draw func(f *familyDraw) Drawn
}

// Families lists the families in the order in which results are shown.
func Families() []Family {
	return []Family{
		{"cpu", "processor cores", true, drawCPU},
		{"cpu-disk", "processor cores or one disk", true, drawDisk},
		{"balancer", "a balancer's slots, held while a backend answers", true, drawBalancer},
		{"keepalive", "a balancer's slots, kept by idle connections", true, drawKeepalive},
		{"refusing", "slots without a queue, which refuse", true, drawRefusing},
		{"lock", "a lock that no counter shows", true, drawLock},
		{"memory", "memory, beyond which everything is slow", true, drawMemory},
		{"bursts", "processor cores at 0.6 of their speed for 5 s in every 25 s", true, drawBursts},
		{"gc", "processor cores that pause at random", false, drawGC},
		{"cache", "a disk behind a cache that active accounts outgrow", false, drawCache},
		{"neighbour", "processor cores shared with a random neighbour", false, drawNeighbour},
		{"retry", "slots that refuse, or cores, under users who try again", false, drawRetry},
	}
}

// Drawn is a platform of a family with its workload.
type Drawn struct {
	Family     string
	Definition Definition
	Workload   Workload
	Actions    []string // those of the workload, all of them judged
	// Passes lists, for each resource that is not hidden, the actions that visit it. Memory and caches are visited by none.
	Passes map[string][]string
	// Nominal is about the capacity, by rules of thumb, for sizing a search. It can be wrong by half.
	Nominal int
}

// DrawFamily makes up a platform of a family, the same for the same seed. Its users think for 8 to 15 s on average, do 3 to 5
// actions of different cost, and shall see a response time of less than 1 s for 95 % of each and errors in less than 0.5 % of
// all. Its capacity lies at roughly 250 to 2,500 users, where nearly all actions take far less than half a second when nobody
// waits.
func DrawFamily(family string, seed uint64) (Drawn, error) {
	families := Families()
	i := slices.IndexFunc(families, func(f Family) bool { return f.Name == family })
	if i < 0 {
		var names []string
		for _, f := range families {
			names = append(names, f.Name)
		}
		return Drawn{}, fmt.Errorf("unknown family %q of platforms, want one of %s", family, strings.Join(names, ", "))
	}
	salt := uint64(0xfa)
	for _, c := range []byte(family) {
		salt = salt*257 + uint64(c)
	}
	f := &familyDraw{random: rand.New(rand.NewPCG(seed, salt))}
	f.users(mix(seed ^ salt))
	d := families[i].draw(f)
	d.Family = family
	d.Definition.Name = fmt.Sprintf("%s-%d", family, seed)
	d.Actions = f.names
	d.Passes = d.Definition.passes(f.names)
	w := f.workload
	w.Retry = d.Workload.Retry
	d.Workload = w
	if err := d.Definition.Check(); err != nil {
		return Drawn{}, fmt.Errorf("drawing platform %d of family %s: %w", seed, family, err)
	}
	return d, nil
}

// passes lists the operations that visit each resource that is not hidden.
func (d Definition) passes(operations []string) map[string][]string {
	passes := map[string][]string{}
	for _, r := range d.Resources {
		if !r.Hidden {
			passes[r.Name] = nil
		}
	}
	for _, op := range operations {
		var walk func(steps []Step)
		walk = func(steps []Step) {
			for _, s := range steps {
				for _, name := range d.members(s.Use) {
					if list, ok := passes[name]; ok && !slices.Contains(list, op) {
						passes[name] = append(list, op)
					}
				}
				walk(s.Steps)
			}
		}
		walk(d.Operations[op])
	}
	return passes
}

// familyDraw holds what all families draw alike.
type familyDraw struct {
	random    *rand.Rand
	workload  Workload
	names     []string
	weights   []float64 // of the actions, summing to 1
	factors   []float64 // of their demands; the weighted mean is 1
	cv        float64   // of service times
	think     float64   // mean, seconds
	mu, sigma float64   // of its logarithm
}

const (
	familyLimit  = 1.0 // seconds: what 95 % of each action's response times shall stay below
	familyErrors = 0.005
	familyAlone  = 0.35 // seconds: what they stay below when nobody waits
	familyFull   = 0.92 // utilisation at which a queue is expected to break the objective
)

func (f *familyDraw) between(low, high float64) float64 { return low + (high-low)*f.random.Float64() }

// spread draws evenly by the logarithm.
func (f *familyDraw) spread(low, high float64) float64 {
	return low * math.Pow(high/low, f.random.Float64())
}

// users draws the actions and how long users think.
func (f *familyDraw) users(seed uint64) {
	f.names = []string{"web.list", "web.read", "imap.fetch", "smtp.send", "caldav.query"}[:3+f.random.IntN(3)]
	sum, mean := 0.0, 0.0
	for range f.names {
		f.weights = append(f.weights, f.between(1, 4))
		f.factors = append(f.factors, f.spread(0.5, 2))
		sum += f.weights[len(f.weights)-1]
	}
	for i := range f.weights {
		f.weights[i] /= sum
		mean += f.weights[i] * f.factors[i]
	}
	for i := range f.factors {
		f.factors[i] /= mean
	}
	f.cv = f.between(0.5, 1.5)
	f.think = f.between(8, 15)
	f.sigma = math.Sqrt(math.Log1p(math.Pow(f.between(0.6, 1.1), 2)))
	f.mu = math.Log(f.think) - f.sigma*f.sigma/2

	script := familyScript{mu: f.mu, sigma: f.sigma}
	rising := 0.0
	for i, name := range f.names {
		rising += f.weights[i]
		script.rising = append(script.rising, rising)
		script.acts = append(script.acts, Act{Action: name, Operations: []string{name}})
	}
	f.workload = Workload{
		User:       func(i int) User { return &familyUser{&script, i, mix(seed ^ mix(uint64(i)+1))} },
		Objectives: []Objective{{Action: "*", Quantile: 0.95, Max: time.Duration(familyLimit * 1e9)}, {Action: "*", MaxErrors: familyErrors}},
	}
}

// familyScript is what all users of a drawn platform do.
type familyScript struct {
	mu, sigma float64
	rising    []float64 // running sum of the weights
	acts      []Act
}

// familyUser does actions at random by their weights and thinks log-normal times.
type familyUser struct {
	script *familyScript
	number int
	random uint64
}

// Next implements User.
func (u *familyUser) Next() Act {
	s := u.script
	at, x := 0, uniform(&u.random)
	for at < len(s.rising)-1 && x >= s.rising[at] {
		at++
	}
	act := s.acts[at]
	act.Account = u.number
	act.Think = time.Duration(1e9 * math.Exp(s.mu+s.sigma*normal(uniform(&u.random))))
	return act
}
