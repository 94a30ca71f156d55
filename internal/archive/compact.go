package archive

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"pegel/internal/record"
)

const (
	keepFine   = time.Hour        // how long intervals keep the length they were recorded with
	coarseTime = 10 * time.Second // what they are merged to beyond
)

// thinner rewrites old segments with intervals merged to coarseTime, one after the other, while the run goes on. A
// segment takes its new form by rename, so a kill at any time leaves one of the two, both whole.
type thinner struct {
	dir     string
	marks   []time.Duration // where stages change, in the order of arrival
	waiting []endedSegment

	group sync.WaitGroup
	turn  sync.Mutex // one segment at a time

	errs []error // guarded by turn
}

type endedSegment struct {
	name string
	end  time.Duration
}

// mark notes where what a run measures changes: intervals are never merged across such a time, so that a stage can be
// cut out of merged intervals as exactly as out of fine ones.
func (t *thinner) mark(e Event) {
	switch e.Kind {
	case EventRamp, EventSettle, EventHold, EventStageEnd, EventAbort, EventStop, EventDone:
		t.marks = append(t.marks, e.At)
	}
}

// ended takes over a segment that has been closed at now, and starts on those that have become old enough.
func (t *thinner) ended(name string, now time.Duration) {
	t.waiting = append(t.waiting, endedSegment{name, now})
	due := 0
	for due < len(t.waiting) && t.waiting[due].end <= now-keepFine {
		due++
	}
	if due == 0 {
		return
	}
	segments := t.waiting[:due:due]
	t.waiting = t.waiting[due:]
	marks := slices.Clone(t.marks)
	slices.Sort(marks)
	t.group.Go(func() {
		t.turn.Lock()
		defer t.turn.Unlock()
		for _, s := range segments {
			if err := thin(t.dir, s.name, marks); err != nil {
				t.errs = append(t.errs, fmt.Errorf("thinning out %s: %w", s.name, err))
			}
		}
	})
}

func (t *thinner) wait() error {
	t.group.Wait()
	t.turn.Lock()
	defer t.turn.Unlock()
	return errors.Join(t.errs...)
}

// thin rewrites one segment. Frames other than intervals are carried over as they are and in their order.
func thin(dir, name string, marks []time.Duration) error {
	path := filepath.Join(dir, name)
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	return WriteFile(dir, name, func(w io.Writer) error {
		out := bufio.NewWriterSize(w, 64<<10)
		if err := thinFrames(name, in, info.Size(), out, marks); err != nil {
			return err
		}
		return out.Flush()
	})
}

func thinFrames(name string, in io.Reader, size int64, out io.Writer, marks []time.Duration) error {
	s, err := newScanner()
	if err != nil {
		return err
	}
	defer s.close()
	p, err := newPacker()
	if err != nil {
		return err
	}
	defer p.zstd.Close()

	var (
		group    *record.Interval
		row, buf []byte
		begun    bool
	)
	emit := func() error {
		if group == nil {
			return nil
		}
		var err error
		if row, err = appendInterval(row[:0], group); err != nil {
			return err
		}
		if buf, err = p.frame(buf[:0], kindInterval, row); err != nil {
			return err
		}
		group = nil
		_, err = out.Write(buf)
		return err
	}
	err = s.segment(name, in, size, func(h header, f *frame) error {
		if !begun {
			begun = true
			h.flags |= thinned
			if _, err := out.Write(appendHeader(nil, h)); err != nil {
				return err
			}
		}
		if f.kind != kindInterval {
			var err error
			if buf, err = p.copied(buf[:0], f); err != nil {
				return err
			}
			_, err = out.Write(buf)
			return err
		}
		raw, err := s.unpack(f)
		if err != nil {
			return err
		}
		next, err := decodeInterval(raw)
		if err != nil {
			return err
		}
		if group != nil && mergeable(group, next, marks) {
			group.Merge(next)
			return nil
		}
		if err := emit(); err != nil {
			return err
		}
		group = next
		return nil
	})
	if err != nil {
		return err
	}
	if !begun {
		_, err := out.Write(appendHeader(nil, header{flags: thinned}))
		return err
	}
	return emit()
}

// mergeable tells whether next belongs to the same coarse interval as group, and no stage changes within both together.
// The clock's tick is a little late or early, so the coarse interval is that of the start to the nearest half second.
func mergeable(group, next *record.Interval, marks []time.Duration) bool {
	coarse := func(d time.Duration) time.Duration { return (d + time.Second/2).Truncate(coarseTime) }
	if coarse(group.Start) != coarse(next.Start) || next.Start < group.Start {
		return false
	}
	i, _ := slices.BinarySearchFunc(marks, group.Start, func(mark, start time.Duration) int {
		if mark <= start {
			return -1 // a change at the very start is no change within
		}
		return cmp.Compare(mark, start)
	})
	return i == len(marks) || marks[i] >= next.End
}
