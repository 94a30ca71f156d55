package reports

import (
	"slices"
	"time"

	"pegel/internal/judge"
)

// phases compares where each action's time goes at the lowest and at the highest load.
func (b *builder) phases() *figure {
	var names []string
	for _, s := range b.stages {
		for _, a := range s.Actions {
			for _, p := range a.Phases {
				if !slices.Contains(names, p.Phase) {
					names = append(names, p.Phase)
				}
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	order := []string{"connect", "tls", "greeting", "auth", "first_byte", "complete"}
	slices.SortStableFunc(names, func(x, y string) int { return place(order, x) - place(order, y) })
	ends := []judge.StageResult{b.stages[0]}
	if len(b.stages) > 1 {
		ends = append(ends, b.stages[len(b.stages)-1])
	}
	actions := b.actions()
	t := table{Head: []cell{words(b.t("col.action")), number(b.t("col.users"))}}
	for _, p := range names {
		t.Head = append(t.Head, number(b.either("phase.", p)))
	}
	panels := []chart{}
	var most, whole float64
	mostAction, mostPhase := "", ""
	for i, s := range ends {
		series := make([][]num, len(names))
		for _, action := range actions {
			row := []cell{name(action), number(b.loadName(s))}
			var sum, top float64
			topPhase := ""
			for j, phase := range names {
				ms := phaseShare(find(s, action), phase)
				series[j] = append(series[j], num(ms))
				row = append(row, number(b.latency(time.Duration(ms*float64(time.Millisecond)))))
				sum += ms
				if ms > top {
					top, topPhase = ms, phase
				}
			}
			if i == len(ends)-1 && sum > 0 && top > most {
				most, whole, mostAction, mostPhase = top, sum, action, topPhase
			}
			t.Rows = append(t.Rows, row)
		}
		panels = append(panels, chart{"title": b.t("phases.at", b.count(s.Users)), "series": series})
	}
	labels := []string{}
	for _, p := range names {
		labels = append(labels, b.either("phase.", p))
	}
	b.charts["phases"] = chart{"kind": "phases", "actions": actions, "phases": labels, "panels": panels}
	share := 0.0
	if whole > 0 {
		share = most / whole
	}
	return &figure{ID: "phases", Height: "wide",
		Title:   b.t("phases.title", b.count(ends[len(ends)-1].Users), mostAction, b.percent(share), b.either("phase.", mostPhase)),
		Caption: b.t("phases.caption", b.count(len(actions))), Table: t}
}

func place(order []string, name string) int {
	if i := slices.Index(order, name); i >= 0 {
		return i
	}
	return len(order)
}

// phaseShare is a phase's part of an action's mean time in milliseconds: phases that only some of the actions go
// through, such as a first connect, count by their frequency.
func phaseShare(a *judge.ActionStats, phase string) float64 {
	if a == nil || a.Count == 0 {
		return 0
	}
	for _, p := range a.Phases {
		if p.Phase == phase {
			return milliseconds(p.Mean) * float64(p.Count) / float64(a.Count)
		}
	}
	return 0
}
