package plan

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pegel/scenarios"
)

const arriving = `
name: mail
seed: 7
targets: {web: {url: "http://127.0.0.1:1/"}}
accounts: {pattern: "u{n}@example.test", count: 300, password: {env: P}}
activity: {browser: 100%, source: test}
personas:
  - {name: browser, journey: j}
  - {name: incoming, journey: once, arrivals: ARRIVALS}
  - {name: other, journey: once, arrivals: {per_second: 1}}
journeys:
  j: [{repeat: {for: session}, steps: [{do: web.list, think: 1s}]}]
  once: [{do: web.login}, {do: web.list}]
load: {stages: {users: [100, 200], ramp: 10s, settle: 10s, hold: 30s}}
`

func arrivingPlan(t *testing.T, spec string) *Plan {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "minutes.csv"), []byte("minute,count\n480,30\n481,0\n482,90\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := scenarios.Parse(filepath.Join(dir, "mail.yaml"), []byte(strings.Replace(arriving, "ARRIVALS", spec, 1)), scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Build(s, protocols())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// times are the arrivals up to an end.
func arrivalTimes(a *Arrivals, end time.Duration) []time.Duration {
	var list []time.Duration
	for s := a.Stream(); ; {
		at, n, ok := s.Next()
		if !ok || at >= end {
			return list
		}
		if n != uint64(len(list)) {
			panic("arrivals are not numbered in order")
		}
		list = append(list, at)
	}
}

// Evenly spaced arrivals keep their distance, Poisson arrivals have the exponential distances of one, and a ramp has the rate in
// each part of it that it should have.
func TestArrivalTimes(t *testing.T) {
	even := arrivalTimes(&arrivingPlan(t, "{per_hour: 36000, spacing: even}").Arrivals[0], 10*time.Second)
	if len(even) != 100 {
		t.Errorf("%d even arrivals at 10/s for 10 s", len(even))
	}
	for i := 1; i < len(even); i++ {
		if d := even[i] - even[i-1]; (d - 100*time.Millisecond).Abs() > time.Microsecond {
			t.Fatalf("distance %d is %v", i, d)
		}
	}
	const seconds, rate = 2000, 10.0
	random := arrivalTimes(&arrivingPlan(t, "{per_second: 10}").Arrivals[0], seconds*time.Second)
	if n := float64(len(random)); math.Abs(n-rate*seconds) > 4*math.Sqrt(rate*seconds) {
		t.Errorf("%v arrivals, want %v ± %.0f", n, rate*seconds, 4*math.Sqrt(rate*seconds))
	}
	below := 0 // the median distance of a Poisson process is ln 2 / λ
	perSecond := make([]float64, seconds)
	for i := 1; i < len(random); i++ {
		if random[i] < random[i-1] {
			t.Fatal("arrivals are not in order")
		}
		if (random[i] - random[i-1]).Seconds() < math.Ln2/rate {
			below++
		}
		perSecond[int(random[i].Seconds())]++
	}
	if share := float64(below) / float64(len(random)-1); math.Abs(share-0.5) > 0.015 {
		t.Errorf("%.3f of the distances are below the median", share)
	}
	var dispersion float64 // of the counts per second: variance over mean, 1 for a Poisson process
	for _, n := range perSecond {
		dispersion += (n - rate) * (n - rate) / rate / seconds
	}
	if math.Abs(dispersion-1) > 0.13 {
		t.Errorf("index of dispersion %.3f", dispersion)
	}

	p := arrivingPlan(t, "{per_second: 2, to: 10, spacing: even}") // over the 100 s of the run
	a := &p.Arrivals[0]
	if a.Over != 100*time.Second {
		t.Errorf("the ramp takes %v", a.Over)
	}
	ramp := arrivalTimes(a, 200*time.Second)
	for _, part := range []struct {
		from, to time.Duration
		want     float64
	}{{0, 10 * time.Second, 24}, {90 * time.Second, 100 * time.Second, 96}, {0, 100 * time.Second, 600}, {100 * time.Second, 200 * time.Second, 1000}} {
		n := 0
		for _, at := range ramp {
			if at >= part.from && at < part.to {
				n++
			}
		}
		if math.Abs(float64(n)-part.want) > 1 {
			t.Errorf("%d arrivals from %v to %v, want %v", n, part.from, part.to, part.want)
		}
		if x := a.Expected(part.to) - a.Expected(part.from); math.Abs(x-part.want) > 1e-6 {
			t.Errorf("%v expected from %v to %v, want %v", x, part.from, part.to, part.want)
		}
	}
	falling := arrivalTimes(&arrivingPlan(t, "{per_second: 10, to: 1, spacing: even}").Arrivals[0], 100*time.Second)
	if len(falling) < 549 || len(falling) > 551 {
		t.Errorf("%d arrivals while the rate falls from 10/s to 1/s for 100 s", len(falling))
	}
}

// Recorded arrivals have in each minute exactly what was recorded, and then end.
func TestRecordedArrivals(t *testing.T) {
	for _, spacing := range []string{"even", "poisson"} {
		p := arrivingPlan(t, "{csv: minutes.csv, spacing: "+spacing+"}")
		list := arrivalTimes(&p.Arrivals[0], time.Hour)
		count := make([]int, 3)
		for i, at := range list {
			count[int(at/time.Minute)]++
			if i > 0 && at < list[i-1] {
				t.Fatalf("%s: arrivals are not in order", spacing)
			}
		}
		if fmt.Sprint(count) != "[30 0 90]" {
			t.Errorf("%s: %v arrivals", spacing, count)
		}
		if x := p.Arrivals[0].Expected(150 * time.Second); x != 75 {
			t.Errorf("%s: %v expected in two and a half minutes", spacing, x)
		}
	}
}

// Whose share an arrival is changes nothing of it, processes do not depend on each other, the accounts live take turns, and shares
// add up.
func TestArrivalsOfShares(t *testing.T) {
	p := arrivingPlan(t, "{per_second: 50}")
	again := arrivingPlan(t, "{per_second: 5}")
	if a, b := arrivalTimes(&p.Arrivals[1], time.Minute), arrivalTimes(&again.Arrivals[1], time.Minute); fmt.Sprint(a) != fmt.Sprint(b) {
		t.Error("the times of one persona depend on those of another")
	}
	seen := map[uint64]bool{}
	for n := range uint64(500) {
		for k := range p.Arrivals {
			u := p.Arrivals[k].User(n)
			if seen[u.ID] || u.Account != int(n%uint64(p.Live())) || u.Persona != k+1 {
				t.Fatalf("arrival %d is %+v", n, u)
			}
			seen[u.ID] = true
		}
	}
	for _, of := range []int{1, 3, 4} {
		var sum Digest
		for i := range of {
			sum = sum.Add(p.DigestOf(Share{i + 1, of}))
		}
		if sum.String() != p.Digest() {
			t.Errorf("%d shares add up to %v, want %v", of, sum, p.Digest())
		}
	}
	for _, other := range []string{"{per_second: 51}", "{per_second: 50, most: 9}", "{per_second: 50, spacing: even}", "{per_second: 50, to: 60}", "{csv: minutes.csv}"} {
		if arrivingPlan(t, other).Digest() == p.Digest() {
			t.Errorf("%s has the same digest", other)
		}
	}
}

func BenchmarkArrivals(b *testing.B) {
	a := &Arrivals{From: 100, To: 100, plan: &Plan{}}
	s := a.Stream()
	for b.Loop() {
		s.Next()
	}
}
