package engine

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pegel/internal/plan"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// In lockstep the beats of all users fall together, whenever they came.
func TestLockstep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{takes: func(entry) time.Duration { return time.Second }}
		d.keep(t, "", `
    - {do: web.login, think: {uniform: {min: 1s, max: 15s}}}
    - {every: 20s, lockstep: true, steps: [{do: web.check}]}
`, 20, "97s")
		users := map[time.Duration]int{}
		for _, e := range d.of("check") {
			users[e.at.Round(time.Millisecond)]++
		}
		for at, n := range users {
			if at%(20*time.Second) != 0 {
				t.Errorf("%d users at %v", n, at)
			}
		}
		if users[60*time.Second] != 20 {
			t.Errorf("%v, want all 20 users at once", users)
		}
	})
}

// Steps on a beat come round each interval whatever they take; users begin at random parts of it.
func TestEveryKeepsItsBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{takes: func(e entry) time.Duration {
			if e.verb == "check" {
				return 3 * time.Second
			}
			return time.Second
		}}
		_, out := d.keep(t, "", `
    - {do: web.login}
    - every: 10s
      steps: [{do: web.check, think: 1s}, {do: web.list}]
`, 20, "97s")
		beats := map[string][]time.Duration{}
		for _, e := range d.of("check") {
			beats[e.login] = append(beats[e.login], e.at)
		}
		var first [2]int
		for login, at := range beats {
			if len(at) < 9 || len(at) > 10 {
				t.Errorf("%s has %d beats in 100 s", login, len(at))
			}
			for i := 1; i < len(at); i++ {
				if d := at[i] - at[i-1]; d.Round(time.Millisecond) != 10*time.Second {
					t.Errorf("%s: %v between two beats", login, d)
				}
			}
			first[min(1, int(at[0]/(7*time.Second)))]++
		}
		if len(beats) != 20 || first[0] == 0 || first[1] == 0 {
			t.Errorf("%d users, %v of them begin early and late", len(beats), first)
		}
		if q := out.total("web.check").Response.Quantile(0.99).Round(10 * time.Millisecond); q < 2980*time.Millisecond || q > 3020*time.Millisecond {
			t.Errorf("response time of a check is %v, want 3 s", q)
		}
	})
}

// What was intended on a beat counts from the beat, also where the round before ended later; that is no lag of the generator.
// Beats that go by altogether fall together.
func TestLateRoundCountsFromItsBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := 0
		d := &diary{takes: func(e entry) time.Duration {
			if long++; long == 3 {
				return 25 * time.Second
			}
			return time.Second
		}}
		_, out := d.keep(t, "", `
    - every: 10s
      steps: [{do: web.check}]
`, 1, "87s")
		list := d.of("check")
		var distance []string
		for i := 1; i < len(list); i++ {
			distance = append(distance, (list[i].at - list[i-1].at).Round(time.Millisecond).String())
		}
		if got := strings.Join(distance, " "); !strings.HasPrefix(got, "10s 10s 25s 5s 10s 10s") {
			t.Errorf("rounds begin after %s", got)
		}
		if top := out.total("web.check").Response.Max; top.Round(10*time.Millisecond) != 25*time.Second {
			t.Errorf("longest response time is %v", top)
		}
		// the late round was intended 15 s before it began
		if n := out.total("web.check").Response.ShareAbove(15500 * time.Millisecond); math.Abs(n*float64(len(list))-2) > 0.01 {
			t.Errorf("%.2f actions are slower than 15.5 s, want 2", n*float64(len(list)))
		}
		if lag := out.lag(); lag > 10*time.Millisecond {
			t.Errorf("the generator is said to lag by %v", lag)
		}
	})
}

// Branches run at the same time on sessions of their own, are still there when the step comes round, and lose them alone.
func TestParallelBranches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{takes: func(e entry) time.Duration {
			if e.verb == "idle" {
				return 9 * time.Second
			}
			return time.Second
		}}
		lost := false
		d.fail = func(e entry) error {
			if e.verb == "read" && !lost && e.at > 30*time.Second {
				lost = true
				return probe.Fail(probe.Reset, "read", nil)
			}
			return nil
		}
		_, out := d.keep(t, "", `
    - {do: web.login}
    - repeat: {for: session}
      steps:
        - parallel:
            - {name: inbox, steps: [{do: web.idle}]}
            - steps: [{do: web.list}, {do: web.read, think: 1s}]
        - {do: web.send}
`, 1, "97s")
		sessions := map[string]map[int]bool{}
		for _, e := range d.entries {
			if sessions[e.verb] == nil {
				sessions[e.verb] = map[int]bool{}
			}
			sessions[e.verb][e.session] = true
		}
		if got := fmt.Sprint(len(sessions["login"]), len(sessions["idle"]), len(sessions["list"]), len(sessions["read"]), len(sessions["send"])); got != "1 1 2 2 1" || d.opened != 4 {
			t.Errorf("sessions of login, idle, list, read, send: %s, %d opened", got, d.opened)
		}
		send, idle, list := d.of("send"), d.of("idle"), d.of("list")
		for i, e := range send {
			if e.at-idle[i].at != 9*time.Second {
				t.Errorf("the branches ended %v after they began", e.at-idle[i].at)
			}
		}
		if len(list) != len(idle)+1 { // begun again once, after a pause, while the other branch went on
			t.Errorf("%d rounds of one branch, %d of the other", len(list), len(idle))
		}
		if n := len(idle); n < 9 || n > 10 {
			t.Errorf("%d rounds of 10 s in 100 s", n)
		}
		most, users := 0, 0
		for _, in := range out.intervals {
			most, users = max(most, in.InFlight), max(users, in.Users)
		}
		if most != 2 || users != 1 {
			t.Errorf("at most %d in flight and %d users, want 2 and 1", most, users)
		}
	})
}

// Branches without an end go with their user; nested ones have sessions of their own too.
func TestNestedBranchesEndWithTheUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		_, out := d.keep(t, "", `
    - parallel:
        - steps: [{every: 5s, steps: [{do: web.check}]}]
        - steps:
            - parallel:
                - steps: [{repeat: {for: session}, steps: [{do: web.idle, think: 1h}]}]
                - steps: [{repeat: {for: session}, steps: [{do: web.list, think: 1s}]}]
`, 5, "17s")
		if d.opened != 15 {
			t.Errorf("%d sessions of 5 users with 3 branches each", d.opened)
		}
		if took := time.Since(d.start).Round(time.Second); took != 20*time.Second {
			t.Errorf("the run took %v", took)
		}
		if n := len(d.of("check")); n < 15 || n > 20 {
			t.Errorf("%d checks", n)
		}
		if n := out.total("web.list").Classes[probe.Canceled]; n != 0 {
			t.Errorf("%d actions were cut off", n)
		}
	})
}

// A probe is told how many connections its user keeps.
func TestConnectionsAreHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		protocol := d.protocol()
		var got, elsewhere int
		protocol.Actions["list"] = func(func(any) error) (probe.Step, error) {
			return func(t *probe.Turn) error {
				got, elsewhere = t.Connections(""), t.Connections("imap")
				return nil
			}, nil
		}
		src := fmt.Sprintf(playing, ", connections: {web: 5}", "    - {do: web.list, think: 1s}", 1, "2s")
		s, err := scenarios.Parse("test.yaml", []byte(src), scenarios.Options{SkipSecrets: true})
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Build(s, []probe.Protocol{protocol})
		if err != nil {
			t.Fatal(err)
		}
		play(t, p, nil, t.Context())
		if got != 5 || elsewhere != 0 {
			t.Errorf("%d connections to the step's target and %d to another", got, elsewhere)
		}
	})
}
