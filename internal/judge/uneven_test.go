package judge

import (
	"math/rand/v2"
	"testing"
)

// Users that a balancer spreads equally are called uneven as rarely as the test says, whatever they do; one backend with
// twice the others' users is found.
func TestUnevenBackends(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 0))
	rows := func(users int, weights ...float64) []DimensionRow {
		list := make([]DimensionRow, len(weights))
		var sum float64
		for i, w := range weights {
			sum, list[i].Name = sum+w, string(rune('a'+i))
		}
		for range users {
			u, at := rng.Float64()*sum, 0
			for u >= weights[at] {
				u -= weights[at]
				at++
			}
			list[at].Count += uint64(5 + rng.IntN(20)) // what one user does is done at one backend
		}
		return list
	}
	found := 0
	for range 2000 {
		if _, ok := unevenly(rows(300, 1, 1, 1), 300); ok {
			found++
		}
	}
	if found > 20 { // 0.1 % of 2,000, and somewhat more because users are not alike
		t.Errorf("equal backends are called uneven in %d of 2000 runs", found)
	}
	covered := 0
	for range 200 {
		u, ok := unevenly(rows(800, 2, 1), 800)
		if !ok || u.busiest != "a" || u.backends != 2 {
			t.Fatalf("twice the users: %+v %v", u, ok)
		}
		if u.low < 2./3 && 2./3 < u.high {
			covered++
		}
	}
	if covered < 170 {
		t.Errorf("the 95 %% interval holds the true share in %d of 200 runs", covered)
	}
	for name, c := range map[string]struct {
		rows  []DimensionRow
		users float64
	}{
		"few users":          {rows(9, 5, 1), 9},
		"one backend":        {rows(300, 1), 300},
		"no users":           {nil, 0},
		"a small difference": {[]DimensionRow{{Name: "a", Count: 53000}, {Name: "b", Count: 47000}}, 100000},
	} {
		if u, ok := unevenly(c.rows, c.users); ok {
			t.Errorf("%s: %+v", name, u)
		}
	}
}
