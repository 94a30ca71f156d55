package diagnosis

import (
	"math"
	"math/rand/v2"
	"testing"

	"pegel/internal/judge"
)

// The shares of orders are those of the published table of the rank sum's critical values (Mann and Whitney 1947, table I: 4 and
// 4 values, at most one pair the wrong way round, 0.029; 3 and 3, none, 0.050), and all orders are counted.
func TestTailOfTheRankSum(t *testing.T) {
	for _, c := range []struct {
		n, m, least int
		want        float64
	}{
		{3, 3, 9, 1. / 20}, {4, 4, 16, 1. / 70}, {4, 4, 15, 2. / 70}, {8, 8, 64, 1. / 12870}, {8, 16, 128, 1. / 735471}, {5, 7, 0, 1}, {2, 2, 2, 4. / 6},
	} {
		if got := tail(c.n, c.m, c.least); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%d and %d, at least %d pairs: %v, want %v", c.n, c.m, c.least, got, c.want)
		}
	}
}

// For larger samples the normal distribution says nearly the same as counting.
func TestRankSumsAgree(t *testing.T) {
	for least := 0; least <= 12*30; least += 7 {
		if a, b := tail(12, 30, least), roughly(12, 30, float64(least)); math.Abs(a-b) > 0.004 {
			t.Errorf("at least %d pairs: counted %v, by the normal distribution %v", least, a, b)
		}
	}
}

// users draws what users of values of a dimension meet: each user has a factor of its own, as one has a large mailbox, and one
// value has a further one. The parts are those of the archive.
func users(rng *rand.Rand, values, each int, slow float64) []judge.Split {
	split := judge.Split{Kind: "backend", Actions: "web.*"}
	for v := range values {
		var count [8]uint64
		var taken [8]float64
		row := judge.SplitRow{Name: string(rune('a' + v))}
		for range each {
			own := math.Exp(0.5 * rng.NormFloat64())
			if v == 0 {
				own *= slow
			}
			fold := rng.IntN(8)
			for range 20 {
				count[fold]++
				taken[fold] += own * rng.ExpFloat64()
			}
		}
		for i := range count {
			row.Count += count[i]
			row.Ratio += taken[i]
			if count[i] > 0 {
				row.Folds = append(row.Folds, judge.FoldRatio{Count: count[i], Ratio: taken[i] / float64(count[i])})
			}
		}
		row.Ratio /= float64(row.Count)
		split.Rows = append(split.Rows, row)
	}
	return []judge.Split{split}
}

// Values that are alike are called different in no more than the share of runs that is said, although single users differ, which a
// test over requests would take for a difference of the values. One that is twice as slow is found.
func TestUsersAreWhatIsIndependent(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 0))
	const runs = 1500
	wrong := 0
	for range runs {
		for _, d := range differences(users(rng, 4, 25, 1)) {
			if d.chance < 0.05 {
				wrong++
				break
			}
		}
	}
	if most := 0.05*runs + 3*math.Sqrt(0.05*0.95*runs); float64(wrong) > most {
		t.Errorf("alike values are called different in %d of %d runs", wrong, runs)
	}
	found := 0
	for range 100 {
		if d := clearest(differences(users(rng, 4, 50, 2))); d != nil && d.row.Name == "a" {
			found++
		}
	}
	if found < 90 {
		t.Errorf("one that is twice as slow is found in %d of 100 runs", found)
	}
}

func TestUsersAlikeAreSpreadByChance(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 0))
	wrong := 0
	for range 2000 {
		shares := make([]float64, 3)
		for range 120 {
			shares[rng.IntN(3)]++
		}
		if unequal(shares, 120) < 0.01 {
			wrong++
		}
	}
	if wrong > 40 {
		t.Errorf("equal places are called unequal in %d of 2000 runs", wrong)
	}
	if p := unequal([]float64{60, 20, 20}, 100); p > 1e-6 {
		t.Errorf("three times as many: %v", p)
	}
	if p := unequal([]float64{9, 1}, 8); p != 1 {
		t.Errorf("too few: %v", p)
	}
}

func TestIntercept(t *testing.T) {
	value, deviation := intercept([]float64{100, 200, 300, 400}, []float64{3, 4, 5, 6})
	if math.Abs(value-2) > 1e-9 || deviation > 1e-6 {
		t.Errorf("%v ± %v", value, deviation)
	}
	value, deviation = intercept([]float64{100, 200, 300, 400}, []float64{1, 2.2, 2.8, 4})
	if math.Abs(value) > 2*deviation {
		t.Errorf("through 0: %v ± %v", value, deviation)
	}
}
