package judge

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pegel/internal/archive"
	"pegel/scenarios"
)

// Source is an archive with the scenario that was driven.
type Source struct {
	Run      *archive.Run
	Scenario *scenarios.Scenario
}

// ErrPool is why runs cannot be judged together.
var ErrPool = errors.New("the runs do not belong together")

// Pool judges several runs of one scenario together: their stages make one forecast. The result is otherwise that of the
// newest run. Seeds and loads may differ; the error ErrPool names what must not.
func Pool(sources []Source, opt Options) (*Result, error) {
	if len(sources) == 0 {
		return nil, fmt.Errorf("%w: there is none", ErrPool)
	}
	sources = slices.Clone(sources)
	slices.SortStableFunc(sources, func(a, b Source) int { return a.Run.Meta.Started.Compare(b.Run.Meta.Started) })
	if err := compatible(sources); err != nil {
		return nil, err
	}
	var parts []*reading
	for _, s := range sources {
		r, err := read(s.Run, s.Scenario, opt)
		if err != nil {
			return nil, err
		}
		parts = append(parts, r)
	}
	r := pooled(parts)
	r.forecast()
	r.effects()
	return r.out, nil
}

// compatible compares what must be the same in all runs.
func compatible(sources []Source) error {
	first := sources[0]
	seen := map[string]bool{}
	for i, s := range sources {
		if id := s.Run.Meta.RunID; seen[id] {
			return fmt.Errorf("%w: run %s is given twice", ErrPool, id)
		}
		seen[s.Run.Meta.RunID] = true
		if i == 0 {
			continue
		}
		for _, c := range []struct{ what, a, b string }{
			{"scenario", first.Scenario.Name, s.Scenario.Name},
			{"environment", place(first.Scenario), place(s.Scenario)},
			{"personas", personas(first.Scenario), personas(s.Scenario)},
			{"objectives", objectives(first.Scenario), objectives(s.Scenario)},
			{"compression of time", fmt.Sprint(max(first.Run.Meta.Compression, 1)), fmt.Sprint(max(s.Run.Meta.Compression, 1))},
		} {
			if c.a != c.b {
				return fmt.Errorf("%w: the %s of %s and %s differ: %s, but %s", ErrPool, c.what, first.Run.Meta.RunID, s.Run.Meta.RunID, quoted(c.a), quoted(c.b))
			}
		}
		kinds := kindsOf(first.Scenario)
		for name, kind := range kindsOf(s.Scenario) {
			if was, ok := kinds[name]; ok && was != kind {
				return fmt.Errorf("%w: the resource %s is of the kind %s in %s, but %s in %s", ErrPool, name, quoted(was), first.Run.Meta.RunID, quoted(kind), s.Run.Meta.RunID)
			}
		}
	}
	return nil
}

func quoted(text string) string { return fmt.Sprintf("%q", text) }

func place(s *scenarios.Scenario) string {
	e := s.Environment
	text := strings.TrimSpace(e.Name + " " + e.Role)
	for _, kind := range slices.Sorted(maps.Keys(e.Nodes)) {
		text += fmt.Sprintf(" %s=%d", kind, e.Nodes[kind])
	}
	return text
}

func personas(s *scenarios.Scenario) string {
	var names []string
	for _, p := range s.Personas {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func objectives(s *scenarios.Scenario) string {
	var texts []string
	for _, o := range s.Objectives {
		for _, l := range o.Limits {
			texts = append(texts, objectiveText(o.Action, l, o.Window.D()).String())
		}
		if o.Errors != nil {
			texts = append(texts, fmt.Sprintf("%s errors <= %g", o.Action, *o.Errors))
		}
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

func kindsOf(s *scenarios.Scenario) map[string]string {
	kinds := map[string]string{}
	for _, page := range s.Observe {
		for _, res := range page.Resources {
			kinds[res.Name] = res.Kind
		}
	}
	return kinds
}

// ran is this run as one of those that are judged.
func (r *reading) ran() Run {
	m := r.out.Meta
	run := Run{ID: m.RunID, Started: m.Started, Seed: m.Seed}
	for i := range r.out.Stages {
		if r.out.Stages[i].Valid {
			run.Stages++
		}
	}
	return run
}

// pooled makes one reading of several, the newest being the last: its stages, objectives, warnings and actions are those
// of all.
func pooled(parts []*reading) *reading {
	newest := parts[len(parts)-1]
	out := *newest.out
	r := &reading{run: newest.run, scenario: newest.scenario, opt: newest.opt, out: &out, intervals: newest.intervals,
		series: newest.series, observed: newest.observed, parts: parts}
	out.Stages, out.Played, out.Objectives, out.Warnings, out.Runs, out.Splits = nil, nil, nil, nil, nil, nil
	out.Actions = slices.Clone(out.Actions)
	for i, part := range parts {
		part.observed = newest.observed
		out.Runs = append(out.Runs, part.ran())
		for k := range part.out.Stages {
			part.out.Stages[k].Run = i
		}
		for _, split := range part.out.Splits {
			split.Stage += len(out.Stages)
			out.Splits = append(out.Splits, split)
		}
		out.Stages = append(out.Stages, part.out.Stages...)
		for k := range part.out.Played {
			part.out.Played[k].Run = i
		}
		out.Played = append(out.Played, part.out.Played...)
		for _, action := range part.out.Meta.Actions {
			if !slices.Contains(out.Actions, action) {
				out.Actions = append(out.Actions, action)
			}
		}
		for _, o := range part.out.Objectives {
			out.Objectives = joined(out.Objectives, o)
		}
		for _, w := range part.out.Warnings {
			r.warnOnce(w)
		}
	}
	out.Generator = health(parts)
	out.Delivery, out.Copies = mail(parts), comparisons(parts)
	out.Checks = checked(parts)
	out.Notes = append(slices.Clone(out.Notes), Say("pooled", len(parts)))
	return r
}

// health is the newest run's generator, with the verdict of all: invalid where each was, clean where each was.
func health(parts []*reading) GeneratorView {
	g := parts[len(parts)-1].out.Generator
	same := true
	for _, part := range parts {
		same = same && part.out.Generator.Verdict == g.Verdict
		if g.Why.Empty() {
			g.Why = part.out.Generator.Why
		}
	}
	if !same {
		g.Verdict = "strained"
	}
	return g
}

// joined adds an objective's stages to those of the same objective in other runs.
func joined(list []ObjectiveResult, o ObjectiveResult) []ObjectiveResult {
	for i := range list {
		x := &list[i]
		if x.Action != o.Action || x.Text.String() != o.Text.String() {
			continue
		}
		x.Stages = append(slices.Clone(x.Stages), o.Stages...)
		x.Broken = x.Broken || o.Broken
		if o.BrokenAt > 0 && (x.BrokenAt == 0 || o.BrokenAt < x.BrokenAt) {
			x.BrokenAt = o.BrokenAt
		}
		return list
	}
	return append(list, o)
}
