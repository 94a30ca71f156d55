package judge

import (
	"testing"
	"time"

	"pegel/internal/archive"
)

// waitingStage is a stage with so many phones, of which so many wait as they were asked to, 5 s each, and with users of something else
// of whom so many are under way.
func waitingStage(phones int, waiting, others float64, hold time.Duration) StageResult {
	inFlight := float64(phones) + others
	rate := waiting / 5
	return StageResult{
		Stage: archive.Stage{Users: phones}, Valid: true, End: hold, InFlight: inFlight, busy: others,
		polls: under{rate: rate, service: max(float64(phones)-waiting, 0) / rate},
	}
}

// What phones on SOGo have shown: the longer the queue, the less exactly a stage of twelve heartbeats tells how many Pings were held.
func TestHeldWorkers(t *testing.T) {
	type stage struct {
		phones          int
		waiting, others float64
	}
	for _, c := range []struct {
		name    string
		stages  []stage
		broken  int // the stage's users at which the objective of the others breaks
		workers float64
		at      int
	}{
		{"four workers", []stage{{3, 2.94, 0}, {4, 3.98, 1}, {6, 4.04, 2}}, 4, 4, 4},
		{"one batch more within the hold", []stage{{15, 14.9, 0.1}, {16, 15.77, 1.2}, {24, 16.03, 2}, {50, 17.18, 2}}, 16, 16, 16},
		{"half a batch more in a long queue", []stage{{3, 2.97, 0}, {4, 4, 1}, {6, 4.06, 2}, {50, 5.17, 2}}, 4, 4, 4},
		{"one batch fewer within the hold", []stage{{7, 6.95, 0.1}, {8, 7.85, 1.5}, {12, 7.96, 2}, {50, 6.9, 2}}, 8, 8, 8},
		{"a number nobody has tried", []stage{{5, 5, 0}, {10, 8.05, 2}, {20, 7.9, 2}}, 10, 8, 10},
		{"no limit", []stage{{3, 3, 0}, {6, 6, 0.1}, {12, 12, 0.1}}, 12, 0, 0},
		{"nobody minds", []stage{{3, 3, 0}, {4, 4, 1}, {6, 4, 2}}, 0, 0, 0},
		{"fewer and fewer", []stage{{5, 5, 0}, {10, 8, 2}, {12, 5, 2}, {14, 3, 2}}, 10, 0, 0},
		{"two numbers of users", []stage{{3, 3, 0}, {6, 4, 2}}, 6, 0, 0},
	} {
		r := &reading{out: &Result{Objectives: []ObjectiveResult{{Action: "caldav.query", BrokenAt: c.broken}}}}
		r.out.Objectives[0].Quantile = 0.95
		for _, s := range c.stages {
			r.out.Stages = append(r.out.Stages, waitingStage(s.phones, s.waiting, s.others, time.Minute))
		}
		r.waiting()
		workers, at, _, action, ok := r.heldWorkers()
		if ok != (c.workers > 0) || workers != c.workers || at != c.at || ok && action != "caldav.query" {
			t.Errorf("%s: %v workers, held from %d users on, %s", c.name, workers, at, action)
		}
	}
}
