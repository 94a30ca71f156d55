package accuracy

import (
	"fmt"
	"math"
	"slices"
)

// Case is one goal with the figure that was reached.
type Case struct {
	Name   string             `json:"name"`
	Figure string             `json:"figure"`
	Goal   string             `json:"goal"`
	Met    bool               `json:"met"`
	Values map[string]float64 `json:"values"` // the figures as numbers, shares in [0, 1]
}

// group sums up the trials of one kind.
type group struct {
	trials     int
	determined int
	errors     []float64 // of the determined: |p50/truth − 1|, sorted
	covered    int       // of the determined: truth inside the 90 % interval
	widths     []float64 // of the determined: p95/p05, sorted
	holds      int       // of all: the lower bound is not above the truth
	named      int       // of the determined: the right resource
	goes, bad  int       // verdicts go, and those of them at a load above the truth
	safe, kept int       // batches below 0.8 of the truth, and those of them that got go
}

func collect(trials []Trial, take func(*Trial) bool) group {
	var g group
	for i := range trials {
		t := &trials[i]
		if !take(t) {
			continue
		}
		g.trials++
		if t.Lower <= t.Truth {
			g.holds++
		}
		for _, v := range t.Verdicts {
			yes := v.OK >= goFrom
			if yes {
				g.goes++
				if v.Users > t.Truth {
					g.bad++
				}
			}
			if v.Users < 0.8*t.Truth {
				g.safe++
				if yes {
					g.kept++
				}
			}
		}
		if !t.Determined {
			continue
		}
		g.determined++
		g.errors = append(g.errors, math.Abs(t.Users.P50/t.Truth-1))
		g.widths = append(g.widths, t.Users.P95/math.Max(t.Users.P05, 1e-9))
		if t.Truth >= t.Users.P05 && t.Truth <= t.Users.P95 {
			g.covered++
		}
		if t.Resource == t.Cause {
			g.named++
		}
	}
	slices.Sort(g.errors)
	slices.Sort(g.widths)
	return g
}

// at is a quantile of sorted values, NaN-free: 0 of none.
func at(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	x := q * float64(len(sorted)-1)
	i := int(x)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (x-float64(i))*(sorted[i+1]-sorted[i])
}

func share(k, n int) float64 {
	if n == 0 {
		return 0
	}
	return float64(k) / float64(n)
}

// upper95 is the one-sided 95 % upper bound of a share of k in n (Clopper and Pearson 1934), by bisection over the
// binomial distribution.
func upper95(k, n int) float64 {
	if n == 0 || k >= n {
		return 1
	}
	low, high := share(k, n), 1.0
	for range 60 {
		p := (low + high) / 2
		sum, term := 0.0, float64(n)*math.Log1p(-p)
		for i := 0; i <= k; i++ {
			sum += math.Exp(term)
			term += math.Log(float64(n-i)/float64(i+1)) + math.Log(p) - math.Log1p(-p)
		}
		if sum > 0.05 {
			low = p
		} else {
			high = p
		}
	}
	return high
}

// Families by what the goals say about them.
func visibleLimit(t *Trial) bool {
	return slices.Contains([]string{"cpu", "cpu-disk", "balancer", "keepalive", "refusing", "memory"}, t.Family)
}

func queueing(t *Trial) bool {
	return slices.Contains([]string{"cpu", "cpu-disk", "balancer"}, t.Family)
}

func silent(t *Trial) bool {
	return slices.Contains([]string{"keepalive", "refusing", "memory"}, t.Family)
}

// Goals holds the trials against the goals.
func Goals(trials []Trial) []Case {
	var cases []Case
	add := func(name, goal, figure string, met bool, values map[string]float64) {
		cases = append(cases, Case{Name: name, Figure: figure, Goal: goal, Met: met, Values: values})
	}
	pc := func(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }

	g := collect(trials, func(t *Trial) bool { return visibleLimit(t) && t.Counters && t.Fraction == 0.6 })
	median, p90, cover, width := at(g.errors, 0.5), at(g.errors, 0.9), share(g.covered, g.determined), at(g.widths, 0.5)
	add("limit visible as a counter, measured up to 60 %", "median error ≤ 5 %, p90 ≤ 12 %; 90 % interval covers ≥ 85 %, hi/lo ≤ 1.25",
		fmt.Sprintf("median %s, p90 %s; covers %s, hi/lo %.2f; %d of %d determined", pc(median), pc(p90), pc(cover), width, g.determined, g.trials),
		g.determined > 0 && median <= 0.05 && p90 <= 0.12 && cover >= 0.85 && width <= 1.25 && share(g.determined, g.trials) >= 0.9,
		map[string]float64{"median": median, "p90": p90, "coverage": cover, "hi_lo": width, "determined": share(g.determined, g.trials), "named": share(g.named, g.determined)})

	g = collect(trials, func(t *Trial) bool { return queueing(t) && !t.Counters && t.Fraction == 0.8 })
	median, p90 = at(g.errors, 0.5), at(g.errors, 0.9)
	add("queueing limit, client data only, up to 80 %", "median ≤ 8 %, p90 ≤ 20 %",
		fmt.Sprintf("median %s, p90 %s; covers %s; %d of %d determined", pc(median), pc(p90), pc(share(g.covered, g.determined)), g.determined, g.trials),
		share(g.determined, g.trials) >= 0.5 && median <= 0.08 && p90 <= 0.20, map[string]float64{"median": median, "p90": p90, "coverage": share(g.covered, g.determined), "determined": share(g.determined, g.trials)})

	g = collect(trials, func(t *Trial) bool { return queueing(t) && !t.Counters && t.Fraction == 0.6 })
	add("queueing limit, client data only, up to 60 %", "a lower bound that holds in ≥ 95 %",
		fmt.Sprintf("holds in %s of %d", pc(share(g.holds, g.trials)), g.trials), share(g.holds, g.trials) >= 0.95,
		map[string]float64{"holds": share(g.holds, g.trials)})

	g = collect(trials, func(t *Trial) bool { return t.Family == "lock" && t.Counters && t.Fraction == 0.6 })
	median, p90 = at(g.errors, 0.5), at(g.errors, 0.9)
	add("lock contention, up to 60 %", "median ≤ 12 %, p90 ≤ 40 %",
		fmt.Sprintf("median %s, p90 %s; covers %s; %d of %d determined", pc(median), pc(p90), pc(share(g.covered, g.determined)), g.determined, g.trials),
		g.determined > 0 && median <= 0.12 && p90 <= 0.40, map[string]float64{"median": median, "p90": p90, "coverage": share(g.covered, g.determined), "determined": share(g.determined, g.trials)})

	g = collect(trials, func(t *Trial) bool { return silent(t) && !t.Counters })
	refused := share(g.trials-g.determined, g.trials)
	add("held slots, refusals, memory cliffs without counters", "“not determined above N” in ≥ 95 %; a confident number in none",
		fmt.Sprintf("not determined in %s of %d; a number in %d", pc(refused), g.trials, g.determined), refused >= 0.95 && g.determined == 0 && g.holds == g.trials,
		map[string]float64{"refused": refused, "numbers": float64(g.determined), "holds": share(g.holds, g.trials)})

	g = collect(trials, func(*Trial) bool { return true })
	bound := upper95(g.bad, g.goes)
	add("a wrong “go”", "≤ 2 % of all go verdicts, 95 % upper bound shown, at least 300 verdicts",
		fmt.Sprintf("%d of %d go verdicts (%s), 95 %% upper bound %s", g.bad, g.goes, pc(share(g.bad, g.goes)), pc(bound)),
		g.goes >= 300 && share(g.bad, g.goes) <= 0.02, map[string]float64{"wrong": share(g.bad, g.goes), "upper95": bound, "verdicts": float64(g.goes)})

	g = collect(trials, func(t *Trial) bool { return t.Inside && t.Counters })
	add("usefulness: batches that stay below 0.8 N*", "at least 70 % get “go”",
		fmt.Sprintf("%s of %d", pc(share(g.kept, g.safe)), g.safe), share(g.kept, g.safe) >= 0.70, map[string]float64{"go": share(g.kept, g.safe), "batches": float64(g.safe)})

	g = collect(trials, func(t *Trial) bool { return !t.Inside })
	fine := share(g.trials-g.determined+g.covered, g.trials)
	add("platforms outside the model's family", "interval covers ≥ 80 %, or “not determined”",
		fmt.Sprintf("%s of %d (%d determined, %d of them covered)", pc(fine), g.trials, g.determined, g.covered), fine >= 0.80 && g.holds >= g.trials*95/100,
		map[string]float64{"fine": fine, "determined": share(g.determined, g.trials), "coverage": share(g.covered, g.determined)})
	return cases
}
