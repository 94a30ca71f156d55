package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"pegel/internal/record"
)

// The files of a run beside its segments.
const (
	MetaFile      = "run.json"
	ScenarioFile  = "scenario.yaml"
	EffectiveFile = "effective.yaml" // the scenario with all that it includes, after profiles and overrides
	ForecastFile  = "forecast.json"
	ReportFile    = "report.html"
)

// segmentTime is how much of a run one segment file holds.
const segmentTime = 10 * time.Minute

// maxPending bounds what waits for the next interval.
const maxPending = 1 << 20

func segmentName(number int) string { return fmt.Sprintf("rows-%06d.pgl", number) }

// Writer appends to a run directory. Its methods may be called from many goroutines. After a failed write, such as on a
// full disk, every call returns that error, and what was synced before can still be read.
type Writer struct {
	dir   string
	fsync func(*os.File) error

	mu      sync.Mutex
	err     error
	file    *os.File
	number  int
	slot    time.Duration // start of the open segment
	pending []byte        // frames that wait for the next interval
	row     []byte
	packer  *packer
	points  *pointPacker

	thinner thinner
}

var _ Sink = (*Writer)(nil)

// Create makes the run directory, with its parents, and writes what is known at the start: the scenario's bytes, from
// which the caller has cut all secrets, and meta, whose Format it sets. A directory that already holds a run is refused
// with an error that wraps fs.ErrExist.
func Create(dir string, meta Meta, scenario []byte) (*Writer, error) {
	if n := len(meta.Actions) * len(meta.Personas); n > maxSeries {
		return nil, fmt.Errorf("creating the archive: %d actions by %d personas are too many series, at most %d can be stored", len(meta.Actions), len(meta.Personas), maxSeries)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("creating the archive: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, MetaFile)); err == nil {
		return nil, holdsRun(dir)
	}
	p, err := newPacker()
	if err != nil {
		return nil, err
	}
	w := &Writer{dir: dir, fsync: (*os.File).Sync, packer: p}
	w.thinner.dir = dir
	// The first segment is created exclusively, so of two runs that start at once in one directory one is refused.
	if err := w.open(0); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, holdsRun(dir)
		}
		return nil, fmt.Errorf("creating the archive: %w", err)
	}
	meta.Format = Version
	err = WriteFile(dir, ScenarioFile, func(out io.Writer) error {
		_, err := out.Write(scenario)
		return err
	})
	if err == nil {
		err = writeJSON(dir, MetaFile, meta)
	}
	if err != nil {
		w.file.Close()
		return nil, fmt.Errorf("creating the archive: %w", err)
	}
	return w, nil
}

func holdsRun(dir string) error {
	return fmt.Errorf("creating the archive: %s already holds a run, choose another directory: %w", dir, fs.ErrExist)
}

// Interval appends in and syncs the file, and with it every event and all metrics that came before.
func (w *Writer) Interval(in *record.Interval) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if in.Start >= w.slot+segmentTime {
		if err := w.flush(true); err != nil {
			return err
		}
		if err := w.rotate(in.Start); err != nil {
			return w.failed("starting a segment", err)
		}
	}
	row, err := appendInterval(w.row[:0], in)
	if err != nil {
		return w.failed("storing an interval", err)
	}
	w.row = row
	if w.pending, err = w.packer.frame(w.pending, kindInterval, row); err != nil {
		return w.failed("storing an interval", err)
	}
	return w.flush(true)
}

// Event appends e; it is synced with the next interval.
func (w *Writer) Event(e Event) error {
	row, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("storing an event: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	w.thinner.mark(e)
	if w.pending, err = w.packer.frame(w.pending, kindEvent, row); err != nil {
		return w.failed("storing an event", err)
	}
	return w.spill()
}

// Metrics appends m; it is synced with the next interval. A value that is not a finite number is an error, and then
// none of m is stored.
func (w *Writer) Metrics(m Metrics) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	for i := range m.Points {
		if x := &m.Points[i]; !finite(x.Value) {
			return fmt.Errorf("storing metrics: %s %s %s is %v", x.Page, x.Resource, x.Field, x.Value)
		}
	}
	if len(m.Resources) > 0 {
		row, err := json.Marshal(m.Resources)
		if err == nil {
			w.pending, err = w.packer.frame(w.pending, kindResources, row)
		}
		if err != nil {
			return w.failed("storing resources", err)
		}
	}
	if len(m.Points) == 0 {
		return w.spill()
	}
	names, row, err := w.points.pack(&m)
	if err == nil && names != nil {
		w.pending, err = w.packer.frame(w.pending, kindNames, names)
	}
	if err == nil {
		w.pending, err = w.packer.frame(w.pending, kindMetrics, row)
	}
	if err != nil {
		return w.failed("storing metrics", err)
	}
	return w.spill()
}

// Sync writes and syncs everything appended so far.
func (w *Writer) Sync() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	return w.flush(true)
}

var errClosed = errors.New("the archive is closed")

// Close syncs, waits until old segments under way have been thinned out, and closes the files. Calling it again does
// nothing.
func (w *Writer) Close() error {
	w.mu.Lock()
	if errors.Is(w.err, errClosed) {
		w.mu.Unlock()
		return nil
	}
	err := w.err
	if err == nil {
		err = w.flush(true)
	}
	err = errors.Join(err, w.file.Close(), w.packer.zstd.Close())
	w.err = errClosed
	w.mu.Unlock()
	return errors.Join(err, w.thinner.wait())
}

func (w *Writer) failed(doing string, err error) error {
	w.err = fmt.Errorf("writing the archive: %s: %w", doing, err)
	return w.err
}

// spill writes pending frames without a sync where too many wait.
func (w *Writer) spill() error {
	if len(w.pending) < maxPending {
		return nil
	}
	return w.flush(false)
}

func (w *Writer) flush(sync bool) error {
	if len(w.pending) > 0 {
		if _, err := w.file.Write(w.pending); err != nil {
			return w.failed("appending", err)
		}
		w.pending = w.pending[:0]
	}
	if !sync {
		return nil
	}
	if err := w.fsync(w.file); err != nil {
		return w.failed("syncing", err)
	}
	return nil
}

// rotate ends the open segment, which has been flushed, and opens the one that now lies in.
func (w *Writer) rotate(now time.Duration) error {
	if err := w.file.Close(); err != nil {
		return err
	}
	w.thinner.ended(segmentName(w.number), now)
	return w.open(now.Truncate(segmentTime))
}

func (w *Writer) open(slot time.Duration) error {
	name := filepath.Join(w.dir, segmentName(w.number+1))
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err = f.Write(appendHeader(nil, header{start: slot})); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = syncDir(w.dir)
	}
	if err != nil {
		f.Close()
		return err
	}
	w.file, w.slot = f, slot
	w.number++
	w.points = newPointPacker()
	return nil
}
