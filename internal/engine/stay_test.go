package engine

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pegel/internal/plan"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// Users stay as long as is drawn, end what they are at, and come back with new sessions and the journey from its beginning.
func TestSessionsEndAndBeginAgain(t *testing.T) {
	for _, journey := range []string{`
    - {do: web.login}
    - {repeat: {for: session}, steps: [{do: web.list, think: 1s}]}
`, `
    - {do: web.login}
    - every: 1s
      steps: [{do: web.list}]
`, `
    - {do: web.login}
    - parallel:
        - steps: [{repeat: {for: session}, steps: [{do: web.list, think: 1s}]}]
        - steps: [{every: 1h, steps: [{do: web.check}]}]
`} {
		synctest.Test(t, func(t *testing.T) {
			d := &diary{}
			_, out := d.keep(t, ", session: {length: 20s, away: 10s}", journey, 10, "117s")
			at := map[string][]time.Duration{}
			for _, e := range d.of("login") {
				at[e.login] = append(at[e.login], e.at)
			}
			for login, times := range at {
				if len(times) != 4 {
					t.Fatalf("%s logs in %d times in 120 s", login, len(times))
				}
				for i := 1; i < len(times); i++ {
					if d := times[i] - times[i-1]; d < 30*time.Second || d > 30*time.Second+200*time.Millisecond {
						t.Errorf("%s comes back after %v", login, d)
					}
				}
			}
			for _, e := range d.of("list") {
				times := at[e.login]
				for i := range times {
					if next := times[i] + 30*time.Second; e.at > times[i]+20*time.Second && e.at < next {
						t.Errorf("%s is there at %v, away since %v", e.login, e.at, times[i]+20*time.Second)
					}
				}
			}
			if n := out.intervals[60].Users; n != 10 {
				t.Errorf("%d users: who is away counts too", n)
			}
			if strings.Contains(journey, "parallel") != (d.opened > 40) {
				t.Errorf("%d sessions opened", d.opened)
			}
		})
	}
}

// hangs is a platform on which listing hangs for a time.
func hangs(from, to time.Duration) func(entry) time.Duration {
	return func(e entry) time.Duration {
		if e.verb == "list" && e.at >= from && e.at < to {
			return time.Hour
		}
		return 100 * time.Millisecond
	}
}

const impatient = `
    - {do: web.login, think: 1s}
    - {repeat: {for: session}, steps: [{do: web.list, think: 2s}]}
`

// Who waits too long gives up, does what it does then, and its action counts with the time it took.
func TestPatience(t *testing.T) {
	for _, c := range []struct {
		persona      string
		logins, hung int // in 100 s, listing hanging for those that begin in 20 of them
	}{
		{"after: 8s, then: reload, most: 10", 4, 3},
		{"after: 8s, then: retry, most: 10", 1, 3},
		{"after: 8s, then: retry, most: 1", 1, 2}, // then it leaves for five minutes
		{"after: 8s, then: leave", 1, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &diary{takes: hangs(30*time.Second, 50*time.Second)}
			_, out := d.keep(t, ", patience: {"+c.persona+"}", impatient, 1, "97s")
			list := out.total("web.list")
			if n := int(list.Classes[probe.Timeout]); n != c.hung || list.Failed() != uint64(n) {
				t.Errorf("%s: %d time-outs, want %d: %v", c.persona, n, c.hung, list.Classes)
			}
			if top := list.Response.Max; top.Round(time.Millisecond) != 8*time.Second {
				t.Errorf("%s: the longest took %v", c.persona, top)
			}
			if n := len(d.of("login")); n != c.logins {
				t.Errorf("%s: %d logins, want %d", c.persona, n, c.logins)
			}
			if lag := out.lag(); lag > 10*time.Millisecond {
				t.Errorf("%s: the generator is said to lag by %v", c.persona, lag)
			}
			all := d.entries
			for i, e := range all[:len(all)-1] {
				if e.verb != "list" || e.at < 30*time.Second || e.at >= 50*time.Second {
					continue
				}
				if after := all[i+1].at - e.at; after.Round(10*time.Millisecond) != 8*time.Second {
					t.Errorf("%s: goes on %v after it began to wait", c.persona, after)
				}
				if all[i+1].session == e.session {
					t.Errorf("%s: goes on with the session that hung", c.persona)
				}
			}
		})
	}
}

// Who reloads too often leaves for the time that its sessions are apart.
func TestPatienceHasAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{takes: hangs(0, time.Hour)}
		d.keep(t, ", patience: {after: 2s, then: reload}, session: {length: 1h, away: 30s}", impatient, 1, "77s")
		var at []string
		for _, e := range d.of("login") {
			at = append(at, (e.at - d.entries[0].at).Round(100*time.Millisecond).String())
		}
		// four rounds of 3.1 s: login, think, two seconds of waiting; three of them reloads
		if got := strings.Join(at, " "); !strings.HasPrefix(got, "0s 3.1s 6.2s 9.3s 42.4s 45.5s") {
			t.Errorf("logins at %s", got)
		}
	})
}

// One branch reloads by itself; but when a user leaves, all of it does.
func TestPatienceInBranches(t *testing.T) {
	const journey = `
    - parallel:
        - steps: [{repeat: {for: session}, steps: [{do: web.list, think: 1s}]}]
        - steps: [{do: web.login}, {every: 1s, steps: [{do: web.check}]}]
`
	synctest.Test(t, func(t *testing.T) {
		d := &diary{takes: hangs(20*time.Second, 30*time.Second)}
		d.keep(t, ", patience: {after: 4s, then: reload, most: 9}", journey, 1, "57s")
		if n := len(d.of("login")); n != 1 {
			t.Errorf("the other branch began %d times", n)
		}
		if n := len(d.of("check")); n < 57 || n > 60 {
			t.Errorf("%d checks in 60 s", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		d := &diary{takes: hangs(20*time.Second, 30*time.Second)}
		d.keep(t, ", patience: {after: 4s, then: leave}, session: {length: 1h, away: 20s}", journey, 1, "57s")
		if n := len(d.of("login")); n != 2 {
			t.Errorf("the other branch began %d times, want 2", n)
		}
		var longest, last time.Duration
		for _, e := range d.of("check") {
			if last > 0 {
				longest = max(longest, e.at-last)
			}
			last = e.at
		}
		if longest < 20*time.Second || longest > 22*time.Second {
			t.Errorf("the other branch paused for %v", longest)
		}
	})
}

// A connection that cannot be opened in time is given up as well.
func TestPatienceWithConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		hang := d.protocol()
		src := fmt.Sprintf(playing, ", patience: {after: 3s, then: reload, most: 2}", strings.TrimPrefix(impatient, "\n"), 1, "27s")
		s, err := scenarios.Parse("test.yaml", []byte(src), scenarios.Options{SkipSecrets: true})
		if err != nil {
			t.Fatal(err)
		}
		hang.Open = func(turn *probe.Turn, _ probe.Target, _ probe.Account) (probe.Session, error) {
			<-turn.Context().Done()
			return nil, probe.Fail(probe.Reset, "connect", nil)
		}
		p, err := plan.Build(s, []probe.Protocol{hang})
		if err != nil {
			t.Fatal(err)
		}
		out := play(t, p, nil, t.Context())
		c := out.total(p, "web.connect")
		if c.Classes[probe.Timeout] != 3 || c.Failed() != 3 || c.Response.Max.Round(time.Millisecond) != 3*time.Second {
			t.Errorf("connecting: %v, longest %v", c.Classes, c.Response.Max)
		}
	})
}
