package testenv

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// station is a platform of one resource with exponential service times.
func station(servers int, service time.Duration) Definition {
	return Definition{
		Name:       "station",
		Resources:  []Resource{{Name: "station", Limit: servers}},
		Operations: map[string][]Step{"op": {{Use: "station", For: Service{Mean: service, Shape: Exponential}}}},
	}
}

func thinkers(think time.Duration) Workload {
	return Workload{User: func(i int) User { return newRandomUser(i, think, "op") }}
}

func TestClosedQueueMatchesReference(t *testing.T) {
	f, err := os.Open("testdata/mva_reference.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		var v [6]float64
		for i := range v {
			if v[i], err = strconv.ParseFloat(row[i+1], 64); err != nil {
				t.Fatal(err)
			}
		}
		users, think, servers, service, x, response := int(v[0]), v[1], int(v[2]), v[3], v[4], v[5]
		if exactX, exactR := newClosedQueue(users, think, servers, service).means(); !near(exactX, x, 1e-5) || !near(exactR, response, 1e-4) {
			t.Fatalf("%v: the test's own formula gives X %v, R %v", row, exactX, exactR)
		}
		const actions = 400_000
		warmup := 10 * (think + response)
		s := Simulate(station(servers, seconds(service)), thinkers(seconds(think)), SimOptions{
			Users: users, Seed: 1, Warmup: seconds(warmup), Horizon: seconds(actions / x),
		})
		a := s.Actions["op"]
		if !near(a.Throughput, x, 0.01) || !near(a.MeanResponse.Seconds(), response, 0.02) {
			t.Errorf("%d users, %v s think time, %d servers of %v s: X %.4f, R %.4f; exactly %.4f, %.4f",
				users, think, servers, service, a.Throughput, a.MeanResponse.Seconds(), x, response)
		}
	}
}

func TestQuantileMatchesFormula(t *testing.T) {
	q := newClosedQueue(380, 10, 8, 0.2)
	s := Simulate(station(8, seconds(0.2)), thinkers(seconds(10)), SimOptions{Users: 380, Seed: 2, Warmup: 100 * time.Second, Horizon: 3 * time.Hour})
	for _, p := range []float64{0.5, 0.9, 0.95, 0.99} {
		at := s.Actions["op"].Quantile(p)
		if got := 1 - q.slower(at.Seconds()); math.Abs(got-p) > 0.03*(1-p)+0.005 {
			t.Errorf("%v is said to be the %v quantile of the response time, exactly it is the %.4f one", at, p, got)
		}
	}
}

// Little's law, for the whole (users = throughput × cycle) and for what holds the outer resource.
func TestLittlesLaw(t *testing.T) {
	d := Draw(5)
	const users = 700
	w := Workload{User: func(i int) User { return &steadyUser{account: i, think: 600 * ms} }}
	s := Simulate(d, w, SimOptions{Users: users, Seed: 4, Warmup: 30 * time.Second, Horizon: 200 * time.Second})
	a := s.Actions["web.list"]
	if got := a.Throughput * (a.MeanResponse.Seconds() + 0.6); !near(got, users, 0.005) {
		t.Errorf("throughput × cycle is %.1f for %d users", got, users)
	}
	balancer := s.Resources[0]
	if total := a.MeanResponse.Seconds() * float64(a.Count); !near(balancer.Busy+balancer.Wait, total, 0.005) {
		t.Errorf("%.2f s at the balancer, while all response times sum to %.2f s", balancer.Busy+balancer.Wait, total)
	}
}

type steadyUser struct {
	account int
	think   time.Duration
}

func (u *steadyUser) Next() Act {
	return Act{Action: "web.list", Operations: []string{"web.list"}, Account: u.account, Think: u.think}
}

// At each instant: nobody waits before a free unit, no queue is over its limit, and the units in use are those held.
func TestWorkIsConserved(t *testing.T) {
	d := Draw(1)
	d.Resources[0].Limit, d.Resources[0].Queue = 30, new(20)
	d.Resources[1].Limit = 12
	d.Resources[5].Queue = new(3)
	w := Workload{User: func(i int) User {
		return newRandomUser(i, 300*ms, "web.list", "web.send", "imap.fetch", "smtp.send", "caldav.query")
	}}
	s := newSimulation(d, w, 200, 6)
	e := s.engine
	waited, refused := 0, int64(0)
	for range 60_000 {
		at, _ := e.events.next()
		e.advance(at)
		held := make([]int32, len(e.resources))
		for i := range e.jobs {
			for _, r := range e.jobs[i].held[:e.jobs[i].depth] {
				held[r]++
			}
		}
		refused = 0
		for i := range e.resources {
			r := &e.resources[i]
			refused += r.refused
			waited += int(r.queue)
			if r.queue > 0 && r.inUse < r.limit || r.inUse > r.limit || r.queueMax >= 0 && r.queue > r.queueMax || held[i] != r.inUse {
				t.Fatalf("at %v: %s has %d of %d in use, %d held, %d waiting", time.Duration(e.now), d.Resources[i].Name, r.inUse, r.limit, held[i], r.queue)
			}
		}
	}
	errs := int64(0)
	for _, a := range s.result().Actions {
		errs += a.Errors
	}
	if waited == 0 || refused == 0 || errs != refused {
		t.Errorf("%d waiting, %d refused, %d actions with an error: want some, and each refusal to end one action", waited, refused, errs)
	}
}

func TestSaturatedStationIsAlwaysBusy(t *testing.T) {
	s := Simulate(station(3, 10*ms), thinkers(0), SimOptions{Users: 100, Seed: 1, Warmup: time.Second, Horizon: 50 * time.Second})
	if u := s.Resources[0].Utilisation; u != 1 {
		t.Errorf("utilisation %v, want exactly 1", u)
	}
}

func TestSameSeedSameResult(t *testing.T) {
	w := Workload{
		User:       func(i int) User { return newRandomUser(i, time.Second, "web.list", "imap.fetch", "web.read") },
		Background: []func() User{func() User { return newRandomUser(1<<20, 20*ms, "imap.append") }},
	}
	run := func(seed uint64) *SimResult {
		return Simulate(Draw(3), w, SimOptions{Users: 300, Seed: seed, Warmup: 5 * time.Second, Horizon: 20 * time.Second})
	}
	equal := cmp.AllowUnexported(ActionResult{}, logHistogram{})
	if diff := cmp.Diff(run(7), run(7), equal); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
	if cmp.Equal(run(7), run(8), equal, cmpopts.EquateEmpty()) {
		t.Error("another seed gives the same result")
	}
	if r := run(7); r.Background["imap.append"].Count == 0 || r.Actions["imap.append"] != nil {
		t.Errorf("background action counted as %v and %v", r.Background["imap.append"], r.Actions["imap.append"])
	}
}

func TestHistogramQuantiles(t *testing.T) {
	var h logHistogram
	for v := int64(1); v <= 1_000_000; v++ {
		h.add(v * 1000)
	}
	for _, q := range []float64{0.01, 0.5, 0.95, 0.999, 1} {
		if got := h.quantile(q); !near(float64(got), q*1e9, 0.001) {
			t.Errorf("quantile %v is %v, want %v", q, got, time.Duration(q*1e9))
		}
	}
	if high := int64(math.MaxInt64); bucket(high) <= bucket(high/2) {
		t.Error("buckets do not rise up to the largest value")
	}
}

func BenchmarkEvents(b *testing.B) {
	w := Workload{User: func(i int) User {
		return newRandomUser(i, drawThink, "web.list", "web.read", "imap.fetch_headers", "imap.fetch", "caldav.query")
	}}
	s := newSimulation(Draw(1), w, 800, 1)
	s.engine.advance(int64(20 * time.Second))
	before := s.engine.handled
	b.ReportAllocs()
	for b.Loop() {
		s.engine.advance(s.engine.now + int64(time.Second))
	}
	b.ReportMetric(float64(s.engine.handled-before)/b.Elapsed().Seconds(), "events/s")
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
