package archive

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"pegel/internal/record"
	"pegel/probes/probe"
)

func dimensions(n int) *record.Interval {
	r := record.NewRecorder(2, 1, 1)
	r.Dimensions([]string{"interior", "tax"}, [][]record.Label{{{Kind: record.TagKind("page"), Name: "inbox"}}}, nil)
	r.Collect(10 * time.Second)
	for i := range n {
		x := record.Sample{Action: i % 2, Ended: time.Duration(i+1) * time.Millisecond, Group: uint16(1 + i%2), Backend: "web-1", Fold: uint8(i % record.Folds)}
		if i%4 == 0 {
			x.Tags, x.Class = 1, probe.Overload
		}
		r.Shard(0).Record(&x)
	}
	in := r.Collect(20 * time.Second)
	in.Lost = 3
	return in
}

func TestDimensionsAreReadAsTheyWereWritten(t *testing.T) {
	w, dir := create(t, testMeta)
	want := dimensions(100)
	must(t, w.Dimensions(want))
	must(t, w.Dimensions(&record.Interval{Start: 20 * time.Second, End: 30 * time.Second})) // nothing: no row
	must(t, w.Interval(&record.Interval{End: 30 * time.Second}))
	must(t, w.Close())
	rows := 0
	for d, err := range open(t, dir).Dimensions() {
		must(t, err)
		rows++
		if d.Start != want.Start || d.End != want.End || d.Lost != 3 || len(d.Rows) != len(want.Dimensions) {
			t.Fatalf("%v to %v, %d lost, %d rows; want %d", d.Start, d.End, d.Lost, len(d.Rows), len(want.Dimensions))
		}
		for _, x := range d.Rows {
			from := want.Dimensions[record.Key{Action: x.Action, Label: record.Label{Kind: x.Kind, Name: x.Name}}]
			if from == nil || from.Failed != x.Failed || from.Response.Total != x.Response.Total() || from.Response.Max != x.Response.Max || from.Folds != x.Folds {
				t.Errorf("%s %s %d: %+v", x.Kind, x.Name, x.Action, x)
			}
		}
	}
	if rows != 1 {
		t.Errorf("%d rows, want 1", rows)
	}
	var out bytes.Buffer
	must(t, ExportDimensionsCSV(&out, open(t, dir)))
	table, err := csv.NewReader(&out).ReadAll()
	must(t, err)
	if len(table) != len(want.Dimensions)+1 || strings.Join(table[1][:6], " ") != "10.000 20.000 backend web-1 "+testMeta.Actions[0]+" 50" {
		t.Errorf("%d rows of CSV, the first %v", len(table), table[1])
	}
}

// Rows from before the parts of the users were kept are read without them.
func TestDimensionsWithoutParts(t *testing.T) {
	in := dimensions(40)
	row, err := appendDimensions(nil, in)
	must(t, err)
	size := len(row)
	for _, d := range in.Dimensions {
		for _, f := range d.Folds {
			size -= len(binary.AppendUvarint(binary.AppendUvarint(nil, f.Count), uint64(f.Sum.Microseconds())))
		}
	}
	d, err := decodeDimensions(row[:size])
	must(t, err)
	for _, x := range d.Rows {
		if x.Response.Total() == 0 || x.Folds != [record.Folds]record.Fold{} {
			t.Errorf("%+v", x)
		}
	}
	if _, err := decodeDimensions(row[:len(row)-1]); err == nil {
		t.Error("a row that lacks a byte is read")
	}
}

// A run from before dimensions has none, and everything else of it is read.
func TestRunsWithoutDimensions(t *testing.T) {
	r, list := exported(t)
	for range r.Dimensions() {
		t.Error("there is a row")
	}
	if len(list) != 4 {
		t.Errorf("%d intervals", len(list))
	}
}

func FuzzDimensions(f *testing.F) {
	for _, n := range []int{0, 1, 50} {
		row, err := appendDimensions(nil, dimensions(n))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(row)
	}
	f.Add([]byte{0, 0, 0, 1, 255})
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := decodeDimensions(raw)
		if err != nil {
			return
		}
		for i := range d.Rows {
			if x := &d.Rows[i]; x.Failed > x.Response.Total() || len(x.Kind) > maxLabel || len(x.Name) > maxLabel {
				t.Errorf("row %+v", x)
			}
		}
	})
}
