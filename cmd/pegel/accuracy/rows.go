package accuracy

import (
	"math"
	"slices"

	"pegel/testenv"
)

// Row sums up the trials of one family, fraction and view, as the table of the documentation shows them.
type Row struct {
	Family     string  `json:"family"`
	Fraction   float64 `json:"fraction"`
	Counters   bool    `json:"counters"`
	Trials     int     `json:"trials"`
	Determined int     `json:"determined"`
	Median     float64 `json:"median"` // of the relative error, of those determined
	P90        float64 `json:"p90"`
	Bias       float64 `json:"bias"` // median of p50/truth − 1
	Coverage   float64 `json:"coverage"`
	Width      float64 `json:"hi_lo"`
	Named      float64 `json:"named"` // right resource
	WrongGo    int     `json:"wrong_go"`
	Go         int     `json:"go"`
	Holds      float64 `json:"lower_bound_holds"`
	// Relative errors of the rivals: median over the platforms for which they give a number, and for how many.
	Linear, USLUsers, USLConcurrency RivalRow
}

// RivalRow is how a rival did.
type RivalRow struct {
	Numbers int     `json:"numbers"`
	Median  float64 `json:"median"`
	P90     float64 `json:"p90"`
}

// Rows sums up all trials by family, fraction and view.
func Rows(trials []Trial) []Row {
	var rows []Row
	for _, f := range testenv.Families() {
		for _, fraction := range Fractions() {
			for _, counters := range []bool{true, false} {
				same := func(t *Trial) bool { return t.Family == f.Name && t.Fraction == fraction && t.Counters == counters }
				g := collect(trials, same)
				if g.trials == 0 {
					continue
				}
				r := Row{
					Family: f.Name, Fraction: fraction, Counters: counters, Trials: g.trials, Determined: g.determined,
					Median: at(g.errors, 0.5), P90: at(g.errors, 0.9), Coverage: share(g.covered, g.determined), Width: at(g.widths, 0.5),
					Named: share(g.named, g.determined), WrongGo: g.bad, Go: g.goes, Holds: share(g.holds, g.trials),
				}
				var bias, linear, users, concurrency []float64
				for i := range trials {
					t := &trials[i]
					if !same(t) {
						continue
					}
					if t.Determined {
						bias = append(bias, t.Users.P50/t.Truth-1)
					}
					for _, x := range []struct {
						to *[]float64
						at float64
					}{{&linear, t.Rivals.Linear}, {&users, t.Rivals.USLUsers}, {&concurrency, t.Rivals.USLConcurrency}} {
						if x.at > 0 {
							*x.to = append(*x.to, math.Abs(x.at/t.Truth-1))
						}
					}
				}
				slices.Sort(bias)
				r.Bias = at(bias, 0.5)
				r.Linear, r.USLUsers, r.USLConcurrency = rivalRow(linear), rivalRow(users), rivalRow(concurrency)
				rows = append(rows, r)
			}
		}
	}
	return rows
}

func rivalRow(errors []float64) RivalRow {
	slices.Sort(errors)
	return RivalRow{len(errors), at(errors, 0.5), at(errors, 0.9)}
}
