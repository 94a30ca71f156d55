package probe

import (
	"context"
	"testing"
	"time"
)

// patient is a Host with a clock of its own.
type patient struct {
	Host
	now, allowed, waited time.Duration
}

func (p *patient) Elapsed() time.Duration   { return p.now - p.waited }
func (p *patient) Await(most time.Duration) { p.allowed += most }
func (p *patient) Awaited(d time.Duration)  { p.waited += d }

// A wait counts in no phase, and no more of it is taken out than has passed since the last mark.
func TestWaitingIsNoLatency(t *testing.T) {
	host := &patient{}
	turn := NewTurn(host)
	turn.BeginLazy(func() context.Context { return t.Context() }, "eas", 1)
	turn.Await(time.Minute)
	turn.Context()
	turn.Await(time.Minute) // too late: the time-out has begun
	if host.allowed != time.Minute {
		t.Errorf("allowed are %v, want 1m", host.allowed)
	}
	host.now = 2 * time.Second
	turn.Mark(PhaseConnect)
	host.now = 62 * time.Second
	turn.Awaited(50 * time.Second)
	turn.Mark(PhaseFirstByte)
	turn.Awaited(time.Hour)
	marked, _ := turn.Phases()
	if marked[PhaseConnect] != 2*time.Second || marked[PhaseFirstByte] != 10*time.Second || host.Elapsed() != 12*time.Second {
		t.Errorf("marked %v in %v, want 2s and 10s in 12s", *marked, host.Elapsed())
	}
}
