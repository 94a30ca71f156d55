package engine

import (
	"context"
	"fmt"
	"time"

	"pegel/internal/plan"
)

// Steadiness says from what is measured when a stage may be held, and when it has been held for long enough. It is asked
// once a second, from one goroutine.
type Steadiness interface {
	// Settled tells whether the platform has come to rest since all users of a stage are there.
	Settled(since time.Duration) bool
	// Enough tells whether the hold that began then has told what it is to tell.
	Enough(since time.Duration) bool
}

// These are recognised when the archive is judged.
const (
	settledText    = "stage %d: at rest after %v beyond the ramp (MSER-5); what came before is discarded"
	unsettledText  = "stage %d: not at rest after %v beyond the ramp, the most allowed; what came before is discarded"
	preciseText    = "stage %d: held for %v, until every objective's quantile was precise enough"
	unpreciseText  = "stage %d: held for %v, the most allowed, and not every objective's quantile was precise enough"
	steadyInterval = time.Second
)

// extend prolongs a phase of a stage that began at a time, beyond its planned length and up to the most allowed, until it is
// done. It returns by how much, pauses not counted.
func (e *engine) extend(ctx context.Context, st *plan.Stage, phase string, length, most time.Duration) (time.Duration, error) {
	if e.opt.Steady == nil || most <= length {
		return 0, nil
	}
	before, _ := e.pauses.now()
	begun := e.now()
	since := begun - length
	done := e.opt.Steady.Settled
	if phase == End {
		done = e.opt.Steady.Enough
	}
	is := done(since)
	for k := time.Duration(1); !is && length+(k-1)*steadyInterval < most; k++ {
		paused, _ := e.pauses.now()
		if err := e.wait(ctx, e.now()+min(steadyInterval, most-length-(k-1)*steadyInterval), paused); err != nil {
			return 0, err
		}
		is = done(since)
	}
	after, _ := e.pauses.now()
	by := e.now() - begun - (after - before)
	text := map[bool]string{true: settledText, false: unsettledText}[is]
	if phase == End {
		text = map[bool]string{true: preciseText, false: unpreciseText}[is]
	}
	e.event(Event{Kind: Note, Text: fmt.Sprintf(text, st.Index+1, (length + by).Round(time.Second))})
	return by, nil
}
