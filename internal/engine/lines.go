package engine

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"

	"pegel/internal/line"
	"pegel/internal/plan"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// lines are what lies between the users of a run and the platform. nil: nothing.
type lines struct {
	byName  map[string]*line.Line
	full    map[string]bool         // lines whose TLS handshakes are all full ones
	sources map[string][]netip.Addr // by line
	numbers map[netip.Addr]uint16   // of the recorder's dimension
	names   []string
	persona []string // line of each persona; empty: none

	mu  sync.Mutex
	tls map[*tls.Config]*tls.Config // without a cache of sessions
}

// lineEnd is one user's end of a line.
type lineEnd struct {
	*line.End
	source netip.Addr // zero: whatever the system takes
	number uint16     // of source in the recorder's dimension; 0: none
	id     uint64
	lines  *lines
	full   bool
}

func newLines(p *plan.Plan) *lines {
	s := p.Scenario
	l := &lines{byName: map[string]*line.Line{}, full: map[string]bool{}, sources: map[string][]netip.Addr{}, numbers: map[netip.Addr]uint16{},
		tls: map[*tls.Config]*tls.Config{}}
	used := false
	for i := range p.Personas {
		name := lineOf(s, p.Personas[i].Name)
		used = used || name != ""
		l.persona = append(l.persona, name)
		l.sources[name] = s.SourcesOf(name)
		for _, a := range l.sources[name] {
			if _, known := l.numbers[a]; !known && len(l.names) < 1<<16-1 {
				l.names = append(l.names, a.String())
				l.numbers[a] = uint16(len(l.names))
			}
		}
	}
	if !used {
		return nil
	}
	for name, given := range s.Lines {
		l.byName[name] = &line.Line{RoundTrip: given.RoundTrip, Jitter: given.Jitter, Down: float64(given.Down), Up: float64(given.Up), Shared: given.Shared}
		l.full[name] = given.Resume != nil && !*given.Resume
	}
	for name, given := range s.Lines {
		if given.Via != "" {
			l.byName[name].Via = l.byName[given.Via]
		}
	}
	return l
}

func lineOf(s *scenarios.Scenario, persona string) string {
	for _, p := range s.Personas {
		if p.Name == persona {
			return p.Line
		}
	}
	return ""
}

// sourceNames are the addresses by number, from 1.
func (l *lines) sourceNames() []string {
	if l == nil {
		return nil
	}
	return l.names
}

// end is the user's end of its line, nil where it has none.
func (l *lines) end(who *plan.User) *lineEnd {
	if l == nil || l.persona[who.Persona] == "" {
		return nil
	}
	name := l.persona[who.Persona]
	e := &lineEnd{End: l.byName[name].End(who.ID), id: who.ID + 1, lines: l, full: l.full[name]}
	if list := l.sources[name]; len(list) > 0 {
		e.source = list[who.Account%len(list)]
		e.number = l.numbers[e.source]
	}
	return e
}

// over is the target as it is reached over the line.
func (e *lineEnd) over(target probe.Target) probe.Target {
	if e == nil {
		return target
	}
	dial := target.DialContext
	if e.source.IsValid() {
		direct := dial
		dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			return direct(withSource(ctx, e.source), network, address)
		}
	}
	target.DialContext = e.Dial(dial)
	target.Line = e.id
	if e.full && target.TLS != nil {
		target.TLS = e.lines.unresumed(target.TLS)
	}
	return target
}

// unresumed is a TLS configuration without a cache of sessions, one for all users.
func (l *lines) unresumed(config *tls.Config) *tls.Config {
	l.mu.Lock()
	defer l.mu.Unlock()
	full := l.tls[config]
	if full == nil {
		full = config.Clone()
		full.ClientSessionCache = nil
		l.tls[config] = full
	}
	return full
}
