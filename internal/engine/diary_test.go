package engine

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pegel/internal/plan"
	"pegel/internal/record"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// diary is a protocol that notes when each action begins, on which session, and how long it takes.
type diary struct {
	mu      sync.Mutex
	start   time.Time
	entries []entry
	opened  int
	open    map[int]bool
	takes   func(e entry) time.Duration
	fail    func(e entry) error
}

type entry struct {
	at      time.Duration
	verb    string
	login   string
	session int
}

type paper struct {
	d *diary
	n int
}

func (p paper) Close() error {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	delete(p.d.open, p.n)
	return nil
}

func (d *diary) protocol() probe.Protocol {
	actions := map[string]probe.Action{}
	for _, verb := range []string{"login", "list", "read", "send", "check", "idle"} {
		actions[verb] = func(decode func(any) error) (probe.Step, error) {
			if err := probe.NoParams(decode); err != nil {
				return nil, err
			}
			return func(t *probe.Turn) error { return d.act(t, verb) }, nil
		}
	}
	return probe.Protocol{Name: "web", Actions: actions, Open: func(*probe.Turn, probe.Target, probe.Account) (probe.Session, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.opened++
		d.open[d.opened] = true
		return paper{d, d.opened}, nil
	}}
}

func (d *diary) act(t *probe.Turn, verb string) error {
	s, err := probe.SessionAs[paper](t)
	if err != nil {
		return err
	}
	d.mu.Lock()
	e := entry{time.Since(d.start), verb, t.Account().Login, s.n}
	d.entries = append(d.entries, e)
	takes := 100 * time.Millisecond
	if d.takes != nil {
		takes = d.takes(e)
	}
	d.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-t.Context().Done():
		return t.Context().Err()
	}
	if d.fail != nil {
		return d.fail(e)
	}
	return nil
}

// of are the entries of one verb, in order.
func (d *diary) of(verb string) []entry {
	var list []entry
	for _, e := range d.entries {
		if e.verb == verb {
			list = append(list, e)
		}
	}
	return list
}

const playing = `
name: playing
seed: 1
targets: {web: {url: "http://127.0.0.1:1/", timeout: 60s}}
accounts: {pattern: "u{n}@example.test", count: 100, password: {env: P}}
activity: {browser: 100%%, source: test}
personas: [{name: browser, journey: j%s}]
journeys:
  j:
%s
load: {stages: {users: [%d], ramp: 1s, settle: 2s, hold: %s}}
`

// keep drives users with a persona's extra keys and a journey, written in lines of six spaces.
func (d *diary) keep(t *testing.T, persona, journey string, users int, hold string) (*plan.Plan, *outcomeOf) {
	t.Helper()
	src := fmt.Sprintf(playing, persona, strings.TrimPrefix(journey, "\n"), users, hold)
	s, err := scenarios.Parse("test.yaml", []byte(src), scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	d.open, d.start = map[int]bool{}, time.Now()
	p, err := plan.Build(s, []probe.Protocol{d.protocol()})
	if err != nil {
		t.Fatal(err)
	}
	out := play(t, p, nil, t.Context())
	if out.err != nil {
		t.Fatal(out.err)
	}
	if len(d.open) > 0 {
		t.Errorf("%d of %d sessions are still open", len(d.open), d.opened)
	}
	return p, &outcomeOf{out, p}
}

// outcomeOf is an outcome with its plan.
type outcomeOf struct {
	*outcome
	plan *plan.Plan
}

func (o *outcomeOf) total(action string) *record.Series { return o.outcome.total(o.plan, action) }

// lag is that of all intervals.
func (o *outcomeOf) lag() time.Duration {
	var top time.Duration
	for _, in := range o.intervals {
		top = max(top, in.Lag.Max)
	}
	return top
}
