package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"pegel/internal/archive"
	"pegel/internal/record"
)

// DimensionView is what happened by the values of one dimension, in one stage: that with the highest load of those in which
// several values took part, because stages differ in whose accounts they have.
type DimensionView struct {
	Kind  string // backend, group, source, or tag: and a name
	Stage int    // index of Result.Stages
	Rows  []DimensionRow
}

// DimensionRow is one value of a dimension over all actions of a protocol.
type DimensionRow struct {
	Name, Actions        string // Actions is a glob: imap.*
	Count, Failed        uint64
	P95, P95Low, P95High time.Duration // response time, with its 90 % interval
	Slow                 bool          // some of the actions is much slower here than elsewhere
}

// slowness is an action that is much slower in one value of a dimension than in all others together.
type slowness struct {
	label     record.Label
	action    string
	here      time.Duration // p95
	elsewhere time.Duration
}

func (s slowness) factor() float64 {
	return float64(s.here) / float64(max(s.elsewhere, time.Microsecond))
}

// A value differs clearly from the others where the p95 of an action is more than slowFactor times theirs and by at least
// slowLeast, with slowSamples on both sides and 90 % intervals that do not overlap.
const (
	slowFactor  = 2
	slowLeast   = 10 * time.Millisecond
	slowSamples = 50
	mostSlow    = 5 // findings that are told
)

// stageDimensions is what one stage has by dimension: histograms while it is read, then only what is shown.
type stageDimensions struct {
	open  map[record.Key]*record.Dimension
	split []Split
	views map[string][]DimensionRow // by kind
	slow  []slowness
}

// dimensions reads what happened by backend, group, tag and source, one stage after the other, so that no more than one of them is in
// memory with its histograms.
func (r *reading) dimensions() error {
	stages := make([]stageDimensions, len(r.out.Stages))
	last := -1
	var lost uint64
	capped := map[string]bool{}
	for d, err := range r.run.Dimensions() {
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		lost += d.Lost
		at := slices.IndexFunc(r.out.Stages, func(st StageResult) bool { return st.holds(d.Start, d.End) })
		if at != last && last >= 0 {
			stages[last].close(r.out.Meta.Actions)
		}
		last = at
		for i := range d.Rows {
			capped[d.Rows[i].Kind] = capped[d.Rows[i].Kind] || d.Rows[i].Name == record.Other
			if at >= 0 && d.Rows[i].Action < len(r.out.Meta.Actions) {
				stages[at].add(&d.Rows[i])
			}
		}
	}
	if last >= 0 {
		stages[last].close(r.out.Meta.Actions)
	}
	for i := range stages {
		if r.out.Stages[i].Valid {
			for _, split := range stages[i].split {
				split.Stage = i
				r.out.Splits = append(r.out.Splits, split)
			}
		}
	}
	r.showDimensions(stages)
	r.tellSlow(stages)
	r.tellUneven(stages)
	for _, kind := range kinds(capped) {
		if capped[kind] && kind != record.KindRoute {
			r.warn("dimension-capped", kind, record.MostNames, record.Other)
		}
	}
	if lost > 0 {
		r.warn("dimension-lost", int(lost))
	}
	return nil
}

func (s *stageDimensions) add(row *archive.DimensionRow) {
	if s.open == nil {
		s.open = map[record.Key]*record.Dimension{}
	}
	k := record.Key{Action: row.Action, Label: record.Label{Kind: row.Kind, Name: row.Name}}
	d := s.open[k]
	if d == nil {
		d = new(record.Dimension)
		s.open[k] = d
	}
	row.Response.AddTo(&d.Response)
	d.Failed += row.Failed
	for i, f := range row.Folds {
		d.Folds[i].Count += f.Count
		d.Folds[i].Sum += f.Sum
	}
}

// close turns histograms into rows and findings.
func (s *stageDimensions) close(actions []string) {
	s.split = s.splits(actions)
	type group struct{ kind, name, actions string }
	sums := map[group]*record.Dimension{}
	same := map[record.Key][]string{} // names by kind and action
	for k, d := range s.open {
		if k.Kind == record.KindMove || k.Kind == record.KindRoute { // for tests, not for tables
			continue
		}
		protocol, _, _ := strings.Cut(actions[k.Action], ".")
		g := group{k.Kind, k.Name, protocol + ".*"}
		if sums[g] == nil {
			sums[g] = new(record.Dimension)
		}
		sums[g].Response.Merge(&d.Response)
		sums[g].Failed += d.Failed
		what := record.Key{Action: k.Action, Label: record.Label{Kind: k.Kind}}
		same[what] = append(same[what], k.Name)
	}
	for what, names := range same {
		s.compare(what, names, actions[what.Action])
	}
	s.open = nil
	s.views = map[string][]DimensionRow{}
	for g, d := range sums {
		row := DimensionRow{Name: g.name, Actions: g.actions, Count: d.Response.Total, Failed: d.Failed, P95: d.Response.Quantile(0.95)}
		row.P95Low, row.P95High = quantileInterval(&d.Response, 0.95)
		row.Slow = slices.ContainsFunc(s.slow, func(x slowness) bool {
			return x.label == record.Label{Kind: g.kind, Name: g.name} && Matches(g.actions, x.action)
		})
		s.views[g.kind] = append(s.views[g.kind], row)
	}
	for _, rows := range s.views {
		slices.SortFunc(rows, func(a, b DimensionRow) int {
			return cmp.Or(cmp.Compare(a.Actions, b.Actions), cmp.Compare(a.Name, b.Name))
		})
	}
}

// compare holds each value of a dimension against all others together, for one action.
func (s *stageDimensions) compare(what record.Key, names []string, action string) {
	slices.Sort(names)
	at := func(i int) *record.Histogram {
		return &s.open[record.Key{Action: what.Action, Label: record.Label{Kind: what.Kind, Name: names[i]}}].Response
	}
	after := make([]record.Histogram, len(names)) // all behind i
	for i := len(names) - 2; i >= 0; i-- {
		after[i].Merge(&after[i+1])
		after[i].Merge(at(i + 1))
	}
	var before record.Histogram
	for i, name := range names {
		here, others := at(i), &after[i]
		others.Merge(&before)
		before.Merge(here)
		if here.Total < slowSamples || others.Total < slowSamples {
			continue
		}
		found := slowness{record.Label{Kind: what.Kind, Name: name}, action, here.Quantile(0.95), others.Quantile(0.95)}
		low, _ := quantileInterval(here, 0.95)
		_, high := quantileInterval(others, 0.95)
		if found.here > slowFactor*found.elsewhere && found.here-found.elsewhere >= slowLeast && low > high {
			s.slow = append(s.slow, found)
		}
	}
}

// showDimensions chooses the stage of each dimension.
func (r *reading) showDimensions(stages []stageDimensions) {
	shown := map[string]int{}
	for i := range stages {
		for kind, rows := range stages[i].views {
			best, known := shown[kind]
			if !known || r.rank(i, rows) >= r.rank(best, stages[best].views[kind]) {
				shown[kind] = i
			}
		}
	}
	for _, kind := range kinds(shown) {
		r.out.Dimensions = append(r.out.Dimensions, DimensionView{Kind: kind, Stage: shown[kind], Rows: stages[shown[kind]].views[kind]})
	}
}

// rank orders stages for showing: valid ones with several values first, then by load.
func (r *reading) rank(stage int, rows []DimensionRow) int {
	rank := min(r.out.Stages[stage].Users, 1<<30)
	if r.out.Stages[stage].Valid {
		rank += 1 << 31
	}
	if slices.ContainsFunc(rows, func(row DimensionRow) bool { return row.Name != rows[0].Name }) {
		rank += 1 << 32
	}
	return rank
}

// tellSlow warns of what is slow for some only, in whichever valid stage that was clearest, once for each value.
func (r *reading) tellSlow(stages []stageDimensions) {
	clearest := map[record.Label]slowness{}
	for i := range stages {
		for _, s := range stages[i].slow {
			if was, known := clearest[s.label]; r.out.Stages[i].Valid && (!known || s.factor() > was.factor()) {
				clearest[s.label] = s
			}
		}
	}
	var list []slowness
	for _, s := range clearest {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b slowness) int {
		return cmp.Or(cmp.Compare(b.factor(), a.factor()), cmp.Compare(a.label.Kind, b.label.Kind), cmp.Compare(a.label.Name, b.label.Name))
	})
	for _, s := range list[:min(len(list), mostSlow)] {
		tag, isTag := strings.CutPrefix(s.label.Kind, record.TagKind(""))
		switch {
		case isTag:
			r.warn("slow-tag", s.action, s.here, tag, s.label.Name, s.elsewhere)
		case s.label.Kind == record.KindBackend:
			r.warn("slow-backend", s.action, s.here, s.label.Name, s.elsewhere)
		case s.label.Kind == record.KindSource:
			r.warn("slow-source", s.action, s.here, s.label.Name, s.elsewhere)
		default:
			r.warn("slow-group", s.action, s.here, s.label.Name, s.elsewhere)
		}
	}
}

// kinds are the keys of a map by kind: groups first, then source addresses, backends, then tags.
func kinds[T any](m map[string]T) []string {
	order := []string{record.KindGroup, record.KindSource, record.KindBackend}
	place := func(kind string) int {
		if at := slices.Index(order, kind); at >= 0 {
			return at
		}
		return len(order)
	}
	list := make([]string, 0, len(m))
	for kind := range m {
		list = append(list, kind)
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b)) })
	return list
}
