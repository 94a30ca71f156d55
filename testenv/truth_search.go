package testenv

import (
	"context"
	"fmt"
	"math"
	"time"
)

const (
	certain      = 4.0       // standard errors at which a side is decided: so many, since one looks more than once
	confident    = 2.5       // standard errors within which the result shall have its precision
	firstBatches = 10        // before anything is decided
	firstEvents  = 400_000   // of one simulation while the limit is only enclosed
	longerEvents = 1_000_000 // of the first after that
	mostEvents   = 3_000_000 // of any one
	narrow       = 0.04      // the limit is narrowed down to so much, relatively, before longer simulations
	steepRise    = 3.0       // of the margin between the bounds: more than a line is good for
	smallLimit   = 60        // users, below which single ones are told apart
	// A platform whose users try again must hold for a busy hour, since it may stay overloaded once it is; at first, for less.
	patientSpan, firstSpan = time.Hour, 10 * time.Minute
)

// search is the state of one call of Truth.
type search struct {
	ctx         context.Context
	def         Definition
	workload    Workload
	options     TruthOptions
	deadline    time.Time     // zero: none
	unit        time.Duration // the platform's natural time: one cycle of a user at the limit, or of what disturbs it
	warmup      time.Duration
	probes      []*probe
	low, high   *probe // highest that holds, lowest that does not
	refining    bool   // past the first short simulations
	simulations int
	events      int64
}

// probe is what simulating one number of users told.
type probe struct {
	users             int
	decided           bool
	margin            float64 // log odds of a bad action over those allowed, of the worst charge; above 0: broken
	error             float64 // its standard error
	events            int64
	early             bool // ended as soon as it was decided, which favours margins far from 0
	objective, action string
	resource          string
}

func (s *search) run() (TruthResult, error) {
	guess, err := s.pilot()
	if err != nil {
		return TruthResult{}, err
	}
	if s.options.Guess > 0 {
		guess = s.options.Guess
	}
	if err := s.enclose(guess); err != nil {
		return TruthResult{}, err
	}
	rough := max(narrow, s.options.Precision)
	for s.width() > max(1, rough*float64(s.lowUsers())) && !s.spent() {
		if _, err := s.probe(s.between(), firstEvents, true); err != nil {
			return TruthResult{}, err
		}
	}
	if s.options.Precision > narrow { // good enough
		return s.result(nil), nil
	}
	l, err := s.refine()
	if err != nil {
		return TruthResult{}, err
	}
	return s.result(l), nil
}

// spent says whether the search must end with what it has.
func (s *search) spent() bool {
	return s.events >= s.options.Events || !s.deadline.IsZero() && time.Now().After(s.deadline)
}

// enclose finds a number of users that holds and one that does not.
func (s *search) enclose(guess int) error {
	n, factor := max(1, min(guess, s.options.MaxUsers)), 1.1
	for !s.enclosed() {
		p, err := s.probe(n, firstEvents, true)
		if err != nil {
			return err
		}
		switch {
		case s.enclosed():
		case s.spent():
			return fmt.Errorf("budget ended at %d users, before the limit was enclosed", n)
		case p.margin <= 0:
			if n == s.options.MaxUsers {
				return fmt.Errorf("%w up to %d users", errNoLimit, n)
			}
			n = min(int(float64(n)*factor)+1, s.options.MaxUsers)
		default:
			n = max(1, int(float64(n)/factor))
		}
		factor = min(factor*factor, 8)
	}
	return nil
}

// refine simulates numbers on either side of the limit, ever longer, until it is known precisely enough. It returns the last
// line through the margins, if one fits.
func (s *search) refine() (*line, error) {
	s.refining = true
	length := int64(longerEvents)
	for s.workload.Retry.Times > 0 && s.low != nil && !s.spent() { // what held for a short time may not for long
		p, err := s.probe(s.low.users, length, true)
		if err != nil {
			return nil, err
		}
		if p.margin <= 0 {
			s.low = p
			break
		}
	}
	apart := max(s.options.Precision, s.width()/float64(2*s.high.users)) // of the numbers simulated, while there is no line
	for above := false; ; above = !above {
		l := s.fit()
		if s.spent() || l != nil && length > longerEvents && confident*l.error <= s.options.Precision {
			return l, nil
		}
		steep := l == nil && s.steep()
		if l == nil && s.width() <= 1 && (steep || s.lowUsers() < smallLimit && s.low.certain() && s.high.certain()) {
			return nil, nil
		}
		var n int
		switch {
		case steep && s.width() <= max(1, s.options.Precision*float64(s.lowUsers())):
			return nil, nil
		case steep || s.lowUsers() < smallLimit && s.width() > 1:
			n = s.middle()
		default:
			centre, step := s.crossing(), min(apart, narrow)
			if l != nil {
				centre, step = l.users, min(max(s.options.Precision, 1.5*l.error), narrow)
			} else {
				apart *= 1.25
			}
			if !above {
				step = -step
			}
			n = max(1, int(math.Round(centre*math.Exp(step))))
		}
		if _, err := s.probe(n, length, steep); err != nil {
			return nil, err
		}
		length = min(length*3/2, mostEvents)
	}
}

// steep says whether the margin rises too far between the bounds for a line, as before a cliff.
func (s *search) steep() bool { return s.high.margin-s.lowMargin() > steepRise }

func (s *search) lowMargin() float64 {
	if s.low == nil {
		return math.Inf(-1)
	}
	return s.low.margin
}

// certain says whether a probe's side is decided; no users at all certainly hold.
func (p *probe) certain() bool { return p == nil || p.decided }

// enclosed says whether the limit has a bound on either side. No users at all always hold.
func (s *search) enclosed() bool { return s.high != nil && (s.low != nil || s.high.users == 1) }

func (s *search) lowUsers() int {
	if s.low == nil {
		return 0
	}
	return s.low.users
}

func (s *search) width() float64 { return float64(s.high.users - s.lowUsers()) }

// crossing is where the margin is 0 on a straight line between the bounds. Margins far from 0 say little about where that is.
func (s *search) crossing() float64 {
	if s.low == nil {
		return 0
	}
	low, high := max(s.low.margin, -2), min(s.high.margin, 2)
	return float64(s.low.users) + s.width()*low/(low-high)
}

// between is the next number to look at: near the crossing, but so that either side shrinks by a fifth at least.
func (s *search) between() int {
	low, width := float64(s.lowUsers()), s.width()
	return s.inside(min(max(s.crossing(), low+0.2*width), low+0.8*width))
}

func (s *search) middle() int { return s.inside(float64(s.lowUsers()) + s.width()/2) }

func (s *search) inside(n float64) int {
	return min(max(int(math.Round(n)), s.lowUsers()+1), s.high.users-1)
}

func (s *search) result(l *line) TruthResult {
	r := TruthResult{
		Users: int(s.crossing()), Low: s.lowUsers(), High: s.high.users,
		Objective: s.high.objective, Action: s.high.action, Resource: s.high.resource,
		Simulations: s.simulations, Events: s.events,
	}
	switch {
	case s.width() <= 1:
		r.Users = s.lowUsers()
	case l != nil:
		r.Users = int(l.users)
	}
	if l != nil {
		r.Low = min(r.Users, int(l.users*math.Exp(-certain*l.error)))
		r.High = max(r.Users, int(l.users*math.Exp(certain*l.error))) + 1
		p := s.nearest(l.users)
		r.Objective, r.Action, r.Resource = p.objective, p.action, p.resource
	}
	return r
}

// probe simulates a number of users for some events, or less if it may end as soon as it is decided on which side of the limit
// the number lies, and moves the bounds. Each simulation has its own random numbers: what remains of chance after several is
// independent, which a common sequence would not let one see.
func (s *search) probe(users int, events int64, decide bool) (*probe, error) {
	sim := newSimulation(s.def, s.workload, users, mix(s.options.Seed+uint64(s.simulations)))
	s.simulations++
	sim.engine.advance(int64(s.warmup))
	sim.measure()
	events += sim.engine.handled
	until := sim.engine.now
	if s.workload.Retry.Times > 0 {
		until += int64(firstSpan)
		if s.refining {
			until += int64(patientSpan - firstSpan)
		}
	}
	j := newJury(sim)
	p := &probe{users: users}
	look := firstBatches // at ever larger steps, to look seldom
	for batch := 1; ; batch++ {
		if err := s.ctx.Err(); err != nil {
			return nil, err
		}
		sim.engine.advance(sim.engine.now + int64(4*s.unit))
		j.sit()
		last := sim.engine.handled >= events && batch >= firstBatches || !s.deadline.IsZero() && time.Now().After(s.deadline)
		if !last && (!decide || batch < look) {
			continue
		}
		look += look / 4
		worst, broken, held := j.verdict()
		held = held && sim.engine.now >= until
		p.decided = broken || held
		if !p.decided && !(last && sim.engine.now >= until) {
			continue
		}
		p.early = !last
		p.margin, p.error = worst.margin(), worst.error()
		p.objective, p.action, p.resource = worst.label, worst.against(), sim.cause(worst.errors)
		break
	}
	p.events = sim.engine.handled
	s.events += p.events
	s.probes = append(s.probes, p)
	s.bound(p)
	return p, nil
}

// bound moves the bounds. A longer simulation overrules a shorter one.
func (s *search) bound(p *probe) {
	if p.margin > 0 {
		if s.low != nil && p.users <= s.low.users {
			if p.events <= s.low.events {
				return
			}
			s.low = s.highestBelow(p.users)
		}
		if s.high == nil || p.users < s.high.users {
			s.high = p
		}
		return
	}
	if (s.low == nil || p.users > s.low.users) && (s.high == nil || p.users < s.high.users) {
		s.low = p
	}
}

// highestBelow is the highest probe that holds below a number of users, or nil.
func (s *search) highestBelow(users int) *probe {
	var best *probe
	for _, p := range s.probes {
		if p.margin <= 0 && p.users < users && (best == nil || p.users > best.users) {
			best = p
		}
	}
	return best
}
