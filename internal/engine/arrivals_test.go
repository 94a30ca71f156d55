package engine

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pegel/internal/plan"
	"pegel/probes/probe"
)

const arrivingScenario = `
name: incoming
seed: 5
targets: {web: {url: "http://127.0.0.1:1/", timeout: 30s}}
accounts: {pattern: "u{n}@example.test", count: 100, password: {env: P}}
activity: {browser: 100%, source: test}
personas:
  - {name: browser, journey: j}
  - {name: incoming, journey: once, arrivals: ARRIVALS}
journeys:
  j: [{repeat: {for: session}, steps: [{do: web.list, think: 1s}]}]
  once: [{do: web.login}]
load: {stages: {users: [1, 2], ramp: 1s, settle: 1s, hold: 18s}}
`

// Arrivals come at their rate whether or not the platform keeps up, each on a session of its own, and play the journey once. Nobody
// waits in a goroutine for the time to come.
func TestArrivalsDoNotWaitForThePlatform(t *testing.T) {
	for _, service := range []time.Duration{10 * time.Millisecond, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			w := &waiter{service: service}
			p := adaptive(t, w, strings.Replace(arrivingScenario, "ARRIVALS", "{per_second: 10, spacing: even}", 1))
			if service < time.Second {
				go func() {
					time.Sleep(5*time.Second + 20*time.Millisecond)
					if n := runtime.NumGoroutine(); n > 40 {
						t.Errorf("%d goroutines in a quiet moment", n)
					}
				}()
			}
			out := play(t, p, nil, t.Context())
			if out.err != nil {
				t.Fatal(out.err)
			}
			s := out.total(p, "web.login")
			if n := s.Done(); n != 400 {
				t.Errorf("service %v: %d arrivals in 40 s, want 400", service, n)
			}
			if lag := s.Response.Quantile(1) - s.Service.Quantile(1); lag > time.Millisecond {
				t.Errorf("service %v: lag %v", service, lag)
			}
			if n := w.opened.Load(); n != 402 || w.closed.Load() != n {
				t.Errorf("service %v: %d sessions opened, %d closed, want 402", service, n, w.closed.Load())
			}
			if n := out.intervals[30].Users; n != 2 {
				t.Errorf("%d users in a stage of 2: arrivals are none of them", n)
			}
		})
	}
}

// Beyond the number allowed at work nobody is started; how many is said once for each stage.
func TestArrivalsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waiter{service: 1950 * time.Millisecond}
		p := adaptive(t, w, strings.Replace(arrivingScenario, "ARRIVALS", "{per_second: 10, most: 5, spacing: even}", 1))
		out := play(t, p, nil, t.Context())
		if out.err != nil {
			t.Fatal(out.err)
		}
		var notes []string
		for _, e := range out.events {
			if e.Kind == Note {
				notes = append(notes, e.Text)
			}
		}
		want := "150 of 200 arrivals of incoming were not started in stage 1: 5 were at work already, so that the rate was not reached"
		if len(notes) != 2 || notes[0] != want {
			t.Errorf("notes %q, want first %q", notes, want)
		}
		if n := out.total(p, "web.login").Done(); n != 100 {
			t.Errorf("%d arrivals were served, want 100: 5 at a time for 1.95 s, one each 0.1 s, for 40 s", n)
		}
	})
}

// Who arrives and fails does not come back; at the end of the run, interrupted or not, everybody goes.
func TestArrivalsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waiter{service: time.Second, fail: func(int64) error { return probe.Fail(probe.Reset, "", nil) }}
		src := strings.Replace(arrivingScenario, "ARRIVALS", "{per_second: 2, spacing: even}", 1)
		p := adaptive(t, w, strings.Replace(src, "once: [{do: web.login}]", "once: [{do: web.login}, {do: web.login}]", 1))
		stop := make(chan struct{})
		go func() {
			time.Sleep(10 * time.Second)
			close(stop)
		}()
		began := time.Now()
		out := play(t, p, func(o *Options) { o.Stop = stop }, t.Context())
		if took := time.Since(began); out.err != ErrStopped || took > 12*time.Second {
			t.Errorf("ended with %v after %v", out.err, took)
		}
		if n := out.total(p, "web.login").Failed(); n != 20 {
			t.Errorf("%d failures, want 20: one for each arrival", n)
		}
	})
}

const stormy = `
name: stormy
seed: 11
targets: {web: {url: "http://127.0.0.1:1/", timeout: 30s}}
accounts: {pattern: "u{n}@example.test", count: 300, password: {env: P}}
activity: {browser: 50%, client: 50%, source: test}
personas:
  - {name: browser, journey: j}
  - {name: client, journey: five}
  - {name: observer, journey: j, count: 3}
journeys:
  j: [{do: web.login}, {repeat: {for: session}, steps: [{do: web.list, think: 20s}]}]
  five:
    - parallel:
        - {steps: [{do: web.login}, {repeat: {for: session}, steps: [{do: web.list, think: 20s}]}]}
        - {steps: [{repeat: {for: session}, steps: [{do: web.list, think: 30s}]}]}
`

const storming = `
load: {stages: {users: [50], ramp: 10s, settle: 10s, hold: 20s}}
situations:
  - {name: storm, logins: 50%, within: 20s, at: 200, hold: 40s}
  - {name: at once, logins: 100%, together: true, at: 200}
`

// In a storm the users that the plan picks lose their sessions and come back at the times that it says, spread or all at once, and
// nobody else does; a user with several connections loses all of them.
func TestStormTakesSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waiter{service: 100 * time.Millisecond}
		p := adaptive(t, w, stormy+storming)
		out := play(t, p, nil, t.Context())
		if out.err != nil {
			t.Fatal(out.err)
		}
		var holds []time.Duration
		for _, e := range out.events {
			if e.Kind == Hold {
				holds = append(holds, e.At)
				if e.Stage.Index != len(holds)-1 || e.Stage.Situation != []string{"", "storm", "at once"}[e.Stage.Index] {
					t.Errorf("hold of %+v", e.Stage)
				}
			}
		}
		if len(holds) != 3 || holds[1] != time.Minute || holds[2] != 120*time.Second {
			t.Fatalf("holds at %v", holds)
		}
		logins := func(from, seconds int) int { return done(p, out, "web.login", from, seconds) }
		var early, late int // in the first and the second half of the storm's time
		for i := range 200 {
			after, ok := p.Reconnects(&p.Situations[0], &p.Active[i])
			switch {
			case ok && after < 10*time.Second:
				early++
			case ok:
				late++
			}
		}
		if early < 30 || late < 30 {
			t.Fatalf("the plan has %d and %d logins in the halves of the storm", early, late)
		}
		if a, b := logins(60, 10), logins(70, 12); near(a, early, 3) || near(b, late, 3) {
			t.Errorf("%d and %d logins in the halves of the storm, want %d and %d", a, b, early, late)
		}
		if n := logins(84, 36); n != 0 {
			t.Errorf("%d logins after the storm", n)
		}
		if n := logins(120, 2); n != 200 {
			t.Errorf("%d logins in the two seconds after everybody was cut off, want 200", n)
		}
		if n := logins(122, 18); n != 0 {
			t.Errorf("%d logins later", n)
		}
		clients := 0
		for i := range 200 {
			clients += p.Active[i].Persona
		}
		// connecting takes no time here, so that it may count with the second before
		if n := done(p, out, "web.connect", 119, 4); n != 200+clients {
			t.Errorf("%d connections after everybody was cut off, want %d: clients have two", n, 200+clients)
		}
	})
}

func near(a, b, slack int) bool { return a < b-slack || a > b+slack }

// done is how many actions of a name ended in the seconds from one on.
func done(p *plan.Plan, out *outcome, action string, from, seconds int) int {
	n := 0
	for _, in := range out.intervals[from : from+seconds] {
		for k, s := range in.Series {
			if s != nil && p.Actions[k/len(p.Personas)] == action {
				n += int(s.Done())
			}
		}
	}
	return n
}

// Users who arrive together do, in every stage.
func TestUsersArriveTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waiter{service: 100 * time.Millisecond}
		p := adaptive(t, w, stormy+"load: {arrive: together, stages: {users: [40, 100], hold: 20s}}\n")
		out := play(t, p, nil, t.Context())
		if out.err != nil {
			t.Fatal(out.err)
		}
		if a, b := done(p, out, "web.login", 0, 1), done(p, out, "web.login", 20, 1); a < 40 || a > 43 || b != 60 {
			t.Errorf("%d and %d logins in the first seconds of the stages, want 40 with few observers, and 60", a, b)
		}
		var kinds []string
		for _, e := range out.events {
			if e.Stage != nil {
				kinds = append(kinds, fmt.Sprint(e.Kind, e.At.Round(time.Millisecond)))
			}
		}
		if want := []string{"ramp0s", "settle0s", "hold0s", "end20s", "ramp20s", "settle20s", "hold20s", "end40s"}; !slices.Equal(kinds, want) {
			t.Errorf("events %v", kinds)
		}
	})
}

// The deferred pass is done by those who do it, in the situation that asks for it; the core pass by the others, in the stages.
func TestCopyPasses(t *testing.T) {
	src := strings.Replace(copying, "RATE", "0, deferred: {concurrency: 5}", 1)
	src = strings.Replace(src, "experiment: {copy: true, mix: 50%, repeat: true}", "order: rising", 1)
	src = strings.Replace(src, "  - {name: copier, journey: c, copy: true}\n", "  - {name: copier, journey: c, copy: true}\n  - {name: nightly, journey: c, copy: deferred}\n", 1)
	src += "situations: [{name: night, at: 4, copy: deferred}]\n"
	synctest.Test(t, func(t *testing.T) {
		w := &waiter{service: 500 * time.Millisecond}
		p := adaptive(t, w, src)
		out := play(t, p, nil, t.Context())
		if out.err != nil {
			t.Fatal(out.err)
		}
		for i, want := range []struct{ users, core, deferred int }{{4 + 3, 30, 0}, {8 + 3, 30, 0}, {4 + 5, 0, 50}} {
			var core, deferred int
			for _, in := range out.intervals[10*i+4 : 10*i+9] {
				if in.Users != want.users {
					t.Errorf("stage %d: %d users, want %d", i, in.Users, want.users)
				}
				for k, s := range in.Series {
					switch {
					case s == nil:
					case k%len(p.Personas) == 2:
						core += int(s.Done())
					case k%len(p.Personas) == 3:
						deferred += int(s.Done())
					}
				}
			}
			if near(core, want.core, 1) || near(deferred, want.deferred, 1) {
				t.Errorf("stage %d: %d copies of the core pass and %d deferred ones in 5 s, want %d and %d", i, core, deferred, want.core, want.deferred)
			}
		}
	})
}
