package engine

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// While the ramp is paused nobody arrives and nobody leaves, users go on, and what was to come comes later by as much, with
// no lag of anybody.
func TestPauseAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pause := make(chan bool)
		w := &waiter{service: 10 * time.Millisecond}
		src := strings.Replace(searching, "load: {order: adaptive, stages_max: 9, stages: {from: 5, to: 50, ramp: 1s, settle: 1s, hold: 8s}}", "load: {stages: {users: [100], ramp: 10s, settle: 2s, hold: 8s}}", 1)
		p := adaptive(t, w, src)
		go func() {
			time.Sleep(4 * time.Second) // in the ramp
			pause <- true
			pause <- true // no other one
			time.Sleep(30 * time.Second)
			pause <- false
			time.Sleep(10 * time.Second) // 44 s: in the hold, from 42 s to 50 s
			pause <- true
			time.Sleep(5 * time.Second)
			pause <- false
		}()
		out := play(t, p, func(o *Options) { o.Pause = pause }, t.Context())
		if out.err != nil {
			t.Fatal(out.err)
		}
		at := map[string]time.Duration{}
		var notes []string
		for _, e := range out.events {
			if e.Kind == Note {
				notes = append(notes, e.Text)
			}
			at[e.Kind] = e.At
		}
		if at[Settle] != 40*time.Second || at[Hold] != 42*time.Second || at[End] != 55*time.Second {
			t.Errorf("settled from %v, held from %v to %v; want 40 s, 42 s and 55 s", at[Settle], at[Hold], at[End])
		}
		paused := out.intervals[6].Users
		if paused < 20 || paused > 60 || out.intervals[32].Users != paused || out.intervals[41].Users != 100 {
			t.Errorf("%d users in second 6, %d in second 32, %d in second 41", paused, out.intervals[32].Users, out.intervals[41].Users)
		}
		done := uint64(0)
		for _, s := range out.intervals[20].Series {
			if s != nil {
				done += s.Done()
			}
		}
		if done == 0 {
			t.Error("users stood still during the pause")
		}
		for _, in := range out.intervals {
			if lag := in.Lag.Quantile(1); lag > time.Millisecond {
				t.Errorf("a lag of %v at %v", lag, in.End)
			}
		}
		if len(notes) != 4 || !strings.HasPrefix(notes[0], "the operator paused the ramp at ") || notes[1] != "the operator resumed the ramp after 30s" {
			t.Errorf("notes %q", notes)
		}
	})
}

// A run that is paused can be ended as at any other time.
func TestPausedRunIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pause, stop := make(chan bool, 1), make(chan struct{})
		w := &waiter{service: 10 * time.Millisecond}
		pause <- true
		go func() { time.Sleep(100 * time.Second); close(stop) }()
		start := time.Now()
		_, out := drive(t, w, "[5]", "2s", func(o *Options) { o.Pause, o.Stop = pause, stop }, t.Context())
		if took := time.Since(start); !errors.Is(out.err, ErrStopped) || took < 100*time.Second || took > 106*time.Second {
			t.Errorf("%v after %v", out.err, took)
		}
	})
}
