package learn

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Synthetic is one action as a run did it.
type Synthetic struct {
	Action string
	Count  float64   // in the holds of the stages
	Hours  float64   // active users of the personas that do it, times hours of the platform's life
	Think  []float64 // seconds: median and p90 of the scenario's think time after it; nil: none, or several that differ
}

// Row holds an action of a run against the same in the logs.
type Row struct {
	Action    string  `json:"action"`
	Synthetic *Rate   `json:"synthetic,omitempty"` // missing: only in the logs
	Real      *Rate   `json:"real,omitempty"`      // missing: only in the run
	Ratio     float64 `json:"ratio,omitempty"`     // synthetic over real
	Low       float64 `json:"low,omitempty"`       // 95 % interval of the ratio, both counts being Poisson
	High      float64 `json:"high,omitempty"`
}

// Rate is how often an active user does something, and how long the pauses after it are.
type Rate struct {
	Count   float64 `json:"count"`
	Hours   float64 `json:"user_hours"`
	PerHour float64 `json:"per_user_hour"`
	Median  float64 `json:"think_median_seconds,omitempty"`
	P90     float64 `json:"think_p90_seconds,omitempty"`
}

// Compare holds a run against logs, in the order of the actions' names. A rate is per active user of the personas, or ways
// in, that do the action, so that a run of browsers alone compares with logs of everything. Real rates are those of the
// busiest hours. Where both counts are above 0, the logarithm of the ratio has the variance 1/a + 1/b.
func Compare(run []Synthetic, logs *Result) []Row {
	rows := map[string]*Row{}
	row := func(action string) *Row {
		if rows[action] == nil {
			rows[action] = &Row{Action: action}
		}
		return rows[action]
	}
	for _, s := range run {
		if s.Count == 0 || s.Hours == 0 {
			continue
		}
		r := &Rate{Count: s.Count, Hours: s.Hours, PerHour: s.Count / s.Hours}
		if len(s.Think) == 2 {
			r.Median, r.P90 = s.Think[0], s.Think[1]
		}
		row(s.Action).Synthetic = r
	}
	most := map[string]float64{}
	for _, w := range logs.Ways {
		for _, a := range w.Actions {
			if a.Busy == 0 {
				continue
			}
			to := row(a.Action)
			if to.Real == nil {
				to.Real = &Rate{}
			}
			if a.Think.N > 0 && a.Count > most[a.Action] { // of several ways in, the one that does it most
				most[a.Action], to.Real.Median, to.Real.P90 = a.Count, a.Think.Median, a.Think.P90
			}
			to.Real.Count += a.Busy
			to.Real.Hours += w.UserHours
		}
	}
	var list []Row
	for _, r := range rows {
		if r.Real != nil {
			r.Real.PerHour = r.Real.Count / r.Real.Hours
		}
		if r.Real != nil && r.Synthetic != nil {
			r.Ratio = r.Synthetic.PerHour / r.Real.PerHour
			d := math.Exp(1.96 * math.Sqrt(1/r.Synthetic.Count+1/r.Real.Count))
			r.Low, r.High = r.Ratio/d, r.Ratio*d
		}
		list = append(list, *r)
	}
	slices.SortFunc(list, func(a, b Row) int { return cmp.Compare(a.Action, b.Action) })
	return list
}

// WriteComparison writes the rows as a table.
func WriteComparison(w io.Writer, rows []Row) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%-20s %12s %12s %8s  %-17s %-19s %s\n", "per user and hour", "run", "logs", "ratio", "95 %", "think in the run", "think in the logs")
	var alone [2][]string
	for _, r := range rows {
		switch {
		case r.Real == nil:
			alone[0] = append(alone[0], r.Action)
			continue
		case r.Synthetic == nil:
			alone[1] = append(alone[1], r.Action)
			continue
		}
		mark := ""
		if r.Low > 1 || r.High < 1 {
			mark = " *"
		}
		fmt.Fprintf(&b, "%-20s %12.4g %12.4g %8.3g  %-17s %-19s %s\n", r.Action, r.Synthetic.PerHour, r.Real.PerHour, r.Ratio,
			fmt.Sprintf("%.3g–%.3g%s", r.Low, r.High, mark), r.Synthetic.think(), r.Real.think())
	}
	b.WriteString("* the interval does not hold 1: the difference is more than chance\n")
	for i, where := range []string{"the run", "the logs"} {
		if len(alone[i]) > 0 {
			fmt.Fprintf(&b, "only in %s: %s\n", where, strings.Join(alone[i], ", "))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Rate) think() string {
	if r.Median == 0 {
		return "–"
	}
	return span(r.Median) + ", p90 " + span(r.P90)
}
