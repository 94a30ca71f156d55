package engine

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"pegel/internal/plan"
	"pegel/internal/record"
	"pegel/probes/probe"
	"pegel/scenarios"
	"pegel/testenv/known"
)

const stalling = `
name: stalling
seed: 3
targets: {web: {url: "http://127.0.0.1:1/", timeout: 60s}}
accounts: {pattern: "u{n}@example.test", count: 1000, password: {env: P}}
activity: {browser: 100%%, source: test}
personas:
  - {name: browser, journey: j}
  - {name: incoming, journey: once, arrivals: {per_second: %d, spacing: %s}}
journeys:
  j: [{repeat: {for: session}, steps: [{do: web.list%s}]}]
  once: [{do: web.read}]
load: {stages: {users: [%d], ramp: 10s, settle: 40s, hold: %s}}
`

// stalled drives open arrivals and closed users side by side against a server that stands still now and then, and returns
// the response times of both in the hold.
func stalled(t *testing.T, f known.Freeze, perSecond int, spacing, think string, users int, hold string) (open, closed record.Histogram) {
	t.Helper()
	src := fmt.Sprintf(stalling, perSecond, spacing, think, users, hold)
	s, err := scenarios.Parse("test.yaml", []byte(src), scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	act := func(decode func(any) error) (probe.Step, error) {
		return func(*probe.Turn) error {
			at := time.Since(start)
			time.Sleep(f.Done(at) - at)
			return nil
		}, probe.NoParams(decode)
	}
	p, err := plan.Build(s, []probe.Protocol{{Name: "web", Actions: map[string]probe.Action{"list": act, "read": act}}})
	if err != nil {
		t.Fatal(err)
	}
	out := play(t, p, nil, t.Context())
	if out.err != nil {
		t.Fatal(out.err)
	}
	for _, in := range out.intervals {
		if in.Start < 50*time.Second {
			continue
		}
		for k, series := range in.Series {
			switch action := p.Actions[k/len(p.Personas)]; {
			case series == nil:
			case action == "web.read":
				open.Merge(&series.Response)
			case action == "web.list":
				closed.Merge(&series.Response)
			}
		}
	}
	return open, closed
}

// A server that freezes for 1 s every 10 s must give the quantiles that arithmetic gives: one for open arrivals, another for
// closed users, who do not come while they wait. See docs/operations.md.
func TestStall(t *testing.T) {
	f := known.Freeze{Every: 10 * time.Second, For: time.Second, Service: 5 * time.Millisecond}
	for _, c := range []struct {
		think, text string
		users       int
		z           time.Duration
	}{
		{"thinking", ", think: {exponential: {mean: 1s}}", 500, time.Second},
		{"not thinking", "", 3, 0},
	} {
		t.Run(c.think, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				open, closed := stalled(t, f, 200, "even", c.text, c.users, "150s")
				if want := uint64(200 * 150); open.Total < want-400 || open.Total > want+400 {
					t.Errorf("%d of %d arrivals are in the hold", open.Total, want)
				}
				for _, x := range []struct {
					name  string
					h     *record.Histogram
					want  func(q float64) time.Duration
					share float64 // how far chance may take the quantiles of so many draws
				}{
					{"open", &open, f.Open, 0.02},
					{"closed", &closed, func(q float64) time.Duration { return f.Closed(q, c.z) }, 0.08},
				} {
					for _, q := range []float64{0.5, 0.8, 0.95, 0.99, 0.999} {
						got, want := x.h.Quantile(q), x.want(q)
						if math.Abs((got - want).Seconds()) > x.share*want.Seconds()+0.001 {
							t.Errorf("%s p%g: %v, arithmetic says %v (%d responses)", x.name, 100*q, got, want, x.h.Total)
						}
					}
				}
			})
		})
	}
	// What makes the two differ: nobody comes to a closed loop's door while everybody waits behind it.
	if open, closed := f.Open(0.99), f.Closed(0.99, 0); open < 900*time.Millisecond || closed > 10*time.Millisecond {
		t.Errorf("p99 of open arrivals %v, of closed users without think time %v", open, closed)
	}
}
