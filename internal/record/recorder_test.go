package record

import (
	"math"
	"sync"
	"testing"
	"time"

	"pegel/probes/probe"
)

func sample(i int) Sample {
	began := time.Duration(i) * time.Millisecond
	x := Sample{
		Action:   i % 3,
		Persona:  i % 2,
		Intended: began - time.Duration(i%7)*time.Microsecond,
		Began:    began,
		Ended:    began + time.Duration(1+i*7919%50000)*time.Microsecond,
		InFlight: 1 + i%100,
		In:       int64(i % 11),
		Out:      2,
	}
	switch i % 20 {
	case 3:
		x.Class = probe.Timeout
	case 4:
		x.Class = probe.Canceled
	}
	return x
}

func TestSeriesCounts(t *testing.T) {
	r := NewRecorder(3, 2, 1)
	phases := [probe.NumPhases]time.Duration{probe.PhaseConnect: time.Millisecond, probe.PhaseComplete: 4 * time.Millisecond}
	at := func(class probe.Class, inFlight int) {
		r.Shard(0).Record(&Sample{Action: 1, Persona: 1, Intended: 10 * time.Millisecond, Began: 12 * time.Millisecond, Ended: 20 * time.Millisecond,
			Class: class, InFlight: inFlight, Phases: &phases, In: 5, Out: 7})
	}
	at(probe.OK, 3)
	at(probe.OK, 3)
	at(probe.Refused, 3)
	at(probe.Canceled, 3)
	in := r.Collect(time.Second)
	for k, s := range in.Series {
		if (s != nil) != (k == 1*2+1) {
			t.Fatalf("series %d: %v", k, s)
		}
	}
	s := in.Series[3]
	if s.Done() != 3 || s.Failed() != 1 || s.Classes[probe.Canceled] != 1 {
		t.Errorf("done %d, failed %d, canceled %d; want 3, 1, 1", s.Done(), s.Failed(), s.Classes[probe.Canceled])
	}
	if s.Response.Max != 10*time.Millisecond || s.Service.Max != 8*time.Millisecond || in.Lag.Max != 2*time.Millisecond {
		t.Errorf("response %v, service %v, lag %v; want 10ms, 8ms, 2ms", s.Response.Max, s.Service.Max, in.Lag.Max)
	}
	f := s.Flight[FlightBucket(3)]
	if f.Count != 2 || math.Abs(f.Sum-0.016) > 1e-12 || math.Abs(f.Sum2-2*0.008*0.008) > 1e-12 || f.Level != 6 {
		t.Errorf("in flight: %+v", f)
	}
	for p, h := range s.Phases {
		want := uint64(0)
		if phases[p] != 0 {
			want = 3
		}
		if got := h; got == nil && want != 0 || got != nil && got.Total != want {
			t.Errorf("phase %v: %v, want %d counts", probe.Phase(p), h, want)
		}
	}
	if s.In != 20 || s.Out != 28 {
		t.Errorf("bytes %d, %d; want 20, 28", s.In, s.Out)
	}

	at(probe.Canceled, 1)
	next := r.Collect(2 * time.Second)
	if next.Start != time.Second || next.End != 2*time.Second {
		t.Errorf("second interval from %v to %v", next.Start, next.End)
	}
	if s := next.Series[3]; s == nil || s.Done() != 0 || s.Classes[probe.Canceled] != 1 {
		t.Errorf("an interval with a canceled action only: %+v", s)
	}
	if empty := r.Collect(3 * time.Second); empty.Series[3] != nil || empty.Lag.Total != 0 {
		t.Error("the third interval is not empty")
	}
}

func TestFlightBuckets(t *testing.T) {
	last := -1
	for n := range 70000 {
		b := FlightBucket(n)
		if b < last || b > last+1 || b >= FlightBuckets {
			t.Fatalf("%d in flight are class %d, one less is class %d", n, b, last)
		}
		if n < 16 && b != n {
			t.Fatalf("%d in flight are class %d", n, b)
		}
		last = b
	}
	if last != FlightBuckets-1 {
		t.Errorf("the last class is %d, want %d", last, FlightBuckets-1)
	}
	if FlightBucket(-1) != 0 || FlightBucket(math.MaxInt) != FlightBuckets-1 {
		t.Error("what is out of range is not clamped")
	}
}

// sum merges intervals and returns the number of samples of all classes.
func sum(total, in *Interval) uint64 {
	total.Merge(in)
	var n uint64
	for _, s := range in.Series {
		if s != nil {
			for _, c := range s.Classes {
				n += c
			}
		}
	}
	return n
}

// Workers record while the collector flips halves under them; nothing may be lost or counted twice.
func TestConcurrentRecording(t *testing.T) {
	const workers, each = 8, 20000
	r := NewRecorder(3, 2, 4) // two workers to a shard
	var group sync.WaitGroup
	done := make(chan struct{})
	for w := range workers {
		group.Go(func() {
			shard := r.Shard(w)
			for i := range each {
				x := sample(i*workers + w)
				shard.Record(&x)
			}
		})
	}
	go func() {
		group.Wait()
		close(done)
	}()
	var total Interval
	var seen uint64
	for now, going := time.Duration(1), true; going; now++ {
		select {
		case <-done:
			going = false // and one last time
		default:
		}
		seen += sum(&total, r.Collect(now))
	}
	if seen != workers*each {
		t.Errorf("%d samples were collected, %d were recorded", seen, workers*each)
	}
	one := NewRecorder(3, 2, 1)
	for i := range workers * each {
		x := sample(i)
		one.Shard(0).Record(&x)
	}
	want := one.Collect(1)
	same(t, "lag", &total.Lag, &want.Lag)
	for k, s := range want.Series {
		got := total.Series[k]
		if (got == nil) != (s == nil) {
			t.Fatalf("series %d: %v, want %v", k, got, s)
		}
		if s == nil {
			continue
		}
		same(t, "response", &got.Response, &s.Response)
		same(t, "service", &got.Service, &s.Service)
		if got.Classes != s.Classes || got.In != s.In || got.Out != s.Out {
			t.Errorf("series %d: classes %v, bytes %d %d; want %v, %d %d", k, got.Classes, got.In, got.Out, s.Classes, s.In, s.Out)
		}
		for b := range s.Flight {
			f, g := got.Flight[b], s.Flight[b]
			if f.Count != g.Count || f.Level != g.Level || math.Abs(f.Sum-g.Sum) > 1e-9*g.Sum || math.Abs(f.Sum2-g.Sum2) > 1e-9*g.Sum2 {
				t.Errorf("series %d, flight class %d: %+v, want %+v", k, b, f, g)
			}
		}
	}
}

func TestIntervalMerge(t *testing.T) {
	a := &Interval{Start: 3, End: 5, Users: 1, InFlight: 2, Late: 9, Series: make([]*Series, 1)}
	late := &Interval{Start: 5, End: 8, Users: 4, InFlight: 5, Late: 6, Series: []*Series{nil, new(Series)}}
	late.Series[1].Response.Record(time.Second)
	late.Lag.Record(time.Millisecond)
	a.Merge(late)
	if a.Start != 3 || a.End != 8 || a.Users != 4 || a.InFlight != 5 || a.Late != 9 || a.Lag.Total != 1 {
		t.Errorf("merged: %+v", a)
	}
	if len(a.Series) != 2 || a.Series[0] != nil || a.Series[1].Done() != 1 {
		t.Errorf("merged series: %v", a.Series)
	}
	if a.Series[1] == late.Series[1] {
		t.Error("the merged interval shares a series with the other")
	}
}

func TestRecordAllocatesNothing(t *testing.T) {
	r := NewRecorder(3, 2, 1)
	shard := r.Shard(0)
	phases := [probe.NumPhases]time.Duration{probe.PhaseComplete: time.Millisecond}
	i := 0
	record := func() {
		x := sample(i % 1000)
		x.Phases = &phases
		shard.Record(&x)
		i++
	}
	for range 2 { // both halves
		for range 1000 {
			record()
		}
		r.Collect(1)
	}
	if n := testing.AllocsPerRun(2000, record); n != 0 {
		t.Errorf("recording allocates %v times", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	shard := NewRecorder(3, 2, 1).Shard(0)
	x := sample(5)
	b.ReportAllocs()
	for b.Loop() {
		shard.Record(&x)
	}
}

func BenchmarkRecordParallel(b *testing.B) {
	r := NewRecorder(3, 2, 64)
	var mu sync.Mutex
	worker := 0
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		mu.Lock()
		shard := r.Shard(worker)
		worker++
		mu.Unlock()
		x := sample(5)
		for pb.Next() {
			shard.Record(&x)
		}
	})
}

func BenchmarkCollect(b *testing.B) {
	r := NewRecorder(40, 4, 8)
	for b.Loop() {
		for i := range 4000 {
			x := sample(i)
			x.Action = i % 40
			r.Shard(i).Record(&x)
		}
		r.Collect(1)
	}
}
