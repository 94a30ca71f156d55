package main

import (
	"sync"
	"time"

	"pegel/internal/engine"
	"pegel/internal/record"
)

// dimensionTime is the resolution at which dimensions are kept: coarser than the intervals, because there
// may be many of them.
const dimensionTime = 10 * time.Second

// dimensionRows gathers what happened by dimension, and gives it out every ten seconds and where a hold begins
// or ends, so that a stage can be cut out of it.
type dimensionRows struct {
	mu    sync.Mutex // between the engine's events and its intervals
	marks []time.Duration
	open  *record.Interval
}

// event notes where a hold begins or ends.
func (d *dimensionRows) event(e engine.Event) {
	if e.Kind == engine.Hold || e.Kind == engine.End {
		d.mu.Lock()
		d.marks = append(d.marks, e.At)
		d.mu.Unlock()
	}
}

// add takes an interval and returns what is to be written of those before it, nil where nothing is yet.
func (d *dimensionRows) add(in *record.Interval) (out *record.Interval) {
	const slack = 100 * time.Millisecond // intervals and stages end by timers of their own
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open != nil {
		cut := len(d.marks) > 0 && d.marks[0] <= in.End-slack
		if cut || d.open.End-d.open.Start >= dimensionTime-slack {
			out = d.take()
		}
	}
	for len(d.marks) > 0 && d.marks[0] <= in.Start+slack { // one within the interval cuts behind it as well
		d.marks = d.marks[1:]
	}
	if d.open == nil {
		d.open = &record.Interval{Start: in.Start}
	}
	d.open.End = in.End
	d.open.MergeDimensions(in)
	return out
}

// rest is what has not been given out at the end of the run, nil where there is nothing.
func (d *dimensionRows) rest() *record.Interval {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.take()
}

func (d *dimensionRows) take() *record.Interval {
	out := d.open
	d.open = nil
	if out == nil || len(out.Dimensions) == 0 && out.Lost == 0 {
		return nil
	}
	return out
}
