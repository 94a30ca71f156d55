// Package recorder notes every exchange that a real Chromium has with an application while a user of package browser is led
// through the browser part of a site.
//
// It measures nothing, so it asks Chromium for what is expensive: all network events, all bodies.
package recorder

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"pegel/internal/recording"
	"pegel/probes/browser"
	"pegel/probes/probe"
)

const (
	quietSpan  = 700 * time.Millisecond // without requests: the action is over
	quietLimit = 20 * time.Second       // pages that never stop asking
	keptTotal  = 256 << 20              // bytes of answers that Chromium holds until they are asked for
)

// Journey is what is to be recorded.
type Journey struct {
	Base   *url.URL
	Verbs  []string          // in their order
	Values map[string]string // of templates, such as mail.subject, instead of the browser's own
	Source string            // what to call the recording
	Known  []recording.Known
}

// Record has a session of protocol browser do the journey, one action after the other, and cuts the traffic at their ends.
// The notes say what is missing from it.
func Record(ctx context.Context, session probe.Session, do func(verb string) error, j Journey) (out *recording.Recording, notes []string, err error) {
	log := newTraffic()
	tab, err := browser.Lead(ctx, session, browser.Guide{
		Event: log.event,
		Value: func(name string) (string, bool) { value, ok := j.Values[name]; return value, ok },
		Total: keptTotal, Most: recording.MostBody,
	})
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		log.collect(ctx, tab)
	}()
	defer func() {
		log.stop()
		if err != nil {
			cancel() // nobody wants the bodies that are missing
		}
		<-collected
		cancel()
		notes = log.noted()
	}()
	out = &recording.Recording{Source: j.Source, Known: j.Known}
	for _, verb := range j.Verbs {
		from := log.count()
		if err := do(verb); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", verb, err)
		}
		if err := log.settle(ctx); err != nil {
			return nil, nil, err
		}
		list, _ := recording.Follow(log.since(from), j.Base)
		out.Actions = append(out.Actions, recording.Action{Verb: verb, Exchanges: list})
	}
	return out, nil, nil
}

// settle waits until the page asks for nothing more.
func (l *traffic) settle(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(quietLimit); !l.quiet(quietSpan) && time.Now().Before(end); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
