package probetest

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"pegel/probes/probe"
)

// coherent checks that the phases of an action lie in it one after the other.
func (r Result) coherent() error {
	var sum time.Duration
	for p, d := range r.Phases {
		if d < 0 {
			return fmt.Errorf("phase %v took %v", probe.Phase(p), d)
		}
		sum += d
	}
	if sum > r.Elapsed {
		return fmt.Errorf("phases add up to %v, the action took %v", sum, r.Elapsed)
	}
	for i := 1; i < len(r.Order); i++ {
		// With STARTTLS the greeting comes before TLS.
		upgrade := r.Order[i-1] == probe.PhaseGreeting && r.Order[i] == probe.PhaseTLS
		if r.Order[i] < r.Order[i-1] && !upgrade {
			return fmt.Errorf("phase %v was marked after %v: %v", r.Order[i], r.Order[i-1], r.Order)
		}
	}
	return nil
}

// Settled waits until no more goroutines run than before.
func Settled(t *testing.T, before int) {
	t.Helper()
	var now int
	for range 400 {
		if now = runtime.NumGoroutine(); now <= before {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("%d goroutines, %d before:\n%s", now, before, stacks[:runtime.Stack(stacks, true)])
}
