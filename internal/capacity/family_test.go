package capacity_test

import (
	"math"
	"path"
	"slices"
	"testing"
	"time"

	"pegel/internal/capacity"
	"pegel/testenv"
)

// stagesOf simulates the stages of a drawn platform at parts of its capacity, in blocks of five seconds, with other random
// numbers than its truth has.
func stagesOf(d testenv.Drawn, truth float64, seed uint64, parts ...float64) *capacity.Input {
	const block = 5 * time.Second
	in := &capacity.Input{Grid: capacity.Grid()}
	for _, name := range d.Actions {
		a := capacity.Action{Name: name}
		for _, o := range d.Workload.Objectives {
			if ok, _ := path.Match(o.Action, name); ok && o.Quantile > 0 {
				a.Objectives = append(a.Objectives, capacity.Objective{Name: "p95", Quantile: o.Quantile, Limit: o.Max.Seconds()})
			} else if o.MaxErrors > 0 {
				in.Errors = &capacity.Objective{Name: "errors", Errors: o.MaxErrors}
			}
		}
		in.Actions = append(in.Actions, a)
	}
	for _, r := range d.Definition.Resources {
		if r.Hidden {
			continue
		}
		res := capacity.Resource{Name: r.Name, Kind: r.Kind, Group: r.Group}
		if r.Queue != nil && *r.Queue == 0 {
			res.Queueing = capacity.Refuses
		}
		for _, name := range d.Actions {
			res.Passes = append(res.Passes, slices.Contains(d.Passes[r.Name], name))
		}
		in.Resources = append(in.Resources, res)
	}
	for i, part := range parts {
		users := max(2, int(part*truth+0.5))
		st := capacity.Stage{Load: capacity.Load{Users: float64(users)}, At: float64(i) * 420}
		for _, r := range testenv.SimulateBlocks(d.Definition, d.Workload, testenv.SimOptions{Users: users, Seed: seed*131 + uint64(i), Warmup: 2 * time.Minute, Horizon: 5 * time.Minute}, block) {
			st.Blocks = append(st.Blocks, blockOf(d, in, r, block))
		}
		in.Stages = append(in.Stages, st)
	}
	return in
}

func blockOf(d testenv.Drawn, in *capacity.Input, r *testenv.SimResult, length time.Duration) capacity.Block {
	b := capacity.Block{Seconds: length.Seconds()}
	for _, name := range d.Actions {
		var a capacity.ActionBlock
		if x := r.Actions[name]; x != nil && x.Count > 0 {
			a = capacity.ActionBlock{Counts: make([]float64, len(in.Grid)), Done: float64(x.Count), Failed: float64(x.Errors)}
			x.Each(func(low, high time.Duration, n int64) {
				a.Counts[capacity.GridBin((low+high).Seconds()/2, len(in.Grid))] += float64(n)
			})
		}
		b.Actions = append(b.Actions, a)
	}
	for _, f := range r.Flight {
		if k := slices.Index(d.Actions, f.Action); k >= 0 {
			b.Flight = append(b.Flight, capacity.FlightCell{Action: k, Count: float64(f.Count), Level: f.Level, Sum: f.Sum})
		}
	}
	for _, s := range r.Resources {
		b.Resources = append(b.Resources, capacity.ResourceBlock{
			Valid: s.Kind != "memory", Holds: true, Limit: float64(s.Limit), InUse: s.Utilisation * float64(s.Limit),
			Queue: s.MeanQueue, Visits: float64(s.Served), Busy: s.Busy, Refused: float64(s.Refused), Waited: s.Wait,
		})
	}
	return b
}

// Platforms of five families, measured up to 60 % of their capacity: forecast from their counters, and, where nothing shows
// from outside before the limit is reached, not without them.
func TestForecastOfFamilies(t *testing.T) {
	for _, x := range []struct {
		family   string
		seeds    []uint64
		resource string
		silent   bool // nothing shows from outside
	}{
		{"lock", []uint64{3, 5}, capacity.Unobserved, false},
		{"bursts", []uint64{3}, "cpu", false},
		{"memory", []uint64{3, 5}, "memory", true},
		{"keepalive", []uint64{3}, "slots", true},
		{"refusing", []uint64{5}, "slots", true},
	} {
		for _, seed := range x.seeds {
			d, err := testenv.DrawFamily(x.family, seed)
			if err != nil {
				t.Fatal(err)
			}
			found, err := testenv.Truth(t.Context(), d.Definition, d.Workload, testenv.TruthOptions{Seed: 1, Events: 1_000_000, Guess: d.Nominal})
			if err != nil {
				t.Fatal(err)
			}
			truth := float64(found.Users)
			in := stagesOf(d, truth, seed, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
			f := capacity.Predict(in, capacity.Options{Seed: seed, Draws: 100})
			t.Logf("%s %d: truth %.0f (%s), forecast %v, first %s, warnings %v", x.family, seed, truth, found.Resource, f.Users, f.First.Resource, f.Warnings)
			if !f.Determined || math.Abs(f.Users.P50/truth-1) > 0.15 || truth < f.Users.P05 || truth > f.Users.P95 {
				t.Errorf("%s %d: %v %v, truth %.0f", x.family, seed, f.Users, f.Why, truth)
			}
			if f.First.Resource != x.resource || f.Lower != in.Stages[len(in.Stages)-1].Users {
				t.Errorf("%s %d: %q gives way first, want %q; held at %v", x.family, seed, f.First.Resource, x.resource, f.Lower)
			}
			blind := capacity.Predict(in, capacity.Options{Seed: seed, Draws: 20, Blind: true})
			if x.silent && (blind.Determined || blind.Probability(truth) > 0) {
				t.Errorf("%s %d: without counters %v, truth %.0f", x.family, seed, blind.Users, truth)
			}
			if blind.Lower > truth {
				t.Errorf("%s %d: held at %v by the stages, truth %.0f", x.family, seed, blind.Lower, truth)
			}
		}
	}
}
