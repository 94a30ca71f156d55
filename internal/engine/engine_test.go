package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pegel/internal/plan"
	"pegel/internal/record"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// waiter is a protocol whose actions only wait, so that the engine's clock can run in a bubble.
type waiter struct {
	opened, closed, done atomic.Int64
	service              time.Duration
	fail                 func(n int64) error
	open                 func() error
}

type session struct{ closed *atomic.Int64 }

func (s session) Close() error { s.closed.Add(1); return nil }

func (w *waiter) protocol() probe.Protocol {
	step := func(decode func(any) error) (probe.Step, error) {
		if err := probe.NoParams(decode); err != nil {
			return nil, err
		}
		return func(t *probe.Turn) error {
			if _, err := t.Session(""); err != nil {
				return err
			}
			select {
			case <-time.After(w.service):
			case <-t.Context().Done():
				return t.Context().Err()
			}
			t.Mark(probe.PhaseComplete)
			n := w.done.Add(1)
			if w.fail != nil {
				return w.fail(n)
			}
			return nil
		}, nil
	}
	return probe.Protocol{
		Name: "web",
		Open: func(*probe.Turn, probe.Target, probe.Account) (probe.Session, error) {
			if w.open != nil {
				if err := w.open(); err != nil {
					return nil, err
				}
			}
			w.opened.Add(1)
			return session{&w.closed}, nil
		},
		Actions: map[string]probe.Action{"login": step, "list": step},
	}
}

const scenario = `
name: test
seed: 1
targets: {web: {url: "http://127.0.0.1:1/", timeout: %s}}
accounts: {pattern: "u{n}@example.test", count: 100, password: {env: P}}
activity: {browser: 100%%, source: test}
personas: [{name: browser, journey: j}]
journeys:
  j:
    - repeat: {for: session}
      steps: [{do: web.list, think: 1s}]
load: {order: randomised, stages: {users: %s, ramp: 1s, settle: 1s, hold: 8s}}
objectives: [{action: "web.*", p95: 1s}]
`

type outcome struct {
	intervals []*record.Interval
	events    []Event
	err       error
}

// total merges all intervals and returns the series of an action.
func (o *outcome) total(p *plan.Plan, action string) *record.Series {
	sum := new(record.Series)
	for _, in := range o.intervals {
		for k, s := range in.Series {
			if s != nil && p.Actions[k/len(p.Personas)] == action {
				sum.Merge(s)
			}
		}
	}
	return sum
}

func drive(t *testing.T, w *waiter, users, timeout string, change func(*Options), ctx context.Context) (*plan.Plan, *outcome) {
	t.Helper()
	s, err := scenarios.Parse("test.yaml", fmt.Appendf(nil, scenario, timeout, users), scenarios.Options{Getenv: func(string) (string, bool) { return "secret-word", true }})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Build(s, []probe.Protocol{w.protocol()})
	if err != nil {
		t.Fatal(err)
	}
	return p, play(t, p, change, ctx)
}

// play drives a plan to its end.
func play(t *testing.T, p *plan.Plan, change func(*Options), ctx context.Context) *outcome {
	t.Helper()
	targets, err := Targets(p.Scenario)
	if err != nil {
		t.Fatal(err)
	}
	out := &outcome{}
	var mu sync.Mutex
	opt := Options{RunID: "test", Targets: targets,
		OnInterval: func(in *record.Interval) { out.intervals = append(out.intervals, in) },
		OnEvent:    func(e Event) { mu.Lock(); out.events = append(out.events, e); mu.Unlock() }}
	if change != nil {
		change(&opt)
	}
	out.err = Run(ctx, p, record.NewRecorder(len(p.Actions), len(p.Personas), 4), opt)
	return out
}

// Closed users with service s and think time z make users/(s+z) actions per second, and response time is service time
// where the generator is not late.
func TestClosedLoopKeepsItsBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waiter{service: 250 * time.Millisecond}
		p, out := drive(t, w, "[10, 20]", "5s", nil, t.Context())
		if out.err != nil {
			t.Fatal(out.err)
		}
		list := out.total(p, "web.list")
		want := 10.0*(10/1.25) + 20.0*(10/1.25) // two stages of 10 s
		if got := float64(list.Done()); got < 0.93*want || got > 1.05*want {
			t.Errorf("%v actions, want about %v", got, want)
		}
		if q := list.Response.Quantile(0.99); q < 249*time.Millisecond || q > 252*time.Millisecond {
			t.Errorf("p99 is %v, want 250 ms", q)
		}
		if c := out.total(p, "web.connect"); c.Done() != 20 {
			t.Errorf("%d sessions opened, want one for each of 20 users", c.Done())
		}
		if w.closed.Load() != w.opened.Load() {
			t.Errorf("%d sessions opened, %d closed", w.opened.Load(), w.closed.Load())
		}
		kinds := ""
		for _, e := range out.events {
			kinds += e.Kind + " "
		}
		if kinds != "ramp settle hold end ramp settle hold end done " {
			t.Errorf("events: %s", kinds)
		}
	})
}

// An action beyond its time-out is a failure, the session is lost, and the user comes back after a pause.
func TestTimeoutLosesTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waiter{service: time.Hour}
		p, out := drive(t, w, "[5]", "2s", nil, t.Context())
		if out.err != nil {
			t.Fatal(out.err)
		}
		list := out.total(p, "web.list")
		if list.Classes[probe.Timeout] < 5 || list.Classes[probe.OK] != 0 {
			t.Errorf("classes %v, want at least five time-outs and nothing else", list.Classes)
		}
		if w.opened.Load() <= 5 {
			t.Errorf("%d sessions opened; users did not come back", w.opened.Load())
		}
	})
}

func TestFailuresAreClassifiedAndKeepNoSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waiter{service: time.Millisecond, fail: func(n int64) error {
			switch n % 4 {
			case 0:
				return probe.Failf(probe.Overload, "list", "the password secret-word was in the answer")
			case 1:
				panic("probe is broken")
			}
			return nil
		}}
		p, out := drive(t, w, "[8]", "2s", nil, t.Context())
		list := out.total(p, "web.list")
		if list.Classes[probe.Overload] == 0 || list.Classes[probe.BadProtocol] == 0 || list.Classes[probe.OK] == 0 {
			t.Errorf("classes %v", list.Classes)
		}
		examples := 0
		for _, e := range out.events {
			if e.Kind == Error {
				examples++
				if e.Class == probe.Overload && e.Text != "list: the password (secret) was in the answer (overload)" {
					t.Errorf("example: %q", e.Text)
				}
			}
		}
		if examples != 6 {
			t.Errorf("%d examples, want three of each class", examples)
		}
	})
}

func TestFailedOpeningIsOneFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waiter{service: time.Millisecond, open: func() error { return probe.Fail(probe.Refused, "connect", nil) }}
		p, out := drive(t, w, "[3]", "2s", nil, t.Context())
		if c := out.total(p, "web.connect"); c.Classes[probe.Refused] < 3 {
			t.Errorf("connect: %v", c.Classes)
		}
		if l := out.total(p, "web.list"); l.Done() != 0 {
			t.Errorf("an action that never began was recorded: %v", l.Classes)
		}
	})
}

func TestAbortRule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waiter{service: time.Millisecond, fail: func(int64) error { return probe.Fail(probe.Overload, "list", nil) }}
		start := time.Now()
		_, out := drive(t, w, "[5]", "2s", func(o *Options) { o.AbortOver, o.AbortFor = 0.5, 3*time.Second }, t.Context())
		var aborted *AbortError
		if !errors.As(out.err, &aborted) {
			t.Fatalf("run ended with %v", out.err)
		}
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("aborted after %v", took)
		}
	})
}

// The first interrupt lets running actions end, the end of the context cuts them off.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		w := &waiter{service: 500 * time.Millisecond}
		go func() { time.Sleep(4 * time.Second); close(stop) }()
		p, out := drive(t, w, "[5]", "5s", func(o *Options) { o.Stop = stop }, t.Context())
		if !errors.Is(out.err, ErrStopped) {
			t.Fatal(out.err)
		}
		if l := out.total(p, "web.list"); l.Classes[probe.Canceled] != 0 || l.Classes[probe.OK] == 0 {
			t.Errorf("gentle stop: %v", l.Classes)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		w := &waiter{service: time.Hour}
		start := time.Now()
		p, out := drive(t, w, "[5]", "1h", nil, ctx)
		if !errors.Is(out.err, ErrStopped) || time.Since(start) > 5*time.Second {
			t.Fatalf("%v after %v", out.err, time.Since(start))
		}
		if l := out.total(p, "web.list"); l.Classes[probe.Canceled] != 5 {
			t.Errorf("hard stop: %v", l.Classes)
		}
	})
}

func TestFallingStageSendsUsersAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waiter{service: 10 * time.Millisecond}
		_, out := drive(t, w, "[5, 20]", "5s", nil, t.Context())
		if out.err != nil {
			t.Fatal(out.err)
		}
		if out.events[0].Stage.Users != 20 {
			t.Fatal("the seed is to put the stage with 20 users first")
		}
		if n := out.intervals[8].Users; n != 20 {
			t.Errorf("%d users in the first stage, want 20", n)
		}
		if n := out.intervals[17].Users; n != 5 {
			t.Errorf("%d users in the second stage, want 5", n)
		}
	})
}

func TestDialerHoldsTheAllowList(t *testing.T) {
	d := &Dialer{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	for _, address := range []string{"192.0.2.1:80", "[2001:db8::1]:80"} {
		_, err := d.DialContext(t.Context(), "tcp", address)
		if !errors.Is(err, probe.ErrNotAllowed) {
			t.Errorf("%s: %v", address, err)
		}
		if want := "dial " + address + ": address is outside the scenario's allow-list"; err != nil && err.Error() != want {
			t.Errorf("%s: %q, want %q", address, err, want)
		}
	}
	if _, err := d.DialContext(t.Context(), "tcp", "127.0.0.1:1"); errors.Is(err, probe.ErrNotAllowed) || err == nil {
		t.Errorf("a closed port on loopback: %v", err)
	}
}
