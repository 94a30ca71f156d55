package engine

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pegel/internal/plan"
	"pegel/internal/record"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// diary is a protocol that notes when each action begins, on which session, and how long it takes.
type diary struct {
	mu      sync.Mutex
	start   time.Time
	entries []entry
	opened  int
	open    map[int]bool
	takes   func(e entry) time.Duration
	fail    func(e entry) error
}

type entry struct {
	at      time.Duration
	verb    string
	login   string
	session int
}

type paper struct {
	d *diary
	n int
}

func (p paper) Close() error {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	delete(p.d.open, p.n)
	return nil
}

func (d *diary) protocol() probe.Protocol {
	actions := map[string]probe.Action{}
	for _, verb := range []string{"login", "list", "read", "send", "check", "idle"} {
		actions[verb] = func(decode func(any) error) (probe.Step, error) {
			if err := probe.NoParams(decode); err != nil {
				return nil, err
			}
			return func(t *probe.Turn) error { return d.act(t, verb) }, nil
		}
	}
	return probe.Protocol{Name: "web", Actions: actions, Open: func(*probe.Turn, probe.Target, probe.Account) (probe.Session, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.opened++
		d.open[d.opened] = true
		return paper{d, d.opened}, nil
	}}
}

func (d *diary) act(t *probe.Turn, verb string) error {
	s, err := probe.SessionAs[paper](t)
	if err != nil {
		return err
	}
	d.mu.Lock()
	e := entry{time.Since(d.start), verb, t.Account().Login, s.n}
	d.entries = append(d.entries, e)
	takes := 100 * time.Millisecond
	if d.takes != nil {
		takes = d.takes(e)
	}
	d.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-t.Context().Done():
		return t.Context().Err()
	}
	if d.fail != nil {
		return d.fail(e)
	}
	return nil
}

// of are the entries of one verb, in order.
func (d *diary) of(verb string) []entry {
	var list []entry
	for _, e := range d.entries {
		if e.verb == verb {
			list = append(list, e)
		}
	}
	return list
}

const playing = `
name: playing
seed: 1
targets: {web: {url: "http://127.0.0.1:1/", timeout: 60s}}
accounts: {pattern: "u{n}@example.test", count: 100, password: {env: P}}
activity: {browser: 100%%, source: test}
personas: [{name: browser, journey: j%s}]
journeys:
  j:
%s
load: {stages: {users: [%d], ramp: 1s, settle: 2s, hold: %s}}
`

// keep drives users with a persona's extra keys and a journey, written in lines of six spaces.
func (d *diary) keep(t *testing.T, persona, journey string, users int, hold string) (*plan.Plan, *outcomeOf) {
	t.Helper()
	src := fmt.Sprintf(playing, persona, strings.TrimPrefix(journey, "\n"), users, hold)
	s, err := scenarios.Parse("test.yaml", []byte(src), scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	d.open, d.start = map[int]bool{}, time.Now()
	p, err := plan.Build(s, []probe.Protocol{d.protocol()})
	if err != nil {
		t.Fatal(err)
	}
	out := play(t, p, nil, t.Context())
	if out.err != nil {
		t.Fatal(out.err)
	}
	if len(d.open) > 0 {
		t.Errorf("%d of %d sessions are still open", len(d.open), d.opened)
	}
	return p, &outcomeOf{out, p}
}

// outcomeOf is an outcome with its plan.
type outcomeOf struct {
	*outcome
	plan *plan.Plan
}

func (o *outcomeOf) total(action string) *record.Series { return o.outcome.total(o.plan, action) }

// lag is that of all intervals.
func (o *outcomeOf) lag() time.Duration {
	var top time.Duration
	for _, in := range o.intervals {
		top = max(top, in.Lag.Max)
	}
	return top
}

// Steps on a beat come round each interval whatever they take; users begin at random parts of it.
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
