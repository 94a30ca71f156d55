package reports

import (
	"math"

	"pegel/internal/judge"
)

// edge is the capacity chart: how far it is to the edge.
func (b *builder) edge() *figure {
	r, f := b.r, b.r.Forecast
	t := worst(r)
	if len(b.stages) == 0 || t.Action == "" {
		return nil
	}
	spec := chart{
		"kind": "edge", "label": t.Label, "limit": milliseconds(t.Limit), "limitText": b.limit(t.Limit),
		"measured": f.MeasuredMax, "lower": f.LowerBound, "determined": f.Determined,
		"accounts": num(accountsPerUser(r)), "truth": b.opt.Truth, "staging": f.Transferred,
	}
	if f.Transferred { // nothing was measured in production
		spec["measured"], spec["lower"] = 0, 0
	}
	if i := decisive(&f); i > 0 && f.Situations[i].Determined {
		s := f.Situations[i]
		spec["worst"] = [3]num{num(s.Users.P05), num(s.Users.P50), num(s.Users.P95)}
		spec["worstText"] = s.Name + ": " + b.estimate(s.Users)
	}
	points := [][]any{}
	rows := [][]cell{}
	var n uint64
	for _, s := range b.stages {
		a := find(s, t.Action)
		if a == nil || a.Count == 0 {
			continue
		}
		mid, low, high := quantile(a, t.Quantile)
		points = append(points, []any{s.Users, num(milliseconds(mid)), num(milliseconds(low)), num(milliseconds(high)), s.Valid})
		n += a.Count
		between := "–"
		if high > 0 {
			between = b.latency(low) + " – " + b.latency(high)
		}
		held := words(b.t("edge.no-objective"))
		if t.Limit > 0 {
			held = state(b.t("edge.broken"), mid < t.Limit)
			if mid < t.Limit {
				held.Text = b.t("edge.held")
			}
		}
		rows = append(rows, []cell{name(b.loadName(s)), number(b.total(a.Count)), number(b.latency(mid)), number(between),
			number(b.percent(s.ErrorShare)), held})
	}
	spec["points"] = points
	curve := [][4]num{}
	for _, p := range f.Curve {
		curve = append(curve, [4]num{num(p.Users), num(milliseconds(p.Low)), num(milliseconds(p.Mid)), num(milliseconds(p.High))})
	}
	spec["curve"] = curve
	if f.Determined {
		spec["interval"] = [3]num{num(f.Users.P05), num(f.Users.P50), num(f.Users.P95)}
		spec["intervalText"] = b.t("edge.interval", b.estimate(f.Users), b.spread(f.Users))
	}
	far := b.reach()
	spec["batches"], spec["max"] = b.ticks(), num(far)
	b.charts["edge"] = spec
	title := b.t("edge.title-unknown", b.count(f.LowerBound))
	if f.Determined {
		title = b.t("edge.title", b.estimate(f.Users), b.spread(f.Users), b.count(f.MeasuredMax))
		if f.Transferred {
			title = b.t("edge.title-staging", b.estimate(f.Users), b.spread(f.Users), b.count(f.MeasuredMax))
		}
	} else if f.LowerBound == 0 || f.Transferred {
		title = b.t("edge.title-none")
	}
	caption := b.t("edge.caption", t.Label, b.total(n), b.count(len(points)), b.count(f.StagesUsed))
	if f.Transferred {
		caption = b.t("edge.caption-staging", t.Label, b.total(n), b.count(len(points)), b.count(f.StagesUsed))
	}
	return &figure{
		ID: "edge", Height: "tall", Title: title, Caption: caption + b.edgeNotes(far),
		Table: table{
			Head: heads(b.t("col.users"), b.t("col.n"), t.Label, b.t("col.interval"), b.t("col.errors"), b.t("col.objective")),
			Rows: rows,
		},
	}
}

// edgeNotes explain what else the chart shows, and what lies beyond it.
func (b *builder) edgeNotes(far float64) string {
	f := &b.r.Forecast
	text := ""
	if i := decisive(f); i > 0 && f.Situations[i].Determined {
		text += " " + b.t("edge.note-worst", b.situation(f.Situations[i].Name))
	}
	var beyond []string
	for _, v := range batches(b.r) {
		if v.Users > far {
			beyond = append(beyond, batchName(b.language, &v))
		}
	}
	if len(batches(b.r)) > len(beyond) {
		text += " " + b.t("edge.note-batches")
	}
	if len(beyond) > 0 {
		text += " " + b.t("edge.note-beyond", b.list(beyond))
	}
	return text
}

// ticks are the batches to come on the chart's load axis.
func (b *builder) ticks() [][3]any {
	list := [][3]any{}
	for _, v := range batches(b.r) {
		list = append(list, [3]any{num(v.Users), v.Name, v.Verdict})
	}
	return list
}

// reach is the highest load that the chart shows: everything measured, the interval, and the batches unless they lie
// far beyond.
func (b *builder) reach() float64 {
	f := b.r.Forecast
	most := float64(f.MeasuredMax)
	for _, s := range b.stages {
		most = max(most, float64(s.Users))
	}
	most = max(most, float64(b.opt.Truth))
	if f.Determined {
		high := f.Users.P95
		if math.IsInf(high, 0) || math.IsNaN(high) || high > 3*f.Users.P50 {
			high = 1.5 * f.Users.P50
		}
		most = max(most, high)
	} else {
		most *= 1.35 // room for the region of which nothing is known
	}
	far := 1.4 * most
	for _, v := range batches(b.r) {
		if v.Users <= far {
			most = max(most, v.Users)
		}
	}
	return most * 1.06
}

// batches are all batches to come, the next one at least.
func batches(r *judge.Result) []judge.BatchVerdict {
	if len(r.Forecast.Batches) > 0 {
		return r.Forecast.Batches
	}
	if r.Forecast.Batch != nil {
		return []judge.BatchVerdict{*r.Forecast.Batch}
	}
	return nil
}
