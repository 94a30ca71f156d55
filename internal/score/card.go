package score

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Needed is the number of pairs from which on a share of them means anything: below 20, even a perfect record leaves a
// coverage of 86 % possible.
const Needed = 20

// Card is how well the forecasts of one kind of outcome did.
type Card struct {
	Pairs     int        `json:"pairs"`
	Changed   int        `json:"changed"`  // pairs whose scenario or environment had changed in between
	Coverage  Rate       `json:"coverage"` // of the 90 % intervals
	Bias      *float64   `json:"bias"`     // median of ln(forecast / outcome); above 0: forecasts were too high
	Width     *float64   `json:"width"`    // median of the interval's upper over its lower end
	Brier     *float64   `json:"brier"`    // mean squared error of P(ok): 0 is perfect, 0.25 a coin
	Decisions int        `json:"decisions"`
	Table     []Reliable `json:"reliability"`
	FalseGo   Rate       `json:"false_go"`       // go verdicts after which an objective was broken
	FalseMost float64    `json:"false_go_upper"` // one-sided 95 % upper bound of their share; 1 without a go
	Refused   int        `json:"refused"`        // forecasts that were not determined
	Lower     Rate       `json:"lower_bound_held"`
}

// Rate is a share with its exact 95 % interval (Clopper and Pearson 1934).
type Rate struct {
	Count  int      `json:"count"`
	Of     int      `json:"of"`
	Needed int      `json:"needed"`
	Enough bool     `json:"enough"`
	Share  *float64 `json:"share"` // nil where there are not enough
	Low    *float64 `json:"low"`
	High   *float64 `json:"high"` // nil where there are none at all
}

// Reliable is one row of the reliability table: among verdicts with a P(ok) from From to To, the share that was ok.
type Reliable struct {
	From float64 `json:"from"`
	To   float64 `json:"to"`
	N    int     `json:"n"`
	Mean float64 `json:"mean_p_ok"`
	OK   int     `json:"ok"`
}

// Score sums up pairs of one kind.
func Score(pairs []Pair) Card {
	card := Card{Pairs: len(pairs), Table: []Reliable{{From: 0, To: 0.05}, {From: 0.05, To: 0.5}, {From: 0.5, To: 0.8}, {From: 0.8, To: 0.95}, {From: 0.95, To: 1}}}
	var ratios, widths, squares []float64
	seen := map[string]bool{} // a run's interval counts once, however many batches were asked about
	var covered, reached, falseGo, goes, lower, lowerOf int
	for _, p := range pairs {
		if p.Changed {
			card.Changed++
		}
		again := seen[p.Run+blindness(p.Question)]
		seen[p.Run+blindness(p.Question)] = true
		if !p.Determined && !again {
			card.Refused++
			if ok, known := p.held(p.LowerBound); known && p.LowerBound > 0 {
				lowerOf++
				lower += count(ok)
			}
		}
		if p.reaches() && !again {
			reached++
			covered += count(p.covered())
			ratios = append(ratios, math.Log(p.Users.P50/p.point()))
			if p.Users.P95 > 0 {
				widths = append(widths, p.Users.P95/p.Users.P05)
			}
		}
		for _, b := range p.Batches {
			ok, known := p.held(b.Users)
			if !known || b.Users <= 0 {
				continue
			}
			if b.Verdict == "go" {
				goes++
				falseGo += count(!ok)
			}
			if b.POK != nil {
				squares = append(squares, math.Pow(*b.POK-float64(count(ok)), 2))
				card.add(*b.POK, ok)
			}
		}
	}
	card.Coverage, card.FalseGo, card.Lower = rate(covered, reached), rate(falseGo, goes), rate(lower, lowerOf)
	card.FalseMost = card.FalseGo.upper()
	card.Decisions = len(squares)
	card.Bias, card.Width = median(ratios), median(widths)
	if n := len(squares); n > 0 {
		var sum float64
		for _, s := range squares {
			sum += s
		}
		sum /= float64(n)
		card.Brier = &sum
	}
	return card
}

func blindness(q Question) string {
	if q.Blind {
		return " blind"
	}
	return ""
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (c *Card) add(p float64, ok bool) {
	for i := range c.Table {
		r := &c.Table[i]
		if p < r.To || i == len(c.Table)-1 {
			r.Mean = (r.Mean*float64(r.N) + p) / float64(r.N+1)
			r.N++
			r.OK += count(ok)
			return
		}
	}
}

// rate is k of n with the bounds of Clopper and Pearson, each one-sided at 97.5 %.
func rate(k, n int) Rate {
	r := Rate{Count: k, Of: n, Needed: Needed, Enough: n >= Needed}
	if n == 0 {
		return r
	}
	low, high := 0.0, 1.0
	if k > 0 {
		low = distuv.Beta{Alpha: float64(k), Beta: float64(n - k + 1)}.Quantile(0.025)
	}
	if k < n {
		high = distuv.Beta{Alpha: float64(k + 1), Beta: float64(n - k)}.Quantile(0.975)
	}
	r.Low, r.High = &low, &high
	if r.Enough {
		share := float64(k) / float64(n)
		r.Share = &share
	}
	return r
}

// upper is the one-sided 95 % upper bound of the share, 1 where there is nothing to go by.
func (r Rate) upper() float64 {
	if r.Of == 0 || r.Count == r.Of {
		return 1
	}
	return distuv.Beta{Alpha: float64(r.Count + 1), Beta: float64(r.Of - r.Count)}.Quantile(0.95)
}

// median is nil of nothing.
func median(v []float64) *float64 {
	if len(v) == 0 {
		return nil
	}
	slices.Sort(v)
	m := (v[(len(v)-1)/2] + v[len(v)/2]) / 2
	return &m
}
