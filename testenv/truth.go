package testenv

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// TruthOptions steer the search of Truth. The zero value is usable.
type TruthOptions struct {
	Seed uint64
	// Budget is the wall time to spend, on one core; 0: 15 s. When it ends the result is the best so far. A search that stays
	// within the budget is a function of its arguments alone.
	Budget time.Duration
	// Precision is the relative width of the interval at which the search stops; 0: 1 %.
	Precision float64
	// MaxUsers is where the search for a limit gives up; 0: 200,000.
	MaxUsers int
}

// TruthResult is the true capacity of a platform under a workload.
type TruthResult struct {
	// Users is the largest number of active users at which every objective holds in steady state. It is at least Low, at which
	// they certainly hold, and below High, at which one of them is certainly broken.
	Users     int
	Low, High int
	// Objective is the level that breaks first, Action the action by which it does.
	Objective, Action string
	// Resource is where the waiting at the limit comes from. Waiting for a resource whose holders themselves wait for a
	// nested one is put down to the nested one. If it is refusals that break the objective, it is where most are refused.
	Resource    string
	Simulations int
}

// errNoLimit is wrapped by Truth's error for a platform that nothing limits.
var errNoLimit = errors.New("no limit found")

const (
	certain      = 4.0       // standard errors at which a side is decided: so many, since one looks more than once
	firstBatches = 10        // before anything is decided
	mostEvents   = 4_000_000 // in one simulation; one undecided by then stands at the limit as exactly as can be told
)

// Truth finds the capacity of a platform by simulation: it brackets and then bisects the number of users, with the same random
// numbers at each, and simulates each number for as long as it takes to tell on which side of every objective it lies.
// It fails if ctx ends, if no limit is found, or if the budget ends before the limit is enclosed.
func Truth(ctx context.Context, def Definition, w Workload, o TruthOptions) (TruthResult, error) {
	if err := def.Check(); err != nil {
		return TruthResult{}, fmt.Errorf("finding the true capacity: %w", err)
	}
	if len(w.Objectives) == 0 {
		return TruthResult{}, errors.New("finding the true capacity: the workload has no objectives")
	}
	for _, objective := range w.Objectives {
		if err := objective.check(); err != nil {
			return TruthResult{}, fmt.Errorf("finding the true capacity: %w", err)
		}
	}
	if o.Budget <= 0 {
		o.Budget = 15 * time.Second
	}
	if o.Precision <= 0 {
		o.Precision = 0.01
	}
	if o.MaxUsers <= 0 {
		o.MaxUsers = 200_000
	}
	s := &search{ctx: ctx, def: def, workload: w, options: o, deadline: time.Now().Add(o.Budget)}
	r, err := s.run()
	if err != nil {
		return TruthResult{}, fmt.Errorf("finding the true capacity: %w", err)
	}
	return r, nil
}

// search is the state of one call of Truth.
type search struct {
	ctx         context.Context
	def         Definition
	workload    Workload
	options     TruthOptions
	deadline    time.Time
	unit        time.Duration // the platform's natural time: one cycle of a user at the limit
	low, high   *probe        // highest that holds, lowest that does not
	sure        struct{ low, high int }
	simulations int
}

// probe is what simulating one number of users told.
type probe struct {
	users             int
	decided           bool
	margin            float64 // log odds of being too slow or refused over those allowed, of the worst criterion; above 0: broken
	objective, action string
	resource          string
}

func (s *search) run() (TruthResult, error) {
	guess, err := s.pilot()
	if err != nil {
		return TruthResult{}, err
	}
	n, factor := max(1, min(guess, s.options.MaxUsers)), 1.1
	for !s.enclosed() {
		p, err := s.probe(n)
		if err != nil {
			return TruthResult{}, err
		}
		switch {
		case s.enclosed():
		case time.Now().After(s.deadline):
			return TruthResult{}, fmt.Errorf("budget of %v ended at %d users, before the limit was enclosed", s.options.Budget, n)
		case p.margin <= 0:
			if n == s.options.MaxUsers {
				return TruthResult{}, fmt.Errorf("%w up to %d users", errNoLimit, n)
			}
			n = min(int(float64(n)*factor)+1, s.options.MaxUsers)
		default:
			n = max(1, int(float64(n)/factor))
		}
		factor *= factor
	}
	for s.width() > max(1, s.options.Precision*float64(s.lowUsers())) && time.Now().Before(s.deadline) {
		p, err := s.probe(s.between())
		if err != nil {
			return TruthResult{}, err
		}
		if !p.decided {
			break
		}
	}
	if err := s.fence(); err != nil {
		return TruthResult{}, err
	}
	return s.result(), nil
}

// fence looks 3 % to either side of the limit where the bounds that are certain are missing or far off.
func (s *search) fence() error {
	users := s.crossing()
	below, above := int(0.97*users), int(1.03*users)+1
	if below > 0 && float64(s.sure.low) < 0.95*users && time.Now().Before(s.deadline) {
		if _, err := s.probe(below); err != nil {
			return err
		}
	}
	if (s.sure.high == 0 || float64(s.sure.high) > 1.05*users+1) && time.Now().Before(s.deadline) {
		if _, err := s.probe(above); err != nil {
			return err
		}
	}
	return nil
}

// enclosed says whether the limit has a bound on either side. No users at all always hold.
func (s *search) enclosed() bool { return s.high != nil && (s.low != nil || s.high.users == 1) }

func (s *search) lowUsers() int {
	if s.low == nil {
		return 0
	}
	return s.low.users
}

func (s *search) width() float64 { return float64(s.high.users - s.lowUsers()) }

// crossing is where the margin is 0 on a straight line between the bounds.
func (s *search) crossing() float64 {
	if s.low == nil {
		return 0
	}
	return float64(s.low.users) + s.width()*s.low.margin/(s.low.margin-s.high.margin)
}

// between is the next number to look at: near the crossing, but so that either side shrinks by a fifth at least.
func (s *search) between() int {
	low, width := float64(s.lowUsers()), s.width()
	n := int(math.Round(min(max(s.crossing(), low+0.2*width), low+0.8*width)))
	return min(max(n, s.lowUsers()+1), s.high.users-1)
}

func (s *search) result() TruthResult {
	r := TruthResult{
		Users: int(s.crossing()), Low: s.sure.low, High: s.sure.high,
		Objective: s.high.objective, Action: s.high.action, Resource: s.high.resource,
		Simulations: s.simulations,
	}
	if r.High == 0 {
		r.High = s.high.users
	}
	if s.low != nil {
		r.Resource = s.low.resource
		if s.high.users-s.low.users == 1 {
			r.Users = s.low.users
		}
	}
	return r
}

// pilot simulates a few users to learn the length of their cycle, and from it and the busiest resource's utilisation guesses
// the limit.
func (s *search) pilot() (int, error) {
	const users, enough, longest = 20, 600, 48 * time.Hour
	sim := newSimulation(s.def, s.workload, users, s.options.Seed)
	s.simulations++
	var actions int64
	for span := int64(time.Second); actions < enough; span += span / 2 {
		if err := s.ctx.Err(); err != nil {
			return 0, err
		}
		if span > int64(longest) {
			return 0, fmt.Errorf("%w: %d users do only %d actions in %v", errNoLimit, users, actions, longest)
		}
		sim.engine.advance(span)
		actions = 0
		for _, t := range sim.tallies {
			if !t.background {
				actions += t.count
			}
		}
	}
	s.unit = time.Duration(users * sim.engine.now / actions)
	slowest := time.Duration(0)
	for _, o := range s.workload.Objectives {
		slowest = max(slowest, o.Max)
	}
	s.unit += min(slowest, 2*s.unit)
	most := 0.0
	for _, r := range sim.engine.stats(nil, 0) {
		most = max(most, r.Utilisation)
	}
	if most == 0 {
		return 0, fmt.Errorf("%w: the actions use no resource", errNoLimit)
	}
	return int(users / most), nil
}

// probe simulates a number of users until it is decided on which side of the limit it lies, and moves the bounds.
func (s *search) probe(users int) (*probe, error) {
	sim := newSimulation(s.def, s.workload, users, s.options.Seed)
	s.simulations++
	sim.engine.advance(int64(12 * s.unit)) // the start is forgotten at a rate of about one e-fold a unit
	sim.measure()
	j := newJury(sim)
	p := &probe{users: users}
	look := firstBatches // at ever larger steps, to look seldom
	for batch := 1; ; batch++ {
		if err := s.ctx.Err(); err != nil {
			return nil, err
		}
		sim.engine.advance(sim.engine.now + int64(4*s.unit))
		j.sit()
		late := time.Now().After(s.deadline)
		last := late || sim.engine.handled >= mostEvents
		if batch < look && !last {
			continue
		}
		look += look / 4
		worst, broken, held := j.verdict()
		p.decided = broken || held
		if !p.decided && !last {
			continue
		}
		p.margin, p.objective, p.action = worst.margin(), worst.label, worst.action
		if worst.refusals {
			p.resource = sim.refuser()
		} else {
			p.resource = sim.culprit()
		}
		break
	}
	if p.margin > 0 {
		if s.high == nil || users < s.high.users {
			s.high = p
		}
		if p.decided && (s.sure.high == 0 || users < s.sure.high) {
			s.sure.high = users
		}
		return p, nil
	}
	if s.low == nil || users > s.low.users {
		s.low = p
	}
	if p.decided {
		s.sure.low = max(s.sure.low, users)
	}
	return p, nil
}

// String is the short form of the objective, such as web.* p95<1s.
func (o Objective) String() string {
	text := o.Action
	if o.Quantile > 0 {
		text += " " + o.quantileLabel()
	}
	if o.MaxErrors > 0 {
		text += " " + o.errorsLabel()
	}
	return text
}

func (o Objective) quantileLabel() string {
	return "p" + strconv.FormatFloat(math.Round(o.Quantile*1e6)/1e4, 'f', -1, 64) + "<" + o.Max.String()
}

func (o Objective) errorsLabel() string {
	return "errors<" + strconv.FormatFloat(math.Round(o.MaxErrors*1e6)/1e4, 'f', -1, 64) + "%"
}
