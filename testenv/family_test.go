package testenv

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDrawnFamilies(t *testing.T) {
	for _, f := range Families() {
		for seed := range uint64(40) {
			d, err := DrawFamily(f.Name, seed)
			if err != nil {
				t.Fatal(err)
			}
			again, _ := DrawFamily(f.Name, seed)
			if diff := cmp.Diff(d.Definition, again.Definition); diff != "" {
				t.Errorf("%s %d: two platforms for one seed:\n%s", f.Name, seed, diff)
			}
			if d.Nominal < 250 || d.Nominal > 2500 || len(d.Actions) < 3 || len(d.Actions) > 5 {
				t.Errorf("%s %d: %d users, actions %v", f.Name, seed, d.Nominal, d.Actions)
			}
			if seed > 3 {
				continue
			}
			s := Simulate(d.Definition, d.Workload, SimOptions{Users: d.Nominal / 8, Seed: 1, Warmup: 30 * time.Second, Horizon: 600 * time.Second})
			for name, a := range s.Actions {
				if p95 := a.Quantile(0.95); p95 > 480*ms || a.Errors*200 > a.Count {
					t.Errorf("%s %d: %s takes %v and fails %d times of %d at an eighth of the load", f.Name, seed, name, p95, a.Errors, a.Count)
				}
			}
		}
	}
	if _, err := DrawFamily("cpus", 1); err == nil {
		t.Error("an unknown family is drawn")
	}
}

// The resource for which a family is named decides its capacity, which the rule of thumb finds within a third.
func TestFamiliesAreLimitedAsIntended(t *testing.T) {
	limited := map[string][]string{
		"cpu": {"cpu"}, "cpu-disk": {"cpu", "disk"}, "balancer": {"slots"}, "keepalive": {"slots"}, "refusing": {"slots"}, "lock": {"lock"},
		"memory": {"memory"}, "bursts": {"cpu"}, "gc": {"cpu"}, "cache": {"disk"}, "neighbour": {"cpu"}, "retry": {"cpu", "slots"},
	}
	for _, f := range Families() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			for seed := uint64(11); seed < 14; seed++ {
				d, err := DrawFamily(f.Name, seed)
				if err != nil {
					t.Fatal(err)
				}
				truth, err := Truth(t.Context(), d.Definition, d.Workload, TruthOptions{Seed: 1, Precision: 0.3, Guess: d.Nominal})
				if err != nil {
					t.Fatal(err)
				}
				found := false
				for _, name := range limited[f.Name] {
					found = found || truth.Resource == name
				}
				if !found || !near(float64(truth.Users), float64(d.Nominal), 0.33) {
					t.Errorf("seed %d: %+v, want about %d users for %v", seed, truth, d.Nominal, limited[f.Name])
				}
				if _, shown := d.Passes["lock"]; shown {
					t.Errorf("seed %d: the lock is shown", seed)
				}
			}
		})
	}
}

func TestTruthDoesNotDependOnTheClock(t *testing.T) {
	d, err := DrawFamily("cache", 2)
	if err != nil {
		t.Fatal(err)
	}
	var first TruthResult
	for k := range 2 {
		r, err := Truth(t.Context(), d.Definition, d.Workload, TruthOptions{Seed: 3, Events: 1_000_000, Guess: d.Nominal, Budget: time.Duration(1+k) * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if k > 0 && r != first {
			t.Errorf("%+v and %+v", first, r)
		}
		first = r
	}
}

func BenchmarkFamilies(b *testing.B) {
	for _, name := range []string{"cpu", "keepalive", "memory", "cache", "neighbour", "retry"} {
		b.Run(name, func(b *testing.B) {
			d, err := DrawFamily(name, 1)
			if err != nil {
				b.Fatal(err)
			}
			s := newSimulation(d.Definition, d.Workload, d.Nominal*8/10, 1)
			s.engine.advance(int64(100 * time.Second))
			before := s.engine.handled
			for b.Loop() {
				s.engine.advance(s.engine.now + int64(time.Second))
			}
			b.ReportMetric(float64(s.engine.handled-before)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
