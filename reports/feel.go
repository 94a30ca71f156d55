package reports

import (
	"fmt"
	"math"
	"slices"
	"time"

	"pegel/internal/judge"
)

// feel is the section on how the platform felt.
type feel struct {
	Matrix   table
	Actions  []figure
	Heat     *figure
	Phases   *figure
	Detail   table
	Personas table
}

func (b *builder) feel() feel {
	f := feel{Matrix: b.matrix(), Heat: b.heat(), Phases: b.phases()}
	for _, action := range b.actions() {
		if fig, ok := b.overStages(action); ok {
			f.Actions = append(f.Actions, fig)
		}
	}
	f.Detail = b.detail(func(s judge.StageResult) []judge.ActionStats { return s.Actions }, false)
	f.Personas = b.detail(func(s judge.StageResult) []judge.ActionStats { return s.ByPersona }, true)
	return f
}

// actions lists what was measured, sorted.
func (b *builder) actions() []string {
	var names []string
	for _, s := range b.stages {
		for _, a := range s.Actions {
			if a.Count > 0 && !slices.Contains(names, a.Action) {
				names = append(names, a.Action)
			}
		}
	}
	slices.Sort(names)
	return names
}

// matrix shows every objective at every load: value, and whether it held.
func (b *builder) matrix() table {
	t := table{Head: heads(b.t("col.objective")), Empty: b.t("matrix.empty")}
	var loads []int
	for _, o := range b.r.Objectives {
		for _, s := range o.Stages {
			if !slices.Contains(loads, s.Users) {
				loads = append(loads, s.Users)
			}
		}
	}
	slices.Sort(loads)
	for _, n := range loads {
		t.Head = append(t.Head, number(b.count(n)))
	}
	t.Head = append(t.Head, number(b.t("col.breaks")))
	for _, o := range b.r.Objectives {
		row := []cell{name(b.objectiveName(o))}
		for _, n := range loads {
			row = append(row, b.heldAt(o, n))
		}
		breaks := number("–")
		if o.Breaks != nil {
			breaks = exact(b.estimate(*o.Breaks)+" ("+b.spread(*o.Breaks)+")", o.Breaks.P50)
		}
		t.Rows = append(t.Rows, append(row, breaks))
	}
	return t
}

// heldAt is an objective at one load; where several stages have this load, the worst of them.
func (b *builder) heldAt(o judge.ObjectiveResult, users int) cell {
	var found *judge.ObjectiveStage
	for i, s := range o.Stages {
		if s.Users == users && (found == nil || s.Value > found.Value || s.Share > found.Share) {
			found = &o.Stages[i]
		}
	}
	if found == nil {
		return number("–")
	}
	text := b.latency(found.Value)
	if o.Quantile == 0 {
		text = b.percent(found.Share)
	}
	c := state(text, found.Held)
	if !found.Enough {
		c.Class, c.Mark = "thin", "~"
	}
	return c
}

// overStages is the small chart of one action's percentiles over the load.
func (b *builder) overStages(action string) (figure, bool) {
	users, p50, p95, p99 := []int{}, []num{}, []num{}, []num{}
	t := table{Head: heads(b.t("col.users"), b.t("col.n"), "p50", "p95", "p99")}
	var n uint64
	var values []time.Duration
	for _, s := range b.stages {
		a := find(s, action)
		if a == nil || a.Count == 0 {
			continue
		}
		users, values, n = append(users, s.Users), append(values, a.P95), n+a.Count
		p50, p95, p99 = append(p50, num(milliseconds(a.P50))), append(p95, num(milliseconds(a.P95))), append(p99, num(milliseconds(a.P99)))
		t.Rows = append(t.Rows, []cell{name(b.loadName(s)), number(b.total(a.Count)), number(b.latency(a.P50)),
			number(b.latency(a.P95)), number(b.latency(a.P99))})
	}
	if len(users) == 0 {
		return figure{}, false
	}
	goals := [][2]any{}
	for _, o := range b.r.Objectives {
		if o.Action == action && o.Limit > 0 {
			goals = append(goals, [2]any{num(milliseconds(o.Limit)), percentile(o.Quantile) + " < " + b.limit(o.Limit)})
		}
	}
	id := fmt.Sprintf("action-%d", len(b.charts))
	b.charts[id] = chart{"kind": "percentiles", "name": action, "users": users, "p50": p50, "p95": p95, "p99": p99, "goals": goals}
	return figure{ID: id, Height: "small", Title: action + " – " + b.growth(users, values),
		Caption: b.t("percentiles.caption", b.total(n)), Table: t}, true
}

// growth states how the p95 went over the load: flat, or by how much it grew where it grew most.
func (b *builder) growth(users []int, p95 []time.Duration) string {
	first, last := p95[0], p95[len(p95)-1]
	if len(users) == 1 || first <= 0 {
		return b.t("growth.single", b.latency(last))
	}
	if ratio := float64(last) / float64(first); ratio < 1.25 {
		return b.t("growth.flat", b.latency(last))
	}
	at, steepest := 1, 0.0
	for i := 1; i < len(p95); i++ {
		if p95[i-1] > 0 {
			if ratio := float64(p95[i]) / float64(p95[i-1]); ratio > steepest {
				at, steepest = i, ratio
			}
		}
	}
	if steepest < 1.25 {
		return b.t("growth.slow", b.latency(first), b.latency(last))
	}
	return b.t("growth.steep", b.factor(steepest), b.count(users[at-1]), b.count(users[at]))
}

// factor writes a ratio as ×1.8 or ×12.
func (b *builder) factor(ratio float64) string {
	if ratio < 9.95 {
		return "×" + b.fixed(ratio, 1)
	}
	return "×" + b.fixed(ratio, 0)
}

// heat is latency over time. Each column is packed into a string: the first row as two digits, then one digit for each
// row up, the quarter-powers of two of its count. That keeps an hour in some ten kilobytes.
func (b *builder) heat() *figure {
	ticks := thin(b.r.Timeline, columns)
	if len(ticks) == 0 {
		return nil
	}
	from, to, users, packed, p50, p99 := []num{}, []num{}, []int{}, []string{}, []num{}, []num{}
	top := 0
	var n uint64
	for _, t := range ticks {
		from, to, users = append(from, num(t.At.Seconds()-t.Seconds)), append(to, seconds(t.At)), append(users, t.Users)
		packed = append(packed, pack(t.Heat))
		p50, p99 = append(p50, num(milliseconds(t.P50))), append(p99, num(milliseconds(t.P99)))
		for _, c := range t.Heat {
			top, n = max(top, c.Row), n+c.Count
		}
	}
	edges := []num{}
	for row := 0; row <= top+1; row++ {
		edges = append(edges, num(milliseconds(judge.HeatRow(row))))
	}
	b.charts["heat"] = chart{"kind": "heat", "from": from, "to": to, "users": users, "cells": packed, "edges": edges,
		"p50": p50, "p99": p99, "borders": borders(b.r)}
	t := table{Head: heads(b.t("col.time"), b.t("col.users"), b.t("col.rate"), "p50", "p95", "p99", b.t("col.errors"))}
	peak := ticks[0]
	for _, k := range ticks {
		if k.P99 > peak.P99 {
			peak = k
		}
	}
	for _, k := range thin(b.r.Timeline, tableRows) {
		t.Rows = append(t.Rows, []cell{name(b.span(k.At)), number(b.count(k.Users)), number(b.amount(k.Throughput)),
			number(b.latency(k.P50)), number(b.latency(k.P95)), number(b.latency(k.P99)), number(b.percent(k.ErrorShare))})
	}
	return &figure{ID: "heat", Height: "tall",
		Title:   b.t("heat.title", b.latency(peak.P99), b.count(peak.Users), b.span(peak.At)),
		Caption: b.t("heat.caption", b.total(n), b.count(len(ticks))), Table: t}
}

// pack writes the cells of one column; see heat.
func pack(cells []judge.HeatCell) string {
	if len(cells) == 0 {
		return ""
	}
	low, high := cells[0].Row, cells[0].Row
	counts := map[int]uint64{}
	for _, c := range cells {
		low, high = min(low, c.Row), max(high, c.Row)
		counts[c.Row] += c.Count
	}
	text := []byte(fmt.Sprintf("%02d", low))
	for row := low; row <= high; row++ {
		level := 0
		if n := counts[row]; n > 0 {
			level = min(1+int(math.Round(2*math.Log2(float64(n)))), len(heatScale)-1)
		}
		text = append(text, heatScale[level])
	}
	return string(text)
}

// detail is the full table of actions and stages.
func (b *builder) detail(of func(judge.StageResult) []judge.ActionStats, persona bool) table {
	t := table{}
	if persona {
		t.Head = append(t.Head, words(b.t("col.persona")))
	}
	t.Head = append(t.Head, words(b.t("col.action")), number(b.t("col.users")), number(b.t("col.n")), number(b.t("col.rate")),
		number("p50"), number("p95"), number("p99"), number(b.t("col.max")), number(b.t("col.errors")))
	type key struct{ persona, action string }
	rows := map[key][][]cell{}
	var keys []key
	for _, s := range b.stages {
		for _, a := range of(s) {
			k := key{a.Persona, a.Action}
			if _, ok := rows[k]; !ok {
				keys = append(keys, k)
			}
			share := 0.0
			if a.Count > 0 {
				share = float64(a.Failed) / float64(a.Count)
			}
			var row []cell
			if persona {
				row = append(row, name(a.Persona))
			}
			longest := b.latency(a.Max)
			if a.Over > 0 {
				longest = "> " + longest
			}
			rows[k] = append(rows[k], append(row, name(a.Action), number(b.loadName(s)), number(b.total(a.Count)),
				number(b.amount(a.Rate)), b.against(a, 0.5, a.P50), b.against(a, 0.95, a.P95), b.against(a, 0.99, a.P99),
				number(longest), number(b.percent(share))))
		}
	}
	slices.SortStableFunc(keys, func(x, y key) int {
		return slices.Compare([]string{x.persona, x.action}, []string{y.persona, y.action})
	})
	for _, k := range keys {
		t.Rows = append(t.Rows, rows[k]...)
	}
	return t
}

// against marks a quantile by the objective that it is subject to, if there is one.
func (b *builder) against(a judge.ActionStats, q float64, value time.Duration) cell {
	for _, o := range b.r.Objectives {
		if o.Action == a.Action && o.Limit > 0 && math.Abs(o.Quantile-q) < 1e-9 {
			return state(b.latency(value), value < o.Limit)
		}
	}
	return number(b.latency(value))
}
