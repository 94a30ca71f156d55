package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pegel/internal/plan"
	"pegel/probes"
	"pegel/scenarios"
)

const simulatedUsers = `
name: simulated
targets: {web: {url: "http://127.0.0.1:1/"}}
accounts: {pattern: "u{n}@example.test", count: 50, password: {env: P}}
activity: {browser: 100%%, source: test}
personas: [{name: browser, journey: j%s}]
journeys:
  j:
%s
load: {stages: {users: [10], hold: 1m}}
objectives: [{action: "web.*", p95: 1s}]
`

func planOf(t *testing.T, persona, journey string) *plan.Plan {
	t.Helper()
	s, err := scenarios.Parse("test.yaml", fmt.Appendf(nil, simulatedUsers, persona, journey), scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Build(s, probes.All())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Beats and sessions become pauses: actions come as often as a platform that answers at once would see them.
func TestSimulatedUsersKeepBeatsAndSessions(t *testing.T) {
	for _, c := range []struct {
		persona, journey string
		lists, logins    int // in an hour
	}{
		{"", "    - {do: web.login}\n    - every: 1m\n      steps: [{think: 20s}, {do: web.list, think: 5s}]", 60, 0},
		{"", "    - {do: web.login}\n    - every: 1m\n      steps: [{do: web.list, think: 90s}]", 40, 0},
		{", session: {length: 10m, away: 5m}", "    - {do: web.login}\n    - every: 1m\n      steps: [{do: web.list}]", 40, 4},
		{", session: {length: 10m, away: 5m}", "    - {do: web.login, think: 1m}\n    - {repeat: {for: session}, steps: [{do: web.list, think: 3m}]}", 12, 4},
	} {
		p := planOf(t, c.persona, c.journey)
		if err := simulable(p); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			u := workload(p).User(i)
			count := map[string]int{}
			for at := time.Duration(0); at < 10*time.Hour; {
				act := u.Next()
				count[act.Action]++
				at += act.Think
			}
			if lists, logins := count["web.list"], count["web.login"]; lists < 10*c.lists-30 || lists > 10*c.lists+5 || logins < 10*c.logins || logins > 10*c.logins+1 {
				t.Errorf("%s%s\nuser %d: %d lists and %d logins in ten hours", c.persona, c.journey, i, lists, logins)
			}
		}
	}
}

// What the simulation cannot do is refused where it is written.
func TestWhatIsNotSimulatedIsRefused(t *testing.T) {
	for _, c := range []struct{ persona, journey, want string }{
		{", patience: {after: 8s, then: leave}", "    - {do: web.list}", "test.yaml:6:50: a simulated user waits for ever"},
		{"", "    - parallel: [{steps: [{do: web.list}]}, {steps: [{do: web.read}]}]", "test.yaml:9:7: a simulated user does one thing at a time"},
	} {
		err := simulable(planOf(t, c.persona, c.journey))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v\nwant %s", err, c.want)
		}
	}
}
