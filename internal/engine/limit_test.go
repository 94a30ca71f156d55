package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pegel/probes/probe"
)

// Each action's context ends when its own time is over, whatever the timer was set for before, with the run, or with the action.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run, stop := context.WithCancel(t.Context())
		defer stop()
		var l limit
		defer l.rest()
		over := func(c context.Context, want time.Duration) {
			t.Helper()
			from := time.Now()
			<-c.Done()
			if got := time.Since(from); got != want || !errors.Is(c.Err(), context.DeadlineExceeded) {
				t.Errorf("%v after %v, want %v", c.Err(), got, want)
			}
		}
		first := l.begin(run, time.Minute)
		time.Sleep(50 * time.Second)
		l.end()
		if !errors.Is(first.Err(), context.Canceled) {
			t.Error(first.Err())
		}
		over(l.begin(run, time.Minute), time.Minute) // the timer fires after ten seconds
		l.end()
		over(l.begin(run, time.Second), time.Second)
		l.end()
		l.begin(run, time.Minute)
		l.end()
		over(l.begin(run, 3*time.Second), 3*time.Second) // the timer is set back
		l.end()
		time.Sleep(time.Hour)
		over(l.begin(run, 2*time.Second), 2*time.Second) // it had fired meanwhile
		l.end()
		l.rest()
		over(l.begin(run, 4*time.Second), 4*time.Second)
		l.end()

		last := l.begin(run, time.Minute)
		if end, ok := last.Deadline(); !ok || time.Until(end) != time.Minute {
			t.Error(end, ok)
		}
		stop()
		<-last.Done()
		if !errors.Is(last.Err(), context.Canceled) {
			t.Error(last.Err())
		}
		l.end()
		if after := l.begin(run, time.Minute); !errors.Is(after.Err(), context.Canceled) {
			t.Error("an action begins after the run")
		}
		l.end()
		if !errors.Is(first.Err(), context.Canceled) {
			t.Error(first.Err())
		}
	})
}

// What the context package makes of an action's context ends with it, and hooks run once unless they are stopped.
func TestLimitHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limit
		defer l.rest()
		c := l.begin(t.Context(), time.Second)
		child, cancel := context.WithTimeout(c, time.Hour)
		defer cancel()
		valued := context.WithValue(c, &l, 1)
		grandchild, stop := context.WithCancelCause(valued)
		defer stop(nil)
		gone, forget := context.WithCancel(c)
		forget()
		var ran atomic.Int32
		unhook := make([]func() bool, 4)
		for i := range unhook {
			unhook[i] = probe.AfterFunc(c, func() { ran.Add(1) })
			synctest.Wait()
		}
		if !unhook[1]() || unhook[1]() || !unhook[3]() {
			t.Error("a hook was not there, or was there twice")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if ran.Load() != 2 || unhook[0]() {
			t.Errorf("%d hooks ran", ran.Load())
		}
		for _, ctx := range []context.Context{c, child, grandchild} {
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) || !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
				t.Error(ctx.Err(), context.Cause(ctx))
			}
		}
		if !errors.Is(gone.Err(), context.Canceled) {
			t.Error(gone.Err())
		}
		probe.AfterFunc(c, func() { ran.Add(1) })
		context.AfterFunc(c, func() { ran.Add(1) })
		synctest.Wait()
		if ran.Load() != 4 {
			t.Errorf("%d hooks ran", ran.Load())
		}
		l.end()
	})
}

// BenchmarkLimit is what the context of an action costs with its hook, beside the standard library's.
func BenchmarkLimit(b *testing.B) {
	run, stop := context.WithCancel(b.Context())
	defer stop()
	cut := func() {}
	b.Run("own", func(b *testing.B) {
		var l limit
		defer l.rest()
		b.ReportAllocs()
		for b.Loop() {
			unhook := probe.AfterFunc(l.begin(run, time.Minute), cut)
			unhook()
			l.end()
		}
	})
	b.Run("standard", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ctx, cancel := context.WithTimeout(run, time.Minute)
			unhook := context.AfterFunc(ctx, cut)
			unhook()
			cancel()
		}
	})
}
