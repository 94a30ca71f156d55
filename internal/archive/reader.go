package archive

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"pegel/internal/record"
)

// Run is an archive opened for reading. Events are in memory; intervals and metrics are read from the files each time
// they are asked for, one at a time.
type Run struct {
	Dir       string
	Meta      Meta
	Scenario  []byte     // as written, without secrets
	Effective []byte     // the scenario as it was driven, nil where it is the one as written
	Events    []Event    // by time
	Resources []Resource // that were found while it ran, in the order of that; those that the scenario writes out are not among them
	Truncated bool       // the run was cut off: the last frames are missing or damaged; everything before is used
	Cut       string     // where (file:offset) and why; empty where nothing is

	segments []stored
}

// stored is one segment file and how much of it is good.
type stored struct {
	name string
	size int64
}

var segmentPattern = regexp.MustCompile(`^rows-(\d{6,})\.pgl$`)

// Open reads a run directory: what ran, its events, and the checksums of everything. A frame that is torn at the very
// end is what a kill leaves behind and sets Truncated; one torn elsewhere is an error with file and offset.
func Open(dir string) (*Run, error) {
	r := &Run{Dir: dir}
	if err := r.readMeta(); err != nil {
		return nil, err
	}
	var err error
	if r.Scenario, err = os.ReadFile(filepath.Join(dir, ScenarioFile)); err != nil {
		return nil, fmt.Errorf("opening the run %s: %w", dir, err)
	}
	if r.Effective, err = os.ReadFile(filepath.Join(dir, EffectiveFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("opening the run %s: %w", dir, err)
	}
	if err := r.list(); err != nil {
		return nil, fmt.Errorf("opening the run %s: %w", dir, err)
	}
	s, err := newScanner()
	if err != nil {
		return nil, err
	}
	defer s.close()
	for i := range r.segments {
		err := r.scan(s, i, r.check(s))
		var cut *cutError
		if errors.As(err, &cut) && i == len(r.segments)-1 {
			r.Truncated = true
			r.Cut = fmt.Sprintf("%s:%d: %s", r.segments[i].name, cut.offset, cut.why)
			r.segments[i].size = cut.offset
			err = nil
		}
		if err != nil {
			return nil, r.located(i, err)
		}
	}
	slices.SortStableFunc(r.Events, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	return r, nil
}

func (r *Run) readMeta() error {
	raw, err := os.ReadFile(filepath.Join(r.Dir, MetaFile))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("opening the run %s: the directory holds no run (%s is missing): %w", r.Dir, MetaFile, err)
	}
	if err != nil {
		return fmt.Errorf("opening the run %s: %w", r.Dir, err)
	}
	// The format is looked at first: another one may not even decode.
	var format struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(raw, &format); err != nil {
		return fmt.Errorf("opening the run %s: reading %s: %w", r.Dir, MetaFile, err)
	}
	if format.Format != Version {
		return fmt.Errorf("opening the run %s: %s has format %d, only format %d is known", r.Dir, MetaFile, format.Format, Version)
	}
	if err := json.Unmarshal(raw, &r.Meta); err != nil {
		return fmt.Errorf("opening the run %s: reading %s: %w", r.Dir, MetaFile, err)
	}
	return nil
}

// list finds the segments and checks that none is missing.
func (r *Run) list() error {
	entries, err := os.ReadDir(r.Dir)
	if err != nil {
		return err
	}
	sizes := make(map[int]int64)
	for _, e := range entries {
		m := segmentPattern.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return fmt.Errorf("%s: %w", e.Name(), err)
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		sizes[n] = info.Size()
	}
	for n := 1; n <= len(sizes); n++ {
		size, ok := sizes[n]
		if !ok {
			return fmt.Errorf("%s is missing", segmentName(n))
		}
		r.segments = append(r.segments, stored{segmentName(n), size})
	}
	if len(r.segments) == 0 {
		return fmt.Errorf("%s is missing", segmentName(1))
	}
	return nil
}

// check collects events and refuses kinds of rows that are not known.
func (r *Run) check(s *scanner) func(header, *frame) error {
	return func(_ header, f *frame) error {
		switch f.kind {
		case kindInterval, kindNames, kindMetrics, kindDimensions, kindBranches, kindViolation:
			return nil
		case kindEvent:
			raw, err := s.unpack(f)
			if err != nil {
				return err
			}
			var e Event
			if err := json.Unmarshal(raw, &e); err != nil {
				return fmt.Errorf("event: %w", err)
			}
			r.Events = append(r.Events, e)
			return nil
		case kindResources:
			raw, err := s.unpack(f)
			if err != nil {
				return err
			}
			return r.addResources(raw)
		}
		return fmt.Errorf("a row of kind %d is not known", f.kind)
	}
}

// scan visits one segment as far as it is good.
func (r *Run) scan(s *scanner, i int, visit func(header, *frame) error) error {
	f, err := os.Open(filepath.Join(r.Dir, r.segments[i].name))
	if err != nil {
		return err
	}
	defer f.Close()
	size := r.segments[i].size
	if i < len(r.segments)-1 { // it may have been thinned out since
		info, err := f.Stat()
		if err != nil {
			return err
		}
		size = info.Size()
	} else if r.Truncated && size < headerSize {
		return nil
	}
	return s.segment(r.segments[i].name, io.LimitReader(f, size), size, visit)
}

// located names the file, and the offset where the segment itself is broken.
func (r *Run) located(i int, err error) error {
	var cut *cutError
	if errors.As(err, &cut) {
		return fmt.Errorf("reading the run %s: %s:%d: %w", r.Dir, r.segments[i].name, cut.offset, err)
	}
	return fmt.Errorf("reading the run %s: segment %s: %w", r.Dir, r.segments[i].name, err)
}

// each visits all frames of the run in order.
func (r *Run) each(visit func(s *scanner, segment int, f *frame) error) error {
	s, err := newScanner()
	if err != nil {
		return err
	}
	defer s.close()
	for i := range r.segments {
		err := r.scan(s, i, func(_ header, f *frame) error { return visit(s, i, f) })
		if err == errStop {
			return err
		}
		if err != nil {
			return r.located(i, err)
		}
	}
	return nil
}

// Intervals yields the intervals in order, each decoded anew, so they may be kept and changed. An error ends the
// sequence; it names file and offset.
func (r *Run) Intervals() iter.Seq2[*record.Interval, error] {
	return func(yield func(*record.Interval, error) bool) {
		for row, err := range r.Rows() {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(row.interval(), nil) {
				return
			}
		}
	}
}

// Rows yields the intervals in order as they are stored. A row is valid until the next one is asked for. An error ends the
// sequence; it names file and offset.
func (r *Run) Rows() iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		var row Row
		err := r.each(func(s *scanner, _ int, f *frame) error {
			if f.kind != kindInterval {
				return nil
			}
			raw, err := s.unpack(f)
			if err != nil {
				return err
			}
			if err := row.decode(raw); err != nil {
				return err
			}
			if !yield(&row, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && err != errStop {
			yield(nil, err)
		}
	}
}

// Each calls f for every interval in order until it returns an error, which Each then returns.
func (r *Run) Each(f func(*record.Interval) error) error {
	for in, err := range r.Intervals() {
		if err != nil {
			return err
		}
		if err := f(in); err != nil {
			return err
		}
	}
	return nil
}

// Metrics yields the metrics in the order in which they were stored. An error ends the sequence; it names file and
// offset.
func (r *Run) Metrics() iter.Seq2[Metrics, error] {
	return func(yield func(Metrics, error) bool) {
		var points pointScanner
		at := -1
		err := r.each(func(s *scanner, segment int, f *frame) error {
			if segment != at {
				at, points = segment, pointScanner{}
			}
			if f.kind != kindNames && f.kind != kindMetrics {
				return nil
			}
			raw, err := s.unpack(f)
			if err != nil {
				return err
			}
			if f.kind == kindNames {
				return points.names(raw)
			}
			m, err := points.metrics(raw)
			if err != nil {
				return err
			}
			if !yield(m, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && err != errStop {
			yield(Metrics{}, err)
		}
	}
}
