package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"pegel/internal/archive"
	"pegel/probes/probe"
)

// reportEvery is how often protocols that know more than times are asked for it.
const reportEvery = 5 * time.Second

// reporting writes what protocols tell of themselves into the archive until the returned function is called, which asks once
// more.
func (d *driving) reporting(ctx context.Context, writer *archive.Writer, targets map[string]probe.Target, now func() time.Duration, keep func(error)) (stop func()) {
	reporters := map[string]probe.Reporter{}
	for name, t := range targets {
		if r, ok := t.Shared.(probe.Reporter); ok {
			reporters[name] = r
		}
	}
	if len(reporters) == 0 {
		return func() {}
	}
	ask := func() {
		// Several browsers are one cost of the generator.
		sums := map[string]float64{}
		var points []archive.Point
		add := func(resource string, v float64) {
			points = append(points, archive.Point{Page: archive.PageGenerator, Resource: resource, Field: archive.FieldValue, Value: v})
		}
		for name, r := range reporters {
			for _, one := range r.Readings() {
				if one.Action == "" {
					sums[one.Name] += one.Value
				} else {
					add(archive.BrowserResource(name+"."+one.Action, one.Name), one.Value)
				}
			}
			for _, e := range r.Exhibits() {
				keep(d.exhibit(writer, now(), name, e))
			}
		}
		for name, v := range sums {
			add(name, v)
		}
		if len(points) > 0 {
			keep(writer.Metrics(archive.Metrics{At: now(), Points: points}))
		}
	}
	asking, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(reportEvery)
		defer tick.Stop()
		for {
			select {
			case <-asking.Done():
				return
			case <-tick.C:
				ask()
			}
		}
	})
	return func() { cancel(); wg.Wait(); ask() }
}

// exhibit keeps the files of one failure beside the run, and says where they are.
func (d *driving) exhibit(writer *archive.Writer, at time.Duration, target string, e probe.Exhibit) error {
	var errs []error
	for _, f := range e.Files {
		errs = append(errs, archive.WriteFile(d.dir, f.Name, func(out io.Writer) error {
			_, err := out.Write(f.Data)
			return err
		}))
	}
	if e.Last {
		text := fmt.Sprintf("%s: no further failures are kept with a screenshot and the text of the page", target)
		errs = append(errs, writer.Event(archive.Event{At: at, Kind: archive.EventNote, Text: text}))
	}
	return errors.Join(errs...)
}
