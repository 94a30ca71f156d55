package diagnosis

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"pegel/internal/judge"
)

// difference is one value of a dimension held against all the others.
type difference struct {
	row     *judge.SplitRow
	actions string  // glob
	ratio   float64 // of its times to those of the others, for the same actions
	chance  float64 // that it would rank so high if the users were drawn alike, after correction for all values looked at
}

// Believed are differences of at least slower times with a chance below seldom: with thousands of users every difference is
// beyond chance, and small ones do no harm.
const (
	slower = 1.25
	seldom = 0.01
)

// differences tests each value of each split for being slower than the others, by the rank sum of the parts of its users among
// the parts of all users (Mann and Whitney 1947), one-sided. Parts of users are independent of each other, single requests are
// not. The chances are corrected for the number of values looked at by Holm's method (1979).
func differences(splits []judge.Split) []difference {
	var list []difference
	for i := range splits {
		rows := splits[i].Rows
		if len(rows) < 2 {
			continue
		}
		for k := range rows {
			var own, others []float64
			var count, taken float64
			for j := range rows {
				for _, f := range rows[j].Folds {
					if j == k {
						own = append(own, f.Ratio)
					} else {
						others = append(others, f.Ratio)
					}
				}
				if j != k {
					count += float64(rows[j].Count)
					taken += float64(rows[j].Count) * rows[j].Ratio
				}
			}
			if len(own) < 3 || len(others) < 3 || taken <= 0 {
				continue
			}
			list = append(list, difference{&rows[k], splits[i].Actions, rows[k].Ratio * count / taken, above(own, others)})
		}
	}
	holm(list)
	return list
}

// clearest is the believed difference with the largest ratio, nil where there is none.
func clearest(list []difference) *difference {
	var best *difference
	for i := range list {
		if d := &list[i]; d.ratio >= slower && d.chance < seldom && (best == nil || d.ratio > best.ratio) {
			best = d
		}
	}
	return best
}

// holm corrects chances for their number, from the smallest to the largest.
func holm(list []difference) {
	order := make([]*difference, len(list))
	for i := range list {
		order[i] = &list[i]
	}
	slices.SortStableFunc(order, func(a, b *difference) int {
		switch {
		case a.chance < b.chance:
			return -1
		case a.chance > b.chance:
			return 1
		}
		return 0
	})
	least := 0.0
	for i, d := range order {
		least = math.Max(least, math.Min(1, d.chance*float64(len(order)-i)))
		d.chance = least
	}
}

// exactUpTo is the largest product of the sizes for which the rank sum's distribution is counted out.
const exactUpTo = 4096

// above is the probability that as many of all pairs or more have the first's value above the second's if both were drawn
// alike. Ties count half; with any, and for large samples, the distribution is taken as normal with its correction for
// continuity.
func above(a, b []float64) float64 {
	pairs, ties := 0.0, false
	for _, x := range a {
		for _, y := range b {
			switch {
			case x > y:
				pairs++
			case x == y:
				pairs, ties = pairs+0.5, true
			}
		}
	}
	n, m := len(a), len(b)
	if !ties && n*m <= exactUpTo {
		return tail(n, m, int(pairs))
	}
	return roughly(n, m, pairs)
}

// roughly is tail by the normal distribution with its mean n·m/2 and variance n·m·(n+m+1)/12.
func roughly(n, m int, least float64) float64 {
	mean, variance := float64(n*m)/2, float64(n*m)*float64(n+m+1)/12
	return distuv.Normal{Mu: mean, Sigma: math.Sqrt(variance)}.Survival(least - 0.5)
}

// tail is the share of the orders of n and m different values in which at least so many pairs are the right way round. The
// number of orders with u such pairs follows from that without the largest value: f(n, m, u) = f(n−1, m, u−m) + f(n, m−1, u).
func tail(n, m, least int) float64 {
	// share[i][u] is the share of the orders of i and j values with u pairs, for the present j.
	share := make([][]float64, n+1)
	for i := range share {
		share[i] = make([]float64, n*m+1)
		share[i][0] = 1 // no values of the second kind: no pair
	}
	for j := 1; j <= m; j++ {
		for i := 1; i <= n; i++ { // share[i] is still that of j−1, share[i−1] is that of j
			first := float64(i) / float64(i+j) // probability that the largest of all is of the first kind
			next := make([]float64, n*m+1)
			for u := range next {
				next[u] = (1 - first) * share[i][u]
				if u >= j {
					next[u] += first * share[i-1][u-j]
				}
			}
			share[i] = next
		}
	}
	sum := 0.0
	for u := max(least, 0); u <= n*m; u++ {
		sum += share[n][u]
	}
	return math.Min(sum, 1)
}

// unequal is the probability that units drawn independently would spread over equal places as unequally as these shares, by
// Pearson's chi-square test; 1 where there are too few for it.
func unequal(shares []float64, units float64) float64 {
	k := float64(len(shares))
	if len(shares) < 2 || units/k < 5 {
		return 1
	}
	total, statistic := 0.0, 0.0
	for _, x := range shares {
		total += x
	}
	if total <= 0 {
		return 1
	}
	for _, x := range shares {
		d := x/total - 1/k
		statistic += units * d * d * k
	}
	return (distuv.ChiSquared{K: k - 1}).Survival(statistic)
}
