package judge

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"pegel/internal/record"
)

// armDraws is how often the blocks of both arms are drawn again.
const armDraws = 400

// tally counts responses by the buckets that occur in any of the blocks compared.
type tally struct {
	low, width []time.Duration
	blocks     [2][][][]float64 // by arm, stage and block
}

// compareAction compares one action of two arms by a bootstrap over blocks: blocks of each stage are drawn with replacement (Künsch
// 1989; they are longer than the platform's relaxation time), the quantiles of both arms are taken, and the spread of their
// difference is the standard error. It is judged by Student's t with the blocks less one of each stage as degrees of freedom, and
// Clear at 1 % shared among so many actions (Bonferroni).
func (r *reading) compareAction(action string, sides [2][]*StageResult, among int) ArmAction {
	rng := rand.New(rand.NewPCG(r.out.Meta.Seed, uint64(sides[1][0].Index)))
	return r.tally(action, sides).compare(action, rng, among)
}

func (t *tally) compare(action string, rng *rand.Rand, among int) ArmAction {
	out := ArmAction{Action: action}
	freedom := 0
	for side := range t.blocks {
		for _, blocks := range t.blocks[side] {
			freedom += max(0, len(blocks)-1)
		}
		all := t.sum(side, nil)
		out.P50[side], out.P95[side] = t.quantile(all, 0.5), t.quantile(all, 0.95)
	}
	d50, d95 := make([]float64, armDraws), make([]float64, armDraws)
	for k := range armDraws {
		asIs, changed := t.sum(0, rng), t.sum(1, rng)
		d50[k] = (t.quantile(changed, 0.5) - t.quantile(asIs, 0.5)).Seconds()
		d95[k] = (t.quantile(changed, 0.95) - t.quantile(asIs, 0.95)).Seconds()
	}
	out.D50 = difference(out.P50, d50, freedom, among)
	out.D95 = difference(out.P95, d95, freedom, among)
	return out
}

// difference is that of a quantile in two arms, with what its draws say of it.
func difference(q [2]time.Duration, draws []float64, freedom, among int) Difference {
	mid := (q[1] - q[0]).Seconds()
	mean, squares := 0.0, 0.0
	for _, x := range draws {
		mean += x / float64(len(draws))
	}
	for _, x := range draws {
		squares += (x - mean) * (x - mean)
	}
	// no quantile is known better than its bucket is wide, which is some 3 % of it
	se := math.Max(math.Sqrt(squares/float64(len(draws)-1)), 0.01*q[0].Seconds())
	out := Difference{Mid: q[1] - q[0]}
	if freedom < 2 {
		out.Low, out.High = -max(q[0], q[1]), max(q[0], q[1])
		return out
	}
	student := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(freedom)}
	wide := student.Quantile(0.95) * se
	out.Low, out.High = seconds(mid-wide), seconds(mid+wide)
	out.t = mid / se
	enough := student.Quantile(1 - 0.01/2/float64(max(among, 1)))
	out.Clear = math.Abs(out.t) > enough && math.Abs(mid) >= leastChange*math.Min(q[0].Seconds(), q[1].Seconds()) && (q[1]-q[0]).Abs() >= leastTime
	return out
}

func (r *reading) tally(action string, sides [2][]*StageResult) *tally {
	a, personas := slices.Index(r.out.Meta.Actions, action), len(r.out.Meta.Personas)
	place := map[uint16]int{}
	var found []uint16
	each := func(in *interval, f func(bucket uint16, n uint32)) {
		for p := range personas {
			if s := in.of(a*personas + p); s != nil {
				for _, b := range s.response {
					f(uint16(b.index()), b.count())
				}
			}
		}
	}
	var split [2][][][]*interval
	for side, stages := range sides {
		for _, st := range stages {
			blocks := r.blocks(st)
			split[side] = append(split[side], blocks)
			for _, block := range blocks {
				for _, in := range block {
					each(in, func(bucket uint16, _ uint32) {
						if _, known := place[bucket]; !known {
							place[bucket] = 0
							found = append(found, bucket)
						}
					})
				}
			}
		}
	}
	slices.Sort(found)
	t := &tally{}
	for i, bucket := range found {
		place[bucket] = i
		low, width := record.BucketBounds(int(bucket))
		t.low, t.width = append(t.low, low), append(t.width, width)
	}
	for side := range split {
		for _, blocks := range split[side] {
			var list [][]float64
			for _, block := range blocks {
				counts := make([]float64, len(found))
				for _, in := range block {
					each(in, func(bucket uint16, n uint32) { counts[place[bucket]] += float64(n) })
				}
				list = append(list, counts)
			}
			t.blocks[side] = append(t.blocks[side], list)
		}
	}
	return t
}

// sum adds the blocks of one arm up: each once, or as many of each stage as it has, drawn with replacement.
func (t *tally) sum(side int, rng *rand.Rand) []float64 {
	all := make([]float64, len(t.low))
	for _, blocks := range t.blocks[side] {
		for i := range blocks {
			if rng != nil {
				i = rng.IntN(len(blocks))
			}
			for k, n := range blocks[i] {
				all[k] += n
			}
		}
	}
	return all
}

// quantile of the counts, even within a bucket; 0 where there is none.
func (t *tally) quantile(counts []float64, q float64) time.Duration {
	total := 0.0
	for _, n := range counts {
		total += n
	}
	rank := q * total
	for k, n := range counts {
		if n > 0 && n >= rank {
			return t.low[k] + time.Duration(rank/n*float64(t.width[k]))
		}
		rank -= n
	}
	return 0
}
