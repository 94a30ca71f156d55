package capacity_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pegel/internal/capacity"
	"pegel/testenv"
)

// copied is a copying user: one message after the other with short pauses.
type copied struct {
	rng     *rand.Rand
	account int
}

func (c *copied) Next() testenv.Act {
	c.account = c.rng.IntN(1000)
	return testenv.Act{Action: "imap.copy", Operations: []string{"imap.copy"}, Account: c.account,
		Think: time.Duration(c.rng.ExpFloat64() * 0.15 * float64(time.Second))}
}

// mailPlatform is a web server before a storage of few disks, which copying loads too.
func mailPlatform(slower float64) testenv.Definition {
	ms := func(v float64) testenv.Service {
		return testenv.Service{Mean: time.Duration(v * slower * float64(time.Millisecond)), CV: 0.8}
	}
	d := testenv.Definition{Name: "effects", Resources: []testenv.Resource{
		{Name: "web", Kind: "workers", Limit: 40}, {Name: "storage", Kind: "disk", Limit: 8},
	}, Operations: map[string][]testenv.Step{"imap.copy": {{Use: "storage", For: ms(30)}}}}
	for _, m := range mix {
		steps := []testenv.Step{{Use: "storage", For: ms(18)}}
		if strings.HasPrefix(m.action, "web.") {
			steps = []testenv.Step{{Use: "web", For: ms(12), Steps: steps}}
		}
		d.Operations[m.action] = steps
	}
	return d
}

// plateau is a stage of a simulated campaign.
type plateau struct{ users, copying int }

// simulate returns what one hold of a plateau shows, in blocks.
func simulate(p plateau, slower float64, seed uint64, blocks int, grid []capacity.Bin, action string) capacity.ExperimentStage {
	const each = 18 * time.Second
	st := capacity.ExperimentStage{Load: capacity.Load{Users: float64(p.users)}}
	for b := range uint64(blocks) {
		w := workload(seed*1000 + b)
		for i := range p.copying {
			w.Background = append(w.Background, func() testenv.User {
				return &copied{rng: rand.New(rand.NewPCG(seed*1000+b, uint64(1e6+i)))}
			})
		}
		sim := testenv.Simulate(mailPlatform(slower), w, testenv.SimOptions{Users: p.users, Seed: seed*1000 + b, Warmup: 5 * time.Second, Horizon: each})
		block := capacity.ExperimentBlock{Counts: make([]float64, len(grid))}
		r := sim.Actions[action]
		for k := range 1000 {
			v := r.Quantile((float64(k) + 0.5) / 1000).Seconds()
			bin, _ := slices.BinarySearchFunc(grid, v, func(b capacity.Bin, v float64) int {
				if b.Low+b.Width <= v {
					return -1
				}
				return 1
			})
			block.Counts[min(bin, len(grid)-1)] += float64(r.Count) / 1000
		}
		for _, x := range sim.Resources {
			block.Use = append(block.Use, x.Utilisation)
		}
		if c := sim.Background["imap.copy"]; c != nil {
			st.Copy += c.Throughput / float64(blocks)
		}
		st.Blocks = append(st.Blocks, block)
	}
	return st
}

func fineGrid() []capacity.Bin {
	var grid []capacity.Bin
	for k := range 240 {
		low := 1e-4 * math.Pow(10, float64(k)/40)
		grid = append(grid, capacity.Bin{Low: low, Width: 1e-4*math.Pow(10, float64(k+1)/40) - low})
	}
	return grid
}

// campaign simulates the stages one after the other; service times grow by the given share over the whole of it.
func campaign(stages []plateau, growth float64, seed uint64) *capacity.Experiment {
	e := &capacity.Experiment{Grid: fineGrid(), Quantile: 0.95}
	for i, p := range stages {
		time := float64(i) / float64(len(stages)-1)
		st := simulate(p, 1+growth*time, seed*100+uint64(i), 10, e.Grid, "imap.fetch")
		st.At = float64(i) * 300
		e.Stages = append(e.Stages, st)
	}
	return e
}

const copiers = 12

// staircase is the experiment: at each load with copying and without, in the order off, on, on, off …, the first repeated.
var staircase = []plateau{{120, 0}, {120, copiers}, {260, copiers}, {260, 0}, {385, 0}, {385, copiers}, {120, 0}}

// trueTimes are the true p95 of imap.fetch in seconds, from simulations of two hours each: the first bit of the index says
// 385 users instead of 120, the second copying, the third service times longer by 10 % × 5/6, as in the sixth stage.
var trueTimes = [8]float64{0.0446, 0.0474, 0.0448, 0.0750, 0.0484, 0.0537, 0.0488, 0.1083}

// trueParts divides the true rise between the first stage and the sixth, by the definition of the Shapley value.
func trueParts(drifting bool) (parts map[string]float64, rise float64) {
	kinds := []string{capacity.FromUsers, capacity.FromCopy, capacity.FromDrift}
	value := trueTimes
	if !drifting {
		copy(value[4:], value[:4])
	}
	parts = map[string]float64{}
	weight := []float64{1.0 / 3, 1.0 / 6, 1.0 / 3}
	for k, kind := range kinds {
		for set := range value {
			if set>>k&1 == 0 {
				size := set&1 + set>>1&1 + set>>2&1
				parts[kind] += weight[size] * (value[set|1<<k] - value[set])
			}
		}
	}
	return parts, value[7] - value[0]
}

// TestEffectsOfSimulatedPlatform holds the parts against the simulation's own counterfactuals, on a platform that stays as
// it is and on one whose service times grow by a tenth over the campaign.
func TestEffectsOfSimulatedPlatform(t *testing.T) {
	const seeds = 4
	for _, growth := range []float64{0, 0.10} {
		truth, rise := trueParts(growth > 0)
		covered, judged := 0, 0
		var miss []float64
		for seed := range uint64(seeds) {
			a := capacity.Attribute(campaign(staircase, growth, seed+1), 200, seed)
			if !a.Determined || !a.DriftKnown {
				t.Fatalf("growth %v, seed %d: not determined: %s", growth, seed, a.Why)
			}
			var total float64
			for _, p := range a.Parts {
				total += p.Value
				if p.Kind != capacity.FromUsers && p.Kind != capacity.FromCopy {
					continue
				}
				judged++
				if p.Low <= truth[p.Kind] && truth[p.Kind] <= p.High {
					covered++
				}
				miss = append(miss, math.Abs(p.Value-truth[p.Kind])/rise)
				t.Logf("growth %v, seed %d: %s %.1f ms (%.1f–%.1f), truth %.1f", growth, seed, p.Kind, 1e3*p.Value, 1e3*p.Low, 1e3*p.High, 1e3*truth[p.Kind])
			}
			if math.Abs(total-(a.To.Value-a.From.Value)) > 1e-9 {
				t.Errorf("the parts sum to %g, the rise is %g", total, a.To.Value-a.From.Value)
			}
			if growth > 0 && (!a.Drift.Clear() || math.Abs(a.Drift.Value-growth) > 0.05) {
				t.Errorf("seed %d: times grew by %.3f (%.3f–%.3f), truth %.2f", seed, a.Drift.Value, a.Drift.Low, a.Drift.High, growth)
			}
		}
		slices.Sort(miss)
		if middle := miss[len(miss)/2]; middle > 0.05 {
			t.Errorf("growth %v: half of the parts miss by more than %.1f %% of the rise", growth, 100*middle)
		}
		if worst := miss[len(miss)-1]; worst > 0.10 {
			t.Errorf("growth %v: a part misses by %.1f %% of the rise", growth, 100*worst)
		}
		if covered < judged*3/4 {
			t.Errorf("growth %v: %d of %d intervals hold the truth", growth, covered, judged)
		}
	}
}

// TestUsesOfSimulatedPlatform: the storage's use by copying is its demand times its rate, which is known.
func TestUsesOfSimulatedPlatform(t *testing.T) {
	a := capacity.Attribute(campaign(staircase[:6], 0, 3), 100, 1)
	if a.DriftKnown {
		t.Error("drift passes for known though no stage was repeated")
	}
	storage := a.Uses[1]
	for _, p := range storage.Parts {
		if p.Kind != capacity.FromCopy {
			continue
		}
		if want := a.To.Copy * 0.030 / 8; math.Abs(p.Value-want) > 0.1*want {
			t.Errorf("copying uses %.3f (%.3f–%.3f) of the storage, want %.3f", p.Value, p.Low, p.High, want)
		}
	}
	for _, p := range a.Uses[0].Parts {
		if p.Kind == capacity.FromCopy && p.Value > 0.01 {
			t.Errorf("copying uses %.3f of the web workers, which it never visits", p.Value)
		}
	}
}

// made is a stage with log-normal response times around a median in seconds, in blocks that differ by a per cent or two.
func made(at float64, load capacity.Load, median float64) capacity.ExperimentStage {
	st := capacity.ExperimentStage{Load: load, At: at}
	rng := rand.New(rand.NewPCG(uint64(at), uint64(load.Users)))
	for range 12 {
		b := capacity.ExperimentBlock{Counts: make([]float64, 240), Use: []float64{load.Users/1000 + 0.01*load.Copy + load.Fresh/10000, math.NaN()}}
		middle := median * math.Exp(0.01*rng.NormFloat64())
		for k := range 500 {
			p := (float64(k) + 0.5) / 500
			v := middle * math.Exp(0.5*math.Log(p/(1-p))/1.702)
			b.Counts[int(40*math.Log10(v/1e-4))]++
		}
		st.Blocks = append(st.Blocks, b)
	}
	return st
}

// parts lists values by kind.
func parts(list []capacity.Part) map[string]float64 {
	m := map[string]float64{}
	for _, p := range list {
		m[p.Kind] = p.Value
	}
	return m
}

// TestEffectsThatMultiply has three causes that multiply: 2 by users, 1.5 by copying, 1.25 by fresh accounts. Of three
// factors a, b, c the Shapley value of a is (a−1)·(2 + b + c + 2bc)/6.
func TestEffectsThatMultiply(t *testing.T) {
	e := &capacity.Experiment{Grid: fineGrid()}
	at := 0.0
	add := func(users, copies, fresh, factor float64) {
		e.Stages = append(e.Stages, made(at, capacity.Load{Users: users, Copy: copies, Fresh: fresh}, 0.1*factor))
		at += 100
	}
	for _, x := range []struct{ users, factor float64 }{{100, 1}, {200, 2}} {
		add(x.users, 0, 0, x.factor)
		add(x.users, 10, 0, 1.5*x.factor)
		add(x.users, 10, 500, 1.5*1.25*x.factor)
		add(x.users, 0, 500, 1.25*x.factor)
	}
	add(100, 0, 0, 1)
	a := capacity.Attribute(e, 100, 7)
	if !a.Determined || len(a.Unresolved) > 0 {
		t.Fatalf("not determined: %s, %v", a.Why, a.Unresolved)
	}
	got, unit := parts(a.Parts), a.From.Value
	for _, c := range []struct {
		kind    string
		a, b, c float64
	}{{capacity.FromUsers, 2, 1.5, 1.25}, {capacity.FromCopy, 1.5, 2, 1.25}, {capacity.FromFresh, 1.25, 2, 1.5}} {
		want := unit * (c.a - 1) * (2 + c.b + c.c + 2*c.b*c.c) / 6
		if math.Abs(got[c.kind]-want) > 0.03*2.75*unit {
			t.Errorf("%s: %.4f, want %.4f", c.kind, got[c.kind], want)
		}
	}
	if len(a.Uses) != 2 || len(a.Uses[1].Parts) != 0 {
		t.Fatalf("uses %+v; the second resource is not known", a.Uses)
	}
	use := parts(a.Uses[0].Parts)
	for kind, want := range map[string]float64{capacity.FromUsers: 0.2, capacity.FromCopy: 0.1, capacity.FromFresh: 0.05, capacity.FromRest: 0} {
		if math.Abs(use[kind]-want) > 1e-6 {
			t.Errorf("use by %s: %g, want %g", kind, use[kind], want)
		}
	}
	again := capacity.Attribute(e, 100, 7)
	if !slices.Equal(again.Parts, a.Parts) {
		t.Error("the same data and seed give another answer")
	}
}

func TestEffectsThatCannotBeTold(t *testing.T) {
	stages := func(loads ...capacity.Load) *capacity.Experiment {
		e := &capacity.Experiment{Grid: fineGrid()}
		for i, l := range loads {
			e.Stages = append(e.Stages, made(float64(100*i), l, 0.1+l.Users/1000+l.Copy/100))
		}
		return e
	}
	load := func(users, copies, fresh float64) capacity.Load {
		return capacity.Load{Users: users, Copy: copies, Fresh: fresh}
	}
	for name, c := range map[string]struct {
		e    *capacity.Experiment
		code string
	}{
		"rising together":        {stages(load(100, 5, 0), load(200, 10, 0), load(300, 15, 0), load(100, 5, 0)), "effects-copy-collinear"},
		"from nothing":           {stages(load(100, 0, 0), load(200, 10, 0), load(300, 20, 0), load(100, 0, 0)), "effects-copy-collinear"},
		"only at the lowest":     {stages(load(100, 0, 0), load(100, 20, 0), load(300, 20, 0), load(500, 20, 0)), "effects-copy-collinear"},
		"always on":              {stages(load(100, 10, 0), load(200, 10, 0), load(300, 10, 0)), "effects-copy-always"},
		"fresh with users":       {stages(load(100, 0, 0), load(200, 0, 400), load(300, 0, 800)), "effects-fresh-collinear"},
		"fresh always with copy": {stages(load(100, 0, 0), load(100, 10, 400), load(200, 0, 0), load(200, 10, 400)), "effects-together"},
		"few":                    {stages(load(100, 0, 0), load(100, 10, 0)), "effects-few-stages"},
		"nothing to tell":        {stages(load(100, 0, 0), load(200, 0, 0), load(300, 0, 0)), "effects-no-contrast"},
	} {
		a := capacity.Attribute(c.e, 50, 1)
		if a.Determined || a.Why.Code != c.code {
			t.Errorf("%s: determined %v, %q; want %q", name, a.Determined, a.Why.Code, c.code)
		}
	}
	// fresh accounts come with the users, copying was switched on and off: that at least is known
	a := capacity.Attribute(stages(load(100, 0, 0), load(100, 10, 0), load(200, 10, 0), load(200, 0, 0), load(300, 10, 600)), 50, 1)
	if !a.Determined || !slices.Equal(a.Unresolved, []string{capacity.FromFresh}) || a.To.Users != 200 {
		t.Errorf("determined %v, unresolved %v, to %v; want copying up to 200 users without the fresh accounts", a.Determined, a.Unresolved, a.To)
	}
}
