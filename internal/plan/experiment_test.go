package plan

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pegel/scenarios"
)

// changed is the base scenario with texts replaced, pairwise.
func changed(t *testing.T, pairs ...string) *Plan {
	t.Helper()
	src := fmt.Sprintf(base, 1)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(src, pairs[i]) {
			t.Fatalf("%q is not in the scenario", pairs[i])
		}
		src = strings.Replace(src, pairs[i], pairs[i+1], 1)
	}
	return build(t, src)
}

// shape writes the stages as users with + for copy traffic and ~ for another mix.
func shape(p *Plan) string {
	var list []string
	for _, s := range p.Stages {
		text := fmt.Sprint(s.Users)
		if s.Mixed {
			text += "~"
		}
		if s.Copiers > 0 {
			text += "+"
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

func TestExperimentPlaysOffAndOnInTheOrderABBA(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"all", "load: {", "load: {experiment: true, ", "100 100+ 200+ 200 300 300+ 300~ 300~ 400+ 400 100"},
		{"copy alone", "load: {", "load: {experiment: {copy: true}, ", "100 100+ 200+ 200 300 300+ 400+ 400"},
		{"by the wave", "stages: alternate", "stages: experiment", "100 100+ 200+ 200 300 300+ 400+ 400 100"},
		{"mix beside alternate", "load: {", "load: {experiment: {mix: 20%}, ", "100+ 200 300+ 300~+ 300~+ 400"},
		{"repeat alone", "load: {", "load: {experiment: {repeat: true}, ", "100+ 200 300+ 400 100+"},
		{"none", "load: {", "load: {experiment: false, ", "100+ 200 300+ 400"},
	} {
		p := changed(t, c.from, c.to)
		if got := shape(p); got != c.want {
			t.Errorf("%s: stages %s, want %s", c.name, got, c.want)
		}
		for i, s := range p.Stages {
			if s.Index != i {
				t.Errorf("%s: stage %d has the index %d", c.name, i, s.Index)
			}
		}
		if want := time.Duration(len(p.Stages)) * 8 * time.Second; p.Duration() != want {
			t.Errorf("%s: takes %v, want %v", c.name, p.Duration(), want)
		}
	}
}

// What is off and on in ABBA stands at the same mean time in each two loads, so that a linear drift adds the same to both.
func TestABBABalancesDrift(t *testing.T) {
	p := changed(t, "load: {", "load: {experiment: {copy: true}, ")
	for k := 0; k < len(p.Stages); k += 4 {
		var off, on int
		for i := k; i < k+4; i++ {
			if p.Stages[i].Copiers > 0 {
				on += i
			} else {
				off += i
			}
		}
		if on != off {
			t.Errorf("from stage %d on: copy traffic at %d, none at %d", k, on, off)
		}
	}
}

// The mix moves by the part asked for, to both sides of the activity's, and the stage still has its users. The users of a
// stage are the first of each persona, whatever the mix.
func TestMixIsTiltedBothWays(t *testing.T) {
	p := changed(t, "load: {", "load: {experiment: {mix: 30%}, ")
	var mixes [][]int
	for _, s := range p.Stages {
		sum := 0
		for k, n := range s.Mix {
			sum += n
			if n > len(p.Users(k)) {
				t.Fatalf("stage %d takes %d of %s, there are %d", s.Index, n, p.Personas[k].Name, len(p.Users(k)))
			}
		}
		if sum != s.Users {
			t.Errorf("%s has a mix of %v", s, s.Mix)
		}
		if s.Users == 300 {
			mixes = append(mixes, s.Mix)
		}
	}
	// 180 browsers and 120 desktops: 234 and 84 of 318, 126 and 156 of 282, scaled to 300
	want := [][]int{{180, 120, 0, 0}, {221, 79, 0, 0}, {134, 166, 0, 0}}
	if fmt.Sprint(mixes) != fmt.Sprint(want) {
		t.Errorf("mixes %v, want %v", mixes, want)
	}
	for k := range p.Personas {
		for i, u := range p.Users(k) {
			if u.Persona != k || i > 0 && u.ID <= p.Users(k)[i-1].ID {
				t.Fatalf("user %d of %s is %+v", i, p.Personas[k].Name, *u)
			}
		}
	}
	// 221 browsers at 30 % of the accounts need 734 of them, although 300 users in the usual mix live on 600
	if s := p.Stages[3]; s.Live != 734 || s.Fresh != 134 {
		t.Errorf("the tilted stage is %+v", s)
	}
}

func TestTiltOfManyPersonas(t *testing.T) {
	p := &Plan{Personas: []Persona{{Share: 0.2}, {}, {Share: 0.5}, {Share: 0.3}}}
	for part, want := range map[float64][]int{0.3: {140, 0, 650, 210}, -0.3: {260, 0, 350, 390}} {
		if got := p.tilted(1000, part); !slices.Equal(got, want) {
			t.Errorf("tilted by %v: %v, want %v", part, got, want)
		}
	}
	for n := range 40 { // whole users are never lost
		sum := 0
		for _, k := range p.tilted(n, 0.3) {
			sum += k
		}
		if sum != n {
			t.Errorf("%d users become %d", n, sum)
		}
	}
}

// Plans without an experiment are what they were: same users, stages and digest.
func TestDigestsOfPlainPlansAreStable(t *testing.T) {
	for seed, want := range map[int]string{1: "2714f6b6fcdf919f8a855efa2e4cee87", 2: "d0f287a7beb46d302aa5eb7069230691", 99: "2005bc97658f06a9c678b3fbfb438fbe"} {
		if got := build(t, fmt.Sprintf(base, seed)).Digest(); got != want {
			t.Errorf("seed %d: digest %s, want %s", seed, got, want)
		}
	}
	tilts := map[string]bool{}
	for _, to := range []string{"load: {", "load: {experiment: {mix: 30%}, ", "load: {experiment: {mix: 20%}, ", "load: {experiment: {copy: true}, "} {
		tilts[changed(t, "load: {", to).Digest()] = true
	}
	if len(tilts) != 4 {
		t.Errorf("%d digests of four plans", len(tilts))
	}
}

// Every stage has the users of the same prefix of the list, divided by persona.
func TestMixOfAPrefix(t *testing.T) {
	p := build(t, fmt.Sprintf(base, 1))
	for n := 0; n <= len(p.Active); n += 7 {
		count := make([]int, len(p.Personas))
		for _, u := range p.Active[:n] {
			count[u.Persona]++
		}
		if got := p.mix(n); !slices.Equal(got, count) {
			t.Fatalf("mix of %d users is %v, want %v", n, got, count)
		}
	}
}

const adaptive = "load: {order: adaptive, stages_max: 7, stages: {from: 100, to: 900, ramp: 2s, settle: 1s, hold: 5s}}"

func TestAdaptiveStagesAreMadeOneByOne(t *testing.T) {
	p := changed(t, "load: {stages: {users: [100, 200, 300, 400], ramp: 2s, settle: 1s, hold: 5s}}", adaptive)
	if shape(p) != "100+" || p.To != 900 || p.Most != 7 || p.Duration() != 56*time.Second || len(p.Active) != 900 || p.Live() != 400 {
		t.Fatalf("stages %s to %d, at most %d in %v, %d users", shape(p), p.To, p.Most, p.Duration(), len(p.Active))
	}
	done := slices.Clone(p.Stages)
	for _, users := range []int{250, 5000, 250} {
		done = append(done, p.Next(done, users))
	}
	if got := shape(&Plan{Stages: done}); got != "100+ 250 900+ 250" {
		t.Errorf("stages %s", got)
	}
	for i, want := range []struct{ live, fresh int }{{200, 0}, {500, 100}, {1800, 1300}, {500, 0}} {
		if s := done[i]; s.Live != want.live || s.Fresh != want.fresh || s.Index != i || s.Hold != 5*time.Second {
			t.Errorf("stage %d: %+v", i, s)
		}
	}
	fixed := build(t, strings.Replace(fmt.Sprintf(base, 1), "[100, 200, 300, 400]", "[100]", 1))
	if p.Digest() == fixed.Digest() {
		t.Error("an adaptive plan has the digest of its first stage")
	}
}

func TestListedStagesMayFallAndRepeat(t *testing.T) {
	p := changed(t, "load: {stages: {users: [100, 200, 300, 400]", "load: {order: listed, stages: {users: [200, 100, 300, 300]")
	if got := shape(p); got != "200+ 100 300+ 300" {
		t.Errorf("stages %s", got)
	}
}

func TestMostUsersOfTheAccounts(t *testing.T) {
	p := build(t, fmt.Sprintf(base, 1))
	most := p.MostUsers(1 << 20)
	if math.Abs(float64(most)-1000) > 3 { // 2000 accounts at 0.5 active users each
		t.Errorf("2000 accounts are enough for %d users", most)
	}
	if p.MostUsers(50) != 50 {
		t.Error("the limit is not kept")
	}
	for n, ok := range map[int]bool{most: true, most + 1: false} {
		s, err := scenarios.Parse("test.yaml", []byte(strings.Replace(fmt.Sprintf(base, 1), "300, 400]", fmt.Sprint("300, ", n, "]"), 1)), scenarios.Options{SkipSecrets: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = Build(s, protocols()); (err == nil) != ok {
			t.Errorf("%d users: %v", n, err)
		}
	}
}

// A load far beyond the accounts is refused before its users fill the memory; a large one is built at once.
func TestManyUsers(t *testing.T) {
	make := func(accounts, to int) (*Plan, error) {
		src := strings.Replace(fmt.Sprintf(base, 1), "load: {stages: {users: [100, 200, 300, 400], ramp: 2s, settle: 1s, hold: 5s}}",
			fmt.Sprintf("load: {order: adaptive, stages: {from: 100, to: %d, hold: 5s}}", to), 1)
		src = strings.Replace(src, "count: 2000", fmt.Sprintf("count: %d", accounts), 1)
		s, err := scenarios.Parse("test.yaml", []byte(src), scenarios.Options{SkipSecrets: true})
		if err != nil {
			t.Fatal(err)
		}
		return Build(s, protocols())
	}
	if _, err := make(2000, 1_000_000_000); err == nil || !strings.Contains(err.Error(), "need 2000000000 accounts, the scenario has 2000") {
		t.Errorf("a billion users: %v", err)
	}
	begin := time.Now()
	p, err := make(250_000, 100_000)
	if err != nil || len(p.Active) != 100_000 {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("a plan of 100,000 users took %v", took)
	}
}

func BenchmarkBuildOf100000Users(b *testing.B) {
	src := strings.Replace(fmt.Sprintf(base, 1), "users: [100, 200, 300, 400]", "users: [100, 100000]", 1)
	s, err := scenarios.Parse("test.yaml", []byte(strings.Replace(src, "count: 2000", "count: 250000", 1)), scenarios.Options{SkipSecrets: true})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		p, err := Build(s, protocols())
		if err != nil {
			b.Fatal(err)
		}
		p.Digest()
	}
}

// Each load is played in every arm, and in the other order at the next load.
func TestArmsAreInterleaved(t *testing.T) {
	groups := "count: 2000, groups: {tax: 1-800, interior: 801-1700, few: 1701-1710}"
	for _, c := range []struct {
		name, want string
		pairs      []string
	}{
		{"two of four", "100 100* 200* 200 300 300* 400* 400", []string{"load: {", "load: {experiment: {arms: sources}, ", "stages: alternate", "stages: none"}},
		{"odd", "100+ 100*+ 100*+ 100+", []string{"load: {", "load: {experiment: {arms: sources}, ", "stages: alternate", "stages: all", "[100, 200, 300, 400]", "[100]"}},
		{"copy", "100+ 100* 200* 200+ 300+ 300* 300* 300+", []string{"load: {", "load: {experiment: {arms: copy-off}, ", "stages: alternate", "stages: all", ", 400]", "]"}},
		{"bypass", "100 100* 100* 100", []string{"load: {", "load: {experiment: {arms: bypass}, ", "stages: alternate", "stages: none", "[100, 200, 300, 400]", "[100]",
			`"http://127.0.0.1:1/"`, `"http://127.0.0.1:1/", behind: "http://127.0.0.1:2"`}},
		{"each group", "100 100* 100* 200* 200* 200", []string{"load: {", "load: {experiment: {arms: one-group}, ", "stages: alternate", "stages: none", ", 300, 400]", "]", "count: 2000", groups}},
		{"one group", "100 100* 200* 200", []string{"load: {", "load: {experiment: {arms: one-group, group: interior}, ", "stages: alternate", "stages: none", ", 300, 400]", "]", "count: 2000", groups}},
	} {
		p := changed(t, c.pairs...)
		var list []string
		for i, s := range p.Stages {
			text := fmt.Sprint(s.Users)
			if s.Arm != scenarios.AsIs {
				text += "*"
			}
			if s.Copiers > 0 {
				text += "+"
			}
			list = append(list, text)
			if s.Index != i || p.Arm(s.Arm) == nil || s.Fresh != p.Stages[i-i%2].Fresh && c.name == "two of four" {
				t.Errorf("%s: stage %+v", c.name, s)
			}
		}
		if got := strings.Join(list, " "); got != c.want {
			t.Errorf("%s: stages %s, want %s", c.name, got, c.want)
		}
		if p.Most != len(p.Stages) || p.To != 0 {
			t.Errorf("%s: at most %d of %d stages", c.name, p.Most, len(p.Stages))
		}
	}
}

// In the arm of a group the users are the same, on accounts of the group only, each of a persona on one of its own.
func TestUsersOfOneGroup(t *testing.T) {
	p := changed(t, "load: {", "load: {experiment: {arms: one-group, group: interior}, ", "stages: alternate", "stages: none", "count: 2000", "count: 2000, groups: {tax: 1-800, interior: 801-1700}")
	arm := p.Arm("group interior")
	for k := range p.Personas {
		seen := map[int]bool{}
		for i, u := range p.UsersIn(arm, k) {
			was := p.Users(k)[i]
			if u.ID != was.ID || u.Persona != was.Persona || u.Start != was.Start || p.Accounts.Group(u.Account) != "interior" || seen[u.Account] {
				t.Fatalf("user %+v of the arm, %+v of the plan", *u, *was)
			}
			seen[u.Account] = true
		}
		if len(p.UsersIn(arm, k)) != len(p.Users(k)) {
			t.Errorf("%d users of persona %d in the arm, %d in the plan", len(p.UsersIn(arm, k)), k, len(p.Users(k)))
		}
	}
}

// Users take turns at the backends and addresses, each persona by itself, and keep what they have.
func TestTurnsOfUsers(t *testing.T) {
	p := changed(t, "load: {", "load: {experiment: {arms: sources, sources: 127.0.1.1-127.0.1.4}, ", "stages: alternate", "stages: none",
		`"http://127.0.0.1:1/"`, `"http://127.0.0.1:1/", behind: ["http://127.0.0.1:2", "http://127.0.0.1:3"]`)
	arm := p.Arm(scenarios.ManySources)
	for k := range p.Personas {
		backends, sources := map[string]int{}, map[string]int{}
		for _, u := range p.Users(k) {
			backends[p.Backend("web", u).Host]++
			sources[p.Source(arm, u).String()]++
		}
		for _, count := range []map[string]int{backends, sources} {
			for name, n := range count {
				if even := len(p.Users(k)) / len(count); n < even || n > even+1 {
					t.Errorf("%d of %d users of persona %d at %s", n, len(p.Users(k)), k, name)
				}
			}
		}
	}
	if p.Backend("imap", p.Users(0)[0]) != nil || p.Source(p.Arm(scenarios.AsIs), p.Users(0)[0]).IsValid() || p.Source(nil, p.Users(0)[0]).IsValid() {
		t.Error("a way that nobody named")
	}
}

func TestImpossibleArms(t *testing.T) {
	for _, c := range []struct {
		want  string
		pairs []string
	}{
		{`test.yaml:8:11: the experiment one-group needs groups of accounts`, []string{"load: {", "load: {experiment: {arms: one-group}, "}},
		{`no account belongs to the group "taxes"`, []string{"load: {", "load: {experiment: {arms: one-group, group: taxes}, ", "count: 2000", "count: 2000, groups: {tax: 1-400}"}},
		{`the experiment one-group needs 240 accounts in one group, the largest has 100`, []string{"load: {", "load: {experiment: {arms: one-group}, ", "count: 2000", "count: 2000, groups: {tax: 1-100, other: 101-150}"}},
		{`the experiment bypass changes nothing: no journey uses a target`, []string{"load: {", "load: {experiment: {arms: bypass}, ",
			"imap.source: {", `spare: {url: "http://127.0.0.1:7/", behind: "http://127.0.0.1:8"}` + "\n  imap.source: {"}},
	} {
		src := strings.Replace(fmt.Sprintf(base, 1), "stages: alternate", "stages: none", 1)
		for i := 0; i < len(c.pairs); i += 2 {
			src = strings.Replace(src, c.pairs[i], c.pairs[i+1], 1)
		}
		s, err := scenarios.Parse("test.yaml", []byte(src), scenarios.Options{SkipSecrets: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = Build(s, protocols()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
