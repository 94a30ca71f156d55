package reports

import (
	"cmp"
	"slices"
	"strings"

	"pegel/internal/judge"
)

// byDimension is the section on groups, backends, tags and sources: one table for each dimension.
type byDimension struct {
	Title  string
	Tables []dimensionTable
}

type dimensionTable struct {
	Title, More string
	Table       table
}

// shownRows is how many rows a table of a dimension has, and shownInText in the summary: the slow ones first, then those with
// most samples.
const (
	shownRows   = 60
	shownInText = 8
)

func (b *builder) dimensions() byDimension {
	var d byDimension
	for i := range b.r.Dimensions {
		v := &b.r.Dimensions[i]
		rows, more := foremost(v.Rows, shownRows)
		t := dimensionTable{Title: b.t("dimension.table", b.dimensionName(v.Kind), b.stageName(b.r.Stages[v.Stage]))}
		t.Table.Head = []cell{words(b.dimensionName(v.Kind)), words(b.t("col.action")), number(b.t("col.count")),
			number("p95"), number(b.t("col.interval90")), number(b.t("col.errors"))}
		for _, row := range rows {
			first := cell{Text: row.Name, Header: true, Run: true}
			if row.Slow {
				first.Class, first.Note = "worst", b.t("dimension.slow")
			}
			t.Table.Rows = append(t.Table.Rows, []cell{first, words(row.Actions), number(b.total(row.Count)), number(b.latency(row.P95)),
				number(b.latency(row.P95Low) + "–" + b.latency(row.P95High)), number(b.percent(failedShare(row)))})
		}
		if more > 0 {
			t.More = b.t("list.more", b.count(more))
		}
		d.Tables = append(d.Tables, t)
	}
	if len(d.Tables) == 0 {
		return d
	}
	d.Title = b.t("dimension.even")
	if slices.ContainsFunc(b.r.Warnings, func(m judge.Message) bool { return strings.HasPrefix(m.Code, "slow-") }) {
		d.Title = b.t("dimension.uneven")
	}
	return d
}

func failedShare(row judge.DimensionRow) float64 {
	return float64(row.Failed) / float64(max(row.Count, 1))
}

// foremost are the rows to be shown of a dimension, in their order, and how many are left out.
func foremost(rows []judge.DimensionRow, most int) (shown []judge.DimensionRow, more int) {
	if len(rows) <= most {
		return rows, 0
	}
	order := slices.Clone(rows)
	slices.SortStableFunc(order, func(x, y judge.DimensionRow) int {
		if x.Slow != y.Slow {
			if x.Slow {
				return -1
			}
			return 1
		}
		return cmp.Compare(y.Count, x.Count)
	})
	return order[:most], len(rows) - most
}

// dimensionName is what a dimension is called: a tag by its own name.
func (l *language) dimensionName(kind string) string {
	if tag, ok := strings.CutPrefix(kind, "tag:"); ok {
		return l.t("dimension.tag", tag)
	}
	return l.either("dimension.", kind)
}

// textDimensions are the tables of dimensions with several values.
func (l *language) textDimensions(b *strings.Builder, r *judge.Result) {
	for i := range r.Dimensions {
		v := &r.Dimensions[i]
		if !slices.ContainsFunc(v.Rows, func(row judge.DimensionRow) bool { return row.Name != v.Rows[0].Name }) {
			continue
		}
		b.WriteString("\n" + l.t("dimension.table", l.dimensionName(v.Kind), l.stageName(r.Stages[v.Stage])) + "\n")
		table := [][]string{{l.dimensionName(v.Kind), l.t("col.action"), l.t("col.count"), "p95", l.t("col.errors"), ""}}
		shown, more := foremost(v.Rows, shownInText)
		for _, row := range shown {
			note := ""
			if row.Slow {
				note = "✗ " + l.t("dimension.slow")
			}
			table = append(table, []string{row.Name, row.Actions, l.total(row.Count), l.latency(row.P95), l.percent(failedShare(row)), note})
		}
		b.WriteString(aligned(table, 2, 3, 4))
		if more > 0 {
			b.WriteString("  " + l.t("list.more", l.count(more)) + "\n")
		}
	}
}

// dimensionFile is one dimension in forecast.json.
type dimensionFile struct {
	Kind  string             `json:"kind"` // group, backend, source, or tag: and a name
	Users int                `json:"users"`
	Rows  []dimensionRowFile `json:"rows"`
}

type dimensionRowFile struct {
	Name    string  `json:"name"`
	Actions string  `json:"actions"`
	Count   uint64  `json:"count"`
	Failed  uint64  `json:"failed"`
	P95     float64 `json:"p95_seconds"`
	Low     float64 `json:"p95_low_seconds"`
	High    float64 `json:"p95_high_seconds"`
	Slow    bool    `json:"slow,omitempty"`
}

func dimensionsOf(r *judge.Result) []dimensionFile {
	var list []dimensionFile
	for _, v := range r.Dimensions {
		d := dimensionFile{Kind: v.Kind, Users: r.Stages[v.Stage].Users}
		for _, row := range v.Rows {
			d.Rows = append(d.Rows, dimensionRowFile{row.Name, row.Actions, row.Count, row.Failed, row.P95.Seconds(), row.P95Low.Seconds(), row.P95High.Seconds(), row.Slow})
		}
		list = append(list, d)
	}
	return list
}
