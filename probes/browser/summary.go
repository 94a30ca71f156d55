package browser

import (
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"pegel/probes/probe"
)

// summary is what all users of a browser have seen beyond times, by verb.
type summary struct {
	mu    sync.Mutex
	verbs map[string]*seenOf
}

// seenOf is what was seen of one verb.
type seenOf struct {
	count, short   int64
	counts         counts
	tasks          int64
	taskTime       time.Duration
	first, largest spread
}

// note takes in one action. short says that the machine's CPU was short meanwhile.
func (y *summary) note(verb string, c counts, tasks int64, taskTime time.Duration, p []paints, short bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.verbs == nil {
		y.verbs = map[string]*seenOf{}
	}
	of := y.verbs[verb]
	if of == nil {
		of = new(seenOf)
		y.verbs[verb] = of
	}
	of.count++
	if short {
		of.short++
	}
	of.counts = counts{of.counts.requests + c.requests, of.counts.failed + c.failed, of.counts.bytes + c.bytes, of.counts.errors + c.errors}
	of.tasks += tasks
	of.taskTime += taskTime
	for _, one := range p {
		of.first.add(one.first)
		of.largest.add(one.largest)
	}
}

// readings are the sums and quantiles so far.
func (y *summary) readings() []probe.Reading {
	y.mu.Lock()
	defer y.mu.Unlock()
	var list []probe.Reading
	for _, verb := range slices.Sorted(maps.Keys(y.verbs)) {
		of := y.verbs[verb]
		add := func(name string, v float64) { list = append(list, probe.Reading{Action: verb, Name: name, Value: v}) }
		add("count", float64(of.count))
		add("cpu_short", float64(of.short))
		add("requests", float64(of.counts.requests))
		add("failed_requests", float64(of.counts.failed))
		add("bytes", float64(of.counts.bytes))
		add("js_errors", float64(of.counts.errors))
		add("long_tasks", float64(of.tasks))
		add("long_task_seconds", of.taskTime.Seconds())
		for _, paint := range []struct {
			name string
			*spread
		}{{"first_paint", &of.first}, {"largest_paint", &of.largest}} {
			if paint.total > 0 {
				add(paint.name+"_p50_seconds", paint.quantile(0.5))
				add(paint.name+"_p75_seconds", paint.quantile(0.75))
			}
		}
	}
	return list
}

// spread counts durations in buckets of which each is a twentieth wider than the one before, from 1 ms on.
type spread struct {
	buckets [300]uint32 // the last begins at half an hour
	total   uint32
}

const wider = 1.05

func (s *spread) add(d time.Duration) {
	if d <= 0 {
		return // the page has painted nothing of the kind
	}
	n := int(math.Log(float64(d)/float64(time.Millisecond)) / math.Log(wider))
	s.buckets[max(0, min(n, len(s.buckets)-1))]++
	s.total++
}

// quantile is the middle of the bucket in which it lies, in seconds.
func (s *spread) quantile(q float64) float64 {
	rank := uint32(math.Ceil(q * float64(s.total)))
	var sum uint32
	for i, n := range s.buckets {
		if sum += n; sum >= max(rank, 1) {
			return math.Pow(wider, float64(i)+0.5) / 1000
		}
	}
	return 0
}
