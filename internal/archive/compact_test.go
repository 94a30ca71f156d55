package archive

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pegel/internal/record"
)

// Hours of run time, written as fast as the machine can: everything older than an hour is merged to ten seconds
// while the run goes on, and nothing is lost.
func TestCompaction(t *testing.T) {
	length := 3 * time.Hour
	if raceEnabled { // twenty times slower
		length = 90 * time.Minute
	}
	meta := testMeta
	meta.Actions = nil
	for i := range 10 {
		meta.Actions = append(meta.Actions, fmt.Sprintf("web.a%d", i))
	}
	meta.Personas = []string{"browser"}
	w, dir := create(t, meta)
	w.fsync = func(*os.File) error { return nil } // as often as once a second of run time it would dominate
	// Half a minute of load, over and over: drawing three hours of it would take longer than the test itself.
	l := newLoad(meta, 10)
	var cycle []*record.Interval
	var sum, want record.Interval
	for range 30 {
		in := l.second(3)
		cycle = append(cycle, in)
		sum.Merge(in)
	}
	// Stage changes within an interval of one second and at its edge.
	marks := []time.Duration{0, 605*time.Second + 400*time.Millisecond, 607 * time.Second, 1333 * time.Second}
	fine := 0
	for now := time.Duration(0); now < length; now += time.Second {
		for _, at := range marks {
			if now <= at && at < now+time.Second {
				must(t, w.Event(Event{At: at, Kind: EventHold}))
			}
		}
		must(t, w.Metrics(Metrics{At: now, Points: []Point{{"p", "r", FieldServed, float64(now / time.Second)}}}))
		i := int(now/time.Second) % len(cycle)
		in := cycle[i]
		in.Start, in.End = now, now+time.Second
		for _, s := range in.Series {
			if s != nil {
				fine++
			}
		}
		must(t, w.Interval(in))
		if i == len(cycle)-1 {
			sum.End = in.End
			want.Merge(&sum)
		}
	}
	must(t, w.Close())

	r := open(t, dir)
	if r.Truncated {
		t.Fatalf("truncated: %s", r.Cut)
	}
	var got record.Interval
	var end time.Duration
	count, merged := 0, 0
	for in, err := range r.Intervals() {
		must(t, err)
		if in.Start != end {
			t.Fatalf("an interval starts at %v, the one before ended at %v", in.Start, end)
		}
		end = in.End
		for _, at := range marks {
			if in.Start < at && at < in.End && in.End-in.Start > time.Second {
				t.Errorf("interval %v to %v hides the stage change at %v", in.Start, in.End, at)
			}
		}
		if in.End-in.Start > coarseTime {
			t.Errorf("interval %v to %v is too long", in.Start, in.End)
		}
		if in.End > length-keepFine && in.End-in.Start > time.Second {
			t.Errorf("interval %v to %v is of the last hour and yet merged", in.Start, in.End)
		}
		if in.End-in.Start > time.Second {
			merged++
		}
		count++
		got.Merge(in)
	}
	if d := sameIntervals(&want, &got); d != "" {
		t.Errorf("the whole run (-written +read):\n%s", d)
	}
	for k, s := range want.Series {
		for _, q := range []float64{0.5, 0.95, 0.99} {
			if a, b := s.Response.Quantile(q), got.Series[k].Response.Quantile(q); a != b {
				t.Errorf("series %d: quantile %v was %v, is %v", k, q, a, b)
			}
		}
	}
	// The last segment is opened ten minutes before the end, and those an hour older than that are due then.
	if want := int((length - segmentTime - keepFine) / coarseTime); merged < want-5 || merged > want+5 {
		t.Errorf("%d merged intervals, want about %d", merged, want)
	}
	metrics := 0
	for m, err := range r.Metrics() {
		must(t, err)
		if m.Points[0].Value != float64(m.At/time.Second) {
			t.Fatalf("metrics at %v read %v", m.At, m.Points[0].Value)
		}
		metrics++
	}
	if want := int(length / time.Second); metrics != want || len(r.Events) != len(marks) {
		t.Errorf("%d metrics and %d events, want %d and %d", metrics, len(r.Events), want, len(marks))
	}
	names, err := filepath.Glob(filepath.Join(dir, ".*"))
	must(t, err)
	if len(names) > 0 {
		t.Errorf("temporary files are left: %v", names)
	}
	var sizes []int64
	for i := range r.segments {
		sizes = append(sizes, r.segments[i].size>>10)
	}
	t.Logf("%d series in %v; %d intervals left; KiB of each segment: %v", fine, length, count, sizes)
	if first, last := sizes[0], sizes[len(sizes)-1]; first*2 > last {
		t.Errorf("a merged segment has %d KiB, a fine one %d KiB", first, last)
	}
}

func TestMergeable(t *testing.T) {
	sec := func(from, to float64) *record.Interval {
		return &record.Interval{Start: time.Duration(from * 1e9), End: time.Duration(to * 1e9)}
	}
	for _, c := range []struct {
		name        string
		group, next *record.Interval
		marks       []float64
		want        bool
	}{
		{"neighbours", sec(0, 3), sec(3, 4), nil, true},
		{"next ten seconds", sec(0, 10), sec(10, 11), nil, false},
		{"late tick", sec(0, 10.001), sec(10.001, 11), nil, false},
		{"early tick", sec(0, 9.999), sec(9.999, 11), nil, false},
		{"change at the seam", sec(0, 3), sec(3, 4), []float64{3}, false},
		{"change at the start", sec(3, 4), sec(4, 5), []float64{1, 3}, true},
		{"change at the end", sec(3, 4), sec(4, 5), []float64{5}, true},
		{"change in the next", sec(3, 4), sec(4, 5), []float64{4.5}, false},
		{"change in the group", sec(3, 4), sec(4, 5), []float64{3.5, 9}, false},
		{"out of order", sec(3, 4), sec(2, 3), nil, false},
	} {
		var marks []time.Duration
		for _, m := range c.marks {
			marks = append(marks, time.Duration(m*1e9))
		}
		if !slices.IsSorted(marks) {
			t.Fatalf("%s: marks are not sorted", c.name)
		}
		if got := mergeable(c.group, c.next, marks); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// A segment that cannot be read stays as it is and is reported.
func TestThinKeepsWhatItCannotRead(t *testing.T) {
	dir := twoSegments(t)
	change(t, dir, 1, func(b []byte) []byte { return b[:len(b)-1] })
	before, err := os.ReadFile(filepath.Join(dir, segmentName(1)))
	must(t, err)
	if err := thin(dir, segmentName(1), nil); err == nil {
		t.Error("a torn segment was thinned out without an error")
	}
	after, err := os.ReadFile(filepath.Join(dir, segmentName(1)))
	must(t, err)
	if string(before) != string(after) {
		t.Error("the torn segment was changed")
	}
}
