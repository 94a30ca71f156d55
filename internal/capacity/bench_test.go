package capacity

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// large is a run of 10 stages, 40 actions and 8 resources, of which the fifth is used most.
func large() *Input {
	rng := rand.New(rand.NewPCG(1, 2))
	in := &Input{Grid: Grid(), Errors: &Objective{Name: "errors", Errors: 0.005}}
	for a := range 40 {
		in.Actions = append(in.Actions, Action{Name: fmt.Sprintf("web.a%02d", a), Objectives: []Objective{{Name: "p95", Quantile: 0.95, Limit: 1}}})
	}
	for r := range 8 {
		res := Resource{Name: fmt.Sprintf("r%d", r)}
		for a := range 40 {
			res.Passes = append(res.Passes, a%8 != r)
		}
		in.Resources = append(in.Resources, res)
	}
	for stage := range 10 {
		users := 300 * float64(stage+1)
		st := Stage{Load: Load{Users: users}}
		for range 60 {
			b := Block{Seconds: 3}
			total := 0.0
			for a := range 40 {
				n := math.Round(users / 10 / 40 * 3 * (0.8 + 0.4*rng.Float64()))
				x := ActionBlock{Counts: make([]float64, len(in.Grid)), Done: n}
				for range int(n) {
					x.Counts[GridBin(math.Exp(-2.5+0.6*rng.NormFloat64()+0.01*float64(a)), len(in.Grid))]++
				}
				total += n
				b.Actions = append(b.Actions, x)
			}
			for r := range 8 {
				limit := 20 + 4*math.Abs(float64(r-4))
				b.Resources = append(b.Resources, ResourceBlock{Valid: true, Holds: true, Limit: limit, InUse: total / 3 * 0.04, Visits: total, Busy: total * 0.04 * (0.97 + 0.06*rng.Float64()), Waited: 0.0001 * total})
			}
			st.Blocks = append(st.Blocks, b)
		}
		in.Stages = append(in.Stages, st)
	}
	return in
}

func BenchmarkPredict(b *testing.B) {
	in := large()
	for b.Loop() {
		f := Predict(in, Options{Draws: 500, Seed: 1})
		if !f.Determined {
			b.Fatal(f.Why)
		}
		b.ReportMetric(f.Users.P50, "users")
	}
}
