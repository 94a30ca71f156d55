package reports

import (
	"fmt"
	"slices"

	"pegel/internal/judge"
)

// pooled tells whether several runs were judged together.
func pooled(r *judge.Result) bool { return len(r.Runs) > 1 }

// ofNewest tells whether a stage belongs to the run whose course over time is shown.
func ofNewest(r *judge.Result, s *judge.StageResult) bool {
	return !pooled(r) || s.Run == len(r.Runs)-1
}

// runTable lists the runs that were judged together, with the loads and the worst objective's range that each measured.
func (b *builder) runTable() table {
	var t table
	if !pooled(b.r) {
		return t
	}
	of := worst(b.r)
	t.Head = []cell{words(b.t("col.run")), words(b.t("col.date")), number(b.t("col.seed")), number(b.t("col.stages-valid")), number(b.t("col.users"))}
	if of.Action != "" {
		t.Head = append(t.Head, number(of.Label))
	}
	for i, run := range b.r.Runs {
		stages := slices.DeleteFunc(slices.Clone(b.stages), func(s judge.StageResult) bool { return s.Run != i })
		row := []cell{{Text: run.ID, Header: true, Run: true}, {Text: run.Started.Format("2006-01-02 15:04"), Class: "short"}, number(fmt.Sprint(run.Seed)),
			number(b.t("runs.of", b.count(run.Stages), b.count(len(stages)))), number(b.fromTo(stages, func(s judge.StageResult) string { return b.count(s.Users) }))}
		if of.Action != "" {
			row = append(row, number(b.fromTo(stages, func(s judge.StageResult) string {
				a := find(s, of.Action)
				if a == nil || a.Count == 0 {
					return "–"
				}
				mid, _, _ := quantile(a, of.Quantile)
				return b.latency(mid)
			})))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// fromTo is something of the lowest and of the highest of some stages.
func (b *builder) fromTo(stages []judge.StageResult, text func(judge.StageResult) string) string {
	if len(stages) == 0 {
		return "–"
	}
	low, high := text(stages[0]), text(stages[len(stages)-1])
	if low == high {
		return low
	}
	return low + " – " + high
}

// newest says that what runs over time is of one run only; empty where there is one.
func (b *builder) newest() string {
	if !pooled(b.r) {
		return ""
	}
	return b.t("runs.newest", b.r.Meta.RunID)
}

// loadName is a stage's name, with its run where there are several.
func (b *builder) loadName(s judge.StageResult) string {
	text := b.stageName(s)
	if pooled(b.r) {
		text += " · " + b.t("runs.nth", b.count(s.Run+1))
	}
	return text
}
