package plan

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pegel/scenarios"
)

const shaped = `
name: shaped
seed: 3
targets: {web: {url: "http://127.0.0.1:1/"}}
accounts: {pattern: "u{n}@example.test", count: 3000, password: {env: P}}
activity: {browser: 50%, source: test}
personas:
  - {name: browser, journey: j}
  - {name: day, journey: c, copy: true}
  - {name: night, journey: c, copy: deferred}
journeys:
  j: [{repeat: {for: session}, steps: [{do: web.list, think: 1s}]}]
  c: [{do: web.login}]
wave: {live: 1000, copy: {core: {days: 7}, deferred: {at: night, concurrency: 8, rate: 4}, concurrency: 3, rate: 6}}
load: LOAD
`

func shapedPlan(t *testing.T, load, rest string) *Plan {
	t.Helper()
	s, err := scenarios.Parse("shaped.yaml", []byte(strings.Replace(shaped, "LOAD", load, 1)+rest), scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Build(s, protocols())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func loadsOf(p *Plan) string {
	var list []int
	for i := range p.Stages {
		list = append(list, p.Stages[i].Users)
	}
	return fmt.Sprint(list)
}

// Days, soaks and replicates have the stages that they should have, and take the time that they should take.
func TestShapes(t *testing.T) {
	for _, c := range []struct {
		load, users string
		length      time.Duration
	}{
		{"{day: {peak: 400, hour: 1m, hours: {9: 100%, 8: 60%, 22: 1%}}}", "[240 400 4]", 3 * time.Minute},
		{"{day: {peak: 100, hours: {8: 50%, 9: 100%}}, replicate: 2}", "[50 100 50 100]", 4 * time.Hour},
		{"{soak: {users: 500, for: 45m, cut: 10m}}", "[500 500 500 500]", 45*time.Minute + 2*(45*time.Minute/4/12)},
		{"{replicate: 2, stages: {users: [10, 20], ramp: 5s, settle: 5s, hold: 50s}}", "[10 20 10 20]", 4 * time.Minute},
		{"{arrive: together, stages: {users: [10], hold: 50s}}", "[10]", 50 * time.Second},
		{"{arrive: together, stages: {users: [10], settle: 10s, hold: 50s}}", "[10]", time.Minute},
	} {
		p := shapedPlan(t, c.load, "")
		if loadsOf(p) != c.users || p.Duration() != c.length {
			t.Errorf("%s: users %s in %v, want %s in %v", c.load, loadsOf(p), p.Duration(), c.users, c.length)
		}
	}
	day := shapedPlan(t, "{day: {peak: 400, shape: office}}", "")
	if len(day.Stages) != 24 || day.Stages[9].Users != 400 || day.Stages[3].Users != 8 || day.Stages[0].Hold != 50*time.Minute {
		t.Errorf("the office day is %s", loadsOf(day))
	}
	soak := shapedPlan(t, "{soak: {users: 500, for: 7d}}", "")
	if len(soak.Stages) != 168 || soak.Stages[0].Ramp != 5*time.Minute || soak.Stages[1].Ramp+soak.Stages[1].Settle != 0 {
		t.Errorf("the soak has %d stages, the first two %+v", len(soak.Stages), soak.Stages[:2])
	}
	if short := shapedPlan(t, "{soak: {users: 5, for: 5m}}", ""); len(short.Stages) != 10 {
		t.Errorf("a soak of five minutes has %d stages", len(short.Stages))
	}
}

// Each replicate of randomised stages has every load once, and is shuffled by itself; the first is as it would be alone.
func TestReplicatesAreShuffledEach(t *testing.T) {
	const stages = "stages: {users: [1, 2, 3, 4, 5, 6, 7, 8], hold: 10s}, order: randomised"
	one, three := shapedPlan(t, "{"+stages+"}", ""), shapedPlan(t, "{"+stages+", replicate: 3}", "")
	orders := map[string]bool{}
	for k := range 3 {
		var sum int
		var order []int
		for _, st := range three.Stages[8*k : 8*k+8] {
			sum += 1 << st.Users
			order = append(order, st.Users)
		}
		if sum != 510 {
			t.Errorf("replicate %d is %v", k, order)
		}
		orders[fmt.Sprint(order)] = true
	}
	if len(orders) != 3 || !orders[loadsOf(one)] {
		t.Errorf("orders %v, alone %s", orders, loadsOf(one))
	}
}

const played = `
situations:
  - {name: one node less, less: {web: 1}}
  - {name: reconnect, logins: 60%, within: 20s, at: 1200, hold: 2m}
  - {name: all at once, logins: 100%, together: true, at: 800, copy: none}
  - {name: night, at: 300, copy: deferred}
environment: {nodes: {web: 2}}
`

// Situations with a number of users are stages after all others, with what they ask for.
func TestPlayedSituations(t *testing.T) {
	p := shapedPlan(t, "{stages: {users: [100, 200], ramp: 10s, settle: 10s, hold: 30s}}", played)
	if len(p.Stages) != 2 || len(p.Situations) != 3 {
		t.Fatalf("%d stages, %d situations", len(p.Stages), len(p.Situations))
	}
	for i, want := range []struct {
		name            string
		users, copiers  int
		pass            scenarios.Pass
		hold            time.Duration
		logins          float64
		within          time.Duration
		together, fresh bool
	}{
		{"reconnect", 1200, 3, scenarios.CorePass, 2 * time.Minute, 0.6, 20 * time.Second, false, true},
		{"all at once", 800, 0, scenarios.NoPass, 30 * time.Second, 1, 0, true, false},
		{"night", 300, 8, scenarios.DeferredPass, 30 * time.Second, 0, 0, false, false},
	} {
		st := p.Situations[i]
		storm := Storm{}
		if st.Storm != nil {
			storm = *st.Storm
		}
		if st.Situation != want.name || st.Index != 2+i || st.Users != want.users || st.Copiers != want.copiers || st.Pass != want.pass ||
			st.Hold != want.hold || storm != (Storm{want.logins, want.within, want.together}) || st.Fresh > 0 != want.fresh {
			t.Errorf("situation %d is %+v, storm %+v, want %+v", i, st, storm, want)
		}
	}
	if p.Duration() != 100*time.Second+140*time.Second+100*time.Second {
		t.Errorf("the run takes %v", p.Duration())
	}
	if len(p.Active) < 1200 || len(p.Deferred) != 8 || len(p.Copiers) != 3 {
		t.Errorf("%d active users, %d and %d who copy", len(p.Active), len(p.Copiers), len(p.Deferred))
	}
	if pace := p.Personas[2].Pace; pace != 2*time.Second {
		t.Errorf("the deferred pass has a pace of %v", pace)
	}

	hit, sum := 0, 0.0
	for i := range 1200 {
		after, ok := p.Reconnects(&p.Situations[0], &p.Active[i])
		if again, _ := p.Reconnects(&p.Situations[0], &p.Active[i]); again != after || after < 0 || after >= 20*time.Second {
			t.Fatalf("user %d comes back after %v and %v", i, after, again)
		}
		if ok {
			hit++
			sum += after.Seconds()
		}
		if after, ok := p.Reconnects(&p.Situations[1], &p.Active[i]); !ok || after != 0 {
			t.Fatalf("user %d comes back after %v, %v", i, after, ok)
		}
		if _, ok := p.Reconnects(&p.Stages[0], &p.Active[i]); ok {
			t.Fatal("a stage without a storm hits somebody")
		}
	}
	if math.Abs(float64(hit)/1200-0.6) > 0.06 || math.Abs(sum/float64(hit)-10) > 1 {
		t.Errorf("%d of 1200 users are hit, and come back after %.1f s on average", hit, sum/float64(hit))
	}

	all := map[string]string{p.Digest(): "itself"}
	for _, change := range [][2]string{{"at: 300", "at: 301"}, {"60%", "61%"}, {"within: 20s", "within: 21s"}, {"together: true", "within: 1s"}, {"hold: 2m", "hold: 3m"}, {", copy: none", ""}} {
		d := shapedPlan(t, "{stages: {users: [100, 200], ramp: 10s, settle: 10s, hold: 30s}}", strings.Replace(played, change[0], change[1], 1)).Digest()
		if was, same := all[d]; same {
			t.Errorf("%s has the same digest as %s", change[1], was)
		}
		all[d] = change[1]
	}
}
