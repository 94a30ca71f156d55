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
	// Events is how many events to simulate at most, over all; 0: 40 million. When they are used up the result is the best so
	// far. A search that this alone bounds is a function of its arguments.
	Events int64
	// Budget is the wall time to spend, on one core, after which the result is the best so far; 0: without bound.
	Budget time.Duration
	// Guess is the number of users to begin with, which saves time if it is near the capacity; 0: from the utilisation under a
	// few users.
	Guess int
	// Precision is what the capacity found may be off by, relatively and at 2.5 standard errors; 0: 1 %. Above 4 % the search
	// only encloses the capacity so narrowly, which is quick.
	Precision float64
	// MaxUsers is where the search for a limit gives up; 0: 200,000.
	MaxUsers int
}

// TruthResult is the true capacity of a platform under a workload.
type TruthResult struct {
	// Users is the largest number of active users at which every objective holds in the long run. It is at least Low, at which
	// they certainly hold, and below High, at which one of them is certainly broken.
	Users     int
	Low, High int
	// Objective is the level that breaks first, Action the action by which it does.
	Objective, Action string
	// Resource is where the waiting at the limit comes from. Waiting for a resource whose holders themselves wait for a
	// nested one is put down to the nested one. If it is errors that break the objective, it is where most are refused.
	Resource    string
	Simulations int
	Events      int64
}

// errNoLimit is wrapped by Truth's error for a platform that nothing limits.
var errNoLimit = errors.New("no limit found")

// Truth finds the capacity of a platform by simulation. It encloses the number of users at which an objective begins to break,
// simulating each number only until it is clear on which side it lies, narrows that down to some per cent, and then simulates
// numbers close by for longer. There the log odds of a bad action are nearly linear in the log of the number of users; where the
// line crosses the odds allowed is the capacity, with a standard error. Where no line fits, as before a cliff, it goes on to bisect.
// It fails if ctx ends, if no limit is found, or if budget or events end before the limit is enclosed.
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
	if o.Events <= 0 {
		o.Events = 40_000_000
	}
	if o.Precision <= 0 {
		o.Precision = 0.01
	}
	if o.MaxUsers <= 0 {
		o.MaxUsers = 200_000
	}
	s := &search{ctx: ctx, def: def, workload: w, options: o}
	if o.Budget > 0 {
		s.deadline = time.Now().Add(o.Budget)
	}
	r, err := s.run()
	if err != nil {
		return TruthResult{}, fmt.Errorf("finding the true capacity: %w", err)
	}
	return r, nil
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
