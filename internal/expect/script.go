package expect

import (
	"math"
	"strings"
	"time"

	"pegel/scenarios"
)

// script is the expectation of a sequence of steps. A user goes through Once in Time seconds; with probability Ends the
// sequence is over then, else the user goes on for ever at the rates Tail (which are already weighted by 1 − Ends).
type script struct {
	Once vector  // acts by leaf
	Offs vector  // the sum of the times at which they come, in seconds
	Time float64 // seconds
	Var  float64 // variance of Time
	Ends float64
	Tail vector // acts per second by leaf

	// Late acts come besides Once, little by little once the rates Tail have begun, with the time constant Lag in seconds; some are
	// negative.
	Late vector
	Lag  float64
}

// vector is an amount for each leaf; missing entries are 0.
type vector []float64

func (v *vector) add(w vector, scale float64) {
	if scale == 0 {
		return
	}
	for len(*v) < len(w) {
		*v = append(*v, 0)
	}
	for i, x := range w {
		(*v)[i] += x * scale
	}
}

func (v vector) sum() float64 {
	var s float64
	for _, x := range v {
		s += x
	}
	return s
}

func (v vector) scaled(by float64) vector {
	w := make(vector, len(v))
	for i, x := range v {
		w[i] = x * by
	}
	return w
}

// reader turns journeys into scripts; the leaves of all of them are numbered through.
type reader struct {
	response float64 // seconds
	message  float64 // mean size in bytes
	leaves   []leaf
	depends  int // conditions met, whose ways count half
}

// leaf is one action as a journey has it.
type leaf struct {
	name    string // protocol.verb
	target  string
	in, out float64 // bytes
	mails   float64 // submitted
	copied  float64 // items copied

	held time.Duration // how long the platform is asked to hold its answer back, unless something comes before
}

func (r *reader) journey(steps scenarios.Journey) script {
	whole := script{Ends: 1}
	for i := range steps {
		whole.then(r.step(&steps[i]))
	}
	return whole
}

// then appends what follows where s ends.
func (s *script) then(next script) {
	s.Offs.add(next.Offs, s.Ends)
	s.Offs.add(next.Once, s.Ends*s.Time)
	s.Once.add(next.Once, s.Ends)
	s.Tail.add(next.Tail, s.Ends)
	s.late(&next, s.Ends)
	s.Time += s.Ends * next.Time
	s.Var += s.Ends * next.Var
	s.Ends *= next.Ends
}

// late takes over what comes late in a part of the script.
func (s *script) late(part *script, weight float64) {
	s.Late.add(part.Late, weight)
	s.Lag = max(s.Lag, part.Lag)
}

func (r *reader) step(s *scenarios.Step) script {
	switch {
	case s.Do != "":
		return r.action(s.Do, s.Target, s.With, s.Think)
	case s.Repeat != nil:
		body := r.journey(s.Steps)
		if s.Repeat.For == "session" {
			return body.forever(0)
		}
		return body.times(s.Repeat.Times)
	case s.Every > 0:
		return r.journey(s.Steps).forever(s.Every.D().Seconds())
	case s.If != nil:
		r.depends++
		return mixture([]float64{1, 1}, []script{r.journey(s.Steps), r.journey(s.Else)})
	case len(s.Choose) > 0:
		weights, branches := make([]float64, len(s.Choose)), make([]script, len(s.Choose))
		for i := range s.Choose {
			c := &s.Choose[i]
			weights[i] = c.Weight
			if c.Do != "" {
				branches[i] = r.action(c.Do, c.Target, c.With, c.Think)
			} else {
				branches[i] = r.journey(c.Steps)
			}
		}
		return mixture(weights, branches)
	case len(s.Parallel) > 0:
		branches := make([]script, len(s.Parallel))
		for i := range s.Parallel {
			branches[i] = r.journey(s.Parallel[i].Steps)
		}
		return together(branches)
	case s.Think != nil:
		return script{Time: s.Think.Mean().Seconds(), Var: variance(s.Think), Ends: 1}
	}
	return script{Ends: 1}
}

func (r *reader) action(name, target string, with scenarios.Params, think *scenarios.Dist) script {
	protocol, _, _ := strings.Cut(name, ".")
	if target == "" {
		target = protocol
	}
	l := leaf{name: name, target: target}
	l.measure(with, r.message)
	r.leaves = append(r.leaves, l)
	s := script{Once: make(vector, len(r.leaves)), Time: r.response + l.held.Seconds(), Ends: 1}
	s.Once[len(r.leaves)-1] = 1
	if think != nil {
		s.Time += think.Mean().Seconds()
		s.Var = variance(think)
	}
	return s
}

// points is how finely a distribution is cut.
const points = 64

// variance of a distribution in square seconds, from the middles of equal parts of it.
func variance(d *scenarios.Dist) float64 {
	mean, sum := d.Mean().Seconds(), 0.0
	for i := range points {
		x := d.Quantile((float64(i)+0.5)/points).Seconds() - mean
		sum += x * x / points
	}
	return sum
}

// times is the script n times over: the i-th round is reached with probability Ends^i.
func (s script) times(n int) script {
	rounds, reached := 0.0, 1.0
	if s.Ends == 1 {
		rounds = float64(n)
	} else {
		for range min(n, 10_000) { // beyond, what is left is nothing
			rounds += reached
			reached *= s.Ends
		}
	}
	offs := s.Offs.scaled(rounds)
	offs.add(s.Once, s.Time*rounds*max(0, rounds-1)/2)
	return script{Late: s.Late.scaled(rounds), Lag: s.Lag, Once: s.Once.scaled(rounds), Offs: offs, Tail: s.Tail.scaled(rounds), Time: s.Time * rounds, Var: s.Var * rounds, Ends: reached}
}

// forever is the script over and over, begun at most once in beat seconds. A round that never ends holds it.
//
// Rounds without a beat begin at once. Of what comes at a time o of a round of length T with variance σ², (t−o)/T + (σ²+T²)/2T²
// have come by the time t on average (renewal theorem; Feller, vol. II, XI.1). Of the part that does not grow, what comes before
// o has gone by belongs to Once: as much as is left of the round. The rest comes late, with the time of a round. On a beat the first round begins at a random part of it, so that by the time t exactly (t−o)/beat have come.
func (s script) forever(beat float64) script {
	if s.Ends < 1 {
		rounds := 1 / (1 - s.Ends)
		return script{Once: s.Once.scaled(rounds), Tail: s.Tail.scaled(rounds), Time: max(s.Time, s.Ends*beat) * rounds, Late: s.Late.scaled(rounds), Lag: s.Lag}
	}
	round := max(s.Time, beat)
	if round <= 0 {
		return script{}
	}
	f := script{Tail: s.Once.scaled(1 / round)}
	if beat > 0 {
		f.Once.add(s.Offs, -1/round)
		return f
	}
	f.Once.add(s.Once, 1)
	f.Once.add(s.Offs, -1/round)
	for i := range f.Once {
		f.Once[i] = max(0, f.Once[i])
	}
	f.Lag = round
	f.Late.add(s.Once, (s.Var/(round*round)+1)/2)
	f.Late.add(s.Offs, -1/round)
	f.Late.add(f.Once, -1)
	return f
}

// mixture takes one of the branches with the probability of its weight over the sum of all.
func mixture(weights []float64, branches []script) script {
	var sum float64
	for _, w := range weights {
		sum += w
	}
	var s script
	for i, b := range branches {
		part := weights[i] / sum
		s.Offs.add(b.Offs, part)
		s.Var += part * (b.Var + b.Time*b.Time)
		s.Once.add(b.Once, part)
		s.Tail.add(b.Tail, part)
		s.late(&b, part)
		s.Time += part * b.Time
		s.Ends += part * b.Ends
	}
	if s.Ends > 1-1e-9 { // what the parts lack to one is rounding, and would be a branch that never ends
		s.Ends = 1
	}
	s.Var = max(0, s.Var-s.Time*s.Time)
	return s
}

// together plays all branches at the same time, until the last has ended. A branch that goes on for ever does so from its
// own Time on; what it does until the others are there too belongs to Once.
func together(branches []script) script {
	s := script{Ends: 1}
	for _, b := range branches {
		if b.Time >= s.Time {
			s.Time, s.Var = b.Time, b.Var
		}
		s.Ends *= b.Ends
	}
	for _, b := range branches {
		s.Offs.add(b.Offs, 1)
		s.Once.add(b.Once, 1)
		s.Once.add(b.Tail, s.Time-b.Time)
		s.Tail.add(b.Tail, 1)
		s.late(&b, 1)
	}
	return s
}

// during is what a user does within the first so many seconds of a script that begins again when it has ended.
func (s script) during(seconds float64) vector {
	var v vector
	if seconds <= 0 {
		return v
	}
	s = s.forever(0)
	if s.Time <= 0 {
		v.add(s.Once, 1)
		v.add(s.Tail, seconds)
	} else {
		v.add(s.Once, min(1, seconds/s.Time))
		v.add(s.Tail, max(0, seconds-s.Time))
	}
	if over := seconds - max(0, s.Time); over > 0 && s.Lag > 0 {
		v.add(s.Late, 1-math.Exp(-over/s.Lag))
	}
	for i := range v { // shorter than what the means are good for
		v[i] = max(0, v[i])
	}
	return v
}
