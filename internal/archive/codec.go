package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"pegel/internal/record"
	"pegel/probes/probe"
)

const (
	// maxSeries bounds the table of an interval: actions times personas.
	maxSeries = 1 << 14
	// maxExact bounds numbers that pass through a float64.
	maxExact = 1 << 53
	// maxDecoded bounds the memory that one decoded interval may take, in bytes.
	maxDecoded = 64 << 20
)

// appendInterval encodes in. All numbers are varints, positions are deltas, histograms are sparse. The sums of Flight
// keep whole nanoseconds, its squares the precision of a float32: both are far below what the fit can tell apart.
func appendInterval(b []byte, in *record.Interval) ([]byte, error) {
	if len(in.Series) > maxSeries {
		return b, fmt.Errorf("an interval of %d series is too large, at most %d can be stored", len(in.Series), maxSeries)
	}
	b = binary.AppendVarint(b, int64(in.Start))
	b = binary.AppendVarint(b, int64(in.End-in.Start))
	b = binary.AppendVarint(b, int64(in.Users))
	b = binary.AppendVarint(b, int64(in.InFlight))
	b = binary.AppendVarint(b, int64(in.Late))
	b = appendHistogram(b, &in.Lag)
	present := 0
	for _, s := range in.Series {
		if s != nil {
			present++
		}
	}
	b = binary.AppendUvarint(b, uint64(len(in.Series)))
	b = binary.AppendUvarint(b, uint64(present))
	next := 0
	for k, s := range in.Series {
		if s == nil {
			continue
		}
		b = binary.AppendUvarint(b, uint64(k-next))
		b = appendSeries(b, s)
		next = k + 1
	}
	return b, nil
}

func appendSeries(b []byte, s *record.Series) []byte {
	b = appendHistogram(b, &s.Response)
	b = appendHistogram(b, &s.Service)
	var mask uint64
	for i, n := range s.Classes {
		if n != 0 {
			mask |= 1 << i
		}
	}
	b = binary.AppendUvarint(b, mask)
	for _, n := range s.Classes {
		if n != 0 {
			b = binary.AppendUvarint(b, n)
		}
	}
	mask = 0
	for i, h := range s.Phases {
		if h != nil && h.Total != 0 {
			mask |= 1 << i
		}
	}
	b = binary.AppendUvarint(b, mask)
	for i, h := range s.Phases {
		if mask>>i&1 != 0 {
			b = appendHistogram(b, h)
		}
	}
	b = appendFlight(b, &s.Flight)
	b = binary.AppendVarint(b, s.In)
	return binary.AppendVarint(b, s.Out)
}

func appendFlight(b []byte, flight *[record.FlightBuckets]record.Flight) []byte {
	present := 0
	for i := range flight {
		if flight[i].Count != 0 {
			present++
		}
	}
	b = binary.AppendUvarint(b, uint64(present))
	next := 0
	for i := range flight {
		f := &flight[i]
		if f.Count == 0 {
			continue
		}
		b = binary.AppendUvarint(b, uint64(i-next))
		b = binary.AppendUvarint(b, uint64(f.Count))
		b = binary.AppendUvarint(b, whole(f.Sum*1e9))
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(f.Sum2)))
		b = binary.AppendUvarint(b, whole(f.Level))
		next = i + 1
	}
	return b
}

func whole(x float64) uint64 {
	return uint64(math.Round(min(max(x, 0), maxExact-1)))
}

func appendHistogram(b []byte, h *record.Histogram) []byte {
	present := 0
	h.Buckets(func(int, uint32) { present++ })
	b = binary.AppendUvarint(b, uint64(present))
	if present == 0 {
		return b
	}
	next := 0
	h.Buckets(func(bucket int, n uint32) {
		b = binary.AppendUvarint(b, uint64(bucket-next))
		b = binary.AppendUvarint(b, uint64(n))
		next = bucket + 1
	})
	b = binary.AppendVarint(b, int64(h.Sum))
	b = binary.AppendVarint(b, int64(h.Max))
	return binary.AppendUvarint(b, h.Over)
}

var errRow = errors.New("the row does not follow the format")

// cursor takes numbers off the front of a row. After the first that is wrong it answers zeros, and bad stays set.
type cursor struct {
	rest   []byte
	bad    bool
	memory int // bytes that may still be allocated
}

func (c *cursor) fail() {
	c.bad = true
	c.rest = nil
}

// uint takes a number of at most limit.
func (c *cursor) uint(limit uint64) uint64 {
	if len(c.rest) > 0 && c.rest[0] < 0x80 { // nearly all are small
		if v := uint64(c.rest[0]); v <= limit {
			c.rest = c.rest[1:]
			return v
		}
	}
	v, n := binary.Uvarint(c.rest)
	if n <= 0 || v > limit {
		c.fail()
		return 0
	}
	c.rest = c.rest[n:]
	return v
}

func (c *cursor) int() int64 {
	v, n := binary.Varint(c.rest)
	if n <= 0 {
		c.fail()
		return 0
	}
	c.rest = c.rest[n:]
	return v
}

func (c *cursor) fixed32() uint32 {
	if len(c.rest) < 4 {
		c.fail()
		return 0
	}
	v := binary.LittleEndian.Uint32(c.rest)
	c.rest = c.rest[4:]
	return v
}

func (c *cursor) fixed64() uint64 {
	if len(c.rest) < 8 {
		c.fail()
		return 0
	}
	v := binary.LittleEndian.Uint64(c.rest)
	c.rest = c.rest[8:]
	return v
}

// spend accounts for an allocation of so many bytes.
func (c *cursor) spend(n int) {
	if c.memory -= n; c.memory < 0 {
		c.fail()
	}
}

// decodeInterval is the whole interval that a row holds.
func decodeInterval(raw []byte) (*record.Interval, error) {
	var r Row
	if err := r.decode(raw); err != nil {
		return nil, err
	}
	return r.interval(), nil
}

// decode reads a row into r, whose memory it uses again.
func (r *Row) decode(raw []byte) error {
	c := &cursor{rest: raw, memory: maxDecoded}
	r.reset()
	r.Start = time.Duration(c.int())
	r.End = r.Start + time.Duration(c.int())
	r.Users = int(c.int())
	r.InFlight = int(c.int())
	r.Late = time.Duration(c.int())
	r.Lag = c.counts(r)
	r.Table = int(c.uint(maxSeries))
	present := int(c.uint(uint64(r.Table)))
	next := 0
	for range present {
		k := next + int(c.uint(maxSeries))
		if k >= r.Table {
			c.fail()
		}
		if c.spend(8 << 10); c.bad {
			break
		}
		c.series(r, k)
		next = k + 1
	}
	if c.bad || len(c.rest) != 0 {
		return fmt.Errorf("interval: %w", errRow)
	}
	return nil
}

func (c *cursor) series(r *Row, k int) {
	s := r.add(k)
	s.Response = c.counts(r)
	s.Service = c.counts(r)
	mask := c.uint(1<<probe.NumClasses - 1)
	for i := range s.Classes {
		if mask>>i&1 != 0 {
			s.Classes[i] = c.uint(math.MaxUint64)
		}
	}
	mask = c.uint(1<<probe.NumPhases - 1)
	for i := range probe.NumPhases {
		if mask>>i&1 != 0 {
			s.Phases = append(s.Phases, PhaseCounts{i, c.counts(r)})
		}
	}
	c.flight(s)
	s.In = c.int()
	s.Out = c.int()
}

func (c *cursor) flight(s *RowSeries) {
	next := 0
	for range c.uint(record.FlightBuckets) {
		i := next + int(c.uint(record.FlightBuckets))
		count := c.uint(math.MaxUint32)
		sum := c.uint(maxExact - 1)
		sum2 := float64(math.Float32frombits(c.fixed32()))
		level := c.uint(maxExact - 1)
		if i >= record.FlightBuckets || count == 0 || !finite(sum2) {
			c.fail()
			return
		}
		s.Flight = append(s.Flight, FlightCount{i, record.Flight{Count: uint32(count), Sum: float64(sum) / 1e9, Sum2: sum2, Level: float64(level)}})
		next = i + 1
	}
}

func (c *cursor) counts(r *Row) Counts {
	present := c.uint(uint64(len(c.rest)) / 2) // a bucket takes at least two bytes
	if present == 0 {
		return Counts{}
	}
	list := r.take(int(present))
	next, page := 0, -1
	for i := range list {
		bucket := next + int(c.uint(1<<16))
		n := c.uint(math.MaxUint32)
		if p := bucket >> 7; p != page { // a whole histogram allocates its counts in pages of 128
			page = p
			c.spend(512)
		}
		if c.bad || n == 0 || bucket >= record.BucketCount {
			c.fail()
			return Counts{}
		}
		list[i] = Bucket{uint16(bucket), uint32(n)}
		next = bucket + 1
	}
	h := Counts{Buckets: list, Sum: time.Duration(c.int()), Max: time.Duration(c.int())}
	h.Over = c.uint(h.Total())
	if h.Sum < 0 || h.Max < 0 {
		c.fail()
	}
	return h
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
