package testenv

import (
	"math"
	"testing"
	"time"
)

// What accounts hold is what is in use: units of visits and kept ones. And by Little's law a unit is held for the think time,
// or as long as it is kept, whichever is shorter, and for the visit.
func TestKeptUnitsAreConserved(t *testing.T) {
	const users, think, keep = 200, 1.0, 0.5
	d := keeping(120, seconds(keep))
	d.Operations["op"][0].For.CV = 1
	s := newSimulation(d, thinkersOf("op"), users, 3)
	e := s.engine
	for range 100_000 {
		at, _ := e.events.next()
		e.advance(at)
		held, idle := int32(0), int32(0)
		for i := range e.jobs {
			held += e.jobs[i].depth
		}
		for _, u := range e.kept.list {
			if u.idle {
				idle++
			}
		}
		if r := &e.resources[0]; held+idle != r.inUse || idle != r.idle || r.queue > 0 && r.inUse < r.limit || r.inUse > r.limit {
			t.Fatalf("%d held, %d kept: %+v", held, idle, *r)
		}
		if at > int64(time.Second) && len(e.jobs) > 2*users {
			t.Fatalf("%d jobs for %d users", len(e.jobs), users)
		}
	}
	r := s.result()
	a := r.Actions["op"]
	want := a.Throughput * (think*(1-math.Exp(-keep/think)) + a.MeanResponse.Seconds())
	if got := r.Resources[0].Utilisation * 120; !near(got, want, 0.02) {
		t.Errorf("%.1f slots in use on average, want %.1f", got, want)
	}
}

// One user meets pauses with exponential gaps G and lengths L: the work d takes d·(1 + L/G), and who begins in a pause, which has
// the probability L/(G+L), waits for what is left of it, which is L on average.
func TestPausesHaveTheirMeanResponse(t *testing.T) {
	const gap, pause, work = 2.0, 0.5, 0.3
	d := station(1, 0)
	d.Operations["op"][0].For = Service{Mean: seconds(work)}
	d.Resources[0].Slow = []Slow{{Every: seconds(gap + pause), For: seconds(pause), Random: true}}
	s := Simulate(d, thinkers(10*time.Second), SimOptions{Users: 1, Seed: 2, Horizon: 200_000 * time.Second})
	want := work*(1+pause/gap) + pause*pause/(gap+pause)
	if got := s.Actions["op"].MeanResponse.Seconds(); !near(got, want, 0.02) {
		t.Errorf("mean response %.4f s, want %.4f", got, want)
	}
}

// A station that is never idle does as much work as its clock has run.
func TestSlowStationServesInProportion(t *testing.T) {
	for _, slow := range []Slow{
		{Every: 25 * time.Second, For: 5 * time.Second, Speed: 0.6},
		{Every: 25 * time.Second, For: 5 * time.Second, Speed: 0.6, Random: true},
		{Every: 4 * time.Second, For: 200 * ms, UpTo: time.Second, Random: true},
	} {
		d := station(3, 50*ms)
		d.Resources[0].Slow = []Slow{slow}
		s := Simulate(d, thinkers(0), SimOptions{Users: 30, Seed: 1, Warmup: time.Second, Horizon: 20_000 * time.Second})
		length, every := slow.For.Seconds(), slow.Every.Seconds()
		if slow.UpTo > 0 { // the gaps keep their mean
			every -= length
			length = (slow.For + slow.UpTo).Seconds() / 2
			every += length
		}
		want := 60 * (1 - length/every*(1-slow.Speed))
		if got := s.Actions["op"].Throughput; !near(got, want, 0.015) {
			t.Errorf("%+v: %.2f actions a second, want %.2f", slow, got, want)
		}
	}
}

// crowded is a station behind a memory or cache that accounts fill.
func crowded(r Resource, extra ...Step) Definition {
	d := station(1000, 10*ms)
	d.Resources = append(d.Resources, r, Resource{Name: "disk", Limit: 1000})
	d.Operations["op"] = append(d.Operations["op"], extra...)
	return d
}

// Users with exponential think times Z are active for a share 1 − exp(−ttl/Z) of the time.
func TestMemoryCliff(t *testing.T) {
	const think, ttl = 10.0, 15.0
	memory := Resource{Name: "memory", Limit: 1000, Memory: &Memory{
		Base: 200, PerAccount: 4, TTL: seconds(ttl), Beyond: &Beyond{Speed: 0.2, Slows: []string{"station"}},
	}}
	share := 1 - math.Exp(-ttl/think)
	for _, c := range []struct {
		users int
		slow  float64
	}{{200, 1}, {320, 5}} { // in use: 200 + 4·155 and 200 + 4·249
		s := Simulate(crowded(memory), thinkers(seconds(think)), SimOptions{Users: c.users, Seed: 1, Warmup: time.Minute, Horizon: 2000 * time.Second})
		if got, want := s.Resources[1].Busy/2000, 200+4*share*float64(c.users); !near(got, want, 0.01) {
			t.Errorf("%d users: %.1f of the memory in use, want %.1f", c.users, got, want)
		}
		if got := s.Actions["op"].MeanResponse.Seconds(); !near(got, 0.010*c.slow, 0.02) {
			t.Errorf("%d users: mean response %.4f s, want %.4f", c.users, got, 0.010*c.slow)
		}
	}
}

func TestCacheShare(t *testing.T) {
	cache := Resource{Name: "cache", Limit: 600, Cache: &Cache{PerAccount: 4, TTL: time.Minute}}
	for _, users := range []int{100, 200, 400} {
		d := crowded(cache, Step{Use: "disk", For: Service{Mean: ms}, Miss: "cache"})
		s := Simulate(d, thinkersOf("op"), SimOptions{Users: users, Seed: 1, Warmup: time.Minute, Horizon: 500 * time.Second})
		want := max(0, 1-600/(4*float64(users)))
		got := float64(s.Resources[2].Served) / float64(s.Actions["op"].Count)
		if math.Abs(got-want) > 0.01 {
			t.Errorf("%d users: %.3f of the actions miss, want %.3f", users, got, want)
		}
		if used := s.Resources[1].InUse; used != min(600, 4*users) {
			t.Errorf("%d users: %d of 600 in the cache", users, used)
		}
	}
}

// Slow times, kept units, memories, caches and hidden resources do the same on both clocks.
func TestClocksAgreeOnFeatures(t *testing.T) {
	d, err := ParseDefinition([]byte(features))
	if err != nil {
		t.Fatal(err)
	}
	clocksAgree(t, d, 60, 1, "web.list", "imap.fetch")
}
