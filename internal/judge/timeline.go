package judge

import (
	"path"
	"slices"
	"time"

	"pegel/internal/archive"
	"pegel/internal/record"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// timeline condenses every interval for the charts over time.
func (r *reading) timeline() {
	judged := make([]bool, len(r.out.Meta.Actions))
	for a, name := range r.out.Meta.Actions {
		judged[a] = slices.ContainsFunc(r.scenario.Objectives, func(o scenarios.Objective) bool {
			return len(o.Limits) > 0 && Matches(o.Action, name)
		})
	}
	personas := len(r.out.Meta.Personas)
	for _, in := range r.intervals {
		seconds := (in.End - in.Start).Seconds()
		if seconds <= 0 {
			continue
		}
		t := Tick{At: in.End, Seconds: seconds, Users: in.Users, LagP99: in.Lag.Quantile(0.99)}
		var all, slo record.Histogram
		var failed uint64
		for k, s := range in.Series {
			if s == nil {
				continue
			}
			all.Merge(&s.Response)
			if judged[k/personas] {
				slo.Merge(&s.Response)
			}
			failed += s.Failed()
			for c := probe.OK + 1; c < probe.Canceled; c++ { // the canceled are no failures
				if n := s.Classes[c]; n > 0 {
					if t.Failed == nil {
						t.Failed = map[string]uint64{}
					}
					t.Failed[c.String()] += n
				}
			}
		}
		if slo.Total == 0 {
			slo = all
		}
		t.Throughput = float64(all.Total) / seconds
		if all.Total > 0 {
			t.ErrorShare = float64(failed) / float64(all.Total)
		}
		t.P50, t.P95, t.P99 = slo.Quantile(0.5), slo.Quantile(0.95), slo.Quantile(0.99)
		rows := map[int]uint64{}
		slo.Each(func(low, width time.Duration, n uint64) { rows[HeatRowOf(low+width/2)] += n })
		for row, n := range rows {
			t.Heat = append(t.Heat, HeatCell{row, n})
		}
		slices.SortFunc(t.Heat, func(a, b HeatCell) int { return a.Row - b.Row })
		r.out.Timeline = append(r.out.Timeline, t)
	}
}

// Matches tells whether an objective's glob matches an action.
func Matches(glob, action string) bool {
	ok, err := path.Match(glob, action)
	return ok && err == nil
}

// errors lists the failures by action and class with their first appearance and an example.
func (r *reading) errors() {
	type key struct{ action, class string }
	rows := map[key]*ErrorRow{}
	var order []key
	personas := len(r.out.Meta.Personas)
	for _, in := range r.intervals {
		for k, s := range in.Series {
			if s == nil {
				continue
			}
			for c := probe.OK + 1; c < probe.Canceled; c++ {
				if s.Classes[c] == 0 {
					continue
				}
				id := key{r.out.Meta.Actions[k/personas], c.String()}
				if rows[id] == nil {
					rows[id] = &ErrorRow{Action: id.action, Class: id.class, FirstAt: in.End, FirstUsers: in.Users}
					order = append(order, id)
				}
				rows[id].Count += s.Classes[c]
			}
		}
	}
	for _, e := range r.run.Events {
		if e.Kind == archive.EventError {
			if row := rows[key{e.Action, e.Class}]; row != nil && row.Example == "" {
				row.Example = e.Text
			}
		}
	}
	for _, id := range order {
		r.out.Errors = append(r.out.Errors, *rows[id])
	}
	slices.SortStableFunc(r.out.Errors, func(a, b ErrorRow) int {
		switch {
		case a.Count > b.Count:
			return -1
		case a.Count < b.Count:
			return 1
		}
		return 0
	})
}
