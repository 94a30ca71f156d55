package capacity_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pegel/internal/capacity"
	"pegel/testenv"
)

// mix is the share of each action of the simulated users, and whether it goes through the balancer.
var mix = []struct {
	action string
	weight float64
}{
	{"web.list", 0.25}, {"web.read", 0.20}, {"web.send", 0.03}, {"imap.fetch_headers", 0.15}, {"imap.fetch", 0.22},
	{"imap.search", 0.04}, {"smtp.send", 0.05}, {"caldav.query", 0.06},
}

// simulated is a user of the simulated platform: actions by weight, lognormal think times of 1.2 s on average.
type simulated struct {
	rng     *rand.Rand
	account int
}

func (s *simulated) Next() testenv.Act {
	u := s.rng.Float64()
	action := mix[len(mix)-1].action
	for _, m := range mix {
		if u -= m.weight; u < 0 {
			action = m.action
			break
		}
	}
	think := time.Duration(math.Exp(s.rng.NormFloat64()*0.65) * 0.97 * float64(time.Second))
	return testenv.Act{Action: action, Operations: []string{action}, Account: s.account, Think: think}
}

const limit = 400 * time.Millisecond

func workload(seed uint64) testenv.Workload {
	w := testenv.Workload{User: func(i int) testenv.User {
		return &simulated{rand.New(rand.NewPCG(seed, uint64(i))), i}
	}}
	for _, m := range mix {
		w.Objectives = append(w.Objectives, testenv.Objective{Action: m.action, Quantile: 0.95, Max: limit})
	}
	return w
}

// measured simulates stages at the given loads and hands over what an archive would hold of them.
func measured(def testenv.Definition, seed uint64, loads []int, hold time.Duration) *capacity.Input {
	const perDecade = 40
	in := &capacity.Input{}
	for k := 0; k < 6*perDecade; k++ {
		low := 1e-4 * math.Pow(10, float64(k)/perDecade)
		in.Grid = append(in.Grid, capacity.Bin{Low: low, Width: 1e-4*math.Pow(10, float64(k+1)/perDecade) - low})
	}
	for _, m := range mix {
		in.Actions = append(in.Actions, capacity.Action{Name: m.action, Objectives: []capacity.Objective{{Name: "p95", Quantile: 0.95, Limit: limit.Seconds()}}})
	}
	for _, r := range def.Resources {
		res := capacity.Resource{Name: r.Name, Kind: r.Kind, Group: r.Group}
		for _, m := range mix {
			balanced := strings.HasPrefix(m.action, "web.") || strings.HasPrefix(m.action, "caldav.")
			res.Passes = append(res.Passes, balanced || r.Name != "balancer" && r.Name != "web")
		}
		in.Resources = append(in.Resources, res)
	}
	const blocks = 6
	for _, users := range loads {
		st := capacity.Stage{Load: capacity.Load{Users: float64(users)}}
		length := hold / blocks
		for _, sim := range testenv.SimulateBlocks(def, workload(seed), testenv.SimOptions{Users: users, Seed: seed*1000 + 7, Warmup: 4 * time.Second, Horizon: length * blocks}, length) {
			block := capacity.Block{Seconds: length.Seconds()}
			for _, m := range mix {
				a := capacity.ActionBlock{Counts: make([]float64, len(in.Grid))}
				if r := sim.Actions[m.action]; r != nil && r.Count > 0 {
					a.Done = float64(r.Count)
					for k := range 400 {
						v := r.Quantile((float64(k) + 0.5) / 400).Seconds()
						bin := int(perDecade * math.Log10(v/1e-4))
						a.Counts[max(0, min(bin, len(in.Grid)-1))] += a.Done / 400
					}
				}
				block.Actions = append(block.Actions, a)
			}
			for _, r := range sim.Resources {
				block.Resources = append(block.Resources, capacity.ResourceBlock{Valid: true, Limit: float64(r.Limit), InUse: r.Utilisation * float64(r.Limit), Visits: float64(r.Served), Busy: r.Busy, Waited: r.Wait})
			}
			st.Blocks = append(st.Blocks, block)
		}
		in.Stages = append(in.Stages, st)
	}
	return in
}

// The forecast from counters, measured up to some 65 % of the capacity, against the truth of the simulation.
func TestForecastOfDrawnPlatforms(t *testing.T) {
	seeds := 3
	covered := 0
	for seed := range uint64(seeds) {
		def := testenv.Draw(seed)
		truth, err := testenv.Truth(context.Background(), def, workload(seed), testenv.TruthOptions{Seed: 9, Events: 2_000_000})
		if err != nil {
			t.Fatal(err)
		}
		var loads []int
		for _, share := range []float64{0.2, 0.33, 0.45, 0.56, 0.65} {
			loads = append(loads, int(share*float64(truth.Users)))
		}
		start := time.Now()
		f := capacity.Predict(measured(def, seed, loads, 10*time.Second), capacity.Options{Seed: seed, Draws: 200})
		took := time.Since(start)
		if !f.Determined {
			t.Errorf("seed %d: not determined: %s", seed, f.Why)
			continue
		}
		miss := f.Users.P50/float64(truth.Users) - 1
		if float64(truth.Users) >= f.Users.P05 && float64(truth.Users) <= f.Users.P95 {
			covered++
		}
		t.Logf("seed %d: truth %d (%s, %s), forecast %.0f (%.0f–%.0f), %+.1f %%, first %s at %s (%.0f %%), warnings %v, %v", seed, truth.Users, truth.Action, truth.Resource,
			f.Users.P50, f.Users.P05, f.Users.P95, 100*miss, f.First.Action, f.First.Resource, 100*f.First.Probability, f.Warnings, took.Round(time.Millisecond))
		if math.Abs(miss) > 0.15 {
			t.Errorf("seed %d: forecast misses by %.1f %%", seed, 100*miss)
		}
		if f.Users.P95 > 1.5*f.Users.P05 {
			t.Errorf("seed %d: interval %.0f–%.0f is too wide", seed, f.Users.P05, f.Users.P95)
		}
		if f.First.Resource != truth.Resource {
			t.Logf("seed %d: first is %s, truth says %s", seed, f.First.Resource, truth.Resource)
		}
	}
	if covered < seeds {
		t.Errorf("the interval holds the truth for %d of %d platforms", covered, seeds)
	}
}
