package observe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"time"

	"pegel/internal/archive"
)

// maxBody bounds a page, in bytes.
const maxBody = 8 << 20

// page is one page of metrics. It belongs to one goroutine.
type page struct {
	name     string
	url      string
	client   *http.Client
	wanted   []wanted
	families map[string][]int // which of wanted a metric's name serves
	fixed    []archive.Point  // limits that are numbers

	body   bytes.Buffer
	labels []label
	gone   bool          // the last scrape failed
	since  time.Duration // since when
}

// wanted is one field of a resource and what the scrape under way has found for it.
type wanted struct {
	selector *selector
	point    archive.Point
	sum      float64
	seen     bool // the series is there
	found    bool // and has a value
}

// observe scrapes once and tells the sink: points, or that a gap has begun. It fails only where the sink does.
func (p *page) observe(ctx context.Context, now func() time.Duration, sink archive.Sink) error {
	m, err := p.scrape(ctx, now)
	if ctx.Err() != nil {
		return nil // a scrape that the end of the run has cut off says nothing about the page
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
	return sink.Metrics(m)
}

// scrape fetches the page and reads it. Its values are of some time between request and answer, so they are stamped with
// the middle of both.
func (p *page) scrape(ctx context.Context, now func() time.Duration) (archive.Metrics, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	asked := now()
	if err := p.fetch(ctx); err != nil {
		return archive.Metrics{}, err
	}
	answered := now()
	points, err := p.read(p.body.Bytes())
	return archive.Metrics{At: asked + (answered-asked)/2, Points: points}, err
}

func (p *page) fetch(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return withoutURL(err)
	}
	req.Header.Set("Accept", "text/plain;version=0.0.4")
	req.Header.Set("User-Agent", "pegel")
	resp, err := p.client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the page answered %q", resp.Status)
	}
	p.body.Reset()
	n, err := p.body.ReadFrom(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return fmt.Errorf("reading the page: %w", err)
	}
	if n > maxBody {
		p.body = bytes.Buffer{} // not to be kept for one bad answer
		return fmt.Errorf("the page is larger than %d MiB", maxBody>>20)
	}
	return nil
}

// withoutURL takes the address out of an error: it may hold a password.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// read returns the points of a page's text. A page on which nothing at all is found that was asked for is an error, for
// it is some other page; a single missing series is just missing.
func (p *page) read(text []byte) ([]archive.Point, error) {
	for i := range p.wanted {
		w := &p.wanted[i]
		w.sum, w.seen, w.found = 0, false, false
	}
	if err := p.scan(text); err != nil {
		return nil, err
	}
	points := make([]archive.Point, 0, len(p.fixed)+len(p.wanted))
	any := len(p.wanted) == 0
	for i := range p.wanted {
		w := &p.wanted[i]
		any = any || w.seen
		if w.found && finite(w.sum) {
			w.point.Value = w.sum
			points = append(points, w.point)
		}
	}
	if !any {
		return nil, fmt.Errorf("none of the %d series asked for is on the page", len(p.wanted))
	}
	return append(points, p.fixed...), nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
