package record

import (
	"math/bits"
	"sync"
	"time"

	"pegel/probes/probe"
)

// Sample is one finished action. Times count from the start of the run.
type Sample struct {
	Action   int           // index into the recorder's table of actions
	Persona  int           // index into the recorder's table of personas
	Intended time.Duration // when the user was to begin it
	Began    time.Duration // when the user really began it
	Ended    time.Duration
	NoLag    bool // does not count in the lag
	Class    probe.Class
	InFlight int                             // actions of its protocol under way when this one began, itself included
	Phases   *[probe.NumPhases]time.Duration // nil where none was marked
	In, Out  int64                           // bytes
	Group    uint16                          // of the account, a number that Recorder.Dimensions was told; 0: none
	Tags     uint16                          // set of tags, likewise
	Source   uint16                          // address that the user comes from, likewise
	Backend  string                          // which backend answered; empty where the platform does not tell
	Moved    Move                            // whether that was another one than before
	Fold     uint8                           // part of the users that this one belongs to, below Folds
}

// Series is what one action of one persona did in one interval.
type Series struct {
	Response Histogram // intended start to end, of all that ended but the canceled
	Service  Histogram // actual start to end, of the same
	Classes  [probe.NumClasses]uint64
	Phases   [probe.NumPhases]*Histogram
	Flight   [FlightBuckets]Flight // service time by number in flight at the start
	In, Out  int64                 // bytes
}

// Done is the number of actions that succeeded or failed; canceled ones are neither.
func (s *Series) Done() uint64 { return s.Response.Total }

// Failed is the number of actions that failed.
func (s *Series) Failed() uint64 { return s.Response.Total - s.Classes[probe.OK] }

// FlightBuckets is the number of classes of in-flight counts: 0…15 exactly, above that eight for each power of two.
const FlightBuckets = 16 + 8*12

// Flight sums the service times of successful actions that began with a certain number in flight.
type Flight struct {
	Count uint32
	Sum   float64 // seconds
	Sum2  float64 // seconds squared
	Level float64 // sum of the numbers in flight, so that Level/Count is the class's mean
}

// FlightBucket is the class of a number in flight.
func FlightBucket(n int) int {
	if n < 16 {
		return max(n, 0)
	}
	shift := bits.Len(uint(n)) - 4
	return min(16+8*(shift-1)+(n>>shift)&7, FlightBuckets-1)
}

// Merge adds all of from.
func (s *Series) Merge(from *Series) {
	s.Response.Merge(&from.Response)
	s.Service.Merge(&from.Service)
	for i, n := range from.Classes {
		s.Classes[i] += n
	}
	for i, h := range from.Phases {
		if h == nil || h.Total == 0 {
			continue
		}
		if s.Phases[i] == nil {
			s.Phases[i] = new(Histogram)
		}
		s.Phases[i].Merge(h)
	}
	for i := range from.Flight {
		f, g := &s.Flight[i], &from.Flight[i]
		f.Count += g.Count
		f.Sum += g.Sum
		f.Sum2 += g.Sum2
		f.Level += g.Level
	}
	s.In += from.In
	s.Out += from.Out
}

func (s *Series) empty() bool {
	return s.Response.Total == 0 && s.Classes[probe.Canceled] == 0
}

func (s *Series) reset() {
	s.Response.Reset()
	s.Service.Reset()
	for _, h := range s.Phases {
		if h != nil {
			h.Reset()
		}
	}
	s.Classes = [probe.NumClasses]uint64{}
	s.Flight = [FlightBuckets]Flight{}
	s.In, s.Out = 0, 0
}

// Interval is everything that ended between Start and End. Series are indexed like the recorder's table: action ×
// personas + persona; nil where nothing happened.
type Interval struct {
	Start, End time.Duration
	Series     []*Series
	Lag        Histogram          // intended to actual start of users that were free
	Users      int                // users at work at End, set by the engine
	InFlight   int                // actions under way at End, set by the engine
	Dimensions map[Key]*Dimension // by backend, group, tag and source; nil where there is none
	Lost       uint64             // samples that were too many to be counted in Dimensions
	Late       time.Duration      // by how much the engine's own clock tick was late, set by the engine
}

// Merge adds a later interval with the same table to i.
func (i *Interval) Merge(later *Interval) {
	i.End = max(i.End, later.End)
	i.Start = min(i.Start, later.Start)
	if n := len(later.Series) - len(i.Series); n > 0 {
		i.Series = append(i.Series, make([]*Series, n)...)
	}
	for k, s := range later.Series {
		if s == nil {
			continue
		}
		if i.Series[k] == nil {
			i.Series[k] = new(Series)
		}
		i.Series[k].Merge(s)
	}
	i.Lag.Merge(&later.Lag)
	i.MergeDimensions(later)
	i.Users, i.InFlight = later.Users, later.InFlight
	i.Late = max(i.Late, later.Late)
}

// Recorder collects samples. Workers record through a Shard of their own; Collect takes away what has gathered.
type Recorder struct {
	actions, personas int
	shards            []*Shard
	last              time.Duration

	groups []string       // what Sample.Group means
	tags   [][]Label      // what Sample.Tags means
	source []string       // what Sample.Source means
	known  map[Label]bool // labels met so far; only the collector's
	names  map[string]int // how many of each kind
}

// NewRecorder makes a recorder for so many actions and personas with so many shards (at least 1).
func NewRecorder(actions, personas, shards int) *Recorder {
	r := &Recorder{actions: actions, personas: personas}
	for range max(shards, 1) {
		s := &Shard{personas: personas}
		s.active = newHalf(actions * personas)
		s.idle = newHalf(actions * personas)
		r.shards = append(r.shards, s)
	}
	return r
}

// Shard returns the shard for a worker's number; several workers may share one.
func (r *Recorder) Shard(worker int) *Shard {
	return r.shards[uint(worker)%uint(len(r.shards))]
}

// Collect takes everything recorded since the last call, up to now. Only one goroutine may call it.
func (r *Recorder) Collect(now time.Duration) *Interval {
	in := &Interval{Start: r.last, End: now, Series: make([]*Series, r.actions*r.personas)}
	r.last = now
	for _, s := range r.shards {
		h := s.flip()
		for k, series := range h.series {
			if series == nil || series.empty() {
				continue
			}
			if in.Series[k] == nil {
				in.Series[k] = new(Series)
			}
			in.Series[k].Merge(series)
			series.reset()
		}
		in.Lag.Merge(&h.lag)
		h.lag.Reset()
		r.count(in, h)
	}
	return in
}

// Shard is the part of a recorder that a few workers write to. Two halves take turns, so that the collector merges one
// while workers fill the other and a worker never waits for a merge.
type Shard struct {
	mu       sync.Mutex
	personas int
	active   *half
	idle     *half
	_        [64]byte // keeps neighbours' locks off this cache line
}

type half struct {
	series   []*Series
	lag      Histogram
	entries  []entry // samples that have a place in some dimension
	lost     uint64  // such samples that were too many
	backends []string
	numbers  map[string]uint16 // of the backends
}

func newHalf(n int) *half { return &half{series: make([]*Series, n)} }

func (s *Shard) flip() *half {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active, s.idle = s.idle, s.active
	return s.idle
}

// Record adds one sample. It allocates only when this shard meets an action, a phase or a power of two of latency for
// the first time.
func (s *Shard) Record(x *Sample) {
	s.mu.Lock()
	k := x.Action*s.personas + x.Persona
	series := s.active.series[k]
	if series == nil {
		series = new(Series)
		s.active.series[k] = series
	}
	series.record(x)
	if (x.Backend != "" || x.Group|x.Tags|x.Source != 0) && x.Class != probe.Canceled {
		s.active.note(x)
	}
	if !x.NoLag {
		s.active.lag.Record(x.Began - x.Intended)
	}
	s.mu.Unlock()
}

func (s *Series) record(x *Sample) {
	s.Classes[x.Class]++
	s.In += x.In
	s.Out += x.Out
	if x.Class == probe.Canceled {
		return
	}
	service := x.Ended - x.Began
	s.Response.Record(x.Ended - x.Intended)
	s.Service.Record(service)
	if x.Class == probe.OK {
		f := &s.Flight[FlightBucket(x.InFlight)]
		sec := service.Seconds()
		f.Count++
		f.Sum += sec
		f.Sum2 += sec * sec
		f.Level += float64(x.InFlight)
	}
	if x.Phases == nil {
		return
	}
	for p, d := range x.Phases {
		if d == 0 {
			continue
		}
		if s.Phases[p] == nil {
			s.Phases[p] = new(Histogram)
		}
		s.Phases[p].Record(d)
	}
}
