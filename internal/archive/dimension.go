package archive

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"pegel/internal/record"
)

// Dimensions are what the actions did in some ten seconds by backend, group, tag and source. They never reach over the beginning
// or the end of a stage's hold.
type Dimensions struct {
	Start, End time.Duration
	Lost       uint64 // samples that were too many to be counted here; they are in the intervals
	Rows       []DimensionRow
}

// DimensionRow is one action in one value of one dimension.
type DimensionRow struct {
	Kind     string // record.KindBackend, KindGroup, KindSource, or record.TagKind of a tag's name
	Name     string
	Action   int // index of Meta.Actions
	Failed   uint64
	Response Counts                    // of all that ended but the canceled
	Folds    [record.Folds]record.Fold // by part of the users; empty in runs from before these were kept
}

const (
	maxLabel      = 256     // bytes of a kind or a name
	maxLabels     = 1 << 14 // in one row
	maxDimensions = 1 << 18 // series in one row
)

// appendDimensions encodes an interval's dimensions: the labels first, then what each action did in them, by label and
// action.
func appendDimensions(b []byte, in *record.Interval) ([]byte, error) {
	keys := make([]record.Key, 0, len(in.Dimensions))
	for k := range in.Dimensions {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y record.Key) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Action, y.Action))
	})
	var labels []record.Label
	for _, k := range keys {
		if n := len(labels); n == 0 || labels[n-1] != k.Label {
			labels = append(labels, k.Label)
		}
	}
	if len(labels) > maxLabels || len(keys) > maxDimensions {
		return b, fmt.Errorf("%d values of dimensions with %d series are too many to be stored", len(labels), len(keys))
	}
	b = binary.AppendVarint(b, int64(in.Start))
	b = binary.AppendVarint(b, int64(in.End-in.Start))
	b = binary.AppendUvarint(b, in.Lost)
	b = binary.AppendUvarint(b, uint64(len(labels)))
	for _, l := range labels {
		b = appendText(appendText(b, l.Kind), l.Name)
	}
	b = binary.AppendUvarint(b, uint64(len(keys)))
	at := 0
	for _, k := range keys {
		for labels[at] != k.Label {
			at++
		}
		d := in.Dimensions[k]
		b = binary.AppendUvarint(b, uint64(at))
		b = binary.AppendUvarint(b, uint64(k.Action))
		b = binary.AppendUvarint(b, d.Failed)
		b = appendHistogram(b, &d.Response)
	}
	for _, k := range keys { // behind what was there before
		for _, f := range in.Dimensions[k].Folds {
			b = binary.AppendUvarint(b, f.Count)
			b = binary.AppendUvarint(b, uint64(f.Sum.Microseconds()))
		}
	}
	return b, nil
}

// appendText writes at most maxLabel bytes of a text with their number.
func appendText(b []byte, text string) []byte {
	text = text[:min(len(text), maxLabel)]
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func (c *cursor) text() string {
	n := int(c.uint(maxLabel))
	if n > len(c.rest) {
		c.fail()
		return ""
	}
	text := string(c.rest[:n])
	c.rest = c.rest[n:]
	return text
}

func decodeDimensions(raw []byte) (*Dimensions, error) {
	c := &cursor{rest: raw, memory: maxDecoded}
	d := &Dimensions{Start: time.Duration(c.int())}
	d.End = d.Start + time.Duration(c.int())
	d.Lost = c.uint(math.MaxUint64)
	labels := make([]record.Label, 0, 16)
	for range c.uint(maxLabels) {
		c.spend(2 * maxLabel)
		labels = append(labels, record.Label{Kind: c.text(), Name: c.text()})
		if c.bad {
			break
		}
	}
	var room Row // for the buckets of all rows
	for range c.uint(maxDimensions) {
		at := c.uint(maxLabels)
		action := c.uint(maxSeries)
		failed := c.uint(math.MaxUint64)
		c.spend(512)
		counts := c.counts(&room)
		if c.bad || at >= uint64(len(labels)) || failed > counts.Total() {
			c.fail()
			break
		}
		d.Rows = append(d.Rows, DimensionRow{Kind: labels[at].Kind, Name: labels[at].Name, Action: int(action), Failed: failed, Response: counts})
	}
	if !c.bad && len(c.rest) > 0 {
		for i := range d.Rows {
			for j := range d.Rows[i].Folds {
				d.Rows[i].Folds[j] = record.Fold{Count: c.uint(math.MaxUint64), Sum: time.Duration(c.uint(math.MaxInt64/1000)) * time.Microsecond}
			}
		}
	}
	if c.bad || len(c.rest) != 0 {
		return nil, fmt.Errorf("dimensions: %w", errRow)
	}
	return d, nil
}

// Dimensions appends what an interval has by dimension; it is synced with the next interval. Nothing is written where it
// has nothing.
func (w *Writer) Dimensions(in *record.Interval) error {
	if len(in.Dimensions) == 0 && in.Lost == 0 {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	row, err := appendDimensions(w.row[:0], in)
	if err != nil {
		return w.failed("storing dimensions", err)
	}
	w.row = row
	if w.pending, err = w.packer.frame(w.pending, kindDimensions, row); err != nil {
		return w.failed("storing dimensions", err)
	}
	return w.spill()
}

// Dimensions yields what the actions did by backend, group, tag and source, in the order in which it was stored; nothing for runs
// that were recorded before pegel kept it. An error ends the sequence; it names file and offset.
func (r *Run) Dimensions() iter.Seq2[*Dimensions, error] {
	return func(yield func(*Dimensions, error) bool) {
		err := r.each(func(s *scanner, _ int, f *frame) error {
			if f.kind != kindDimensions {
				return nil
			}
			raw, err := s.unpack(f)
			if err != nil {
				return err
			}
			d, err := decodeDimensions(raw)
			if err != nil {
				return err
			}
			if !yield(d, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && err != errStop {
			yield(nil, err)
		}
	}
}
