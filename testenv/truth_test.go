package testenv

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"
)

// closedQueue is the closed M/M/c//N queue, by the textbook and without simulation.
type closedQueue struct {
	users, servers int
	think, service float64
	p              []float64 // of n users at the station
}

func newClosedQueue(users int, think float64, servers int, service float64) *closedQueue {
	q := &closedQueue{users: users, servers: servers, think: max(think, 1e-9), service: service, p: make([]float64, users+1)}
	// p(n)/p(n−1) = (N−n+1)/Z · S/min(n, c), in logarithms since the terms span many orders.
	most := 0.0
	for n := 1; n <= users; n++ {
		q.p[n] = q.p[n-1] + math.Log(float64(users-n+1)/q.think*service/float64(min(n, servers)))
		most = max(most, q.p[n])
	}
	sum := 0.0
	for n := range q.p {
		q.p[n] = math.Exp(q.p[n] - most)
		sum += q.p[n]
	}
	for n := range q.p {
		q.p[n] /= sum
	}
	return q
}

// means are the throughput and, by Little's law, the mean response time.
func (q *closedQueue) means() (throughput, response float64) {
	for n, p := range q.p {
		throughput += p * float64(min(n, q.servers)) / q.service
	}
	return throughput, float64(q.users)/throughput - q.think
}

// slower is the share of response times above t. An arrival sees the queue as it is with one user less; if it finds n ≥ c it
// waits for n−c+1 departures, which come at rate c/S, and is then served.
func (q *closedQueue) slower(t float64) float64 {
	seen := newClosedQueue(q.users-1, q.think, q.servers, q.service)
	mu, rate := 1/q.service, float64(q.servers)/q.service
	share := 0.0
	// waits[k] = P(fewer than k of rate·x departures): by Simpson's rule over the service time s, x = t − s.
	const steps = 2000
	h := t / steps
	beyond := math.Exp(-mu * t)
	for n := range q.servers {
		if n < len(seen.p) {
			share += seen.p[n] * beyond
		}
	}
	for i := 0; i <= steps; i++ {
		s := float64(i) * h
		weight := 2.0
		switch {
		case i == 0 || i == steps:
			weight = 1
		case i%2 == 1:
			weight = 4
		}
		inner, term, fewer := 0.0, math.Exp(-rate*(t-s)), 0.0
		for k := 1; q.servers+k-1 < len(seen.p); k++ {
			fewer += term // P(Poisson ≤ k−1)
			term *= rate * (t - s) / float64(k)
			inner += seen.p[q.servers+k-1] * fewer
		}
		share += weight * h / 3 * mu * math.Exp(-mu*s) * inner
	}
	for n := q.servers; n < len(seen.p); n++ {
		share += seen.p[n] * beyond
	}
	return share
}

// limit is the largest number of users at which at most the share 1 − quantile is slower than most.
func limit(think float64, servers int, service, quantile, most float64) int {
	low, high := 1, 100_000
	for high-low > 1 {
		if n := (low + high) / 2; newClosedQueue(n, think, servers, service).slower(most) <= 1-quantile {
			low = n
		} else {
			high = n
		}
	}
	return low
}

func TestTruthMatchesFormula(t *testing.T) {
	for _, c := range []struct {
		think          float64
		servers        int
		service        float64
		quantile, most float64
	}{
		{1.2, 8, 0.015, 0.95, 0.250},
		{1.2, 16, 0.030, 0.99, 0.400},
		{2, 1, 0.020, 0.95, 0.200},
	} {
		want := limit(c.think, c.servers, c.service, c.quantile, c.most)
		w := thinkers(seconds(c.think))
		w.Objectives = []Objective{{Action: "o*", Quantile: c.quantile, Max: seconds(c.most)}}
		got, err := Truth(t.Context(), station(c.servers, seconds(c.service)), w, TruthOptions{Seed: 11, Budget: 2 * time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("exactly %d: %+v", want, got)
		if math.Abs(float64(got.Users-want)) > max(1, 0.012*float64(want)) {
			t.Errorf("%+v: %d users, exactly %d", c, got.Users, want)
		}
		if got.Low > want || got.High <= want {
			t.Errorf("%+v: certain from %d to below %d, exactly %d", c, got.Low, got.High, want)
		}
		if got.Resource != "station" || got.Action != "op" {
			t.Errorf("%+v: limited by %q for %q", c, got.Resource, got.Action)
		}
	}
}

// A loss system: with S and Z exponential and no queue, the share refused is Engset's formula.
func TestTruthOfRefusals(t *testing.T) {
	const think, service, servers, allowed = 1.0, 0.050, 10, 0.01
	engset := func(users int) float64 { // arrivals see one user less
		terms, term := 0.0, 1.0
		for n := 0; n <= servers; n++ {
			if n > 0 {
				term *= float64(users-n) * service / think / float64(n)
			}
			terms += term
		}
		return term / terms
	}
	want := servers
	for engset(want+1) <= allowed {
		want++
	}
	d := station(servers, seconds(service))
	d.Resources[0].Queue = new(0)
	w := thinkers(seconds(think))
	w.Objectives = []Objective{{Action: "op", Quantile: 0.95, Max: time.Second, MaxErrors: allowed}}
	got, err := Truth(t.Context(), d, w, TruthOptions{Seed: 5, Budget: 2 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("exactly %d: %+v", want, got)
	if math.Abs(float64(got.Users-want)) > max(2, 0.015*float64(want)) || got.Objective != "op errors<1%" || got.Resource != "station" {
		t.Errorf("%+v, want %d users for the errors", got, want)
	}
}

// A short database holds the web workers and the slots of those who wait for it; it is the cause all the same.
func TestTruthNamesTheInnerCause(t *testing.T) {
	d := Definition{
		Resources: []Resource{{Name: "slots", Limit: 24}, {Name: "web", Limit: 20}, {Name: "db", Limit: 4}},
		Operations: map[string][]Step{"op": {{Use: "slots", Steps: []Step{{
			Use: "web", For: Service{Mean: 2 * ms, CV: 1}, Steps: []Step{{Use: "db", For: Service{Mean: 20 * ms, CV: 0.8}}},
		}}}}},
	}
	w := thinkers(time.Second)
	w.Objectives = []Objective{{Action: "op", Quantile: 0.95, Max: 600 * ms}}
	got, err := Truth(t.Context(), d, w, TruthOptions{Budget: time.Minute, Precision: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	if got.Resource != "db" {
		t.Errorf("%+v: want the db", got)
	}
}

func TestTruthEnds(t *testing.T) {
	d := station(4, 10*ms)
	w := thinkers(time.Second)
	w.Objectives = []Objective{{Action: "op", Quantile: 0.95, Max: ms}}
	got, err := Truth(t.Context(), d, w, TruthOptions{Budget: time.Minute})
	if err != nil || got.Users != 0 || got.High != 1 {
		t.Errorf("an objective that never holds: %+v, %v", got, err)
	}
	w.Objectives[0].Action = "other"
	if _, err := Truth(t.Context(), d, w, TruthOptions{Budget: time.Minute, MaxUsers: 1000}); !errors.Is(err, errNoLimit) {
		t.Errorf("an objective on nothing that happens: %v", err)
	}
	w.Objectives[0].Quantile = 95
	if _, err := Truth(t.Context(), d, w, TruthOptions{}); err == nil {
		t.Error("a quantile of 95 is accepted")
	}
	w.Objectives[0] = Objective{Action: "op", Quantile: 0.95, Max: time.Second}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Truth(ctx, d, w, TruthOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after ctx ended: %v", err)
	}
}
