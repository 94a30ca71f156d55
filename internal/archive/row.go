package archive

import (
	"time"

	"pegel/internal/record"
	"pegel/probes/probe"
)

// Row is an interval as it is stored: histograms are lists of the buckets that are not empty. Of short intervals that is a
// tenth of what whole histograms take, in memory and time.
type Row struct {
	Start, End time.Duration
	Users      int           // at work at End
	InFlight   int           // actions under way at End
	Late       time.Duration // by how much the engine's own clock tick was late
	Lag        Counts
	Table      int         // actions × personas
	Series     []RowSeries // what happened, by rising index

	buckets []Bucket // those of all histograms
}

// RowSeries is what one action of one persona did; Index is action × personas + persona.
type RowSeries struct {
	Index             int
	Response, Service Counts                   // from the intended start, from the actual one
	Classes           [probe.NumClasses]uint64 // of outcomes
	Phases            []PhaseCounts            // those that were marked
	Flight            []FlightCount            // service time by number in flight at the start
	In, Out           int64                    // bytes
}

// Counts is a histogram of durations.
type Counts struct {
	Buckets  []Bucket // by rising index
	Sum, Max time.Duration
	Over     uint64 // how many were above the range
}

// Bucket is a bucket of record.Histogram with its count.
type Bucket struct {
	Index uint16
	Count uint32
}

// PhaseCounts are the durations of one phase.
type PhaseCounts struct {
	Phase probe.Phase
	Counts
}

// FlightCount is one class of the numbers in flight with its sums.
type FlightCount struct {
	Class int // of record.FlightBucket
	record.Flight
}

// Total is the number of durations.
func (c *Counts) Total() uint64 {
	var n uint64
	for _, b := range c.Buckets {
		n += uint64(b.Count)
	}
	return n
}

// AddTo adds the durations to a histogram.
func (c *Counts) AddTo(h *record.Histogram) {
	for _, b := range c.Buckets {
		h.AddBucket(int(b.Index), b.Count)
	}
	h.Sum += c.Sum
	h.Over += c.Over
	h.Max = max(h.Max, c.Max)
}

// AddTo adds all but the numbers in flight to a whole series.
func (s *RowSeries) AddTo(to *record.Series) {
	s.Response.AddTo(&to.Response)
	s.Service.AddTo(&to.Service)
	for i, n := range s.Classes {
		to.Classes[i] += n
	}
	for i := range s.Phases {
		p := &s.Phases[i]
		if to.Phases[p.Phase] == nil {
			to.Phases[p.Phase] = new(record.Histogram)
		}
		p.AddTo(to.Phases[p.Phase])
	}
	to.In += s.In
	to.Out += s.Out
}

// Done is the number of actions that succeeded or failed.
func (s *RowSeries) Done() uint64 { return s.Response.Total() }

// interval is the row with whole histograms.
func (r *Row) interval() *record.Interval {
	in := &record.Interval{Start: r.Start, End: r.End, Users: r.Users, InFlight: r.InFlight, Late: r.Late, Series: make([]*record.Series, r.Table)}
	r.Lag.AddTo(&in.Lag)
	for i := range r.Series {
		s, to := &r.Series[i], new(record.Series)
		s.AddTo(to)
		for _, f := range s.Flight {
			to.Flight[f.Class] = f.Flight
		}
		in.Series[s.Index] = to
	}
	return in
}

// reset empties the row and keeps its memory.
func (r *Row) reset() {
	*r = Row{Series: r.Series[:0], buckets: r.buckets[:0]}
}

// add appends a series and keeps the memory that the one before in its place had.
func (r *Row) add(index int) *RowSeries {
	if n := len(r.Series); n < cap(r.Series) {
		r.Series = r.Series[:n+1]
		s := &r.Series[n]
		*s = RowSeries{Index: index, Phases: s.Phases[:0], Flight: s.Flight[:0]}
		return s
	}
	r.Series = append(r.Series, RowSeries{Index: index})
	return &r.Series[len(r.Series)-1]
}

// take is room for so many buckets.
func (r *Row) take(n int) []Bucket {
	from := len(r.buckets)
	if from+n > cap(r.buckets) { // what was taken stays where it is
		r.buckets, from = make([]Bucket, 0, max(2*cap(r.buckets), n, 1024)), 0
	}
	r.buckets = r.buckets[:from+n]
	return r.buckets[from : from+n : from+n]
}
