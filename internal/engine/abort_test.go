package engine

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pegel/internal/record"
	"pegel/probes/probe"
)

// second is an interval with so many successes and failures of each of two actions, which all took as long.
func second(n int, ok, failed [2]int, took time.Duration) *record.Interval {
	in := &record.Interval{Start: time.Duration(n) * time.Second, End: time.Duration(n+1) * time.Second, Series: make([]*record.Series, 2)}
	for a := range 2 {
		s := new(record.Series)
		for range ok[a] + failed[a] {
			s.Response.Record(took)
		}
		s.Classes[probe.OK], s.Classes[probe.Overload] = uint64(ok[a]), uint64(failed[a])
		in.Series[a] = s
	}
	return in
}

// Rules hold for whole windows, for the actions that they are about, and where enough was done.
func TestAbortRulesInWindows(t *testing.T) {
	both, first := []bool{true, true}, []bool{true, false}
	steady := func(ok, failed [2]int, took time.Duration) func(int) *record.Interval {
		return func(n int) *record.Interval { return second(n, ok, failed, took) }
	}
	for name, c := range map[string]struct {
		rule AbortRule
		in   func(n int) *record.Interval
		at   int // second after which it ends; 0: never
		text string
	}{
		"errors":               {AbortRule{Actions: both, Errors: 0.05, For: 5 * time.Second}, steady([2]int{90, 90}, [2]int{10, 10}, 0), 5, "error share was 10 % in the last 5s, above 5 %"},
		"errors below":         {AbortRule{Actions: both, Errors: 0.10, For: 5 * time.Second}, steady([2]int{90, 90}, [2]int{10, 10}, 0), 0, ""},
		"errors of another":    {AbortRule{Actions: first, Errors: 0.05, For: 5 * time.Second}, steady([2]int{90, 0}, [2]int{0, 90}, 0), 0, ""},
		"too few":              {AbortRule{Actions: both, Errors: 0.05, For: 5 * time.Second}, steady([2]int{0, 0}, [2]int{1, 1}, 0), 0, ""},
		"slow":                 {AbortRule{Actions: both, Quantile: 0.95, Over: time.Second, For: 3 * time.Second}, steady([2]int{0, 50}, [2]int{}, 2*time.Second), 3, "p95 of b was"},
		"slow, but another":    {AbortRule{Actions: first, Quantile: 0.95, Over: time.Second, For: 3 * time.Second}, steady([2]int{0, 50}, [2]int{}, 2*time.Second), 0, ""},
		"a burst is no window": {AbortRule{Actions: both, Errors: 0.5, For: 10 * time.Second}, func(n int) *record.Interval { return second(n, [2]int{10, 0}, [2]int{20 * (n % 10 / 9), 0}, 0) }, 0, ""},
		"from a time on": {AbortRule{Actions: both, Errors: 0.5, For: 10 * time.Second}, func(n int) *record.Interval {
			if n < 20 {
				return second(n, [2]int{10, 0}, [2]int{}, 0)
			}
			return second(n, [2]int{}, [2]int{10, 0}, 0)
		}, 26, "error share was 60 %"},
	} {
		g := newGuard([]AbortRule{c.rule}, []string{"a", "b"})
		at, text := 0, ""
		for n := range 60 {
			if text = g.look(c.in(n)); text != "" {
				at = n + 1
				break
			}
		}
		if at != c.at || !strings.Contains(text, c.text) {
			t.Errorf("%s: after %d s %q, want %d s %q", name, at, text, c.at, c.text)
		}
		if len(g.kept) > 11 {
			t.Errorf("%s: %d intervals are kept", name, len(g.kept))
		}
	}
}

// A run that a rule ends is ended gently: users leave one after the other. A reason of somebody else's ends it as well.
func TestAbortedRunEndsGently(t *testing.T) {
	for _, outside := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := &waiter{service: 10 * time.Millisecond}
			if !outside {
				w.service = 3 * time.Second
			}
			src := strings.Replace(searching, "load: {order: adaptive, stages_max: 9, stages: {from: 5, to: 50, ramp: 1s, settle: 1s, hold: 8s}}", "load: {stages: {users: [100], ramp: 1s, settle: 2s, hold: 600s}}", 1)
			p := adaptive(t, w, src)
			abort := make(chan string, 1)
			go func() {
				time.Sleep(20 * time.Second)
				if outside {
					abort <- "the platform says so"
				}
			}()
			out := play(t, p, func(o *Options) {
				o.Down, o.Abort = 10*time.Second, abort
				if !outside {
					all := make([]bool, len(p.Actions))
					for i := range all {
						all[i] = true
					}
					o.Rules = []AbortRule{{Actions: all, Quantile: 0.95, Over: 2 * time.Second, For: 20 * time.Second}}
				}
			}, t.Context())
			var aborted *AbortError
			if !errors.As(out.err, &aborted) {
				t.Fatalf("ended with %v", out.err)
			}
			if outside != (aborted.Text == "the platform says so") || !outside && !strings.HasPrefix(aborted.Text, "p95 of web.list was 3") {
				t.Errorf("aborted because %q", aborted.Text)
			}
			half := out.intervals[24].Users // 4 to 5 s after the reason
			if half < 40 || half > 70 {
				t.Errorf("%d users five seconds into ten of leaving, want about 50", half)
			}
			if end := out.intervals[len(out.intervals)-1].End; end < 29*time.Second || end > 36*time.Second {
				t.Errorf("over after %v", end)
			}
		})
	}
}
