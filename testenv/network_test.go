package testenv

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const ms = time.Millisecond

// chain is a definition with constant service times: a (one unit, queue as given) with b nested inside for op "ab".
func chain(queue *int) Definition {
	return Definition{
		Name: "chain",
		Resources: []Resource{
			{Name: "a", Limit: 1, Queue: queue},
			{Name: "b", Limit: 1},
			{Name: "none", Limit: 1, Queue: new(0)},
		},
		Operations: map[string][]Step{
			"a":     {{Use: "a", For: Service{Mean: 10 * ms}}},
			"b":     {{Use: "b", For: Service{Mean: 50 * ms}}},
			"ab":    {{Use: "a", For: Service{Mean: 10 * ms}, Steps: []Step{{Use: "b", For: Service{Mean: 20 * ms}}}}},
			"none":  {{Use: "none", For: Service{Mean: 100 * ms}}},
			"anone": {{Use: "a", For: Service{Mean: 10 * ms}, Steps: []Step{{Use: "none", For: Service{Mean: 20 * ms}}}}},
		},
	}
}

// bench drives a network within a bubble and notes when visits end.
type bench struct {
	*Network
	start time.Time
	wg    sync.WaitGroup
	mu    sync.Mutex
	order []string
	ends  map[string]time.Duration
	errs  map[string]error
}

func inBubble(t *testing.T, d Definition, f func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{Network: NewNetwork(d, 1), start: time.Now(), ends: map[string]time.Duration{}, errs: map[string]error{}}
		defer b.Close()
		f(t, b)
	})
}

// visit begins a visit at a time and notes its end under a name.
func (b *bench) visit(ctx context.Context, name string, at time.Duration, operation string) {
	b.wg.Go(func() {
		time.Sleep(at)
		err := b.Visit(ctx, operation, 0)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.order = append(b.order, name)
		b.ends[name], b.errs[name] = time.Since(b.start), err
	})
}

func (b *bench) wantEnds(t *testing.T, want map[string]time.Duration) {
	t.Helper()
	b.wg.Wait()
	for name, end := range want {
		if b.ends[name] != end {
			t.Errorf("%s ended at %v (%v), want %v", name, b.ends[name], b.errs[name], end)
		}
	}
}

func (b *bench) resource(name string) ResourceStats {
	for _, r := range b.Stats() {
		if r.Name == name {
			return r
		}
	}
	panic("no resource " + name)
}

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance*math.Abs(b) }

func TestVisitsAreServedInOrder(t *testing.T) {
	inBubble(t, chain(nil), func(t *testing.T, b *bench) {
		ctx := t.Context()
		for i, name := range []string{"first", "second", "third", "fourth"} {
			b.visit(ctx, name, time.Duration(i)*ms, "a")
		}
		b.visit(ctx, "unknown", 5*ms, "no.such.operation")
		b.wantEnds(t, map[string]time.Duration{"unknown": 5 * ms, "first": 10 * ms, "second": 20 * ms, "third": 30 * ms, "fourth": 40 * ms})
		time.Sleep(60 * ms)
		a := b.resource("a")
		// 9 + 18 + 27 ms of waiting, 40 of service, in 100.
		if !near(a.Wait, 0.054, 1e-9) || !near(a.Busy, 0.040, 1e-9) || !near(a.Utilisation, 0.4, 1e-9) || a.Served != 4 {
			t.Errorf("counters %+v", a)
		}
	})
}

func TestOuterUnitIsHeldWhileInnerIsUsed(t *testing.T) {
	inBubble(t, chain(nil), func(t *testing.T, b *bench) {
		ctx := t.Context()
		b.visit(ctx, "b", 0, "b")           // b until 50
		b.visit(ctx, "outer", 5*ms, "ab")   // a from 5, wants b at 15, gets it at 50 until 70
		b.visit(ctx, "waiter", 20*ms, "a")  // a from 70 to 80
		b.visit(ctx, "second", 30*ms, "ab") // a from 80, b from 90 to 110
		time.Sleep(25 * ms)
		if a, inner := b.resource("a"), b.resource("b"); a.InUse != 1 || a.Queue != 1 || inner.InUse != 1 || inner.Queue != 1 {
			t.Errorf("at 25 ms: a %+v, b %+v", a, inner)
		}
		b.wantEnds(t, map[string]time.Duration{"b": 50 * ms, "outer": 70 * ms, "waiter": 80 * ms, "second": 110 * ms})
		if a := b.resource("a"); !near(a.Busy, 0.105, 1e-9) { // 65 + 10 + 30
			t.Errorf("a was held for %v s, want 0.105", a.Busy)
		}
	})
}

func TestFullQueueRefuses(t *testing.T) {
	inBubble(t, chain(new(1)), func(t *testing.T, b *bench) {
		ctx := t.Context()
		b.visit(ctx, "served", 0, "a")
		b.visit(ctx, "waits", 1*ms, "a")
		b.visit(ctx, "refused", 2*ms, "a")
		b.visit(ctx, "blocker", 0, "none")
		b.visit(ctx, "nested", 30*ms, "anone") // takes a, is refused inside at 40, must give a back
		b.visit(ctx, "after", 31*ms, "a")
		b.wantEnds(t, map[string]time.Duration{
			"refused": 2 * ms, "served": 10 * ms, "waits": 20 * ms, "nested": 40 * ms, "after": 50 * ms, "blocker": 100 * ms,
		})
		for name, err := range b.errs {
			if want := name == "refused" || name == "nested"; errors.Is(err, ErrRefused) != want {
				t.Errorf("%s: error %v", name, err)
			}
		}
		if a, none := b.resource("a"), b.resource("none"); a.Refused != 1 || none.Refused != 1 || a.InUse != 0 {
			t.Errorf("a %+v, none %+v", a, none)
		}
	})
}

func TestContextEndsWaiting(t *testing.T) {
	inBubble(t, chain(nil), func(t *testing.T, b *bench) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*ms)
		defer cancel()
		b.visit(ctx, "in service", 0, "a")
		b.visit(ctx, "waiting", 1*ms, "a")
		b.visit(t.Context(), "next", 2*ms, "a") // neither sooner than the abandoned service's end nor later
		b.wantEnds(t, map[string]time.Duration{"in service": 5 * ms, "waiting": 5 * ms, "next": 20 * ms})
		if !errors.Is(b.errs["in service"], context.DeadlineExceeded) || !errors.Is(b.errs["waiting"], context.DeadlineExceeded) {
			t.Errorf("errors %v", b.errs)
		}
		if a := b.resource("a"); a.Served != 2 || a.Queue != 0 || a.InUse != 0 || !near(a.Busy, 0.020, 1e-9) {
			t.Errorf("a %+v", a)
		}

		// Waiting inside, the outer unit comes back at once.
		ctx, cancel = context.WithTimeout(t.Context(), 20*ms)
		defer cancel()
		b.visit(t.Context(), "b", 0, "b")
		b.visit(ctx, "inside", 0, "ab")
		b.visit(t.Context(), "outside", 15*ms, "a")
		b.wantEnds(t, map[string]time.Duration{"inside": 40 * ms, "outside": 50 * ms, "b": 70 * ms})
	})
}

func TestCloseEndsVisits(t *testing.T) {
	inBubble(t, chain(nil), func(t *testing.T, b *bench) {
		b.visit(t.Context(), "open", 0, "b")
		time.Sleep(10 * ms)
		b.Close()
		b.Close()
		b.wantEnds(t, map[string]time.Duration{"open": 10 * ms})
		if !errors.Is(b.errs["open"], ErrClosed) {
			t.Errorf("error %v, want closed", b.errs["open"])
		}
		if err := b.Visit(t.Context(), "a", 0); !errors.Is(err, ErrClosed) {
			t.Errorf("visit after close: %v", err)
		}
	})
}

// The same workload on the real clock, made exact by the bubble, and on the virtual one.
func TestClocksAgree(t *testing.T) {
	d, err := ParseDefinition([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	d.Resources[1].Limit, d.Resources[4].Limit, d.Resources[4].Queue = 2, 2, nil
	clocksAgree(t, d, 40, 3, "web.list", "imap.fetch")
}

// clocksAgree compares the network with the simulation. The bubble's network has the seed 1.
func clocksAgree(t *testing.T, d Definition, users int, seed uint64, operations ...string) {
	t.Helper()
	const span = 200 * time.Second
	w := Workload{User: func(i int) User { return newRandomUser(i, 500*ms, "web.list", "imap.fetch") }}
	virtual := Simulate(d, w, SimOptions{Users: users, Seed: seed, Horizon: span})

	inBubble(t, d, func(t *testing.T, b *bench) {
		ctx, cancel := context.WithTimeout(t.Context(), span)
		defer cancel()
		var mu sync.Mutex
		count, total := map[string]int{}, map[string]time.Duration{}
		for i := range users {
			u := w.User(i)
			b.wg.Go(func() {
				time.Sleep(time.Duration(rand.New(rand.NewPCG(9, uint64(i))).Int64N(int64(500 * ms))))
				for ctx.Err() == nil {
					act, began := u.Next(), time.Now()
					if b.Visit(ctx, act.Operations[0], act.Account) == nil {
						mu.Lock()
						count[act.Action]++
						total[act.Action] += time.Since(began)
						mu.Unlock()
					}
					select {
					case <-ctx.Done():
					case <-time.After(act.Think):
					}
				}
			})
		}
		b.wg.Wait()
		for action, v := range virtual.Actions {
			mean := total[action] / time.Duration(count[action])
			if !near(float64(count[action]), float64(v.Count), 0.04) || !near(mean.Seconds(), v.MeanResponse.Seconds(), 0.05) {
				t.Errorf("%s: %d × %v on the real clock, %d × %v on the virtual one", action, count[action], mean, v.Count, v.MeanResponse)
			}
		}
		for i, r := range b.Stats() {
			if v := virtual.Resources[i]; !near(r.Utilisation, v.Utilisation, 0.04) {
				t.Errorf("%s: utilisation %.4f on the real clock, %.4f on the virtual one", r.Name, r.Utilisation, v.Utilisation)
			}
		}
	})
}

// Outside a bubble timers are late, and still the time in service is exact: lateness does not add up.
func TestLateTimersDoNotAddUp(t *testing.T) {
	n := NewNetwork(Definition{
		Resources:  []Resource{{Name: "r", Limit: 1}},
		Operations: map[string][]Step{"op": {{Use: "r", For: Service{Mean: 700 * time.Microsecond}}}},
	}, 1)
	defer n.Close()
	const visits = 100
	var wg sync.WaitGroup
	for i := range visits {
		wg.Go(func() {
			if err := n.Visit(t.Context(), "op", i); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if r := n.Stats()[0]; !near(r.Busy, visits*0.0007, 1e-9) || r.Served != visits {
		t.Errorf("busy for %v s with %d served, want exactly %v", r.Busy, r.Served, visits*0.0007)
	}
}

// randomUser does the actions at random with exponential think times. Its account is its number.
type randomUser struct {
	random  *rand.Rand
	account int
	think   time.Duration
	actions [][]string
}

func newRandomUser(i int, think time.Duration, operations ...string) *randomUser {
	u := &randomUser{random: rand.New(rand.NewPCG(uint64(i), 17)), account: i, think: think}
	for _, op := range operations {
		u.actions = append(u.actions, []string{op})
	}
	return u
}

func (u *randomUser) Next() Act {
	ops := u.actions[u.random.IntN(len(u.actions))]
	return Act{Action: ops[0], Operations: ops, Account: u.account, Think: time.Duration(u.random.ExpFloat64() * float64(u.think))}
}
