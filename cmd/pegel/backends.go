package main

import (
	"cmp"
	"slices"
	"time"

	"pegel/internal/archive"
	"pegel/internal/record"
)

// backendRows gathers what each backend did and gives it out as metrics every ten seconds: a dimension of the results at
// a coarser time, because there may be many of them.
type backendRows struct {
	actions []string
	open    record.Interval
	from    time.Duration
}

const backendTime = 10 * time.Second

// add takes an interval; due says that rows are ready.
func (b *backendRows) add(in *record.Interval) (rows archive.Metrics, due bool) {
	b.open.Merge(&record.Interval{Backends: in.Backends})
	if in.End-b.from < backendTime-100*time.Millisecond {
		return rows, false
	}
	b.from = in.End
	rows.At = in.End
	keys := make([]record.Backend, 0, len(b.open.Backends))
	for k := range b.open.Backends {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y record.Backend) int {
		return cmp.Or(cmp.Compare(x.Action, y.Action), cmp.Compare(x.Name, y.Name))
	})
	for _, k := range keys {
		d := b.open.Backends[k]
		for _, f := range []struct {
			field string
			value float64
		}{
			{"count", float64(d.Response.Total)}, {"failed", float64(d.Failed)},
			{"p50", d.Response.Quantile(0.5).Seconds()}, {"p95", d.Response.Quantile(0.95).Seconds()}, {"p99", d.Response.Quantile(0.99).Seconds()},
		} {
			rows.Points = append(rows.Points, archive.Point{Page: archive.PageBackend, Resource: b.actions[k.Action] + " " + k.Name, Field: f.field, Value: f.value})
		}
	}
	b.open.Backends = nil
	return rows, len(rows.Points) > 0
}
