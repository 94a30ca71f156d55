package testenv

import (
	"math"
	"testing"
	"time"
)

// At one first-come, first-served exponential server an action that makes n in flight takes n service times on average.
func TestFlightTellsTheQueue(t *testing.T) {
	const service = 0.050
	s := Simulate(station(1, seconds(service)), thinkers(time.Second), SimOptions{Users: 18, Seed: 4, Warmup: 10 * time.Second, Horizon: 20_000 * time.Second})
	count := int64(0)
	for _, c := range s.Flight {
		count += c.Count
		n := c.Level / float64(c.Count)
		if got := c.Sum / float64(c.Count); c.Count > 5000 && !near(got, n*service, 0.03) {
			t.Errorf("%.1f in flight: mean response %.4f s, want %.4f", n, got, n*service)
		}
	}
	if count != s.Actions["op"].Count || len(s.Flight) < 15 {
		t.Errorf("%d cells with %d actions of %d", len(s.Flight), count, s.Actions["op"].Count)
	}
	for level := int32(17); level < 100_000; level++ {
		if c := flightCell(level) - flightCell(level-1); c < 0 || c > 1 {
			t.Fatalf("cells jump at %d", level)
		}
	}
	if a, b := flightCell(16), flightCell(17); a != 16 || b != 17 {
		t.Errorf("16 and 17 are in cells %d and %d", a, b)
	}
}

// Blocks are the same simulation cut up.
func TestBlocksAddUp(t *testing.T) {
	w := thinkersOf("op")
	d, o := keeping(40, 100*ms), SimOptions{Users: 100, Seed: 2, Warmup: 5 * time.Second, Horizon: 47 * time.Second}
	whole, blocks := Simulate(d, w, o), SimulateBlocks(d, w, o, 10*time.Second)
	if len(blocks) != 5 {
		t.Fatalf("%d blocks, want 5", len(blocks))
	}
	var count, events, binned int64
	var busy, total float64
	for _, b := range blocks {
		a := b.Actions["op"]
		count, events, busy = count+a.Count, events+b.Events, busy+b.Resources[0].Busy
		total += float64(a.Count) * a.MeanResponse.Seconds()
		a.Each(func(low, high time.Duration, n int64) {
			if low >= high {
				t.Fatalf("class from %v to %v", low, high)
			}
			binned += n
		})
	}
	a := whole.Actions["op"]
	if count != a.Count || events != whole.Events || binned != count || !near(busy, whole.Resources[0].Busy, 1e-9) || !near(total, float64(a.Count)*a.MeanResponse.Seconds(), 1e-6) {
		t.Errorf("blocks have %d actions, %d events, %v s busy; the whole %d, %d, %v", count, events, busy, a.Count, whole.Events, whole.Resources[0].Busy)
	}
}

// One user gives up after 30 ms what takes 100: all attempts fail, and the platform does the work of each.
func TestGivenUpWorkIsDone(t *testing.T) {
	d := station(1, 0)
	d.Operations["op"][0].For = Service{Mean: 100 * ms}
	w := thinkersOf("op")
	w.Retry = Retry{Times: 2, Backoff: 10 * ms, Patience: 30 * ms}
	s := Simulate(d, w, SimOptions{Users: 1, Seed: 1, Horizon: 1000 * time.Second})
	a := s.Actions["op"]
	if a.Count < 500 || a.Errors != a.Count {
		t.Errorf("%d of %d actions failed, want all", a.Errors, a.Count)
	}
	if served := s.Resources[0].Served; math.Abs(float64(served-3*a.Count)) > 3 {
		t.Errorf("%d visits served for %d actions of three attempts", served, a.Count)
	}
	w.Retry.Patience = 350 * ms // two attempts of others fit before
	if s = Simulate(d, w, SimOptions{Users: 1, Seed: 1, Horizon: 1000 * time.Second}); s.Actions["op"].Errors != 0 {
		t.Errorf("%d errors with enough patience", s.Actions["op"].Errors)
	}
}

// Refused attempts that are independent of each other fail as often as chance has it: with the share b refused, b^(times+1).
func TestRefusedAttemptsAreRepeated(t *testing.T) {
	d := station(2, 50*ms)
	d.Resources[0].Queue = new(0)
	w := thinkersOf("op")
	w.Retry = Retry{Times: 2, Backoff: 2 * time.Second} // long, so that the next attempt meets others
	s := Simulate(d, w, SimOptions{Users: 40, Seed: 1, Warmup: 20 * time.Second, Horizon: 20_000 * time.Second})
	a, r := s.Actions["op"], s.Resources[0]
	b := float64(r.Refused) / float64(r.Refused+r.Served)
	if got, want := float64(a.Errors)/float64(a.Count), b*b*b; !near(got, want, 0.05) {
		t.Errorf("a share of %.4f of the actions failed, want %.4f for %.3f refused", got, want, b)
	}
	if a.MeanResponse < 100*ms {
		t.Errorf("mean response %v does not count the attempts that failed", a.MeanResponse)
	}
}
