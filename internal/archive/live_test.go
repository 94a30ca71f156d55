package archive

import (
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// A run under way can be read at any time: everything acknowledged before is there, its last interval, event and metrics
// included, while segments begin, end and are thinned out.
func TestReadWhileWriting(t *testing.T) {
	w, dir := create(t, testMeta)
	w.fsync = func(*os.File) error { return nil } // a reader of the same machine needs none
	l := newLoad(testMeta, 5)
	var synced atomic.Int64
	failed := make(chan error, 1)
	go func() {
		for n := range int64(4500) { // an hour and a quarter: seven segments, the first ones thinned out
			err := w.Event(Event{At: l.now, Kind: EventNote, Text: strconv.FormatInt(n, 10)})
			if err == nil {
				err = w.Metrics(Metrics{At: l.now, Points: []Point{{"p", "r", FieldServed, float64(n)}}})
			}
			if err == nil {
				err = w.Interval(l.second(1))
			}
			if err != nil {
				failed <- err
				return
			}
			synced.Store(n + 1)
		}
		failed <- nil
	}()
	looks := 0
	for ended := false; !ended; looks++ {
		select {
		case err := <-failed:
			must(t, err)
			ended = true
		default:
		}
		before := synced.Load()
		run, err := Open(dir)
		must(t, err)
		if n := int64(len(run.Events)); n < before || n > before && run.Events[before].Text != strconv.FormatInt(before, 10) {
			t.Fatalf("%d events, %d were synced before", n, before)
		}
		var end, at time.Duration
		for in, err := range run.Intervals() {
			must(t, err)
			if in.Start != end {
				t.Fatalf("an interval begins at %v, the one before ended at %v", in.Start, end)
			}
			end = in.End
		}
		if want := time.Duration(before) * time.Second; end < want {
			t.Fatalf("intervals end at %v, synced up to %v", end, want)
		}
		for m, err := range run.Metrics() {
			must(t, err)
			at = m.At
		}
		if want := time.Duration(before-1) * time.Second; at < want {
			t.Fatalf("metrics end at %v, synced up to %v", at, want)
		}
	}
	t.Logf("read %d times", looks)
	if looks < 3 {
		t.Errorf("the run was read %d times only", looks)
	}
}
