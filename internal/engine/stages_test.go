package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pegel/internal/plan"
	"pegel/probes/probe"
	"pegel/scenarios"
)

const searching = `
name: searching
seed: 1
targets: {web: {url: "http://127.0.0.1:1/", timeout: 5s}}
accounts: {pattern: "u{n}@example.test", count: 100, password: {env: P}}
activity: {browser: 100%, source: test}
personas: [{name: browser, journey: j}]
journeys: {j: [{repeat: {for: session}, steps: [{do: web.list, think: 1s}]}]}
load: {order: adaptive, stages_max: 9, stages: {from: 5, to: 50, ramp: 1s, settle: 1s, hold: 8s}}
objectives: [{action: "web.*", p95: 1s}]
`

func adaptive(t *testing.T, w *waiter, src string) *plan.Plan {
	t.Helper()
	s, err := scenarios.Parse("test.yaml", []byte(src), scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Build(s, []probe.Protocol{w.protocol()})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// walk is a NextStage that goes through a list of loads and thinks for a while before each.
func walk(p *plan.Plan, thinks time.Duration, results *[]StageResult, users ...int) NextStage {
	return func(_ context.Context, done []StageResult) (plan.Stage, bool) {
		time.Sleep(thinks) // in a bubble: the clock jumps
		*results = append((*results)[:0], done...)
		if len(done) > len(users) {
			return plan.Stage{}, false
		}
		var before []plan.Stage
		for _, d := range done {
			before = append(before, d.Stage)
		}
		return p.Next(before, users[len(done)-1]), true
	}
}

// The stages chosen follow the plan's own, with the users asked for. While a decision is made everybody goes on, and the
// time that it takes lies between two stages.
func TestNextStageIsPlayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waiter{service: 250 * time.Millisecond}
		p := adaptive(t, w, searching)
		var results []StageResult
		out := play(t, p, func(o *Options) { o.Next = walk(p, 3*time.Second, &results, 20, 10, 10) }, t.Context())
		if out.err != nil {
			t.Fatal(out.err)
		}
		var text []string
		for _, e := range out.events {
			if e.Stage != nil && (e.Kind == Ramp || e.Kind == End) {
				text = append(text, fmt.Sprintf("%s %d:%d %v", e.Kind, e.Stage.Index, e.Stage.Users, e.At.Round(time.Millisecond)))
			}
		}
		want := "ramp 0:5 0s, end 0:5 10s, ramp 1:20 13s, end 1:20 23s, ramp 2:10 26s, end 2:10 36s, ramp 3:10 39s, end 3:10 49s"
		if got := strings.Join(text, ", "); got != want {
			t.Errorf("events: %s\nwant    %s", got, want)
		}
		text = nil
		for _, e := range out.events {
			if e.Kind == Hold {
				text = append(text, fmt.Sprintf("%d cold, %d warm", e.Cold, e.Warm))
			}
		}
		if got, want := strings.Join(text, "; "), "5 cold, 0 warm; 15 cold, 5 warm; 0 cold, 10 warm; 0 cold, 10 warm"; got != want {
			t.Errorf("caches: %s\nwant    %s", got, want)
		}
		for i, r := range results {
			if r.From != time.Duration(i)*13*time.Second+2*time.Second || r.To != r.From+8*time.Second || r.Stage.Index != i {
				t.Errorf("result %d: %+v", i, r)
			}
		}
		if len(results) != 4 {
			t.Errorf("%d results at the end", len(results))
		}
		for at, users := range map[int]int{9: 5, 11: 5, 20: 20, 24: 20, 34: 10, 50: 10} {
			if n := out.intervals[at].Users; n != users {
				t.Errorf("in second %d: %d users, want %d", at, n, users)
			}
		}
		busy := 0 // actions in the seconds of the second decision, with 20 users
		for _, in := range out.intervals[22:25] {
			for _, s := range in.Series {
				if s != nil {
					busy += int(s.Done())
				}
			}
		}
		if busy < 40 || busy > 56 { // 20 users / 1.25 s for 3 s
			t.Errorf("%d actions during a decision, want 48", busy)
		}
	})
}

// A run can be ended while the next stage is being chosen: at once, and the one who chooses is waited for.
func TestDecisionIsInterrupted(t *testing.T) {
	for _, how := range []string{"stop", "context", "abort"} {
		synctest.Test(t, func(t *testing.T) {
			w := &waiter{service: 10 * time.Millisecond}
			if how == "abort" {
				w.fail = func(n int64) error {
					if n > 60 { // from the end of the hold on
						return probe.Fail(probe.Overload, "list", nil)
					}
					return nil
				}
			}
			p := adaptive(t, w, searching)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stop := make(chan struct{})
			var decided atomic.Bool
			start := time.Now()
			go func() {
				time.Sleep(12 * time.Second)
				switch how {
				case "stop":
					close(stop)
				case "context":
					cancel()
				}
			}()
			out := play(t, p, func(o *Options) {
				o.Stop = stop
				if how == "abort" {
					o.AbortOver, o.AbortFor = 0.5, 3*time.Second
				}
				o.Next = func(ctx context.Context, _ []StageResult) (plan.Stage, bool) {
					<-ctx.Done()
					time.Sleep(time.Second)
					decided.Store(true)
					return plan.Stage{}, true
				}
			}, ctx)
			var aborted *AbortError
			if how == "abort" != errors.As(out.err, &aborted) || how != "abort" && !errors.Is(out.err, ErrStopped) {
				t.Errorf("%s: ended with %v", how, out.err)
			}
			if took := time.Since(start); took < 12*time.Second || took > 19*time.Second {
				t.Errorf("%s: ended after %v", how, took)
			}
			if !decided.Load() {
				t.Errorf("%s: the decision was not waited for", how)
			}
		})
	}
}

const copying = `
name: copying
seed: 1
targets: {web: {url: "http://127.0.0.1:1/", timeout: 30s}}
accounts: {pattern: "u{n}@example.test", count: 100, password: {env: P}}
activity: {browser: 50%, phone: 50%, source: test}
personas:
  - {name: browser, journey: j}
  - {name: phone, journey: j}
  - {name: copier, journey: c, copy: true}
journeys:
  j: [{repeat: {for: session}, steps: [{do: web.list, think: 1s}]}]
  c: [{repeat: {for: session}, steps: [{do: web.login}]}]
wave: {copy: {concurrency: 3, rate: RATE}}
load:
  experiment: {copy: true, mix: 50%, repeat: true}
  stages: {users: [4, 8], ramp: 1s, settle: 2s, hold: 7s}
objectives: [{action: "web.*", p95: 1s}]
`

// Copy traffic is there in the holds of the stages that have it, and in no other: whoever copies ends the action that he is
// at, within the settle time, and comes back. The mix is that of each stage.
func TestCopyTrafficIsSwitched(t *testing.T) {
	for _, rate := range []string{"0", "0.6"} { // as fast as they can; one action in five seconds each, so that pauses are cut short too
		synctest.Test(t, func(t *testing.T) {
			w := &waiter{service: 1500 * time.Millisecond}
			p := adaptive(t, w, strings.Replace(copying, "RATE", rate, 1))
			out := play(t, p, nil, t.Context())
			if out.err != nil {
				t.Fatal(out.err)
			}
			copier := 2
			for i, want := range []struct {
				users   int
				copying bool
			}{{4, false}, {4, true}, {8, true}, {8, false}, {8, false}, {8, false}, {4, false}} {
				st := p.Stages[i]
				if st.Users != want.users || st.Copiers > 0 != want.copying {
					t.Fatalf("stage %d is %+v", i, st)
				}
				done := make([]int, len(p.Personas))
				for _, in := range out.intervals[10*i+4 : 10*i+9] {
					if n := st.Users + st.Copiers; in.Users != n {
						t.Errorf("rate %s, stage %d, second %v: %d users, want %d", rate, i, in.End, in.Users, n)
					}
					for k, s := range in.Series {
						if s != nil {
							done[k%len(p.Personas)] += int(s.Done())
						}
					}
				}
				if (done[copier] > 0) != want.copying {
					t.Errorf("rate %s, stage %d: %d actions of copiers", rate, i, done[copier])
				}
				for k := range 2 { // 2.5 s a round
					if got, want := float64(done[k]), float64(st.Mix[k])*5/2.5; got < 0.6*want-1 || got > 1.4*want+1 {
						t.Errorf("rate %s, stage %d: %v actions of %s, want about %.0f", rate, i, got, p.Personas[k].Name, want)
					}
				}
			}
			if mix := p.Stages[4].Mix; mix[0] == mix[1] {
				t.Errorf("the mix is %v", mix)
			}
			if out.total(p, "web.login").Classes[probe.Canceled] > 3 {
				t.Error("copies were cut off in the middle")
			}
		})
	}
}

// Who comes back while his last action still runs begins when it has ended, and keeps nobody else waiting.
func TestReturnWaitsForTheLastAction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waiter{service: 25 * time.Second}
		src := strings.Replace(strings.Replace(copying, "RATE", "0", 1), "users: [4, 8]", "users: [4]", 1)
		src = strings.Replace(src, "experiment: {copy: true, mix: 50%, repeat: true}", "experiment: {copy: false}", 1)
		p := adaptive(t, w, src)
		off := p.Stages[0]
		off.Copiers = 0
		p.Stages = append(p.Stages, off, p.Stages[0])
		out := play(t, p, nil, t.Context())
		if out.err != nil {
			t.Fatal(out.err)
		}
		if took := out.events[len(out.events)-2].At; took != 30*time.Second {
			t.Errorf("three stages of 10 s took %v", took)
		}
		if n := out.total(p, "web.login").Classes[probe.OK]; n != 3 {
			t.Errorf("%d copies were finished, want 3", n)
		}
	})
}
