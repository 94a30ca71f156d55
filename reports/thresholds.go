package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"pegel/internal/capacity"
	"pegel/internal/judge"
)

// thresholds is the part of the section on limits about what the operators of the platform can watch.
func (b *builder) thresholds() (t table, caption string, without *remark) {
	x := b.r.Forecast.Thresholds
	if x == nil {
		return table{}, "", nil
	}
	if !x.Determined {
		return table{}, "", b.remark(x.Why)
	}
	t.Head = []cell{words(b.t("col.resource")), words(b.t("col.metric")), number(b.t("col.limit"))}
	for _, share := range judge.ThresholdShares {
		t.Head = append(t.Head, number(b.t("col.at-capacity", b.percent(share))))
	}
	for _, line := range b.thresholdLines(x) {
		row := []cell{name(line.resource), words(line.metric), number(line.limit)}
		for _, v := range line.values {
			row = append(row, number(v))
		}
		t.Rows = append(t.Rows, row)
	}
	return t, b.t("thresholds.caption", b.estimate(b.r.Forecast.Users), b.spread(b.r.Forecast.Users)), nil
}

// thresholdLine is one metric of one resource at each share of the capacity.
type thresholdLine struct {
	resource, metric, limit string
	values                  []string
}

// thresholdLines lists the metrics, those of the resources that may give way first before the others; queues that stay empty
// are left out.
func (l *language) thresholdLines(t *judge.Thresholds) []thresholdLine {
	var list []thresholdLine
	for _, x := range t.Resources {
		used := thresholdLine{x.Name, l.t("col.in-use"), l.amount(x.Limit), nil}
		queue := thresholdLine{x.Name, l.t("col.queue"), "–", nil}
		longest := 0.0
		for _, level := range x.Levels {
			used.values = append(used.values, l.quantityIn(level.InUse))
			queue.values = append(queue.values, l.quantityIn(level.Queue))
			longest = math.Max(longest, level.Queue.P50)
		}
		list = append(list, used)
		if longest >= 0.05 {
			list = append(list, queue)
		}
	}
	return list
}

// WriteThresholds writes the thresholds as a table for a terminal, or why there are none.
func WriteThresholds(w io.Writer, r *judge.Result, opt Options) error {
	l, err := speak(opt.Lang)
	if err != nil {
		return err
	}
	var b strings.Builder
	t := r.Forecast.Thresholds
	if t == nil || !t.Determined {
		why := why(t)
		if t != nil {
			why = l.say(t.Why)
		}
		b.WriteString(wrap("", capital(why)+"."))
		_, err = io.WriteString(w, b.String())
		return err
	}
	rows := [][]string{{l.t("col.resource"), l.t("col.metric"), l.t("col.limit")}}
	for _, share := range judge.ThresholdShares {
		rows[0] = append(rows[0], l.t("col.at-capacity", l.percent(share)))
	}
	for _, line := range l.thresholdLines(t) {
		rows = append(rows, append([]string{line.resource, line.metric, line.limit}, line.values...))
	}
	b.WriteString(wrap("", l.t("thresholds.caption", l.estimate(r.Forecast.Users), l.spread(r.Forecast.Users))) + "\n")
	inColumns(&b, rows, 2)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the thresholds: %w", err)
	}
	return nil
}

// inColumns writes rows under each other, the first few columns from the left, the others as numbers.
func inColumns(b *strings.Builder, rows [][]string, left int) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, field := range row {
			widths[i] = max(widths[i], len([]rune(field)))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, field := range row {
			line.WriteString(pad(field, widths[i], i >= left) + "  ")
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

type thresholdsFile struct {
	Format     int                      `json:"format"`
	Determined bool                     `json:"determined"`
	Why        *warningFile             `json:"why,omitempty"` // where not determined
	Unit       string                   `json:"unit"`
	Capacity   *capacityFile            `json:"capacity,omitempty"`
	Resources  []thresholdsResourceFile `json:"resources"`
}

type thresholdsResourceFile struct {
	Resource    string               `json:"resource"`
	Kind        string               `json:"kind"`
	Page        string               `json:"page"`
	Limit       float64              `json:"limit"`
	Probability float64              `json:"probability"`      // that it gives way first
	InUse       string               `json:"in_use,omitempty"` // PromQL of units in use
	Queue       string               `json:"queue,omitempty"`  // PromQL of visits waiting
	Levels      []thresholdLevelFile `json:"levels"`
}

type thresholdLevelFile struct {
	Share float64      `json:"share"` // of the capacity
	InUse quantityFile `json:"in_use"`
	Queue quantityFile `json:"queue"`
}

// quantityFile is an interval in the metric's own units.
type quantityFile struct {
	P05 float64 `json:"p05"`
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
}

// WriteThresholdsJSON writes the thresholds as one JSON object, format 1. Where there are none it says why.
func WriteThresholdsJSON(w io.Writer, r *judge.Result, opt RuleOptions) error {
	out := thresholdsFile{Format: 1, Unit: "active_users", Resources: []thresholdsResourceFile{}}
	if t := r.Forecast.Thresholds; t != nil && t.Determined {
		out.Determined, out.Capacity = true, capacityOf(r.Forecast.Users, r.Forecast.Accounts)
		for _, x := range t.Resources {
			one := thresholdsResourceFile{Resource: x.Name, Kind: x.Kind, Page: x.Page, Limit: micro(x.Limit), Probability: share(x.Probability)}
			var err error
			if one.InUse, one.Queue, err = expressions(x, opt); err != nil {
				return fmt.Errorf("writing the thresholds of %s: %w", x.Name, err)
			}
			for _, level := range x.Levels {
				one.Levels = append(one.Levels, thresholdLevelFile{level.Share, quantityOf(level.InUse), quantityOf(level.Queue)})
			}
			out.Resources = append(out.Resources, one)
		}
	} else if t != nil {
		out.Why = messageOf(t.Why)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(out); err != nil {
		return fmt.Errorf("writing the thresholds: %w", err)
	}
	return nil
}

func quantityOf(i capacity.Interval) quantityFile {
	return quantityFile{micro(i.P05), micro(i.P50), micro(i.P95)}
}
