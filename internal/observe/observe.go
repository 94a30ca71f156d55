// Package observe reads the platform's own metrics and the generator's health, as time series.
//
// Each source of metrics is read once a second or more seldom by a goroutine of its own. All sources give series, names with labels
// and a value; a table makes resources of them, those that the scenario writes out and those that the catalogue finds by labels. It
// assumes that what is missing is better than what is wrong: a source that cannot be read as a whole gives no points at all, and the
// gap becomes an event. Counters are passed on as they are, resets included.
package observe

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"pegel/internal/archive"
	"pegel/internal/catalogue"
	"pegel/scenarios"
)

// beat is the shortest time from reading to reading, and the usual one.
const beat = time.Second

// Observer scrapes the pages of a scenario and watches the generator.
type Observer struct {
	pages     []*page
	generator *generator
}

// New checks the pages, parses every selector and readies the clients; nothing is dialled yet. dial is how pages are
// reached, so that the allow-list of the scenario holds for them too. Errors name page, resource and field.
func New(pages []scenarios.Observe, dial dialFunc) (*Observer, error) {
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
		for _, text := range p.table.missing() {
			wrong = append(wrong, fmt.Sprintf("observe %s: %s", p.name, text))
		}
		p.table.forget() // the run is to hear of them
	}
	return wrong
}

func newPage(from *scenarios.Observe, dial dialFunc) (*page, error) {
	if from.Name == "" {
		return nil, errors.New("the page has no name")
	}
	if dial == nil {
		return nil, errors.New("there is no way to dial")
	}
	p := &page{name: from.Name, every: max(from.Every.D(), beat), table: newTable(from.Name)}
	for i := range from.Resources {
		r := &from.Resources[i]
		if err := p.table.add(r, from.Software != ""); err != nil {
			return nil, fmt.Errorf("resource %s: %w", r.Name, err)
		}
	}
	if from.Software != "" {
		s, err := catalogue.Load(from.Software)
		if err != nil {
			return nil, err
		}
		if err := p.table.derive(s); err != nil {
			return nil, err
		}
	}
	var err error
	p.source, err = newSource(from, dial)
	return p, err
}

// newSource is the source that an entry has a key for.
func newSource(from *scenarios.Observe, dial dialFunc) (source, error) {
	switch {
	case from.Query != "":
		return newQuery(from, dial)
	case from.HAProxy != "":
		return newHAProxyStats(from, dial)
	case from.Postgres != "":
		return newPostgres(from, dial)
	case len(from.Process) > 0:
		return newLocalProcesses(from)
	case len(from.Command) > 0:
		return newCommand(from)
	case from.JSON != "":
		return newJSONPage(from, dial)
	}
	return newTextPage(from, dial)
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
	each := func(every time.Duration, do func(ctx context.Context) error) {
		group.Go(func() {
			if err := onBeat(ctx, every, now, do); err != nil {
				once.Do(func() { failed = err })
				cancel(err)
			}
		})
	}
	for _, p := range o.pages {
		each(p.every, func(ctx context.Context) error { return p.observe(ctx, now, sink) })
	}
	group.Go(func() { o.generator.heart.run(ctx) })
	each(beat, func(ctx context.Context) error {
		at := now()
		return sink.Metrics(archive.Metrics{At: at, Points: o.generator.sample(at)})
	})
	group.Wait()
	for _, p := range o.pages {
		p.source.close()
	}
	return failed
}

// onBeat calls do at once and then each time that now is a multiple of every. A beat that do itself has overrun is left out.
func onBeat(ctx context.Context, every time.Duration, now func() time.Duration, do func(context.Context) error) error {
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
		next = max(next, at).Truncate(every) + every
		timer.Reset(next - at)
	}
}
