package reports

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"pegel/internal/judge"
)

// byLoad returns the stages with something measured, in the order of their load.
func byLoad(r *judge.Result) []judge.StageResult {
	stages := slices.Clone(r.Stages)
	slices.SortStableFunc(stages, func(a, b judge.StageResult) int {
		return cmp.Or(cmp.Compare(a.Users, b.Users), cmp.Compare(a.Index, b.Index))
	})
	return stages
}

// stageName is the load of a stage, with the batch and the copy traffic where it has them.
func (l *language) stageName(s judge.StageResult) string {
	text := l.count(s.Users)
	if s.Batch != "" {
		text += " · " + s.Batch
	}
	if s.Copy > 0 {
		text += " · " + l.t("stage.copy")
	}
	return text
}

// find returns an action's statistics in a stage, nil where it did not run.
func find(s judge.StageResult, action string) *judge.ActionStats {
	for i := range s.Actions {
		if s.Actions[i].Action == action {
			return &s.Actions[i]
		}
	}
	return nil
}

// quantile returns an action's response time quantile with its 90 % interval, which is 0, 0 where nothing tells it.
func quantile(a *judge.ActionStats, q float64) (mid, low, high time.Duration) {
	if a.Hist != nil && a.Hist.Total > 0 {
		// Order statistics: the rank of the quantile is binomial, here by its normal approximation.
		n := float64(a.Hist.Total)
		d := 1.645 * math.Sqrt(q*(1-q)/n)
		mid, low, high = a.Hist.Quantile(q), a.Hist.Quantile(max(q-d, 0)), a.Hist.Quantile(min(q+d, 1))
	}
	switch q {
	case 0.5:
		mid = a.P50
	case 0.9:
		mid = a.P90
	case 0.95:
		mid = a.P95
		if a.P95High > 0 {
			low, high = a.P95Low, a.P95High
		}
	case 0.99:
		mid = a.P99
	}
	return mid, low, high
}

// target is the quantile that the capacity chart and the summary per stage show.
type target struct {
	Label    string
	Action   string
	Quantile float64
	Limit    time.Duration // 0: none
}

// worst returns the objective that is nearest to breaking: the forecast's, else the one that used most of its limit in
// the highest stage, else the p95 of the slowest action.
func worst(r *judge.Result) target {
	if action, q, ok := strings.Cut(r.Forecast.CurveFor, " p"); ok {
		if p, err := strconv.ParseFloat(q, 64); err == nil && p > 0 && p < 100 {
			return target{r.Forecast.CurveFor, action, p / 100, r.Forecast.CurveLimit}
		}
	}
	var t target
	most := 0.0
	for _, o := range r.Objectives {
		if o.Quantile == 0 || o.Limit == 0 {
			continue
		}
		for _, s := range o.Stages {
			if used := float64(s.Value) / float64(o.Limit); used > most {
				most, t = used, target{o.Action + " " + percentile(o.Quantile), o.Action, o.Quantile, o.Limit}
			}
		}
	}
	if most > 0 {
		return t
	}
	var slowest time.Duration
	for _, s := range r.Stages {
		for _, a := range s.Actions {
			if a.P95 > slowest {
				slowest, t = a.P95, target{a.Action + " p95", a.Action, 0.95, 0}
			}
		}
	}
	return t
}

// percentile writes a quantile as p95.
func percentile(q float64) string {
	return "p" + strconv.FormatFloat(math.Round(q*1e5)/1e3, 'f', -1, 64)
}

// accountsPerUser converts active users to accounts for the second axis, 0 where nothing tells it.
func accountsPerUser(r *judge.Result) float64 {
	f := r.Forecast
	if f.Users.P50 > 0 && f.Accounts.P50 > 0 {
		return f.Accounts.P50 / f.Users.P50
	}
	for _, b := range f.Batches {
		if b.After > 0 && b.Users > 0 {
			return float64(b.After) / b.Users
		}
	}
	return 0
}

// samples is the number of responses measured in all holds.
func samples(r *judge.Result) (done, failed uint64) {
	for _, s := range r.Stages {
		for _, a := range s.Actions {
			done += a.Count
			failed += a.Failed
		}
	}
	return done, failed
}
