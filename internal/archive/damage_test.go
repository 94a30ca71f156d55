package archive

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"pegel/internal/record"
)

// twoSegments writes a run of three seconds and, ten minutes later, three more.
func twoSegments(t testing.TB) string {
	t.Helper()
	w, dir := create(t, testMeta)
	l := newLoad(testMeta, 6)
	for i := range 6 {
		in := l.second(4)
		if i >= 3 {
			in.Start += segmentTime
			in.End += segmentTime
		}
		must(t, w.Event(Event{At: in.Start, Kind: EventNote, Text: strconv.Itoa(i)}))
		must(t, w.Interval(in))
	}
	must(t, w.Close())
	return dir
}

// change rewrites a segment.
func change(t testing.TB, dir string, number int, f func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, segmentName(number))
	b, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, f(b), 0o644))
}

func TestTornAtTheEnd(t *testing.T) {
	damages := map[string]func([]byte) []byte{
		"cut in a payload":    func(b []byte) []byte { return b[:len(b)-5] },
		"wrong checksum":      func(b []byte) []byte { b[len(b)-3] ^= 4; return b },
		"garbage appended":    func(b []byte) []byte { return append(b, "garbage that is no frame"...) },
		"huge length":         func(b []byte) []byte { return append(b, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0) },
		"head of a frame cut": func(b []byte) []byte { return append(b, 1, 2, 3) },
		"header cut":          func(b []byte) []byte { return b[:headerSize-1] },
		"empty":               func([]byte) []byte { return nil },
	}
	want := map[string]int{"cut in a payload": 5, "wrong checksum": 5, "header cut": 3, "empty": 3}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			dir := twoSegments(t)
			change(t, dir, 2, damage)
			r := open(t, dir)
			if !r.Truncated || !strings.HasPrefix(r.Cut, segmentName(2)+":") {
				t.Errorf("truncated %v, cut %q", r.Truncated, r.Cut)
			}
			n, ok := want[name]
			if !ok {
				n = 6
			}
			if got := len(intervals(t, r)); got != n {
				t.Errorf("%d intervals, want the %d before the damage", got, n)
			}
		})
	}
}

func TestTornInTheMiddle(t *testing.T) {
	damages := map[string]func([]byte) []byte{
		"cut":            func(b []byte) []byte { return b[:len(b)-5] },
		"wrong checksum": func(b []byte) []byte { b[headerSize+frameHeader+2] ^= 1; return b },
		"wrong kind":     func(b []byte) []byte { b[headerSize] ^= 1; return b },
		"empty":          func([]byte) []byte { return nil },
		"other file":     func([]byte) []byte { return []byte("not a segment of anything at all") },
		"other version":  func(b []byte) []byte { b[4] = 9; return b },
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			dir := twoSegments(t)
			change(t, dir, 1, damage)
			_, err := Open(dir)
			if err == nil || !strings.Contains(err.Error(), segmentName(1)) {
				t.Fatalf("Open: %v, want an error that names the segment", err)
			}
			if name == "wrong checksum" && !strings.Contains(err.Error(), segmentName(1)+":20:") {
				t.Errorf("Open: %v, want the offset", err)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		dir := twoSegments(t)
		must(t, os.Remove(filepath.Join(dir, segmentName(1))))
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), segmentName(1)+" is missing") {
			t.Errorf("Open: %v", err)
		}
	})
}

func TestUnknownIsRefused(t *testing.T) {
	t.Run("format", func(t *testing.T) {
		dir := twoSegments(t)
		must(t, os.WriteFile(filepath.Join(dir, MetaFile), []byte(`{"format": 99, "actions": 5}`), 0o644))
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "format 99") {
			t.Errorf("Open: %v", err)
		}
	})
	t.Run("kind", func(t *testing.T) {
		dir := twoSegments(t)
		p, err := newPacker()
		must(t, err)
		change(t, dir, 2, func(b []byte) []byte {
			b, err := p.frame(b, 77, []byte("x"))
			must(t, err)
			return b
		})
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "kind 77") {
			t.Errorf("Open: %v", err)
		}
	})
	t.Run("no run", func(t *testing.T) {
		if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "holds no run") {
			t.Errorf("Open: %v", err)
		}
	})
	t.Run("row", func(t *testing.T) {
		dir := twoSegments(t)
		p, err := newPacker()
		must(t, err)
		var at int
		change(t, dir, 2, func(b []byte) []byte {
			at = len(b)
			b, err := p.frame(b, kindInterval, []byte{1, 2, 3})
			must(t, err)
			return b
		})
		err = open(t, dir).Each(func(*record.Interval) error { return nil })
		if err == nil || !strings.Contains(err.Error(), segmentName(2)+":"+strconv.Itoa(at)) {
			t.Errorf("Each: %v, want file and offset", err)
		}
	})
}

// A small file must not make the reader allocate much, whatever its lengths and counts say.
func TestBoundedMemory(t *testing.T) {
	p, err := newPacker()
	must(t, err)
	row := binary.AppendVarint(nil, 0)
	row = append(row, 0, 0, 0, 0, 0)
	row = binary.AppendUvarint(row, maxSeries)
	row = binary.AppendUvarint(row, maxSeries)
	for range maxSeries { // each a series of two histograms with one count on each page
		row = append(row, 0)
		for range 2 {
			row = append(row, 20)
			row = append(row, 0, 1)
			for range 19 {
				row = binary.AppendUvarint(row, 127)
				row = append(row, 1)
			}
			row = append(row, 0, 0, 0)
		}
		row = append(row, 0, 0, 0, 0, 0)
	}
	segment := appendHeader(nil, header{})
	segment, err = p.frame(segment, kindInterval, row)
	must(t, err)
	bomb := p.zstd.EncodeAll(make([]byte, 2*maxRaw), make([]byte, frameHeader))
	segment2, err := sealFrame(bomb, 0, kindInterval)
	must(t, err)
	for name, b := range map[string][]byte{"series": segment, "decompression": append(appendHeader(nil, header{}), segment2...)} {
		s, err := newScanner()
		must(t, err)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err = s.segment(name, bytes.NewReader(b), int64(len(b)), func(_ header, f *frame) error {
			raw, err := s.unpack(f)
			if err == nil {
				_, err = decodeInterval(raw)
			}
			return err
		})
		runtime.ReadMemStats(&after)
		s.close()
		if err == nil {
			t.Errorf("%s: %d bytes were accepted", name, len(b))
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > maxDecoded+4*maxRaw {
			t.Errorf("%s: a file of %d bytes made the reader allocate %d MiB", name, len(b), used>>20)
		}
	}
}

func FuzzReader(f *testing.F) {
	dir := twoSegments(f)
	for n := 1; n <= 2; n++ {
		b, err := os.ReadFile(filepath.Join(dir, segmentName(n)))
		must(f, err)
		f.Add(b)
	}
	row, err := appendInterval(nil, newLoad(testMeta, 8).second(3))
	must(f, err)
	f.Add(row)
	_, row, err = newPointPacker().pack(&Metrics{At: 5, Points: []Point{{"p", "r", "f", 1.5}, {"p", "r", "g", 7}}})
	must(f, err)
	f.Add(row)
	s, err := newScanner()
	must(f, err)
	defer s.close()
	f.Fuzz(func(t *testing.T, b []byte) {
		var points pointScanner
		// Errors are expected; what counts is that there is no panic and no runaway.
		_ = s.segment("fuzz", bytes.NewReader(b), int64(len(b)), func(_ header, f *frame) error {
			raw, err := s.unpack(f)
			if err != nil {
				return nil
			}
			switch f.kind {
			case kindInterval:
				_, _ = decodeInterval(raw)
			case kindNames:
				_ = points.names(raw)
			case kindMetrics:
				_, _ = points.metrics(raw)
			}
			return nil
		})
		// Checksums keep a fuzzer out of the rows, so they are also read directly. What can be read must survive being
		// written again.
		points = pointScanner{keys: []pointKey{{"p", "r", "f"}, {"p", "r", "g"}}, last: make([]float64, 2)}
		_, _ = points.metrics(b)
		in, err := decodeInterval(b)
		if err != nil {
			return
		}
		row, err := appendInterval(nil, in)
		if err != nil {
			t.Fatalf("writing what was read: %v", err)
		}
		again, err := decodeInterval(row)
		if err != nil {
			t.Fatalf("reading what was written: %v", err)
		}
		row2, err := appendInterval(nil, again)
		if err != nil || !bytes.Equal(row, row2) {
			t.Fatalf("an interval changed when it was written again (%v)", err)
		}
	})
}

func BenchmarkInterval(b *testing.B) {
	w, _ := create(b, testMeta)
	in := newLoad(testMeta, 9).second(500)
	in.Start, in.End = 0, time.Second
	w.fsync = func(*os.File) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		must(b, w.Interval(in))
	}
}
