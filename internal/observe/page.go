package observe

import (
	"context"
	"fmt"
	"math"
	"time"

	"pegel/internal/archive"
)

// source is where series come from: one kind of it a file.
type source interface {
	// read asks once and gives the table all series that it wants. What it gave before an error counts for nothing.
	read(ctx context.Context, t *table) error
	close()
}

// aged is a source that knows how old what it read last is; fresh is false where nothing is newer than at the reading before.
type aged interface {
	age() (old time.Duration, fresh bool)
}

// page is one entry of the scenario: a source, and what is made of it. It belongs to one goroutine.
type page struct {
	name   string
	every  time.Duration // from reading to reading
	source source
	table  *table

	gone  bool          // the last reading failed
	since time.Duration // since when
}

// observe reads once and tells the sink: points, or that a gap has begun. It fails only where the sink does.
func (p *page) observe(ctx context.Context, now func() time.Duration, sink archive.Sink) error {
	m, err := p.scrape(ctx, now)
	if ctx.Err() != nil {
		return nil // a reading that the end of the run has cut off says nothing about the page
	}
	at := now()
	switch {
	case err != nil && !p.gone:
		p.gone, p.since = true, at
		return sink.Event(archive.Event{At: at, Kind: archive.EventGap, Text: fmt.Sprintf("no metrics from %s: %v", p.name, err)})
	case err != nil:
		return nil
	case p.gone:
		p.gone = false
		text := fmt.Sprintf("metrics from %s are back after %v", p.name, (at - p.since).Round(time.Second))
		if err := sink.Event(archive.Event{At: at, Kind: archive.EventNote, Text: text}); err != nil {
			return err
		}
	}
	if p.table.capped && !p.table.told {
		p.table.told = true
		text := fmt.Sprintf("%s has more resources than are kept: the first %d are", p.name, mostResources)
		if err := sink.Event(archive.Event{At: at, Kind: archive.EventNote, Text: text}); err != nil {
			return err
		}
	}
	if len(m.Points) == 0 && len(m.Resources) == 0 {
		return nil
	}
	return sink.Metrics(m)
}

// scrape reads the source. Its values are of some time between request and answer, so they are stamped with the middle of
// both on the run's clock: what a page says of the time itself is not believed.
func (p *page) scrape(ctx context.Context, now func() time.Duration) (archive.Metrics, error) {
	ctx, cancel := context.WithTimeout(ctx, p.patience())
	defer cancel()
	asked := now()
	p.table.begin()
	if err := p.source.read(ctx, p.table); err != nil {
		return archive.Metrics{}, err
	}
	answered := now()
	at := asked + (answered-asked)/2
	if s, ok := p.source.(aged); ok {
		old, fresh := s.age()
		if !fresh {
			return archive.Metrics{}, nil
		}
		at = max(0, at-old)
	}
	points, found, err := p.table.points()
	if err != nil {
		return archive.Metrics{}, err
	}
	return archive.Metrics{At: at, Points: points, Resources: found}, nil
}

// patience is how long an answer may take, so that a slow one does not miss the next beat.
func (p *page) patience() time.Duration { return min(p.every*9/10, longestWait) }

// longestWait bounds the time for one answer where pages are read seldom.
const longestWait = 10 * time.Second

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
