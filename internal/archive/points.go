package archive

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// maxNames bounds how many different points a segment may hold.
const maxNames = 1 << 16

// pointKey is what a dictionary frame gives a number to: page, resource, field.
type pointKey [3]string

// pointPacker encodes metrics. A point's name is written once in a segment; its values are written as differences to
// the last, so that a scrape of many counters costs about a byte for each that stood still.
type pointPacker struct {
	ids  map[pointKey]int
	last []float64
}

func newPointPacker() *pointPacker { return &pointPacker{ids: make(map[pointKey]int)} }

// pack returns the names that are new, as a dictionary row (nil where there are none), and the row of values. Values are
// finite.
func (p *pointPacker) pack(m *Metrics) (names, row []byte, err error) {
	var fresh []pointKey
	for i := range m.Points {
		x := &m.Points[i]
		key := pointKey{x.Page, x.Resource, x.Field}
		if _, known := p.ids[key]; known {
			continue
		}
		if len(p.last) == maxNames {
			return nil, nil, fmt.Errorf("%s %s %s is one more than the %d points that can be stored", x.Page, x.Resource, x.Field, maxNames)
		}
		p.ids[key] = len(p.last)
		p.last = append(p.last, 0)
		fresh = append(fresh, key)
	}
	if fresh != nil {
		if names, err = json.Marshal(fresh); err != nil {
			return nil, nil, fmt.Errorf("encoding names of metrics: %w", err)
		}
	}
	row = binary.AppendVarint(row, int64(m.At))
	row = binary.AppendUvarint(row, uint64(len(m.Points)))
	next := 0
	for i := range m.Points {
		x := &m.Points[i]
		id := p.ids[pointKey{x.Page, x.Resource, x.Field}]
		row = binary.AppendVarint(row, int64(id-next))
		next = id + 1
	}
	for i := range m.Points {
		x := &m.Points[i]
		id := p.ids[pointKey{x.Page, x.Resource, x.Field}]
		row = appendValue(row, p.last[id], x.Value)
		p.last[id] = x.Value
	}
	return names, row, nil
}

// appendValue writes v as an even number, twice the zigzag of a whole difference to last; or as 1 and its bits.
func appendValue(b []byte, last, v float64) []byte {
	d := v - last
	if d == math.Trunc(d) && math.Abs(d) < 1<<52 && math.Float64bits(last+d) == math.Float64bits(v) {
		n := int64(d)
		return binary.AppendUvarint(b, (uint64(n)<<1^uint64(n>>63))<<1)
	}
	b = append(b, 1)
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}

func (c *cursor) value(last float64) float64 {
	code := c.uint(math.MaxUint64)
	if code&1 == 0 {
		z := code >> 1
		return last + float64(int64(z>>1)^-int64(z&1))
	}
	if code != 1 {
		c.fail()
	}
	return math.Float64frombits(c.fixed64())
}

// pointScanner is the inverse of pointPacker, for one segment.
type pointScanner struct {
	keys []pointKey
	last []float64
}

func (p *pointScanner) names(row []byte) error {
	var fresh []pointKey
	if err := json.Unmarshal(row, &fresh); err != nil {
		return fmt.Errorf("names of metrics: %w", err)
	}
	if len(p.keys)+len(fresh) > maxNames {
		return fmt.Errorf("names of metrics: %w", errRow)
	}
	p.keys = append(p.keys, fresh...)
	p.last = append(p.last, make([]float64, len(fresh))...)
	return nil
}

func (p *pointScanner) metrics(row []byte) (Metrics, error) {
	c := &cursor{rest: row}
	m := Metrics{At: time.Duration(c.int())}
	n := int(c.uint(uint64(len(row)))) // a point takes at least two bytes
	m.Points = make([]Point, 0, min(n, len(p.keys)))
	ids := make([]int, 0, n)
	next := 0
	for range n {
		d := c.int()
		if c.bad || d > maxNames || d < -maxNames-1 {
			return Metrics{}, fmt.Errorf("metrics: %w", errRow)
		}
		id := next + int(d)
		if id < 0 || id >= len(p.keys) {
			return Metrics{}, fmt.Errorf("metrics: a point's name is missing: %w", errRow)
		}
		ids = append(ids, id)
		next = id + 1
	}
	for _, id := range ids {
		v := c.value(p.last[id])
		if c.bad || !finite(v) {
			return Metrics{}, fmt.Errorf("metrics: %w", errRow)
		}
		p.last[id] = v
		k := p.keys[id]
		m.Points = append(m.Points, Point{Page: k[0], Resource: k[1], Field: k[2], Value: v})
	}
	if c.bad || len(c.rest) != 0 {
		return Metrics{}, fmt.Errorf("metrics: %w", errRow)
	}
	return m, nil
}
