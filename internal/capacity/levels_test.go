package capacity_test

import (
	"math"
	"testing"
	"time"

	"pegel/internal/capacity"
	"pegel/testenv"
)

// What metrics are said to read at shares of the capacity is what the platform, simulated at these loads, shows there. The
// stages went up to half of it.
func TestLevelsAreWhatThePlatformShows(t *testing.T) {
	def, err := testenv.ParseDefinition([]byte(`
name: levels
resources:
  - {name: balancer, kind: slots, limit: 40, queue: -1}
  - {name: web, kind: workers, limit: 8, queue: -1}
operations:
  web.list: [{use: balancer, steps: [{use: web, for: {mean: 40ms, cv: 1}}]}]
  web.read: [{use: balancer, steps: [{use: web, for: {mean: 40ms, cv: 1}}]}]
  web.send: [{use: balancer, steps: [{use: web, for: {mean: 40ms, cv: 1}}]}]
  caldav.query: [{use: balancer, steps: [{use: web, for: {mean: 40ms, cv: 1}}]}]
`))
	if err != nil {
		t.Fatal(err)
	}
	shares := []float64{0.7, 0.85, 1}
	f := capacity.Predict(measured(def, 5, []int{100, 150, 200, 250}, 20*time.Second), capacity.Options{Seed: 5, Draws: 60, Levels: shares})
	if !f.Determined || f.First.Resource != "web" {
		t.Fatalf("%+v %v", f.First, f.Why)
	}
	for k, share := range shares {
		users := int(math.Round(share * f.Users.P50))
		there := measured(def, 6, []int{users}, 40*time.Second).Stages[0]
		for r, res := range def.Resources {
			var inUse, queue, seconds float64
			for _, b := range there.Blocks {
				inUse += b.Resources[r].Busy
				queue += b.Resources[r].Waited
				seconds += b.Seconds
			}
			inUse, queue = inUse/seconds, queue/seconds
			for _, x := range f.Resources {
				if x.Name != res.Name {
					continue
				}
				level := x.Levels[k]
				t.Logf("%s at %.0f %% (%d users): in use %.2f %v, queue %.2f %v", res.Name, 100*share, users, inUse, level.InUse, queue, level.Queue)
				if level.Share != share || math.Abs(level.InUse.P50/inUse-1) > 0.15 && res.Name == "web" {
					t.Errorf("%s at %.0f %%: in use %v, the platform shows %.2f", res.Name, 100*share, level.InUse, inUse)
				}
				if level.InUse.P05 > level.InUse.P50 || level.InUse.P50 > level.InUse.P95 {
					t.Errorf("%s: no interval: %v", res.Name, level.InUse)
				}
				if res.Name == "web" && math.Abs(level.Queue.P50-queue) > 0.5*queue+0.5 {
					t.Errorf("%s at %.0f %%: queue %v, the platform shows %.2f", res.Name, 100*share, level.Queue, queue)
				}
			}
		}
	}
}

// Without being asked for levels there are none, and the forecast is the same.
func TestLevelsChangeNothingElse(t *testing.T) {
	def := testenv.Draw(1)
	in := measured(def, 1, []int{60, 100, 140}, 5*time.Second)
	plain := capacity.Predict(in, capacity.Options{Seed: 1, Draws: 40})
	with := capacity.Predict(in, capacity.Options{Seed: 1, Draws: 40, Levels: []float64{0.5}})
	if plain.Users != with.Users || plain.Determined != with.Determined {
		t.Errorf("%v, with levels %v", plain.Users, with.Users)
	}
	for i := range plain.Resources {
		if plain.Resources[i].Levels != nil || with.Determined && len(with.Resources[i].Levels) != 1 && with.Resources[i].Name != capacity.Unobserved {
			t.Errorf("%s: levels %v and %v", plain.Resources[i].Name, plain.Resources[i].Levels, with.Resources[i].Levels)
		}
	}
}
