package reports

import (
	"cmp"
	"slices"

	"pegel/internal/judge"
)

// failures is the section on what failed.
type failures struct {
	Title string
	Time  *figure
	Table table
}

const shownClasses = 6 // in the chart; the rest together

func (b *builder) failures() failures {
	rows := slices.Clone(b.r.Errors)
	slices.SortStableFunc(rows, func(x, y judge.ErrorRow) int { return cmp.Compare(y.Count, x.Count) })
	done, failed := samples(b.r)
	f := failures{Title: b.t("failures.none", b.total(done))}
	if len(rows) == 0 {
		return f
	}
	classes := map[string]uint64{}
	first := rows[0]
	var all uint64
	for _, e := range rows {
		classes[e.Class] += e.Count
		all += e.Count
		if e.FirstAt < first.FirstAt {
			first = e
		}
	}
	order := ranked(classes)
	share := 0.0
	if done > 0 {
		share = float64(failed) / float64(done)
	}
	f.Title = b.t("failures.title", b.percent(share), b.total(done), order[0],
		b.percent(float64(classes[order[0]])/float64(max(all, 1))))
	f.Table.Head = []cell{words(b.t("col.class")), words(b.t("col.action")), number(b.t("col.count")),
		number(b.t("col.first-users")), number(b.t("col.first-time")), words(b.t("col.example"))}
	for _, e := range rows {
		f.Table.Rows = append(f.Table.Rows, []cell{name(e.Class), words(e.Action), number(b.total(e.Count)),
			number(b.count(e.FirstUsers)), number(b.span(e.FirstAt)), {Text: e.Example, Run: true, Class: "example"}})
	}
	f.Time = b.failedOverTime(first)
	return f
}

// ranked sorts names by their count, the largest first.
func ranked(counts map[string]uint64) []string {
	var names []string
	for n := range counts {
		names = append(names, n)
	}
	slices.SortFunc(names, func(x, y string) int {
		return cmp.Or(cmp.Compare(counts[y], counts[x]), cmp.Compare(x, y))
	})
	return names
}

func (b *builder) failedOverTime(first judge.ErrorRow) *figure {
	ticks := thin(b.r.Timeline, panelCols)
	totals := map[string]uint64{}
	for _, t := range ticks {
		for class, n := range t.Failed {
			totals[class] += n
		}
	}
	if len(totals) == 0 {
		return nil
	}
	order := ranked(totals)
	shown := order[:min(len(order), shownClasses)]
	at, users := []num{}, []int{}
	series := make([][]num, len(shown), len(shown)+1)
	rest := []num{}
	var n uint64
	for _, t := range ticks {
		at, users = append(at, seconds(t.At)), append(users, t.Users)
		for i, class := range shown {
			series[i] = append(series[i], perSecond(t.Failed[class], t.Seconds))
		}
		var others uint64
		for _, class := range order[len(shown):] {
			others += t.Failed[class]
		}
		rest = append(rest, perSecond(others, t.Seconds))
		for _, k := range t.Failed {
			n += k
		}
	}
	names := slices.Clone(shown)
	if len(order) > len(shown) {
		names, series = append(names, b.t("failures.others")), append(series, rest)
	}
	b.charts["failed"] = chart{"kind": "failed", "at": at, "users": users, "names": names, "series": series, "borders": borders(b.r)}
	t := table{Head: append(heads(b.t("col.time"), b.t("col.users")), numbers(order)...)}
	for _, k := range thin(b.r.Timeline, tableRows/2) {
		row := []cell{name(b.span(k.At)), number(b.count(k.Users))}
		for _, class := range order {
			row = append(row, number(b.total(k.Failed[class])))
		}
		t.Rows = append(t.Rows, row)
	}
	return &figure{ID: "failed", Height: "wide",
		Title:   b.t("failed.title", first.Class, first.Action, b.count(first.FirstUsers)),
		Caption: b.t("failed.caption", b.total(n)), Table: t}
}

func numbers(names []string) []cell {
	var row []cell
	for _, n := range names {
		row = append(row, number(n))
	}
	return row
}

func perSecond(n uint64, seconds float64) num {
	if seconds <= 0 {
		return 0
	}
	return num(float64(n) / seconds)
}
