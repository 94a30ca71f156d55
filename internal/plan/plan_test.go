package plan

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pegel/probes/probe"
	"pegel/scenarios"
)

func noop(decode func(any) error) (probe.Step, error) {
	var params struct {
		Size string `yaml:"size"`
	}
	if err := decode(&params); err != nil {
		return nil, err
	}
	return func(*probe.Turn) error { return nil }, nil
}

func protocols() []probe.Protocol {
	actions := map[string]probe.Action{"login": noop, "list": noop, "read": noop, "send": noop, "sync": noop, "copy": noop}
	return []probe.Protocol{{Name: "web", Actions: actions}, {Name: "imap", Actions: actions}}
}

const base = `
name: test
seed: %d
targets:
  web: {url: "http://127.0.0.1:1/"}
  imap: {url: "imap://127.0.0.1:1"}
  imap.source: {url: "imap://127.0.0.1:2"}
accounts: {pattern: "u{n}@example.test", count: 2000, password: {env: P}}
activity: {browser: 30%%, desktop: [10%%, 30%%], source: test}
personas:
  - {name: browser, journey: webmail}
  - {name: desktop, journey: mail, fresh: first}
  - {name: watcher, journey: webmail, count: 2}
  - {name: migrator, journey: copying, copy: true}
journeys:
  webmail:
    - {do: web.login, think: 1s}
    - repeat: {times: 3}
      steps:
        - choose:
            - {weight: 3, do: web.list, think: {exponential: {mean: 2s}}}
            - {weight: 1, do: web.read, think: 1s}
    - think: 5s
  mail:
    - {do: imap.login}
    - repeat: {for: session}
      steps: [{do: imap.list, think: 1s}]
  first: [{do: imap.login}, {do: imap.sync}]
  copying: [{do: imap.copy}]
wave:
  live: 400
  batches: [{name: one, accounts: 300}, {name: two, accounts: 300}]
  copy: {concurrency: 3, rate: 6, stages: alternate}
load: {stages: {users: [100, 200, 300, 400], ramp: 2s, settle: 1s, hold: 5s}}
objectives: [{action: "web.*", p95: 1s}]
`

func build(t *testing.T, src string) *Plan {
	t.Helper()
	s, err := scenarios.Parse("test.yaml", []byte(src), scenarios.Options{Getenv: func(string) (string, bool) { return "x", true }})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Build(s, protocols())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The same bytes and seed give the same digest, another seed another one.
func TestDigestIsAFunctionOfScenarioAndSeed(t *testing.T) {
	a, b, c := build(t, fmt.Sprintf(base, 1)), build(t, fmt.Sprintf(base, 1)), build(t, fmt.Sprintf(base, 2))
	if a.Digest() != b.Digest() {
		t.Errorf("the same scenario has digests %s and %s", a.Digest(), b.Digest())
	}
	if a.Digest() == c.Digest() {
		t.Error("two seeds have the same digest")
	}
}

// A user's draws do not depend on what other users do, nor on how often it had to start again.
func TestDrawsAreKeyedByUserStepAndIteration(t *testing.T) {
	p := build(t, fmt.Sprintf(base, 1))
	u := &p.Active[1]
	one := p.Cursor(u)
	var keys []uint64
	for range 50 {
		act, _ := one.Next()
		keys = append(keys, act.Key)
	}
	other := p.Cursor(&p.Active[0])
	two := p.Cursor(u)
	for i, want := range keys {
		other.Next()
		if act, _ := two.Next(); act.Key != want {
			t.Fatalf("act %d has another key when another user is played in between", i)
		}
	}
}

func TestStagesFollowTheWave(t *testing.T) {
	p := build(t, fmt.Sprintf(base, 1))
	// 0.5 active users an account: 100, 200, 300, 400 users stand for 200, 400, 600, 800 accounts, of which 400 are live
	want := []struct {
		live, fresh int
		beyond      bool
		batch       string
		copiers     int
	}{{200, 0, false, "", 3}, {400, 0, false, "", 0}, {600, 200, true, "one", 3}, {800, 200, true, "two", 0}}
	for i, w := range want {
		s := p.Stages[i]
		if s.Live != w.live || s.Fresh != w.fresh || s.Beyond != w.beyond || s.Batch != w.batch || s.Copiers != w.copiers {
			t.Errorf("stage %d is %+v, want %+v", i, s, w)
		}
	}
	if len(p.Fixed) != 2 || len(p.Copiers) != 3 {
		t.Errorf("%d fixed users and %d copiers, want 2 and 3", len(p.Fixed), len(p.Copiers))
	}
}

// Every prefix of the active users has the personas' shares, and persona j uses the accounts that its activity implies.
func TestUsersHaveTheSharesOfTheirPersonas(t *testing.T) {
	p := build(t, fmt.Sprintf(base, 1))
	count := map[string]int{}
	for n, u := range p.Active {
		count[p.Personas[u.Persona].Name]++
		want := 0.6 * float64(n+1)
		if got := float64(count["browser"]); math.Abs(got-want) > 1 {
			t.Fatalf("among the first %d users %v are browsers, want %.1f", n+1, got, want)
		}
	}
	for _, u := range p.Active {
		if u.Account >= p.Stages[len(p.Stages)-1].Live {
			t.Fatalf("user %d has account %d, but only %d are live in the last stage", u.ID, u.Account, p.Stages[len(p.Stages)-1].Live)
		}
		if u.Fresh != (u.Account >= 400) {
			t.Fatalf("user %d with account %d: fresh is %v", u.ID, u.Account, u.Fresh)
		}
	}
}

func TestArrivalsAreSpreadOverTheRamp(t *testing.T) {
	p := build(t, fmt.Sprintf(base, 1))
	var tenth [10]int
	for _, u := range p.Active {
		tenth[int(u.Start*10)]++
	}
	for i, n := range tenth {
		if n < 20 || n > 65 { // 40 on average of 400
			t.Errorf("%d of 400 users arrive in tenth %d of the ramp", n, i)
		}
	}
}

func TestJourneyLoopsChoosesAndBeginsAgain(t *testing.T) {
	p := build(t, fmt.Sprintf(base, 1))
	i := 0
	for p.Personas[p.Active[i].Persona].Name != "browser" {
		i++
	}
	c := p.Cursor(&p.Active[i])
	first := 0
	count := map[string]int{}
	for range 5000 {
		act, ok := c.Next()
		if !ok {
			t.Fatal("the journey ended for good")
		}
		if act.First {
			first++
		}
		if act.Run == nil {
			count["think"]++
			continue
		}
		count[p.Actions[act.Action]]++
	}
	// each round: login, three choices, a pause
	if count["web.login"] != 1000 || count["think"] != 1000 || first != 999 {
		t.Errorf("%v, begun again %d times", count, first)
	}
	if share := float64(count["web.list"]) / 3000; math.Abs(share-0.75) > 0.03 {
		t.Errorf("web.list was chosen in %.3f of the cases, want 0.75", share)
	}
}

func TestFreshUserDownloadsFirst(t *testing.T) {
	p := build(t, fmt.Sprintf(base, 1))
	for i := range p.Active {
		u := &p.Active[i]
		if !u.Fresh || p.Personas[u.Persona].Name != "desktop" {
			continue
		}
		c := p.Cursor(u)
		var names []string
		for range 4 {
			act, _ := c.Next()
			if act.First {
				t.Error("the fresh journey's end closes the user's sessions")
			}
			names = append(names, p.Actions[act.Action])
		}
		if got := strings.Join(names, " "); got != "imap.login imap.sync imap.login imap.list" {
			t.Errorf("a fresh user plays %s", got)
		}
		return
	}
	t.Fatal("no fresh desktop user")
}

func TestMistakesHaveAPlace(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"{do: imap.sync}", "{do: imap.synk}", `test.yaml:28:34: unknown action "imap.synk"`},
		{"{do: web.login, think: 1s}", "{do: wep.login, think: 1s}", `there is no target "wep"`},
		{"{do: imap.copy}", "{do: imap.copy, with: {sise: 3}}", "sise"},
		{"users: [100, 200, 300, 400]", "users: [100, 1100]", "accounts, the scenario has 2000"},
	} {
		src := strings.Replace(fmt.Sprintf(base, 1), c.from, c.to, 1)
		s, err := scenarios.Parse("test.yaml", []byte(src), scenarios.Options{Getenv: func(string) (string, bool) { return "x", true }})
		if err == nil {
			_, err = Build(s, protocols())
		}
		if err == nil {
			t.Errorf("%s → %s is accepted", c.from, c.to)
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s → %s:\n%v\nwant %s", c.from, c.to, err, c.want)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	s, err := scenarios.Parse("test.yaml", []byte(fmt.Sprintf(base, 1)), scenarios.Options{Getenv: func(string) (string, bool) { return "x", true }})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Build(s, protocols()); err != nil {
			b.Fatal(err)
		}
	}
}
