package testenv

import (
	"fmt"
	"net/netip"
	"path"
	"time"
)

// Workload is what active users do on the platform and what is promised to them. The caller hands it over; the package knows
// no scenario.
type Workload struct {
	// User makes the i-th active user, i = 0, 1, …. It is called once for each user and simulation and must give the same
	// script each time.
	User func(i int) User
	// Background makes what goes on beside the active users whatever their number: copy traffic, observers. Its actions load
	// the platform, but no objective is judged by them.
	Background []func() User
	Objectives []Objective
	// Retry says what the active users do about refusals and slowness. The zero value: they take an error and wait for ever.
	Retry Retry
}

// Retry is the persistence of users. An action counts once, from the beginning of its first attempt, and as an error if its
// last attempt fails.
type Retry struct {
	// Times is how often a failed attempt is followed by another, and Backoff the mean time between the two, drawn evenly from
	// half of it to one and a half of it.
	Times   int
	Backoff time.Duration
	// Patience is how long a user waits for an attempt; then it has failed. The platform does not know and finishes the
	// operation under way. 0: for ever.
	Patience time.Duration
}

// User is an endless script. A user waits for each action's end, then thinks: a closed loop.
type User interface{ Next() Act }

// Act is one action and the think time after it.
type Act struct {
	Action string
	// Operations are done one after the other and make the action together; one that is refused ends it with an error.
	Operations []string
	Account    int
	Source     netip.Addr // from which the user comes, if it matters
	// Think counts as at least a microsecond, so that time goes on.
	Think time.Duration
}

// Objective is a service level.
type Objective struct {
	// Action is the exact name of an action or a pattern such as web.*, which is judged for each matching action by itself.
	Action string
	// Quantile of the response time, such as 0.95, must not be above Max. Refused actions have no response time. 0 means
	// that response times are not judged.
	Quantile float64
	Max      time.Duration
	// MaxErrors is the largest share of refused actions, of all matching ones together; 0 means that errors are not judged.
	MaxErrors float64
}

// SimOptions say what to simulate.
type SimOptions struct {
	Users int
	Seed  uint64
	// Warmup is simulated first and not measured; Horizon is the time measured.
	Warmup, Horizon time.Duration
}

// SimResult is what was measured after the warm-up.
type SimResult struct {
	// Actions of the active users, and Background those of the rest, by name.
	Actions, Background map[string]*ActionResult
	// Resources are those that are not hidden, in the order of the definition.
	Resources []ResourceStats
	// Flight is the response time of the active users' actions by the number in flight, in the order of actions and numbers.
	Flight []FlightCell
	// Events handled: users who woke and service times that ended. A simulation's first result counts the warm-up's too.
	Events int64
}

// ActionResult is what was measured of one action.
type ActionResult struct {
	// Count is the number of actions that ended, refused ones among them; Errors is the number of those refused or given up.
	Count, Errors int64
	// Throughput is in actions per second, refused ones included.
	Throughput   float64
	MeanResponse time.Duration
	histogram    *logHistogram
}

// Quantile is the response time that a share q of the actions not refused stayed below, within 0.4 %; 0 if there was none.
func (a *ActionResult) Quantile(q float64) time.Duration { return a.histogram.quantile(q) }

// Each calls f for each class of response times with n of them, from low up to below high, in rising order.
func (a *ActionResult) Each(f func(low, high time.Duration, n int64)) { a.histogram.each(f) }

// Simulate runs a workload on the platform's network on a virtual clock. The same arguments give the same result. Users begin
// at random offsets within their first think time. The definition must pass Check; Simulate panics otherwise.
func Simulate(def Definition, w Workload, o SimOptions) *SimResult {
	return SimulateBlocks(def, w, o, o.Horizon)[0]
}

// SimulateBlocks is Simulate with the measured horizon cut into blocks: one result for each, from one continuous simulation.
// An action counts in the block in which it ends. The last block is shorter where the horizon is no multiple; a block that is
// not above 0 stands for the whole horizon.
func SimulateBlocks(def Definition, w Workload, o SimOptions, block time.Duration) []*SimResult {
	if block <= 0 {
		block = max(o.Horizon, 1)
	}
	s := newSimulation(def, w, o.Users, o.Seed)
	s.engine.advance(int64(o.Warmup))
	var results []*SimResult
	for from := time.Duration(0); from < o.Horizon || from == 0; from += block {
		s.measure()
		s.engine.advance(int64(o.Warmup + min(from+block, o.Horizon)))
		results = append(results, s.result())
	}
	return results
}

func (o Objective) matches(action string) bool {
	ok, err := path.Match(o.Action, action)
	return err == nil && ok
}

// check reports an objective that could never be judged.
func (o Objective) check() error {
	if _, err := path.Match(o.Action, ""); err != nil || o.Action == "" {
		return fmt.Errorf("objective: wrong pattern %q for actions", o.Action)
	}
	if !(o.Quantile >= 0 && o.Quantile < 1) || o.Quantile > 0 && o.Max <= 0 {
		return fmt.Errorf("objective on %s: quantile %v below %v makes no sense", o.Action, o.Quantile, o.Max)
	}
	if !(o.MaxErrors >= 0 && o.MaxErrors < 1) {
		return fmt.Errorf("objective on %s: error share %v is not between 0 and 1", o.Action, o.MaxErrors)
	}
	if o.Quantile == 0 && o.MaxErrors == 0 {
		return fmt.Errorf("objective on %s sets neither a quantile nor an error share", o.Action)
	}
	return nil
}
