package plan

import (
	"hash/fnv"
	"math"
	"time"

	"pegel/probes/probe"
	"pegel/scenarios"
)

// Arrivals is the open process of one persona: users who come at times of their own, whether or not the platform keeps up.
type Arrivals struct {
	Persona  int
	Most     int           // users at work at the same time
	Even     bool          // spaced as a clock ticks; else each independent of the others
	From, To float64       // arrivals per second at the beginning and at the end
	Over     time.Duration // how long From takes to become To; 0: it is constant
	Counts   []int         // recorded arrivals by minute instead; nil: none

	plan *Plan
	live int // accounts that take turns
}

// Arriving users are numbered by persona and arrival: 2^36 of each are more than any run has.
const (
	arrivingFrom = uint64(1) << 48
	arrivingBits = 36
)

// Steps of the keys of a user's arrival.
const stepArrival, stepPhase = 1 << 26, 1<<26 + 1

// arrivals compiles the open processes. It comes after the stages, whose length a ramp takes.
func (p *Plan) arrivals() {
	for k := range p.Scenario.Personas {
		a := p.Scenario.Personas[k].Arrivals
		if a == nil {
			continue
		}
		one := Arrivals{Persona: k, Most: a.Most, Even: a.Spacing == scenarios.Even, Counts: a.Counts, plan: p, live: p.Live()}
		if one.From, one.To = a.Rates(); one.To != one.From {
			one.Over = p.Duration()
		}
		p.Arrivals = append(p.Arrivals, one)
	}
}

// User is the user of the n-th arrival, from 0. The accounts live take turns.
func (a *Arrivals) User(n uint64) User {
	return User{ID: a.id(n), Persona: a.Persona, Account: int(n % uint64(a.live))}
}

// FirstArrivals is the first user of each open process.
func (p *Plan) FirstArrivals() []User {
	var list []User
	for i := range p.Arrivals {
		list = append(list, p.Arrivals[i].User(0))
	}
	return list
}

func (a *Arrivals) id(n uint64) uint64 {
	return arrivingFrom | uint64(a.Persona)<<arrivingBits | n
}

// Expected is how many arrive in so long a time on average; of recorded and evenly spaced ones to the last but one exactly.
func (a *Arrivals) Expected(d time.Duration) float64 {
	if a.Counts != nil {
		sum := 0.0
		for minute, n := range a.Counts {
			left := d - time.Duration(minute)*time.Minute
			sum += float64(n) * min(max(left.Minutes(), 0), 1)
		}
		return sum
	}
	t := d.Seconds()
	over := a.Over.Seconds()
	ramp := min(t, over)
	sum := a.From * ramp
	if over > 0 {
		sum += (a.To - a.From) * ramp * ramp / (2 * over)
	}
	return sum + a.To*(t-ramp)
}

// Stream walks the arrivals in the order of their times. When each comes follows from the seed, the persona and its number
// alone: the numbers of those before are walked, never drawn anew. A stream belongs to one goroutine.
type Stream struct {
	of   *Arrivals
	next uint64

	// passed is what the process has passed through, in thousandths of a millionth of an arrival: a sum of whole numbers, so that
	// it is the same on every machine, however long it gets.
	passed int64

	minute, left int     // of recorded arrivals: the minute, and how many of it are still to come
	within       float64 // where in the minute the one before came, from 0 to 1
}

// Stream begins at the first arrival.
func (a *Arrivals) Stream() *Stream {
	s := &Stream{of: a, minute: -1}
	if a.Even {
		s.passed = int64(1e9 * unit(key(a.plan.Seed, a.id(0), stepPhase, 0))) // so that processes do not tick together
	}
	return s
}

// Next is the time of the next arrival after the beginning of the run, and its number. ok is false where recorded arrivals
// have come to their end; others have none.
func (s *Stream) Next() (at time.Duration, n uint64, ok bool) {
	n = s.next
	s.next++
	if s.of.Counts != nil {
		at, ok = s.recorded(n)
		return at, n, ok
	}
	switch {
	case !s.of.Even: // the distance in a Poisson process of rate 1 is exponential
		s.passed += int64(-1e9 * math.Log1p(-s.unit(n)))
	case n > 0:
		s.passed += 1e9
	}
	return s.of.at(float64(s.passed) / 1e9), n, true
}

// unit is the draw that belongs to an arrival, in (0, 1).
func (s *Stream) unit(n uint64) float64 {
	return (float64(key(s.of.plan.Seed, s.of.id(n), stepArrival, 0)>>12) + 0.5) / (1 << 52)
}

// at is when a process has passed through x arrivals: the inverse of Λ(t) = at + (b − a)t²/2T up to T, and of its line beyond.
func (a *Arrivals) at(x float64) time.Duration {
	over := a.Over.Seconds()
	up := (a.From + a.To) / 2 * over // Λ(T)
	var t float64
	if x >= up {
		t = over + (x-up)/a.To
	} else {
		t = 2 * x / (a.From + math.Sqrt(a.From*a.From+2*(a.To-a.From)*x/over))
	}
	if t > maxRun.Seconds() {
		return maxRun
	}
	return time.Duration(t * float64(time.Second))
}

// maxRun is longer than any run; what would come later comes then.
const maxRun = 100 * 365 * 24 * time.Hour

// recorded gives each minute exactly its count: evenly spaced, or at independent moments of it. These are walked in order: of
// k moments still to come in the rest of the minute, the first leaves a share of it that is the k-th root of a uniform draw.
func (s *Stream) recorded(n uint64) (time.Duration, bool) {
	for s.left == 0 {
		if s.minute++; s.minute >= len(s.of.Counts) {
			return 0, false
		}
		s.left, s.within = s.of.Counts[s.minute], 0
	}
	count := s.of.Counts[s.minute]
	x := (float64(count-s.left) + 0.5) / float64(count)
	if !s.of.Even {
		s.within = 1 - (1-s.within)*math.Pow(s.unit(n), 1/float64(s.left))
		x = s.within
	}
	s.left--
	return time.Duration(s.minute)*time.Minute + time.Duration(x*float64(time.Minute)), true
}

// What of the arrivals enters the digest besides their rates: the times of the first million, and what the first thousand do.
const (
	digestArrivals = 1_000_000
	digestArriving = 1_000
)

// arrivalsDigest covers the arrivals of a share that come within the stages; with the first share also their rates.
func (p *Plan) arrivalsDigest(share Share) Digest {
	var sum Digest
	length := p.Duration()
	for i := range p.Arrivals {
		a := &p.Arrivals[i]
		if share.Index <= 1 {
			h := fnv.New64a()
			put(h, uint64(a.Persona), uint64(a.Most), math.Float64bits(a.From), math.Float64bits(a.To), uint64(a.Over), uint64(len(a.Counts)))
			if a.Even {
				put(h, 1)
			}
			for _, n := range a.Counts {
				put(h, uint64(n))
			}
			sum[0] += h.Sum64()
		}
		stream := a.Stream()
		for {
			at, n, ok := stream.Next()
			if !ok || at >= length || n >= digestArrivals {
				break
			}
			u := a.User(n)
			if !share.Has(&u) {
				continue
			}
			sum[1] += probe.Mix(u.ID ^ probe.Mix(uint64(at)))
			if n < digestArriving {
				sum = sum.Add(p.arrivingDigest(&u))
			}
		}
	}
	return sum
}

// arrivingDigest is what an arriving user does, once.
func (p *Plan) arrivingDigest(u *User) Digest {
	h := newDigester()
	h.put(u.ID, uint64(u.Account))
	left := digestBranchActs
	c := p.Cursor(u)
	c.Once()
	p.actsDigest(&h, c, &left)
	p.behaviourDigest(&h, u)
	return h.sum()
}

// Once ends the cursor with the journey instead of beginning it again.
func (c *Cursor) Once() { c.once = true }
