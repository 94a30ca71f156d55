package judge

import (
	"cmp"
	"path"
	"slices"
	"time"

	"pegel/internal/archive"
	"pegel/internal/record"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// timeline condenses every interval for the charts over time.
type timeline struct {
	r            *reading
	judged       []bool           // by action: it has an objective on response times
	with, others record.Histogram // of the actions that have one, and of all others
}

func (r *reading) newTimeline() *timeline {
	line := &timeline{r: r, judged: make([]bool, len(r.out.Meta.Actions))}
	for a, name := range r.out.Meta.Actions {
		line.judged[a] = slices.ContainsFunc(r.scenario.Objectives, func(o scenarios.Objective) bool {
			return len(o.Limits) > 0 && Matches(o.Action, name)
		})
	}
	return line
}

func (l *timeline) add(row *archive.Row) {
	seconds := (row.End - row.Start).Seconds()
	if seconds <= 0 {
		return
	}
	l.others.Reset()
	l.with.Reset()
	var lag record.Histogram
	row.Lag.AddTo(&lag)
	t := Tick{At: row.End, Seconds: seconds, Users: row.Users, LagP99: lag.Quantile(0.99)}
	personas := len(l.r.out.Meta.Personas)
	var failed uint64
	for i := range row.Series {
		s := &row.Series[i]
		to := &l.others
		if l.judged[s.Index/personas] {
			to = &l.with
		}
		s.Response.AddTo(to)
		failed += s.Done() - s.Classes[probe.OK]
		for c := probe.OK + 1; c < probe.Canceled; c++ { // the canceled are no failures
			if n := s.Classes[c]; n > 0 {
				if t.Failed == nil {
					t.Failed = map[string]uint64{}
				}
				t.Failed[c.String()] += n
			}
		}
	}
	shown := &l.with
	if shown.Total == 0 {
		shown = &l.others
	}
	if done := l.others.Total + l.with.Total; done > 0 {
		t.Throughput = float64(done) / seconds
		t.ErrorShare = float64(failed) / float64(done)
	}
	t.P50, t.P95, t.P99 = shown.Quantile(0.5), shown.Quantile(0.95), shown.Quantile(0.99)
	last := -1
	shown.Each(func(low, width time.Duration, n uint64) {
		if at := HeatRowOf(low + width/2); at != last { // rising, as the buckets are
			t.Heat = append(t.Heat, HeatCell{at, 0})
			last = at
		}
		t.Heat[len(t.Heat)-1].Count += n
	})
	l.r.out.Timeline = append(l.r.out.Timeline, t)
}

// Matches tells whether an objective's glob matches an action.
func Matches(glob, action string) bool {
	ok, err := path.Match(glob, action)
	return ok && err == nil
}

// failure is what is told apart among failures.
type failure struct{ action, class string }

// failureList gathers the failures by action and class, in the order of their first appearance.
type failureList struct {
	rows  map[failure]*ErrorRow
	order []failure
}

func (f *failureList) add(r *reading, row *archive.Row) {
	personas := len(r.out.Meta.Personas)
	for i := range row.Series {
		s := &row.Series[i]
		for c := probe.OK + 1; c < probe.Canceled; c++ {
			if s.Classes[c] == 0 {
				continue
			}
			id := failure{r.out.Meta.Actions[s.Index/personas], c.String()}
			if f.rows[id] == nil {
				f.rows[id] = &ErrorRow{Action: id.action, Class: id.class, FirstAt: row.End, FirstUsers: row.Users}
				f.order = append(f.order, id)
			}
			f.rows[id].Count += s.Classes[c]
		}
	}
}

// failures lists the failures with their first appearance and an example.
func (r *reading) failures(f *failureList) {
	for _, e := range r.run.Events {
		if e.Kind == archive.EventError {
			if row := f.rows[failure{e.Action, e.Class}]; row != nil && row.Example == "" {
				row.Example = e.Text
			}
		}
	}
	for _, id := range f.order {
		r.out.Errors = append(r.out.Errors, *f.rows[id])
	}
	slices.SortStableFunc(r.out.Errors, func(a, b ErrorRow) int { return cmp.Compare(b.Count, a.Count) })
}
