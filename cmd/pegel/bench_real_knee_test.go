package main

import (
	"math"
	"testing"
)

// stagesOf are stages of four equal blocks whose log odds of a response above the limit are those of 5 % at the load of 200
// and rise twentyfold with its logarithm.
func stagesOf(users ...float64) []kneeStage {
	var out []kneeStage
	for _, n := range users {
		z := math.Log(0.05/0.95) + 20*math.Log(n/200)
		share := 1 / (1 + math.Exp(-z))
		block := tally{over: share * 4000, total: 4000}
		out = append(out, kneeStage{n, []tally{block, block, block, block}})
	}
	return out
}

func TestKnee(t *testing.T) {
	found, side := knee(stagesOf(140, 160, 180, 195, 210, 225, 240), 0.05, 1)
	if side != 0 || math.Abs(found.P50/200-1) > 0.002 {
		t.Errorf("knee at %v, side %d; want 200", found, side)
	}
	if found.P05 > found.P50 || found.P95 < found.P50 || found.P05 < 160 || found.P95 > 240 {
		t.Errorf("interval %v", found)
	}
	// the order in which the stages were driven says nothing
	other, _ := knee(stagesOf(240, 140, 195, 160, 225, 180, 210), 0.05, 1)
	if other != found {
		t.Errorf("in another order %v instead of %v", other, found)
	}
	if _, side := knee(stagesOf(100, 120, 140), 0.05, 1); side != 1 {
		t.Errorf("all below: side %d", side)
	}
	if _, side := knee(stagesOf(220, 240), 0.05, 1); side != -1 {
		t.Errorf("all above: side %d", side)
	}
}

// One disturbed stage below the knee moves it a little and widens the interval so that it still holds the truth.
func TestKneeDisturbed(t *testing.T) {
	calm := stagesOf(140, 160, 180, 190, 200, 210, 220, 230)
	for i := range calm[2].blocks {
		calm[2].blocks[i].over = 0.10 * calm[2].blocks[i].total
	}
	found, side := knee(calm, 0.05, 1)
	if side != 0 || found.P05 > 200 || found.P95 < 199 {
		t.Errorf("%v, side %d", found, side)
	}
	undisturbed, _ := knee(stagesOf(140, 160, 180, 190, 200, 210, 220, 230), 0.05, 1)
	if found.P95-found.P05 <= undisturbed.P95-undisturbed.P05 {
		t.Errorf("interval %v is not wider than the undisturbed %v", found, undisturbed)
	}
}
