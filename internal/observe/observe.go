// Package observe reads the platform's own metrics and the generator's health, as time series.
//
// Each page of metrics is scraped once a second by a goroutine of its own, and of what it says only the resources that
// the scenario names are kept. It assumes that what is missing is better than what is wrong: a page that cannot be read
// as a whole gives no points at all, and the gap becomes an event. Counters are passed on as they are, resets included.
package observe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"pegel/internal/archive"
	"pegel/scenarios"
)

const (
	beat     = time.Second            // from scrape to scrape
	patience = 900 * time.Millisecond // for the answer of a page, so that a slow one does not miss the next beat
)

// Observer scrapes the pages of a scenario and watches the generator.
type Observer struct {
	pages     []*page
	generator *generator
}

// New checks the pages, parses every selector and readies the clients; nothing is dialled yet. dial is how pages are
// reached, so that the allow-list of the scenario holds for them too. Errors name page, resource and field.
func New(pages []scenarios.Observe, dial func(ctx context.Context, network, addr string) (net.Conn, error)) (*Observer, error) {
	g, err := newGenerator()
	if err != nil {
		return nil, err
	}
	o := &Observer{generator: g}
	seen := map[string]bool{archive.PageGenerator: true, archive.PageBackend: true}
	for i := range pages {
		p, err := newPage(&pages[i], dial)
		if err != nil {
			return nil, fmt.Errorf("observe %s: %w", pages[i].Name, err)
		}
		if seen[p.name] {
			return nil, fmt.Errorf("observe %s: the name is taken", p.name)
		}
		seen[p.name] = true
		o.pages = append(o.pages, p)
	}
	return o, nil
}

// Check reads every page once and says what is wrong with it: that it does not answer, or which metrics it does not have.
// It is for telling the operator before a run; a run itself goes on without, and shows the gap.
func (o *Observer) Check(ctx context.Context) []string {
	var wrong []string
	for _, p := range o.pages {
		if _, err := p.scrape(ctx, func() time.Duration { return 0 }); err != nil {
			wrong = append(wrong, fmt.Sprintf("observe %s: %v", p.name, err))
			continue
		}
		for i := range p.wanted {
			if w := &p.wanted[i]; !w.found {
				wrong = append(wrong, fmt.Sprintf("observe %s: the page has no metric for %s of %s", p.name, w.point.Field, w.point.Resource))
			}
		}
	}
	return wrong
}

func newPage(from *scenarios.Observe, dial func(ctx context.Context, network, addr string) (net.Conn, error)) (*page, error) {
	if from.Name == "" {
		return nil, errors.New("the page has no name")
	}
	if dial == nil {
		return nil, errors.New("there is no way to dial")
	}
	u, err := url.Parse(from.Prometheus)
	if err != nil {
		return nil, fmt.Errorf("prometheus: %w", errors.Unwrap(err)) // without the address, which may hold a password
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("prometheus: %q is not an http or https address", u.Redacted())
	}
	p := &page{name: from.Name, url: u.String(), families: make(map[string][]int)}
	p.client = &http.Client{
		Transport: &http.Transport{
			DialContext:         dial,
			MaxIdleConnsPerHost: 1,
			IdleConnTimeout:     10 * beat,
			DisableCompression:  true, // it would cost the platform more than it saves
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	seen := make(map[string]bool)
	for i := range from.Resources {
		r := &from.Resources[i]
		if seen[r.Name] {
			return nil, fmt.Errorf("resource %s: the name is taken", r.Name)
		}
		seen[r.Name] = true
		if err := p.add(r); err != nil {
			return nil, fmt.Errorf("resource %s: %w", r.Name, err)
		}
	}
	return p, nil
}

// add takes over the fields of a resource.
func (p *page) add(r *scenarios.Resource) error {
	for _, f := range []struct{ name, selector string }{
		{archive.FieldInUse, r.InUse},
		{archive.FieldLimit, r.Limit},
		{archive.FieldQueue, r.Queue},
		{archive.FieldBusy, r.Busy},
		{archive.FieldServed, r.Served},
		{archive.FieldRefused, r.Refused},
		{archive.FieldWaited, r.Waited},
		{archive.FieldQueueLimit, r.QueueLimit},
	} {
		if f.selector == "" {
			continue
		}
		point := archive.Point{Page: p.name, Resource: r.Name, Field: f.name}
		if v, err := strconv.ParseFloat(f.selector, 64); err == nil && finite(v) {
			if f.name != archive.FieldLimit && f.name != archive.FieldQueueLimit {
				return fmt.Errorf("%s: %s is a number, only limit and queue_limit may be one", f.name, f.selector)
			}
			point.Value = v
			p.fixed = append(p.fixed, point)
			continue
		}
		s, err := parseSelector(f.selector)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		p.families[s.Name] = append(p.families[s.Name], len(p.wanted))
		p.wanted = append(p.wanted, wanted{selector: s, point: point})
	}
	return nil
}

// Run scrapes at once and then at every full second of now, the run's clock, until ctx ends; it returns after all its
// goroutines have. The sink is called from many goroutines. An error of the sink ends Run and is returned; one of a page
// does not.
func (o *Observer) Run(ctx context.Context, now func() time.Duration, sink archive.Sink) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		group  sync.WaitGroup
		once   sync.Once
		failed error
	)
	each := func(do func(ctx context.Context) error) {
		group.Go(func() {
			if err := onBeat(ctx, now, do); err != nil {
				once.Do(func() { failed = err })
				cancel(err)
			}
		})
	}
	for _, p := range o.pages {
		each(func(ctx context.Context) error { return p.observe(ctx, now, sink) })
	}
	group.Go(func() { o.generator.heart.run(ctx) })
	each(func(ctx context.Context) error {
		at := now()
		return sink.Metrics(archive.Metrics{At: at, Points: o.generator.sample(at)})
	})
	group.Wait()
	for _, p := range o.pages {
		p.client.CloseIdleConnections()
	}
	return failed
}

// onBeat calls do at once and at every full second of now. A beat that do itself has overrun is left out.
func onBeat(ctx context.Context, now func() time.Duration, do func(context.Context) error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	next := now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := do(ctx); err != nil {
			return err
		}
		at := now()
		next = max(next, at).Truncate(beat) + beat
		timer.Reset(next - at)
	}
}
