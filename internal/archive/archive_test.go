package archive

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pegel/internal/record"
	"pegel/probes/probe"
)

var testMeta = Meta{
	RunID:    "r1",
	Started:  time.Date(2025, 10, 2, 8, 0, 0, 250e6, time.UTC),
	Scenario: "test",
	Seed:     7,
	Actions:  []string{"imap.connect", "imap.fetch", "web.list"},
	Personas: []string{"browser", "phone"},
}

// load produces intervals as the engine would, from seeded samples.
type load struct {
	rng  *rand.Rand
	rec  *record.Recorder
	meta Meta
	now  time.Duration
}

func newLoad(meta Meta, seed uint64) *load {
	return &load{
		rng:  rand.New(rand.NewPCG(seed, 1)),
		rec:  record.NewRecorder(len(meta.Actions), len(meta.Personas), 2),
		meta: meta,
	}
}

// second returns the next interval of one second with n samples for each action.
func (l *load) second(n int) *record.Interval {
	for i := range n * len(l.meta.Actions) {
		began := l.now + time.Duration(l.rng.Int64N(int64(time.Second)))
		service := time.Duration(math.Exp(l.rng.NormFloat64()*0.6) * float64(20*time.Millisecond))
		class := probe.OK
		if l.rng.IntN(50) == 0 {
			class = probe.Class(1 + l.rng.IntN(int(probe.NumClasses)-1))
		}
		x := record.Sample{
			Action:   i % len(l.meta.Actions),
			Persona:  l.rng.IntN(len(l.meta.Personas)),
			Intended: began - time.Duration(l.rng.IntN(3000))*time.Microsecond,
			Began:    began,
			Ended:    began + service,
			Class:    class,
			InFlight: 1 + l.rng.IntN(40),
			In:       int64(l.rng.IntN(9000)),
			Out:      300,
		}
		if i%4 == 0 {
			x.Phases = &[probe.NumPhases]time.Duration{probe.PhaseFirstByte: service / 2, probe.PhaseComplete: service / 2}
		}
		l.rec.Shard(i).Record(&x)
	}
	l.now += time.Second
	in := l.rec.Collect(l.now)
	in.Users, in.InFlight, in.Late = 100+int(l.now/time.Minute), l.rng.IntN(20), time.Duration(l.rng.IntN(900))*time.Microsecond
	return in
}

func create(t testing.TB, meta Meta) (*Writer, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "runs", "one")
	w, err := Create(dir, meta, []byte("name: test\n"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w, dir
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, dir string) *Run {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func intervals(t testing.TB, r *Run) []*record.Interval {
	t.Helper()
	var list []*record.Interval
	must(t, r.Each(func(in *record.Interval) error {
		list = append(list, in)
		return nil
	}))
	return list
}

// sameIntervals compares what is stored: of histograms the counts, not how they lie in memory, and of the squares of
// Flight a float32's precision.
func sameIntervals(a, b any) string {
	type plain struct {
		Counts      map[int]uint32
		Total, Over uint64
		Sum, Max    time.Duration
	}
	return cmp.Diff(a, b, cmp.Transformer("plain", func(h record.Histogram) plain {
		p := plain{map[int]uint32{}, h.Total, h.Over, h.Sum, h.Max}
		h.Buckets(func(bucket int, n uint32) { p.Counts[bucket] = n })
		return p
	}), cmp.Comparer(func(x, y float64) bool {
		return math.Abs(x-y) <= 1e-6*math.Max(math.Abs(x), math.Abs(y))
	}))
}

func TestWriteAndRead(t *testing.T) {
	w, dir := create(t, testMeta)
	l := newLoad(testMeta, 1)
	var wantIn []*record.Interval
	wantEvents := []Event{
		{Kind: EventRamp, Stage: &Stage{Index: 1, Users: 100, Batch: "b1", Live: 900}},
		{At: 2 * time.Second, Kind: EventHold},
		{At: 3500 * time.Millisecond, Kind: EventError, Action: "imap.fetch", Class: "timeout", Text: "fetch 1:*: i/o timeout"},
	}
	var wantMetrics []Metrics
	for i := range 5 {
		for _, e := range wantEvents {
			if int(e.At/time.Second) == i {
				must(t, w.Event(e))
			}
		}
		m := Metrics{At: l.now, Points: []Point{
			{"balancer", "web", FieldInUse, float64(10 + i)},
			{"balancer", "web", FieldLimit, 64},
			{"generator", GeneratorCPU, FieldValue, 17.25 + float64(i)/3},
			{"balancer", "web", FieldBusy, -1e18 * float64(i)},
		}[i%2:]}
		must(t, w.Metrics(m))
		wantMetrics = append(wantMetrics, m)
		in := l.second(30)
		must(t, w.Interval(in))
		wantIn = append(wantIn, in)
	}
	must(t, w.Close())
	must(t, w.Close())

	r := open(t, dir)
	if r.Truncated || r.Cut != "" {
		t.Errorf("a closed run is truncated: %s", r.Cut)
	}
	wantMeta := testMeta
	wantMeta.Format = Version
	if d := cmp.Diff(wantMeta, r.Meta); d != "" {
		t.Errorf("meta (-want +got):\n%s", d)
	}
	if string(r.Scenario) != "name: test\n" {
		t.Errorf("scenario = %q", r.Scenario)
	}
	if d := cmp.Diff(wantEvents, r.Events); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
	if d := sameIntervals(wantIn, intervals(t, r)); d != "" {
		t.Errorf("intervals (-want +got):\n%s", d)
	}
	var gotMetrics []Metrics
	for m, err := range r.Metrics() {
		must(t, err)
		gotMetrics = append(gotMetrics, m)
	}
	if d := cmp.Diff(wantMetrics, gotMetrics); d != "" {
		t.Errorf("metrics (-want +got):\n%s", d)
	}
}

func TestIteratorsStopEarly(t *testing.T) {
	w, dir := create(t, testMeta)
	l := newLoad(testMeta, 2)
	for range 3 {
		must(t, w.Metrics(Metrics{At: l.now, Points: []Point{{"p", "r", FieldInUse, 1}}}))
		must(t, w.Interval(l.second(1)))
	}
	must(t, w.Close())
	r := open(t, dir)
	seen := 0
	for range r.Intervals() {
		seen++
		break
	}
	for range r.Metrics() {
		seen++
		break
	}
	if seen != 2 {
		t.Errorf("saw %d rows, want one of each", seen)
	}
	stop := errors.New("enough")
	if err := r.Each(func(*record.Interval) error { return stop }); err != stop {
		t.Errorf("Each returned %v, want the callback's own error", err)
	}
}

func TestCreateRefusesSecondRun(t *testing.T) {
	w, dir := create(t, testMeta)
	must(t, w.Interval(newLoad(testMeta, 3).second(1)))
	must(t, w.Close())
	before, err := os.ReadFile(filepath.Join(dir, segmentName(1)))
	must(t, err)
	for _, gone := range []string{"", MetaFile} { // also where a kill has hit the very start
		if gone != "" {
			must(t, os.Remove(filepath.Join(dir, gone)))
		}
		_, err := Create(dir, testMeta, nil)
		if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "already holds a run") {
			t.Errorf("second Create without %q: %v", gone, err)
		}
	}
	after, err := os.ReadFile(filepath.Join(dir, segmentName(1)))
	must(t, err)
	if string(before) != string(after) {
		t.Error("the refused run changed the segment of the first")
	}
}

func TestConcurrentUse(t *testing.T) {
	w, dir := create(t, testMeta)
	const each = 200
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range each {
				if err := w.Event(Event{At: time.Duration(i), Kind: EventNote}); err != nil {
					t.Error(err)
				}
				if err := w.Metrics(Metrics{At: time.Duration(i), Points: []Point{{"p", "r", FieldServed, float64(i)}}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	l := newLoad(testMeta, 4)
	for range 20 {
		must(t, w.Interval(l.second(2)))
	}
	group.Wait()
	must(t, w.Close())
	r := open(t, dir)
	metrics := 0
	for _, err := range r.Metrics() {
		must(t, err)
		metrics++
	}
	if len(r.Events) != 4*each || metrics != 4*each || len(intervals(t, r)) != 20 {
		t.Errorf("%d events, %d metrics, %d intervals; want %d, %d, 20", len(r.Events), metrics, len(intervals(t, r)), 4*each, 4*each)
	}
	if err := w.Event(Event{}); err == nil {
		t.Error("an event after Close is no error")
	}
}

func TestWriterStaysBroken(t *testing.T) {
	w, dir := create(t, testMeta)
	l := newLoad(testMeta, 5)
	must(t, w.Interval(l.second(5)))
	w.fsync = func(*os.File) error { return errors.New("no space left") }
	first := w.Interval(l.second(5))
	if first == nil || !strings.Contains(first.Error(), "no space left") {
		t.Fatalf("failed sync: %v", first)
	}
	if err := w.Event(Event{Kind: EventDone}); err != first {
		t.Errorf("after a failure: %v, want the first error again", err)
	}
	if err := w.Close(); !errors.Is(err, first) {
		t.Errorf("Close: %v, want the first error", err)
	}
	if n := len(intervals(t, open(t, dir))); n < 1 {
		t.Errorf("%d intervals can be read, want those from before the failure", n)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	put := func(text string, err error) error {
		return WriteFile(dir, ForecastFile, func(w io.Writer) error {
			io.WriteString(w, text)
			return err
		})
	}
	must(t, put("one", nil))
	must(t, put("two", nil))
	broken := errors.New("broken")
	if err := put("three", broken); !errors.Is(err, broken) {
		t.Errorf("failed write: %v", err)
	}
	got, err := os.ReadFile(filepath.Join(dir, ForecastFile))
	must(t, err)
	entries, err := os.ReadDir(dir)
	must(t, err)
	if string(got) != "two" || len(entries) != 1 {
		t.Errorf("content %q, %d files; want the last whole one alone", got, len(entries))
	}
	if err := WriteFile(dir, "../x", func(io.Writer) error { return nil }); err == nil {
		t.Error("a name with a directory is accepted")
	}
}

// Resources that were found lie in the archive before their first points, and outlast thinning and a second segment.
func TestResourcesAreKept(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir, Meta{RunID: "r", Actions: []string{"a"}, Personas: []string{"p"}}, []byte("name: x\n"))
	if err != nil {
		t.Fatal(err)
	}
	found := []Resource{{Page: "lb", Name: "web.s1", Kind: "slots", Within: "web", Labels: map[string]string{"server": "s1"}, Fields: []string{FieldInUse}}}
	for _, m := range []Metrics{
		{At: time.Second, Resources: found, Points: []Point{{"lb", "web.s1", FieldInUse, 1}}},
		{At: 2 * time.Second, Points: []Point{{"lb", "web.s1", FieldInUse, 2}}},
		{At: 3 * time.Second, Resources: []Resource{{Page: "lb", Name: "late"}}},
	} {
		if err := w.Metrics(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := thin(dir, segmentName(1), nil); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Resources) != 2 || cmp.Diff(r.Resources[0], found[0]) != "" || r.Resources[1].Name != "late" {
		t.Errorf("resources %+v", r.Resources)
	}
	n := 0
	for m, err := range r.Metrics() {
		if err != nil || len(m.Points) != 1 {
			t.Fatal(m, err)
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d rows of points", n)
	}
}
