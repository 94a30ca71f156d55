package archive

import (
	"testing"
	"time"

	"pegel/internal/record"
	"pegel/probes/probe"
)

// Rows hold what whole intervals do, and one row's memory serves the next.
func TestRows(t *testing.T) {
	w, dir := create(t, testMeta)
	l := newLoad(testMeta, 4)
	var want []*record.Interval
	for i := range 6 {
		in := l.second([]int{300, 2, 0, 1000, 40, 40}[i])
		want = append(want, in)
		must(t, w.Interval(in))
	}
	must(t, w.Close())
	n := 0
	for row, err := range open(t, dir).Rows() {
		must(t, err)
		in := want[n]
		if row.Table != len(testMeta.Actions)*len(testMeta.Personas) || row.Start != in.Start || row.Users != in.Users {
			t.Fatalf("row %d is %v, %d users, table of %d", n, row.Start, row.Users, row.Table)
		}
		if diff := sameIntervals(in, row.interval()); diff != "" {
			t.Fatalf("row %d (-want +got):\n%s", n, diff)
		}
		for i := range row.Series {
			s, whole := &row.Series[i], in.Series[row.Series[i].Index]
			if s.Done() != whole.Done() || s.Done()-s.Classes[probe.OK] != whole.Failed() {
				t.Errorf("row %d, series %d: %d done, want %d", n, s.Index, s.Done(), whole.Done())
			}
		}
		n++
	}
	if n != len(want) {
		t.Errorf("%d rows, want %d", n, len(want))
	}
}

// What is added up row by row is what the intervals come to.
func TestRowsAddUp(t *testing.T) {
	w, dir := create(t, testMeta)
	l := newLoad(testMeta, 5)
	whole := record.Interval{Start: time.Hour}
	for range 5 {
		in := l.second(100)
		must(t, w.Interval(in))
		whole.Merge(in)
	}
	must(t, w.Close())
	sums := make([]record.Series, len(whole.Series))
	for row, err := range open(t, dir).Rows() {
		must(t, err)
		for i := range row.Series {
			row.Series[i].AddTo(&sums[row.Series[i].Index])
		}
	}
	for k, s := range whole.Series {
		s.Flight = [record.FlightBuckets]record.Flight{} // left out
		if diff := sameIntervals(s, &sums[k]); diff != "" {
			t.Errorf("series %d (-want +got):\n%s", k, diff)
		}
	}
}

func BenchmarkRows(b *testing.B) {
	w, dir := create(b, testMeta)
	l := newLoad(testMeta, 9)
	for range 60 {
		must(b, w.Interval(l.second(100)))
	}
	must(b, w.Close())
	r := open(b, dir)
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range r.Rows() {
			must(b, err)
		}
	}
}
