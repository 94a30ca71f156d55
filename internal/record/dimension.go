package record

import (
	"time"

	"pegel/probes/probe"
)

// The kinds of dimensions. A tag's kind is TagKind of its name.
const (
	KindBackend = "backend" // which backend of the platform answered
	KindGroup   = "group"   // of the account
	KindSource  = "source"  // address that the user comes from
	KindMove    = "move"    // whether the backend was the user's one before; names are those of Move
	KindRoute   = "route"   // which backend answered users of which address; names are RouteName's
	tagPrefix   = "tag:"
)

// RouteName is the name of the way from a source address to a backend. No address has a space.
func RouteName(source, backend string) string { return source + " " + backend }

// TagKind is the kind of the dimension that a tag of this name is: tag:NAME.
func TagKind(name string) string { return tagPrefix + name }

// Label is one value of one dimension.
type Label struct{ Kind, Name string }

// Key is an action seen in one value of a dimension.
type Key struct {
	Action int
	Label
}

// Dimension is what one action did in one value of a dimension.
type Dimension struct {
	Response Histogram // intended start to end, of all that ended but the canceled
	Failed   uint64
	Folds    [Folds]Fold
}

// Folds is the number of parts that the users are divided into at random, each for the whole run. What one user does is alike,
// what two users do is not: how much the parts differ says what chance does among users (the method of random groups, Wolter,
// Introduction to Variance Estimation, chapter 2).
const Folds = 8

// Fold is what the users of one part did: how often, and how long that took together.
type Fold struct {
	Count uint64
	Sum   time.Duration // of response times, in whole microseconds
}

// Move is whether a user was answered by the same backend as the time before, by the same target.
type Move uint8

// The moves; MoveUnknown where there was no time before, or the platform does not tell backends.
const (
	MoveUnknown Move = iota
	Stayed
	Moved
)

func (m Move) String() string { return [...]string{"unknown", "stayed", "moved"}[m] }

// A recorder tells so many names of one kind apart in a run; what comes beyond goes to Other, so that a platform which
// gives every answer a name of its own cannot fill the memory.
const (
	MostNames = 256
	Other     = "(other)"
)

// mostEntries bounds what a half remembers between two collections, 16 bytes each. What is beyond is left out of the
// dimensions, never out of the series, and counted.
const mostEntries = 1 << 16

// entry is one sample for its dimensions: 16 bytes that the collector counts later, so that a worker neither looks for a
// histogram nor holds one for each value of each dimension.
type entry struct {
	response uint32 // in microseconds
	action   uint16
	group    uint16 // number, 0: none
	tags     uint16 // number, 0: none
	source   uint16 // number, 0: none
	backend  uint16 // 1 + index of the half's backends, 0: none
	mark     uint8  // fold, move and failure: 3 bits, 2 bits, 1 bit
}

func (e *entry) fold() int    { return int(e.mark & (Folds - 1)) }
func (e *entry) move() Move   { return Move(e.mark >> 3 & 3) }
func (e *entry) failed() bool { return e.mark>>5 != 0 }

// Dimensions tells the recorder what Sample.Group, Sample.Tags and Sample.Source mean: number n is groups[n-1], all labels of
// tags[n-1], and sources[n-1]. It must be called before the first sample.
func (r *Recorder) Dimensions(groups []string, tags [][]Label, sources []string) {
	r.groups, r.tags, r.source = groups, tags, sources
}

// note remembers a sample that has a place in some dimension. The one map lookup is the backend's.
func (h *half) note(x *Sample) {
	if len(h.entries) == mostEntries {
		h.lost++
		return
	}
	e := entry{response: uint32(min(max(x.Ended-x.Intended, 0)/unit, maxValue+1)), action: uint16(x.Action), group: x.Group, tags: x.Tags, source: x.Source, mark: x.Fold&(Folds-1) | uint8(x.Moved)<<3}
	if x.Class != probe.OK {
		e.mark |= 1 << 5
	}
	if x.Backend != "" {
		e.backend = h.backend(x.Backend)
	}
	h.entries = append(h.entries, e)
}

// backend is the number of a backend's name in this half.
func (h *half) backend(name string) uint16 {
	n, known := h.numbers[name]
	switch {
	case known:
	case len(h.backends) > MostNames:
		n = MostNames + 1
	default:
		if len(h.backends) == MostNames {
			name = Other
		}
		if h.numbers == nil {
			h.numbers = map[string]uint16{}
		}
		h.backends = append(h.backends, name)
		n = uint16(len(h.backends))
		h.numbers[name] = n
	}
	return n
}

// count moves what a half remembered into the interval.
func (r *Recorder) count(in *Interval, h *half) {
	for i := range h.entries {
		e := &h.entries[i]
		if n := int(e.group); n > 0 && n <= len(r.groups) {
			in.in(e, r.admit(Label{KindGroup, r.groups[n-1]}))
		}
		if n := int(e.tags); n > 0 && n <= len(r.tags) {
			for _, label := range r.tags[n-1] {
				in.in(e, r.admit(label))
			}
		}
		if n := int(e.source); n > 0 && n <= len(r.source) {
			in.in(e, r.admit(Label{KindSource, r.source[n-1]}))
		}
		if e.backend > 0 {
			in.in(e, r.admit(Label{KindBackend, h.backends[e.backend-1]}))
		}
		if n := int(e.source); n > 0 && n <= len(r.source) && e.backend > 0 {
			in.in(e, r.admit(Label{KindRoute, RouteName(r.source[n-1], h.backends[e.backend-1])}))
		}
		if m := e.move(); m != MoveUnknown {
			in.in(e, Label{KindMove, m.String()})
		}
	}
	in.Lost += h.lost
	h.entries, h.lost = h.entries[:0], 0
	clear(h.numbers)
	h.backends = h.backends[:0]
}

// admit is the label itself as long as its kind has not too many names in this run, else the kind's Other.
func (r *Recorder) admit(l Label) Label {
	if r.known[l] {
		return l
	}
	if r.names[l.Kind] >= MostNames {
		return Label{l.Kind, Other}
	}
	if r.known == nil {
		r.known, r.names = map[Label]bool{}, map[string]int{}
	}
	r.known[l] = true
	r.names[l.Kind]++
	return l
}

func (i *Interval) in(e *entry, l Label) {
	k := Key{int(e.action), l}
	d := i.Dimensions[k]
	if d == nil {
		if i.Dimensions == nil {
			i.Dimensions = map[Key]*Dimension{}
		}
		d = new(Dimension)
		i.Dimensions[k] = d
	}
	d.Response.Record(time.Duration(e.response) * unit)
	f := &d.Folds[e.fold()]
	f.Count++
	f.Sum += time.Duration(e.response) * unit
	if e.failed() {
		d.Failed++
	}
}

// MergeDimensions adds what a later interval has by dimension, and nothing else of it.
func (i *Interval) MergeDimensions(later *Interval) {
	if len(later.Dimensions) > 0 && i.Dimensions == nil {
		i.Dimensions = make(map[Key]*Dimension, len(later.Dimensions))
	}
	for k, d := range later.Dimensions {
		if i.Dimensions[k] == nil {
			i.Dimensions[k] = new(Dimension)
		}
		i.Dimensions[k].Response.Merge(&d.Response)
		i.Dimensions[k].Failed += d.Failed
		for j, f := range d.Folds {
			i.Dimensions[k].Folds[j].Count += f.Count
			i.Dimensions[k].Folds[j].Sum += f.Sum
		}
	}
	i.Lost += later.Lost
}
