package record

import (
	"fmt"
	"testing"
	"time"

	"pegel/probes/probe"
)

func total(in *Interval, kind string) (n uint64, names map[string]bool) {
	names = map[string]bool{}
	for k, d := range in.Dimensions {
		if k.Kind == kind {
			n += d.Response.Total
			names[k.Name] = true
		}
	}
	return n, names
}

func TestBackendsAreToldApartAndCapped(t *testing.T) {
	r := NewRecorder(1, 1, 1)
	for k := range 3 * MostNames {
		r.Shard(0).Record(&Sample{Ended: time.Duration(k+1) * time.Millisecond, Backend: fmt.Sprintf("b%d", k%300)})
	}
	r.Shard(0).Record(&Sample{Ended: time.Second, Backend: "b0", Class: probe.Overload})
	r.Shard(0).Record(&Sample{Ended: time.Second})
	r.Shard(0).Record(&Sample{Ended: time.Second, Backend: "b0", Class: probe.Canceled})
	in := r.Collect(time.Second)
	if n, names := total(in, KindBackend); n != 3*MostNames+1 || len(names) != MostNames+1 || !names[Other] {
		t.Errorf("%d samples of %d backends", n, len(names))
	}
	if b := in.Dimensions[Key{0, Label{KindBackend, "b0"}}]; b.Failed != 1 {
		t.Errorf("b0 failed %d times", b.Failed)
	}
	if later := r.Collect(2 * time.Second); len(later.Dimensions) != 0 {
		t.Error("a backend stays in the next interval")
	}
}

// The cap is of the run, not of one interval: names that come one after the other fill it as well.
func TestNamesAreCappedOverTheRun(t *testing.T) {
	r := NewRecorder(1, 1, 2)
	var all Interval
	for k := range 2 * MostNames {
		r.Shard(k).Record(&Sample{Ended: time.Millisecond, Backend: fmt.Sprintf("b%d", k)})
		all.MergeDimensions(r.Collect(time.Duration(k)))
	}
	if n, names := total(&all, KindBackend); n != 2*MostNames || len(names) != MostNames+1 {
		t.Errorf("%d samples of %d backends", n, len(names))
	}
}

func TestGroupsAndTags(t *testing.T) {
	r := NewRecorder(2, 1, 2)
	r.Dimensions([]string{"interior", "tax"}, [][]Label{{{TagKind("page"), "inbox"}}, {{TagKind("kind"), "read"}, {TagKind("page"), "inbox"}}}, nil)
	for i := range 60 {
		r.Shard(i).Record(&Sample{Action: 1, Intended: time.Second, Began: 2 * time.Second, Ended: 3 * time.Second, Group: uint16(i % 3), Tags: uint16(i % 3), Backend: "b"})
	}
	r.Shard(0).Record(&Sample{Group: 77, Tags: 77, Ended: time.Second}) // numbers that nobody was told
	in := r.Collect(time.Minute)
	for label, want := range map[Label]uint64{
		{KindGroup, "interior"}: 20, {KindGroup, "tax"}: 20, {TagKind("page"), "inbox"}: 40, {TagKind("kind"), "read"}: 20, {KindBackend, "b"}: 60,
	} {
		d := in.Dimensions[Key{1, label}]
		if d == nil || d.Response.Total != want {
			t.Errorf("%v: %v, want %d samples", label, d, want)
		} else if q := d.Response.Quantile(0.5); q < 1990*time.Millisecond || q > 2010*time.Millisecond {
			t.Errorf("%v: response time %v, want 2 s from the intended start", label, q)
		}
	}
	if len(in.Dimensions) != 5 {
		t.Errorf("%d dimensions, want 5", len(in.Dimensions))
	}
}

// A worker that records faster than anything is bounded, and what is left out is counted.
func TestDimensionsAreBounded(t *testing.T) {
	r := NewRecorder(1, 1, 1)
	r.Dimensions([]string{"g"}, nil, nil)
	for range mostEntries + 100 {
		r.Shard(0).Record(&Sample{Ended: time.Millisecond, Group: 1})
	}
	in := r.Collect(time.Second)
	if n, _ := total(in, KindGroup); n != mostEntries || in.Lost != 100 || in.Series[0].Done() != mostEntries+100 {
		t.Errorf("%d in the group, %d lost, %d in the series", n, in.Lost, in.Series[0].Done())
	}
	if again := r.Collect(2 * time.Second); again.Lost != 0 {
		t.Error("what was lost is counted twice")
	}
}

func TestRecordingWithGroupsAllocatesNothing(t *testing.T) {
	r := NewRecorder(3, 2, 1)
	r.Dimensions([]string{"interior", "tax"}, [][]Label{{{TagKind("page"), "inbox"}}}, nil)
	i := 0
	record := func() {
		x := sample(i % 1000)
		x.Group, x.Tags, x.Backend = uint16(1+i%2), 1, "web-1"
		r.Shard(0).Record(&x)
		i++
	}
	for range 4 { // both halves, which keep their memory
		for range 4000 {
			record()
		}
		r.Collect(1)
	}
	record()
	if n := testing.AllocsPerRun(2000, record); n != 0 {
		t.Errorf("recording with groups allocates %v times", n)
	}
}

func BenchmarkRecordGroups(b *testing.B) {
	for name, change := range map[string]func(*Sample){
		"none": func(*Sample) {}, "group": func(x *Sample) { x.Group = 1 }, "all": func(x *Sample) { x.Group, x.Tags, x.Backend = 1, 1, "web-1" },
	} {
		b.Run(name, func(b *testing.B) {
			r := NewRecorder(3, 2, 1)
			r.Dimensions([]string{"interior"}, [][]Label{{{TagKind("page"), "inbox"}}}, nil)
			x := sample(5)
			change(&x)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				r.Shard(0).Record(&x)
				if n++; n%10000 == 0 { // as often as a busy second has samples
					b.StopTimer()
					r.Collect(1)
					b.StartTimer()
				}
			}
		})
	}
}

// What the parts of the users did adds up to the whole, over collections too; whether a backend changed and from which address it was
// asked are dimensions of their own.
func TestFoldsMovesAndRoutes(t *testing.T) {
	r := NewRecorder(1, 1, 2)
	r.Dimensions(nil, nil, []string{"127.0.0.2", "127.0.0.3"})
	var all Interval
	for i := range 240 {
		x := Sample{Ended: time.Duration(1+i%3) * time.Millisecond, Fold: uint8(i % Folds), Source: uint16(1 + i%2), Backend: "web-1", Moved: Stayed}
		if i%4 == 0 {
			x.Moved, x.Class = Moved, probe.Overload
		}
		if i < 8 {
			x.Moved = MoveUnknown
		}
		r.Shard(i).Record(&x)
		if i%100 == 99 {
			all.MergeDimensions(r.Collect(time.Duration(i)))
		}
	}
	all.MergeDimensions(r.Collect(time.Second))
	for label, want := range map[Label]struct{ count, failed uint64 }{
		{KindBackend, "web-1"}: {240, 60}, {KindMove, "moved"}: {58, 58}, {KindMove, "stayed"}: {174, 0},
		{KindRoute, "127.0.0.2 web-1"}: {120, 60}, {KindRoute, "127.0.0.3 web-1"}: {120, 0},
	} {
		d := all.Dimensions[Key{0, label}]
		if d == nil || d.Response.Total != want.count || d.Failed != want.failed {
			t.Errorf("%v: %+v", label, d)
			continue
		}
		var count uint64
		var sum time.Duration
		for _, f := range d.Folds {
			count += f.Count
			sum += f.Sum
		}
		if count != d.Response.Total || sum != d.Response.Sum {
			t.Errorf("%v: parts with %d and %v, all %d and %v", label, count, sum, d.Response.Total, d.Response.Sum)
		}
	}
}
