package judge

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"pegel/internal/record"
)

// Split is what the users of a protocol met in one valid stage by the values of one dimension, so that it can be tested whether
// the values differ. Unlike a DimensionView there is one for every stage.
type Split struct {
	Kind    string // backend, group, source, move, route, or a tag's
	Actions string // glob: web.*
	Stage   int    // index of Result.Stages
	Rows    []SplitRow
}

// SplitRow is one value of a dimension in a Split.
type SplitRow struct {
	Name          string
	Count, Failed uint64
	// Ratio is the time that the actions took here, over the time that as many of the same actions took on average over all
	// values: above 1 they were slower here. It does not depend on which actions were done here.
	Ratio float64
	// Folds are ratios of single parts of the users, who are drawn at random: they tell what chance does among users. Empty in
	// runs from before parts were kept.
	Folds []FoldRatio
	Worst SplitWorst // of its actions
}

// FoldRatio is the ratio of one part of the users, with how many actions they did.
type FoldRatio struct {
	Count uint64
	Ratio float64
}

// SplitWorst is the action that differs most from the same action with all other values, by the ratio of the means.
type SplitWorst struct {
	Action             string
	Mean, OthersMean   time.Duration // response time
	P95, OthersP95     time.Duration
	Samples, OthersNum uint64
}

// spent is how often something was done and how long it took together.
type spent struct {
	count uint64
	sum   time.Duration
}

func (t *spent) add(count uint64, sum time.Duration) { t.count += count; t.sum += sum }

func (t spent) mean() float64 {
	if t.count == 0 {
		return 0
	}
	return float64(t.sum) / float64(t.count)
}

// splits compares the values of each dimension by protocol.
func (s *stageDimensions) splits(actions []string) []Split {
	type part struct{ kind, actions string }
	members := map[part]map[string][]int{} // actions by value
	overall := map[record.Key]spent{}      // by kind and action
	for k, d := range s.open {
		if k.Name == record.Other {
			continue
		}
		protocol, _, _ := strings.Cut(actions[k.Action], ".")
		p := part{k.Kind, protocol + ".*"}
		if members[p] == nil {
			members[p] = map[string][]int{}
		}
		members[p][k.Name] = append(members[p][k.Name], k.Action)
		all := overall[record.Key{Action: k.Action, Label: record.Label{Kind: k.Kind}}]
		all.add(d.Response.Total, d.Response.Sum)
		overall[record.Key{Action: k.Action, Label: record.Label{Kind: k.Kind}}] = all
	}
	var list []Split
	for p, values := range members {
		split := Split{Kind: p.kind, Actions: p.actions}
		for name, acts := range values {
			slices.Sort(acts)
			split.Rows = append(split.Rows, s.row(record.Label{Kind: p.kind, Name: name}, acts, overall, actions))
		}
		slices.SortFunc(split.Rows, func(a, b SplitRow) int { return cmp.Compare(a.Name, b.Name) })
		list = append(list, split)
	}
	slices.SortFunc(list, func(a, b Split) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Actions, b.Actions))
	})
	return list
}

// row is one value with its ratios.
func (s *stageDimensions) row(l record.Label, acts []int, overall map[record.Key]spent, actions []string) SplitRow {
	row := SplitRow{Name: l.Name}
	var taken, usual float64
	var foldTaken, foldUsual [record.Folds]float64
	var folds [record.Folds]uint64
	worst := 0.0
	for _, a := range acts {
		d := s.open[record.Key{Action: a, Label: l}]
		all := overall[record.Key{Action: a, Label: record.Label{Kind: l.Kind}}]
		mean := all.mean()
		row.Count += d.Response.Total
		row.Failed += d.Failed
		taken += float64(d.Response.Sum)
		usual += float64(d.Response.Total) * mean
		for i, f := range d.Folds {
			folds[i] += f.Count
			foldTaken[i] += float64(f.Sum)
			foldUsual[i] += float64(f.Count) * mean
		}
		others := spent{all.count - d.Response.Total, all.sum - d.Response.Sum}
		if d.Response.Total < slowSamples || others.count < slowSamples {
			continue
		}
		if ratio := float64(d.Response.Mean()) / others.mean(); ratio > worst {
			worst = ratio
			row.Worst = SplitWorst{Action: actions[a], Mean: d.Response.Mean(), OthersMean: time.Duration(others.mean()),
				P95: d.Response.Quantile(0.95), OthersP95: s.others(a, l).Quantile(0.95), Samples: d.Response.Total, OthersNum: others.count}
		}
	}
	if usual > 0 {
		row.Ratio = taken / usual
	}
	for i := range folds {
		if foldUsual[i] > 0 {
			row.Folds = append(row.Folds, FoldRatio{folds[i], foldTaken[i] / foldUsual[i]})
		}
	}
	return row
}

// others are the response times of an action with all other values of the same kind.
func (s *stageDimensions) others(action int, l record.Label) *record.Histogram {
	var h record.Histogram
	for k, d := range s.open {
		if k.Action == action && k.Kind == l.Kind && k.Name != l.Name {
			h.Merge(&d.Response)
		}
	}
	return &h
}
