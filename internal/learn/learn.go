// Package learn reads access logs of a mail platform and derives from them what a scenario needs: which actions in which
// mix, think times, session lengths, how many of the accounts are active in the busy hour, and how the day goes.
//
// It assumes that a log may be larger than memory, that its lines come nearly in the order of time, and that nothing in it
// may leave it: names, addresses and network addresses become keyed hashes while a line is read, paths of requests lose
// everything that is not a known word. Logs of several machines, and rotated ones, are merged by time.
package learn

import (
	"container/heap"
	"context"
	"fmt"
	"time"
)

// Options of learning. The zero value recognises the format, takes a random key, and reads stamps without a zone as UTC.
type Options struct {
	Format   string            // of all logs; empty: recognised for each
	Key      []byte            // of the hashes; empty: random, for this call only
	Zone     *time.Location    // of stamps without one, and of the hours of the day; nil: UTC
	Now      time.Time         // stamps without a year are not later; zero: now
	Year     int               // of the first stamp without a year; 0: the latest that Now allows
	Accounts int               // the platform has so many; 0: as many as were seen
	Known    func(string) bool // whether there is such an action; nil: all
}

// MostFiles is how many logs are read at once.
const MostFiles = 500

// Learn reads the logs to their ends. An error means that one could not be opened or that nothing in it was understood;
// broken lines are counted instead.
func Learn(ctx context.Context, sources []Source, opt Options) (*Result, error) {
	if opt.Zone == nil {
		opt.Zone = time.UTC
	}
	if opt.Now.IsZero() {
		opt.Now = time.Now()
	}
	if opt.Known == nil {
		opt.Known = func(string) bool { return true }
	}
	if len(sources) > MostFiles {
		return nil, fmt.Errorf("reading logs: %d files are more than %d", len(sources), MostFiles)
	}
	set := setting{names: newPseudonyms(opt.Key), zone: opt.Zone, now: opt.Now, year: opt.Year}
	c := newCollector(opt.Zone)
	var all []*log
	defer func() {
		for _, l := range all {
			_ = l.close() // read only
		}
	}()
	var queue byTime
	for _, src := range sources {
		l, err := openLog(src, opt.Format, set)
		if err != nil {
			return nil, fmt.Errorf("reading logs: %w", err)
		}
		all = append(all, l)
		if l.next(c.skip) {
			queue = append(queue, l)
		}
	}
	heap.Init(&queue)
	for n := 0; len(queue) > 0; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		l := queue[0]
		c.add(&l.head)
		if l.next(c.skip) {
			heap.Fix(&queue, 0)
		} else {
			heap.Pop(&queue)
		}
	}
	c.end()
	var files []File
	understood := false
	for _, l := range all {
		understood = understood || l.file.Lines-l.blank > l.file.Broken
		files = append(files, l.file)
	}
	if !understood {
		return nil, fmt.Errorf("reading logs: %w%s", ErrNotUnderstood, whyNot(files))
	}
	return c.result(files, opt), nil
}

// whyNot says what was wrong with the first line of each log.
func whyNot(files []File) string {
	text := ""
	for i, f := range files {
		if i == 3 {
			return text + fmt.Sprintf("\n  and %d more", len(files)-3)
		}
		switch {
		case len(f.First) > 0 && f.Format != "":
			text += fmt.Sprintf("\n  %s:%d: as %s: %s", f.Name, f.First[0].Line, f.Format, f.First[0].Why)
		case len(f.First) > 0:
			text += fmt.Sprintf("\n  %s: none of the formats", f.Name)
		case f.Cut != "":
			text += fmt.Sprintf("\n  %s: %s", f.Name, f.Cut)
		default:
			text += fmt.Sprintf("\n  %s: empty", f.Name)
		}
	}
	return text
}

// byTime is a heap of logs by the time of their next entry.
type byTime []*log

func (h byTime) Len() int           { return len(h) }
func (h byTime) Less(i, j int) bool { return h[i].head.at.Before(h[j].head.at) }
func (h byTime) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is part of heap.Interface.
func (h *byTime) Push(x any) { *h = append(*h, x.(*log)) }

// Pop is part of heap.Interface.
func (h *byTime) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
