package expect

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pegel/internal/plan"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// walker plays users as the engine does, on a clock of its own: each action takes the response time.
type walker struct {
	plan     *plan.Plan
	response time.Duration
	count    map[string]float64
}

// play walks a cursor from a time on until another, and returns when it ended.
func (w *walker) play(c *plan.Cursor, at, until time.Duration) time.Duration {
	var beat time.Duration
	for at < until {
		act, ok := c.Next()
		switch {
		case !ok:
			return at
		case act.Branches != nil:
			last := at
			for _, b := range act.Branches {
				last = max(last, w.play(b, at, until))
			}
			at = last
		case act.Every > 0 && act.Begins:
			at += act.Think
			beat = at
		case act.Every > 0:
			beat += act.Every
			for beat+act.Every <= at {
				beat += act.Every
			}
			at = max(at, beat)
		case act.Run == nil:
			at += act.Think
		default:
			w.count[w.plan.Actions[act.Action]]++
			at += w.response + act.Think
		}
	}
	return at
}

// user is a user's time of so long, sessions and absences included.
func (w *walker) user(u *plan.User, long time.Duration) {
	c := w.plan.Cursor(u)
	for at := time.Duration(0); at < long; {
		length, away := c.Session()
		until := long
		if length > 0 {
			until = min(long, at+length)
		}
		w.play(c, at, until)
		at = until + away
		c.Again()
	}
}

func noop(decode func(any) error) (probe.Step, error) {
	var p struct {
		Size string `yaml:"size"`
		Last int    `yaml:"last"`
	}
	return func(*probe.Turn) error { return nil }, decode(&p)
}

func protocols() []probe.Protocol {
	verbs := map[string]probe.Action{"login": noop, "list": noop, "read": noop, "send": noop, "fetch": noop, "sync": noop, "copy": noop, "noop": noop}
	return []probe.Protocol{{Name: "web", Actions: verbs}, {Name: "imap", Actions: verbs}, {Name: "smtp", Actions: verbs}}
}

const frame = `
name: test
seed: 5
targets:
  web: {url: "http://127.0.0.1:1/"}
  imap: {url: "imap://127.0.0.1:1"}
  smtp: {url: "smtp://127.0.0.1:1"}
accounts: {pattern: "u{n}@example.test", count: 4000, password: {env: P}}
activity: {person: 100%%, source: test}
personas: [{name: person, journey: day%s}]
journeys:
  day:
%s
load: {stages: {users: [%d], ramp: 1s, settle: 1s, hold: 10s}}
`

func parse(t testing.TB, src string) *plan.Plan {
	t.Helper()
	s, err := scenarios.Parse("test.yaml", []byte(src), scenarios.Options{Getenv: func(string) (string, bool) { return "x", true }})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Build(s, protocols())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What users of a journey do by expectation is what they do when they are walked, whatever the journey is made of.
func TestExpectationIsTheMeanOfUsersWalked(t *testing.T) {
	for name, c := range map[string]struct {
		persona, steps string
		hours          float64
	}{
		"loop for the session": {"", `
    - {do: web.login, think: 3s}
    - repeat: {for: session}
      steps: [{do: web.list, think: {exponential: {mean: 40s}}}]`, 2},
		"the first minutes": {"", `
    - {do: web.login, think: 3s}
    - repeat: {for: session}
      steps: [{think: {lognormal: {median: 150s, p90: 12m}}}, {do: web.list}, {do: web.read, think: 10s}]`, 0.05},
		"choices, loops, pauses": {"", `
    - {do: web.login}
    - repeat: {times: 5}
      steps:
        - choose:
            - {weight: 3, do: web.list, think: {uniform: {min: 5s, max: 15s}}}
            - weight: 1
              steps: [{do: web.read, think: 20s}, {repeat: {times: 2}, steps: [{do: web.send, think: 1s}]}]
    - think: {lognormal: {median: 1m, p90: 3m}}`, 6},
		"a choice that goes on for ever": {"", `
    - {do: web.login, think: 10s}
    - choose:
        - {weight: 1, steps: [{repeat: {for: session}, steps: [{do: web.read, think: 30s}]}]}
        - {weight: 4, do: web.list, think: 1m}`, 6},
		"weights that do not add up exactly": {"", `
    - repeat: {for: session}
      steps:
        - choose:
            - {weight: 1, do: web.read, think: 3s}
            - {weight: 1, do: web.list, think: 3s}
            - {weight: 1, do: web.send, think: 3s}
            - {weight: 1, do: web.login, think: 3s}
            - {weight: 1, do: imap.login, think: 3s}
            - {weight: 1, do: imap.list, think: 3s}`, 1},
		"beats": {"", `
    - {do: imap.login, think: 5s}
    - every: 10m
      steps: [{do: imap.list, think: 10s}, {do: imap.fetch}]`, 5},
		"a beat shorter than what is done on it": {"", `
    - every: 10s
      steps: [{do: imap.list, think: 8s}, {do: imap.fetch, think: 12s}]`, 3},
		"branches": {"", `
    - {do: web.login, think: 2s}
    - parallel:
        - {name: a, steps: [{do: imap.login, think: 30s}, {every: 5m, steps: [{do: imap.list}]}]}
        - {name: b, steps: [{repeat: {times: 4}, steps: [{do: web.read, think: 50s}]}]}
        - {name: c, steps: [{repeat: {for: session}, steps: [{do: smtp.send, think: {exponential: {mean: 2m}}}]}]}`, 5},
		"branches that end": {"", `
    - parallel:
        - {steps: [{do: imap.fetch, think: 20s}]}
        - {steps: [{repeat: {times: 3}, steps: [{do: web.read, think: 30s}]}]}
    - {do: web.list, think: 1m}`, 5},
		"sessions with absences": {", session: {length: {lognormal: {median: 10m, p90: 30m}}, away: {exponential: {mean: 20m}}}", `
    - {do: web.login, think: 5s}
    - repeat: {for: session}
      steps: [{do: web.list, think: {exponential: {mean: 30s}}}]`, 30},
		"sessions of a journey that begins again": {", session: {length: {uniform: {min: 5m, max: 15m}}, away: {constant: 10m}}", `
    - {do: web.login, think: 5s}
    - {do: web.read, think: {exponential: {mean: 1m}}}`, 30},
	} {
		t.Run(name, func(t *testing.T) {
			const users = 2000
			p := parse(t, fmt.Sprintf(frame, c.persona, c.steps[1:], users))
			long := time.Duration(c.hours * float64(time.Hour))
			w := &walker{plan: p, response: 300 * time.Millisecond, count: map[string]float64{}}
			for i := range p.Active[:users/4] {
				w.user(&p.Active[i], long)
			}
			counting := newCounting(p, Options{Response: w.response})
			play := &counting.personas[0]
			late := play.settled() + 1e6 // who has settled does as much in every span of time
			grown := play.first(late + 1000)
			grown.add(play.first(late), -1)
			if got, want := play.rate().sum()*1000, grown.sum(); math.Abs(got-want) > 0.01*want+0.01 || got == 0 {
				t.Errorf("%.3f acts in 1,000 s in the long run, but %.3f from %.0f s on", got, want, late)
			}
			want := map[string]float64{}
			for i, n := range play.first(long.Seconds()) {
				want[counting.reader.leaves[i].name] += n * users / 4
			}
			for action, n := range want {
				if got := w.count[action]; math.Abs(got-n) > 0.03*n+5*math.Sqrt(n) && math.Abs(got-n) > 0.05*n {
					t.Errorf("%s: walked %.0f times, expected %.0f", action, got, n)
				}
			}
			if len(want) != len(w.count) {
				t.Errorf("walked %v, expected %v", w.count, want)
			}
		})
	}
}

// Arrivals play the journey once.
func TestArrivals(t *testing.T) {
	src := fmt.Sprintf(frame, "", "    - {do: web.list, think: 10s}", 10)
	src = strings.Replace(src, "personas: [", "personas: [{name: mail, journey: deliver, arrivals: {per_second: 3, to: 9}}, ", 1)
	src = strings.Replace(src, "journeys:\n", "journeys:\n  deliver: [{do: smtp.send, think: 1s}, {do: smtp.noop}]\n", 1)
	src = strings.Replace(src, "hold: 10s", "hold: 998s", 1)
	p := parse(t, src)
	l, err := Of(p, Options{Response: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	// 1,000 s at 6 a second on average; 3 s each
	if got := l.Mails.Total; math.Abs(got-6000) > 1 {
		t.Errorf("%.1f mails in all, want 6000", got)
	}
	if got := l.Personas[0]; got.Kind != Arriving || got.Users != 18 {
		t.Errorf("%+v, want 18 at work", got)
	}
	var smtp Protocol
	for _, pr := range l.Protocols {
		if pr.Name == "smtp" {
			smtp = pr
		}
	}
	if math.Abs(smtp.PerSecond-12) > 0.01 || smtp.Connections != 18 || math.Abs(smtp.Opened-6*3600) > 1 {
		t.Errorf("%+v", smtp)
	}
}
