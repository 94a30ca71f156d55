package judge

import (
	"fmt"
	"slices"
	"time"

	"pegel/internal/archive"
	"pegel/internal/record"
	"pegel/probes/probe"
)

// interval is what judging keeps of an interval: what more than one part of it needs, which is a small part of what the
// archive has.
type interval struct {
	start, end time.Duration
	users      int
	series     []series // by rising index
}

// series is what one action of one persona did; index is action × personas + persona.
type series struct {
	index             int
	done, failed      uint64
	longest           time.Duration // response time
	response, service []bucket
	flight            []flight
}

// bucket is one of a histogram with its count in half the memory of an archive.Bucket: a run of a day has a hundred million. The
// index is in the upper bits; a count that does not fit takes several buckets.
type bucket uint32

const (
	countBits = 20
	mostCount = 1<<countBits - 1
)

// The index of a bucket fits into the bits that the count leaves.
const _ = uint(1<<(32-countBits) - record.BucketCount)

func (b bucket) index() int    { return int(b >> countBits) }
func (b bucket) count() uint32 { return uint32(b) & mostCount }

// flight sums up the actions that began with about the same number in flight.
type flight struct {
	count      uint32
	level, sum float32 // of the numbers in flight; seconds
}

// of is the series with an index, nil where nothing happened.
func (in *interval) of(index int) *series {
	i, found := slices.BinarySearchFunc(in.series, index, func(s series, index int) int { return s.index - index })
	if !found {
		return nil
	}
	return &in.series[i]
}

// keeper copies rows, which are valid for a moment only, into a few large pieces of memory.
type keeper struct {
	buckets []bucket
	flights []flight
}

// piece is how many buckets or flights are made at once.
const piece = 1 << 14

func (k *keeper) interval(row *archive.Row) *interval {
	in := &interval{start: row.Start, end: row.End, users: row.Users, series: make([]series, len(row.Series))}
	for i := range row.Series {
		s := &row.Series[i]
		done := s.Done()
		in.series[i] = series{index: s.Index, done: done, failed: done - s.Classes[probe.OK], longest: s.Response.Max,
			response: k.kept(s.Response.Buckets), service: k.kept(s.Service.Buckets), flight: k.levels(s.Flight)}
	}
	return in
}

func (k *keeper) kept(list []archive.Bucket) []bucket {
	n := len(list)
	for _, b := range list {
		n += int((max(b.Count, 1) - 1) / mostCount)
	}
	if len(k.buckets) < n {
		k.buckets = make([]bucket, max(n, piece))
	}
	out := k.buckets[:0:n]
	k.buckets = k.buckets[n:]
	for _, b := range list {
		left := b.Count
		for ; left > mostCount; left -= mostCount {
			out = append(out, bucket(uint32(b.Index)<<countBits|mostCount))
		}
		out = append(out, bucket(uint32(b.Index)<<countBits|left))
	}
	return out
}

func (k *keeper) levels(list []archive.FlightCount) []flight {
	n := len(list)
	if len(k.flights) < n {
		k.flights = make([]flight, max(n, piece))
	}
	out := k.flights[:n:n]
	k.flights = k.flights[n:]
	for i, f := range list {
		out[i] = flight{f.Count, float32(f.Level), float32(f.Sum)}
	}
	return out
}

// pass goes through the archive's intervals once: what charts, stages and failures need of each is taken from it as it goes
// by, and little is kept.
func (r *reading) pass() error {
	var keep keeper
	failures := failureList{rows: map[failure]*ErrorRow{}}
	line := r.newTimeline()
	for row, err := range r.run.Rows() {
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		r.intervals = append(r.intervals, keep.interval(row))
		r.out.Duration = max(r.out.Duration, row.End)
		line.add(row)
		failures.add(r, row)
		for i := range r.totals {
			if r.out.Stages[i].holds(row.Start, row.End) {
				r.totals[i].add(row)
			}
		}
	}
	r.failures(&failures)
	return nil
}

// within calls f for every interval that lies in the window.
func (r *reading) within(from, to time.Duration, f func(*interval)) {
	for _, in := range r.intervals {
		if lies(in.start, in.end, from, to) {
			f(in)
		}
	}
}

// lies tells whether an interval lies in a window, with up to a tenth of a second of overlap allowed, because intervals end
// on the beat of the clock and stages do too, but each by its own timer.
func lies(start, end, from, to time.Duration) bool {
	const slack = 100 * time.Millisecond
	return start >= from-slack && end <= to+slack && end > start
}

// holds tells whether an interval lies in the hold of a stage; one whose end is not known goes on.
func (st *StageResult) holds(start, end time.Duration) bool {
	to := st.End
	if to == 0 {
		to = end
	}
	return lies(start, end, st.Start, to)
}
