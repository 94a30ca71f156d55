// Package accuracy holds forecasts against platforms whose capacity is known. It draws platforms of every family that
// testenv knows, finds their true capacity by simulation, simulates a measurement up to a fraction of it, forecasts from
// that with and without the platform's counters, and counts: errors, coverage and width of the intervals, verdicts that
// were wrong, and refusals.
//
// The simulator and the model share no code; the stages are simulated with other random numbers than the truth.
package accuracy

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"pegel/internal/capacity"
	"pegel/testenv"
)

// Options of a benchmark.
type Options struct {
	Seed      uint64
	Platforms int      // of each family
	Families  []string // default: all
	Workers   int      // platforms under work at a time; default 1
	Progress  func(done, of int)
}

// Fractions of the true capacity up to which platforms are measured.
func Fractions() []float64 { return []float64{0.6, 0.8} }

// Trial is one forecast and the truth.
type Trial struct {
	Family   string
	Inside   bool // the family belongs to those that the model is made for
	Platform int
	Fraction float64
	Counters bool

	Truth      float64 // active users
	Cause      string  // the resource that decides
	Determined bool
	Users      capacity.Interval
	Lower      float64
	Resource   string // that gives way first, by the forecast
	Why        string // where not determined
	Warnings   []string
	Rivals     rivals
	Verdicts   []verdict
}

// verdict is the answer for a batch.
type verdict struct {
	Users float64 // active users after it
	OK    float64 // probability that all objectives hold
}

// goFrom is the probability from which on a batch is go.
const goFrom = 0.95

// Run makes all trials. Results depend on seed and number of platforms alone.
func Run(ctx context.Context, o Options) ([]Trial, error) {
	families := testenv.Families()
	if len(o.Families) > 0 {
		families = slices.DeleteFunc(families, func(f testenv.Family) bool { return !slices.Contains(o.Families, f.Name) })
	}
	type job struct {
		family   testenv.Family
		platform int
	}
	var jobs []job
	for _, f := range families {
		for i := range o.Platforms {
			jobs = append(jobs, job{f, i})
		}
	}
	trials := make([][]Trial, len(jobs))
	failed := make([]error, len(jobs))
	next := make(chan int)
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		done int
	)
	for range max(1, o.Workers) {
		wg.Go(func() {
			for i := range next {
				trials[i], failed[i] = platform(ctx, jobs[i].family, jobs[i].platform, o.Seed)
				mu.Lock()
				if done++; o.Progress != nil {
					o.Progress(done, len(jobs))
				}
				mu.Unlock()
			}
		})
	}
	for i := range jobs {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, err := range failed {
		if err != nil {
			return nil, err
		}
	}
	return slices.Concat(trials...), nil
}

// platform draws one platform and makes its trials.
func platform(ctx context.Context, family testenv.Family, i int, seed uint64) ([]Trial, error) {
	key := seed*1_000_003 + uint64(i)
	drawn, err := testenv.DrawFamily(family.Name, key)
	if err != nil {
		return nil, err
	}
	truth, err := testenv.Truth(ctx, drawn.Definition, drawn.Workload, testenv.TruthOptions{Seed: key ^ 0x7ee1, Events: truthEvents, Guess: drawn.Nominal})
	if err != nil {
		return nil, fmt.Errorf("the true capacity of %s, platform %d: %w", family.Name, i, err)
	}
	stages := measurement(drawn, float64(truth.Users), key)
	var list []Trial
	for _, fraction := range Fractions() {
		var seen []capacity.Stage
		for _, k := range upTo(fraction) {
			seen = append(seen, stages[k])
		}
		for _, counters := range []bool{true, false} {
			in := input(drawn, seen)
			f := capacity.Predict(in, capacity.Options{Seed: key, Blind: !counters, Draws: 300})
			t := Trial{
				Family: family.Name, Inside: family.Inside, Platform: i, Fraction: fraction, Counters: counters,
				Truth: float64(truth.Users), Cause: cause(drawn, truth.Resource),
				Determined: f.Determined, Lower: f.Lower, Resource: f.First.Resource, Why: f.Why.String(),
			}
			if f.Determined {
				t.Users = f.Users
			}
			for _, w := range f.Warnings {
				t.Warnings = append(t.Warnings, w.Code)
			}
			if counters {
				t.Rivals = compete(in)
			}
			t.Verdicts = verdicts(f, t.Truth, rand.New(rand.NewPCG(key, uint64(100*fraction))))
			list = append(list, t)
		}
	}
	return list, nil
}

// truthEvents bounds the search for a true capacity, so that its result does not depend on the machine.
const truthEvents = 16_000_000

// verdicts asks for eight batches of random size around the true capacity.
func verdicts(f *capacity.Forecast, truth float64, rng *rand.Rand) []verdict {
	var list []verdict
	for range 8 {
		users := truth * (0.35 + rng.Float64())
		list = append(list, verdict{users, f.Probability(users)})
	}
	return list
}

// cause is the resource that decides, as a forecast can know it.
func cause(d testenv.Drawn, resource string) string {
	for _, r := range d.Definition.Resources {
		if r.Name == resource && r.Hidden {
			return capacity.Unobserved
		}
	}
	return resource
}
