package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const flowing = `
name: flowing
seed: 7
targets:
  web: {url: "http://127.0.0.1:1/"}
  imap: {url: "imap://127.0.0.1:1"}
accounts: {pattern: "u{n}@example.test", count: 200, password: {env: P}}
activity: {desktop: 50%, source: test}
personas:
  - name: desktop
    journey: mail
    session: {length: {lognormal: {median: 30m, p90: 2h}}, away: {uniform: {min: 5m, max: 1h}}}
    patience: {after: 8s, then: retry}
    connections: {imap: 5}
journeys:
  mail:
    - {do: web.login}
    - parallel:
        - name: inbox
          steps: [{repeat: {times: 2}, steps: [{do: imap.list, think: {exponential: {mean: 3s}}}]}]
        - steps: [{every: 10m, steps: [{do: imap.sync}]}]
        - steps:
            - parallel: [{steps: [{do: imap.read}]}, {steps: [{do: imap.send}, {do: imap.copy}]}]
    - {do: web.list, think: 1s}
load: {stages: {users: [50], hold: 1m}}
`

// stroll writes the first acts of a cursor, and of its branches, with their keys.
func stroll(p *Plan, c *Cursor, acts int, keys bool) string {
	var b strings.Builder
	for range acts {
		act, ok := c.Next()
		if !ok {
			b.WriteString("end")
			break
		}
		switch {
		case act.Begins:
			fmt.Fprintf(&b, "first of %v ", act.Every)
		case act.Every > 0:
			fmt.Fprintf(&b, "beat ")
		case act.Branches != nil:
			b.WriteString("{")
			for i, branch := range act.Branches {
				if i > 0 {
					b.WriteString(" | ")
				}
				b.WriteString(stroll(p, branch, 5, keys))
			}
			b.WriteString("} ")
		default:
			b.WriteString(strings.TrimPrefix(p.Actions[act.Action], "imap.") + " ")
		}
		if keys {
			fmt.Fprintf(&b, "%x+%v ", act.Key, act.Think)
		}
	}
	return b.String()
}

func TestCursorWalksBeatsAndBranches(t *testing.T) {
	p := build(t, flowing)
	c := p.Cursor(&p.Active[0])
	const round = "web.login {list list end | first of 10m0s sync beat sync beat  | {read end | send copy end} end} web.list "
	if got := stroll(p, c, 6, false); got != round+round {
		t.Errorf("got  %s\nwant %s", got, round+round)
	}
	if branch := p.Cursor(&p.Active[0]); true {
		branch.Next()
		act, _ := branch.Next()
		if act.Branches[0].Branch() != "inbox" || act.Branches[1].Branch() != "" {
			t.Errorf("branches are called %q and %q", act.Branches[0].Branch(), act.Branches[1].Branch())
		}
	}
}

// Draws in a branch depend neither on how far the others are nor on other users; they go on where the step comes round again,
// and a branch that begins again disturbs no other.
func TestBranchesHaveDrawsOfTheirOwn(t *testing.T) {
	p := build(t, flowing)
	branches := func() []*Cursor {
		c := p.Cursor(&p.Active[3])
		c.Next()
		act, _ := c.Next()
		return act.Branches
	}
	one := branches()
	first := stroll(p, one[0], 3, true)
	second := stroll(p, one[1], 9, true)
	two := branches()
	two[1].Next()
	two[1].Next()
	two[1].Restart()
	other := stroll(p, two[0], 1, true)
	two[2].Next()
	if got := other + stroll(p, two[0], 2, true); got != first {
		t.Errorf("got  %s\nwant %s", got, first)
	}
	if again := stroll(p, branches()[1], 9, true); again != second {
		t.Errorf("got  %s\nwant %s", again, second)
	}

	c := p.Cursor(&p.Active[3])
	if a, b := stroll(p, c, 3, true), stroll(p, c, 3, true); a == b {
		t.Error("two rounds have the same draws")
	}
	keys := map[uint64]bool{}
	for _, branch := range branches() {
		for range 2 {
			act, ok := branch.Next()
			if !ok || act.Branches != nil {
				break
			}
			if act.Every > 0 && !act.Begins {
				continue
			}
			if keys[act.Key] {
				t.Error("two branches share a draw")
			}
			keys[act.Key] = true
		}
	}
}

func TestFirstBeatsAreSpread(t *testing.T) {
	p := build(t, flowing)
	var tenth [10]int
	for i := range p.Active {
		c := p.Cursor(&p.Active[i])
		c.Next()
		act, _ := c.Next()
		beat, _ := act.Branches[1].Next()
		if beat.Think < 0 || beat.Think >= 10*time.Minute {
			t.Fatalf("the first beat comes after %v", beat.Think)
		}
		tenth[beat.Think/time.Minute]++
	}
	for i, n := range tenth {
		if n == 0 || n > 15 { // 5 of 50 on average
			t.Errorf("%d of 50 users begin in minute %d", n, i)
		}
	}
}

// Sessions are drawn for each user, each another, and the journey begins again after one.
func TestSessionsAreDrawn(t *testing.T) {
	p := build(t, flowing)
	a, b, c := p.Cursor(&p.Active[0]), p.Cursor(&p.Active[0]), p.Cursor(&p.Active[1])
	for range 3 {
		a.Next() // what it has done does not matter
	}
	var longer int
	seen := map[time.Duration]bool{}
	for range 50 {
		length, away := a.Session()
		if l, w := b.Session(); l != length || w != away {
			t.Fatal("the same user has other sessions")
		}
		if l, _ := c.Session(); l == length {
			t.Error("two users have the same session")
		}
		if seen[length] || away < 5*time.Minute || away > time.Hour {
			t.Errorf("a session of %v, then away for %v", length, away)
		}
		seen[length] = true
		if length > 30*time.Minute {
			longer++
		}
	}
	if longer < 12 || longer > 38 {
		t.Errorf("%d of 50 sessions are longer than the median", longer)
	}
	a.Again()
	if act, _ := a.Next(); p.Actions[act.Action] != "web.login" || !act.First {
		t.Errorf("it comes back with %+v", act)
	}
	if p.Personas[0].Patience.Most != 3 || p.Personas[0].Connections["imap"] != 5 {
		t.Errorf("persona is %+v", p.Personas[0])
	}
}

// Whatever of the flow decides what is sent is in the digest.
func TestDigestCoversTheFlow(t *testing.T) {
	one := build(t, flowing).Digest()
	if again := build(t, flowing).Digest(); again != one {
		t.Errorf("digests %s and %s of the same scenario", one, again)
	}
	for _, c := range [][2]string{
		{"every: 10m", "every: 11m"},
		{"do: imap.sync", "do: imap.status"},
		{"{do: imap.copy}", "{do: imap.copy, timeout: 9s}"},
		{"name: inbox", "name: folders"},
		{"median: 30m", "median: 31m"},
		{"max: 1h", "max: 2h"},
		{"after: 8s", "after: 9s"},
		{"then: retry", "then: leave"},
		{"then: retry", "then: retry, most: 4"},
		{"imap: 5}", "imap: 4}"},
		{"times: 2", "times: 3"},
		{"{do: imap.read}", "{do: imap.list}"},
		{"parallel: [{steps: [{do: imap.read}]}, {steps: [{do: imap.send}, {do: imap.copy}]}]", "parallel: [{steps: [{do: imap.read}, {do: imap.send}]}, {steps: [{do: imap.copy}]}]"},
	} {
		src := strings.Replace(strings.Replace(flowing, c[0], c[1], 1), "imap.status", "imap.list", 1)
		if src == flowing {
			t.Fatalf("%q is not in the scenario", c[0])
		}
		if build(t, src).Digest() == one {
			t.Errorf("%s → %s leaves the digest as it is", c[0], c[1])
		}
	}
}
