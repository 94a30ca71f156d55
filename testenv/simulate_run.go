package testenv

import (
	"math"
	"strings"
	"time"
)

// simulation is one workload on one virtual clock. Each active user, and each of the background, has a job of the engine,
// asleep while thinking. One who gives up waiting leaves the job to the platform and takes another.
type simulation struct {
	engine     *engine
	objectives []Objective
	retry      Retry
	users      []simUser
	active     int     // the first so many are active users
	owner      []int32 // by job: its user, the complement of the user whose patience it times, or nobody
	spare      []int32 // jobs without use
	inFlight   int32
	tallies    []*tally
	index      map[tallyKey]int32
	from       []resource // counters when measuring began
	since      int64
	counted    int64 // events that results have counted
}

const nobody = math.MinInt32

type simUser struct {
	script User
	act    Act
	next   int   // index into act.Operations of the operation to begin next
	began  int64 // when the action began
	level  int32 // how many actions were in flight then, this one included
	job    int32
	tries  int32 // attempts of the action that failed

	visiting bool  // an attempt is under way
	timer    int32 // job that times the patience; -1: none yet
	armed    bool  // it has an event to come
	deadline int64
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
	histogram     *logHistogram
	flight        []flightSum
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
		engine:     newEngine(def, seed),
		objectives: w.Objectives,
		retry:      w.Retry,
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
		u.job, u.timer = s.job(int32(i)), -1
		jb := &s.engine.jobs[u.job]
		jb.random = mix(seed ^ mix(key))
		u.act = u.script.Next()
		s.engine.sleep(u.job, int64(uniform(&jb.random)*float64(u.act.Think)))
	}
	return s
}

// job finds a spare job or makes one.
func (s *simulation) job(owner int32) int32 {
	if k := len(s.spare); k > 0 {
		j := s.spare[k-1]
		s.spare = s.spare[:k-1]
		s.owner[j] = owner
		return j
	}
	j := s.engine.newJob()
	for len(s.owner) <= int(j) { // the engine has jobs of its own
		s.owner = append(s.owner, nobody)
	}
	s.owner[j] = owner
	return j
}

// measure forgets all counts so far.
func (s *simulation) measure() {
	s.from, s.since = s.engine.snapshot(), s.engine.now
	clear(s.engine.blocked)
	clear(s.engine.stretched)
	for _, t := range s.tallies {
		t.count, t.errors, t.total = 0, 0, 0
		t.histogram, t.flight = &logHistogram{}, nil
		for i := range t.judged {
			t.judged[i].over = 0
		}
	}
}

// wake begins a user's action, or the next attempt at it.
func (s *simulation) wake(j int32) {
	o := s.owner[j]
	if o < 0 {
		s.timeout(^o)
		return
	}
	u := &s.users[o]
	if u.tries == 0 {
		s.inFlight++
		u.began, u.level = s.engine.now, s.inFlight
	}
	u.next = 0
	if s.retry.Patience > 0 && int(o) < s.active {
		s.wait(o)
	}
	s.proceed(o)
}

// proceed begins the attempt's next operation that costs anything, or ends the action.
func (s *simulation) proceed(o int32) {
	u := &s.users[o]
	for u.next < len(u.act.Operations) {
		operation := u.act.Operations[u.next]
		u.next++
		c := Client{Account: u.act.Account, Source: u.act.Source}
		if !s.engine.admit(operation, c.Source) {
			s.failed(o)
			return
		}
		if _, ok := s.engine.program.starts[operation]; ok {
			if s.engine.balancer != nil && strings.HasPrefix(operation, "web.") {
				c.Cookie = s.engine.balancer.home[c.Account] // users keep their cookies
			}
			s.engine.begin(u.job, operation, c)
			return
		}
	}
	s.end(o, false)
}

// finish is called by the engine at the end of an operation.
func (s *simulation) finish(j int32, refused bool) {
	switch o := s.owner[j]; {
	case o == nobody: // given up
		s.spare = append(s.spare, j)
	case refused:
		s.failed(o)
	default:
		s.proceed(o)
	}
}

// end counts an action and sends the user to think.
func (s *simulation) end(o int32, failed bool) {
	u := &s.users[o]
	t := s.tally(tallyKey{u.act.Action, int(o) >= s.active})
	t.count++
	if failed {
		t.errors++
	} else {
		response := s.engine.now - u.began
		t.total += response
		t.histogram.add(response)
		t.addFlight(u.level, response)
		for i := range t.judged {
			if response > t.judged[i].max {
				t.judged[i].over++
			}
		}
	}
	s.inFlight--
	u.tries, u.visiting = 0, false
	think := max(u.act.Think, time.Microsecond)
	u.act = u.script.Next()
	s.engine.sleep(u.job, int64(think))
}

func (s *simulation) tally(k tallyKey) *tally {
	i, ok := s.index[k]
	if !ok {
		t := &tally{tallyKey: k, histogram: &logHistogram{}}
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

// result reads what was counted since measuring began. It stays as it is once measure has been called.
func (s *simulation) result() *SimResult {
	r := &SimResult{
		Actions:    map[string]*ActionResult{},
		Background: map[string]*ActionResult{},
		Resources:  s.engine.visible(s.engine.stats(s.from, s.since)),
		Flight:     s.flight(),
		Events:     s.engine.handled - s.counted,
	}
	s.counted = s.engine.handled
	span := float64(s.engine.now-s.since) / 1e9
	for _, t := range s.tallies {
		a := &ActionResult{Count: t.count, Errors: t.errors, histogram: t.histogram}
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
