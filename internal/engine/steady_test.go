package engine

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// patience is content some time after a phase began.
type patience struct {
	settled, enough time.Duration
	now             func() time.Duration
	asked           []string
}

func (p *patience) Settled(since time.Duration) bool {
	p.asked = append(p.asked, fmt.Sprint("settled since ", since))
	return p.now()-since >= p.settled
}

func (p *patience) Enough(since time.Duration) bool {
	p.asked = append(p.asked, fmt.Sprint("enough since ", since))
	return p.now()-since >= p.enough
}

// Settling and holding last as long as the data ask for, within what the stage allows, and the notes say so. A pause counts in
// neither.
func TestPhasesAreProlonged(t *testing.T) {
	stages := "load: {stages: {users: [10], ramp: 5s, settle: 10s, settle_most: 40s, hold: 20s, hold_most: 60s}}"
	for _, c := range []struct {
		name            string
		settled, enough time.Duration
		pause           time.Duration // at 18 s, while it is settling
		hold, end       time.Duration
		notes           []string
	}{
		{"at once", 0, 0, 0, 15 * time.Second, 35 * time.Second, []string{"stage 1: at rest after 10s", "stage 1: held for 20s, until"}},
		{"later", 17 * time.Second, 31 * time.Second, 0, 22 * time.Second, 53 * time.Second, []string{"stage 1: at rest after 17s", "stage 1: held for 31s, until"}},
		{"never", time.Hour, time.Hour, 0, 45 * time.Second, 105 * time.Second, []string{"stage 1: not at rest after 40s", "stage 1: held for 1m0s, the most allowed"}},
		{"paused", time.Hour, 0, 30 * time.Second, 75 * time.Second, 95 * time.Second, []string{"the operator paused", "the operator resumed", "stage 1: not at rest after 40s", "stage 1: held for 20s"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &waiter{service: 10 * time.Millisecond}
			src := strings.Replace(searching, "load: {order: adaptive, stages_max: 9, stages: {from: 5, to: 50, ramp: 1s, settle: 1s, hold: 8s}}", stages, 1)
			p := adaptive(t, w, src)
			start := time.Now()
			steady := &patience{settled: c.settled, enough: c.enough, now: func() time.Duration { return time.Since(start) }}
			pause := make(chan bool)
			if c.pause > 0 {
				go func() {
					time.Sleep(18 * time.Second)
					pause <- true
					time.Sleep(c.pause)
					pause <- false
				}()
			}
			out := play(t, p, func(o *Options) { o.Steady, o.Pause = steady, pause }, t.Context())
			if out.err != nil {
				t.Fatal(out.err)
			}
			at := map[string]time.Duration{}
			var notes []string
			for _, e := range out.events {
				at[e.Kind] = e.At.Round(time.Millisecond)
				if e.Kind == Note {
					notes = append(notes, e.Text)
				}
			}
			if at[Settle] != 5*time.Second || at[Hold] != c.hold || at[End] != c.end {
				t.Errorf("%s: settled from %v, held from %v to %v; want 5s, %v and %v", c.name, at[Settle], at[Hold], at[End], c.hold, c.end)
			}
			for i, want := range c.notes {
				if len(notes) != len(c.notes) || !strings.HasPrefix(notes[i], want) {
					t.Fatalf("%s: notes %q, want %q", c.name, notes, c.notes)
				}
			}
			if steady.asked[0] != "settled since 5s" {
				t.Errorf("%s: asked %q first", c.name, steady.asked[0])
			}
		})
	}
}
