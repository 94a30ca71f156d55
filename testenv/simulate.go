package testenv

import (
	"fmt"
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
}

// User is an endless script. A user waits for each action's end, then thinks: a closed loop.
type User interface{ Next() Act }

// Act is one action and the think time after it.
type Act struct {
	Action string
	// Operations are done one after the other and make the action together; one that is refused ends it with an error.
	Operations []string
	Account    int
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
	// MaxErrors is the largest share of refused actions; 0 means that errors are not judged.
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
	Resources           []ResourceStats
	// Events handled, the warm-up included: users who woke and service times that ended.
	Events int64
}

// ActionResult is what was measured of one action.
type ActionResult struct {
	// Count is the number of actions that ended, refused ones among them; Errors is the number of those refused.
	Count, Errors int64
	// Throughput is in actions per second, refused ones included.
	Throughput   float64
	MeanResponse time.Duration
	histogram    *logHistogram
}

// Quantile is the response time that a share q of the actions not refused stayed below, within 0.4 %; 0 if there was none.
func (a *ActionResult) Quantile(q float64) time.Duration { return a.histogram.quantile(q) }

// Simulate runs a workload on the platform's network on a virtual clock. The same arguments give the same result. Users begin
// at random offsets within their first think time. The definition must pass Check; Simulate panics otherwise.
func Simulate(def Definition, w Workload, o SimOptions) *SimResult {
	s := newSimulation(def, w, o.Users, o.Seed)
	s.engine.advance(int64(o.Warmup))
	s.measure()
	s.engine.advance(int64(o.Warmup + o.Horizon))
	return s.result()
}

// simulation is one workload on one virtual clock. Each active user, and each of the background, is one job of the engine for
// ever, asleep while thinking.
type simulation struct {
	engine     *engine
	objectives []Objective
	users      []simUser // by job
	active     int       // the first so many are active users
	tallies    []*tally
	index      map[tallyKey]int32
	from       []resource // counters when measuring began
	since      int64
}

type simUser struct {
	script User
	act    Act
	next   int   // index into act.Operations of the operation to begin next
	began  int64 // when the action began
}

type tallyKey struct {
	action     string
	background bool
}

// tally counts one action's ends.
type tally struct {
	tallyKey
	count, errors int64
	total         int64 // nanoseconds, of those not refused
	histogram     logHistogram
	judged        []judged
}

// judged is one objective's view of one action.
type judged struct {
	objective int
	max       int64
	over      int64 // response times above max
}

func newSimulation(def Definition, w Workload, users int, seed uint64) *simulation {
	s := &simulation{
		engine:     newEngine(def),
		objectives: w.Objectives,
		users:      make([]simUser, users+len(w.Background)),
		active:     users,
		index:      map[tallyKey]int32{},
	}
	s.engine.finish, s.engine.woken = s.finish, s.wake
	for i := range s.users {
		u := &s.users[i]
		key := uint64(i) + 1
		if i < users {
			u.script = w.User(i)
		} else {
			u.script = w.Background[i-users]()
			key = ^uint64(i - users) // the same numbers whatever the number of users
		}
		j := s.engine.newJob()
		jb := &s.engine.jobs[j]
		jb.random = mix(seed ^ mix(key))
		u.act = u.script.Next()
		s.engine.sleep(j, int64(uniform(&jb.random)*float64(u.act.Think)))
	}
	return s
}

// measure forgets all counts so far.
func (s *simulation) measure() {
	s.from, s.since = s.engine.snapshot(), s.engine.now
	clear(s.engine.blocked)
	for _, t := range s.tallies {
		t.count, t.errors, t.total = 0, 0, 0
		t.histogram = logHistogram{}
		for i := range t.judged {
			t.judged[i].over = 0
		}
	}
}

// wake begins a user's action.
func (s *simulation) wake(j int32) {
	u := &s.users[j]
	u.next, u.began = 0, s.engine.now
	s.proceed(j)
}

// proceed begins the action's next operation that costs anything, or ends the action.
func (s *simulation) proceed(j int32) {
	u := &s.users[j]
	for u.next < len(u.act.Operations) {
		pc, ok := s.engine.program.starts[u.act.Operations[u.next]]
		u.next++
		if ok {
			s.engine.begin(j, pc, u.act.Account)
			return
		}
	}
	s.end(j, false)
}

// finish is called by the engine at the end of an operation.
func (s *simulation) finish(j int32, refused bool) {
	if refused {
		s.end(j, true)
		return
	}
	s.proceed(j)
}

// end counts an action and sends the user to think.
func (s *simulation) end(j int32, refused bool) {
	u := &s.users[j]
	t := s.tally(tallyKey{u.act.Action, int(j) >= s.active})
	t.count++
	if refused {
		t.errors++
	} else {
		response := s.engine.now - u.began
		t.total += response
		t.histogram.add(response)
		for i := range t.judged {
			if response > t.judged[i].max {
				t.judged[i].over++
			}
		}
	}
	think := max(u.act.Think, time.Microsecond)
	u.act = u.script.Next()
	s.engine.sleep(j, int64(think))
}

func (s *simulation) tally(k tallyKey) *tally {
	i, ok := s.index[k]
	if !ok {
		t := &tally{tallyKey: k}
		if !k.background {
			for o, objective := range s.objectives {
				if objective.matches(k.action) {
					t.judged = append(t.judged, judged{objective: o, max: int64(objective.Max)})
				}
			}
		}
		i = int32(len(s.tallies))
		s.tallies = append(s.tallies, t)
		s.index[k] = i
	}
	return s.tallies[i]
}

func (s *simulation) result() *SimResult {
	r := &SimResult{
		Actions:    map[string]*ActionResult{},
		Background: map[string]*ActionResult{},
		Resources:  s.engine.stats(s.from, s.since),
		Events:     s.engine.handled,
	}
	span := float64(s.engine.now-s.since) / 1e9
	for _, t := range s.tallies {
		a := &ActionResult{Count: t.count, Errors: t.errors, histogram: &t.histogram}
		if span > 0 {
			a.Throughput = float64(t.count) / span
		}
		if ok := t.count - t.errors; ok > 0 {
			a.MeanResponse = time.Duration(t.total / ok)
		}
		if t.background {
			r.Background[t.action] = a
		} else {
			r.Actions[t.action] = a
		}
	}
	return r
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
