package expect

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"pegel/scenarios"
)

// connections are how many connections a persona's user keeps with each target: one for each session, or as many as the
// persona allows itself. Branches that run at the same time have sessions of their own.
func (c *counting) connections(p *scenarios.Persona, steps scenarios.Journey) map[string]int {
	count := c.sessions(steps)
	for target, n := range p.Connections {
		if count[target] > 0 {
			count[target] = max(count[target], n)
		}
	}
	return count
}

func (c *counting) sessions(steps scenarios.Journey) map[string]int {
	own, beside := map[string]int{}, map[string]int{}
	use := func(do, target string, with scenarios.Params) {
		protocol, verb, _ := strings.Cut(do, ".")
		own[cmp.Or(target, protocol)] = 1
		if verb == "copy" || verb == "migrate" || verb == "verify_copy" {
			var g given
			_ = with.Decode(&g) // what it does not know changes nothing here
			if source := cmp.Or(g.Source, protocol+".source"); c.plan.Scenario.Targets.ByName[source].URL != nil {
				own[source] = 1
			}
		}
	}
	below := func(inner scenarios.Journey) {
		for target, n := range c.sessions(inner) {
			own[target] = max(own[target], n)
		}
	}
	for i := range steps {
		s := &steps[i]
		if s.Do != "" {
			use(s.Do, s.Target, s.With)
		}
		below(s.Steps)
		below(s.Else)
		for k := range s.Choose {
			if ch := &s.Choose[k]; ch.Do != "" {
				use(ch.Do, ch.Target, ch.With)
			} else {
				below(ch.Steps)
			}
		}
		at := map[string]int{}
		for k := range s.Parallel {
			for target, n := range c.sessions(s.Parallel[k].Steps) {
				at[target] += n
			}
		}
		for target, n := range at {
			beside[target] = max(beside[target], n)
		}
	}
	for target, n := range beside {
		own[target] += n
	}
	return own
}

// ways adds up the connections of all personas by target and source addresses, in the part that has most of them. Personas
// whose lines list the same addresses share them; lists that only overlap are taken for different ones.
func (c *counting) ways(l *Load, parts []part) {
	type way struct {
		target, from string
		sources      int
	}
	most := map[way]float64{}
	for i := range parts {
		open := map[way]float64{}
		for k := range c.personas {
			from := &c.plan.Scenario.Personas[k]
			there := parts[i].at[k]
			if from.Arrivals == nil {
				there *= c.personas[k].share()
			}
			w := way{sources: 1}
			if list := c.plan.Scenario.SourcesOf(from.Line); len(list) > 0 {
				w.from, w.sources = list[0].String(), len(list)
			}
			for target, n := range c.personas[k].connections {
				w.target = target
				open[w] += there * float64(n)
			}
		}
		for w, n := range open {
			most[w] = max(most[w], n)
		}
	}
	for w, n := range most {
		if n > 0 {
			l.Ways = append(l.Ways, Way{Target: w.target, From: w.from, Sources: w.sources, Connections: int(math.Ceil(n - 1e-9))})
		}
	}
	slices.SortFunc(l.Ways, func(a, b Way) int { return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(a.From, b.From)) })
}
