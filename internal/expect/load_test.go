package expect

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pegel/scenarios"
)

const wave = `
name: wave
seed: 1
targets:
  web: {url: "http://127.0.0.1:1/"}
  imap: {url: "imaps://127.0.0.1:1"}
  imap.source: {url: "imap://127.0.0.1:2"}
accounts: {pattern: "u{n}@example.test", count: 1000, password: {env: P}}
activity: {browser: 30%, desktop: 20%}
personas:
  - {name: browser, journey: webmail}
  - {name: desktop, journey: mail, fresh: first}
  - {name: watcher, journey: webmail, count: 2}
  - {name: migrator, journey: copying, copy: true}
journeys:
  webmail: [{do: web.login}, {repeat: {for: session}, steps: [{do: web.list, think: 59s}]}]
  mail:
    - parallel:
        - {steps: [{do: imap.login}, {every: 10m, steps: [{do: imap.list}]}]}
        - {steps: [{do: imap.login}, {every: 10m, steps: [{do: imap.fetch}]}]}
  first: [{do: imap.login}, {do: imap.sync}]
  copying: [{repeat: {for: session}, steps: [{do: imap.copy, with: {size: 10KB}}]}]
wave:
  live: 400
  batches: [{name: one, date: 2026-03-02, accounts: 200}, {name: two, date: 2026-03-03, accounts: 400}]
  copy: {concurrency: 4, rate: 6, stages: alternate}
load: {stages: {ramp: 2m, hold: 58m}}
situations: [{name: monday, logins: 50%, within: 1m, at: 400, hold: 58m}]
`

func of(t *testing.T, src string, opt Options) *Load {
	t.Helper()
	l, err := Of(parse(t, src), opt)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within {
		t.Errorf("%s: %.4g, want %.4g ± %.3g", what, got, want, within)
	}
}

func (l *Load) action(name string) Action {
	for _, a := range l.Actions {
		if a.Name == name {
			return a
		}
	}
	return Action{}
}

// The day with the most to do is the last one: half of 1,000 accounts are active, 400 of them fresh.
func TestBusiestDayOfAWave(t *testing.T) {
	l := of(t, wave, Options{Response: time.Second})
	if l.Day != "2026-03-03" || len(l.Stages) != 2 || l.Stages[0].Batch != "two" || l.Stages[1].Situation != "monday" {
		t.Fatalf("%q, %+v", l.Day, l.Stages)
	}
	s := l.Stages[0]
	if s.Users != 500 || s.Live != 1000 || s.Fresh != 400 || s.Copiers != 4 || s.Pass != "core" {
		t.Errorf("%+v", s)
	}
	for k, want := range []Persona{{Name: "browser", Kind: Active, Users: 300}, {Name: "desktop", Kind: Active, Users: 200, Fresh: 80},
		{Name: "watcher", Kind: Fixed, Users: 2}, {Name: "migrator", Kind: Copying, Users: 4}} {
		got := l.Personas[k]
		got.AtWork, got.PerHour = 0, 0
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	hours := s.Length.Hours()
	near(t, "length", hours, 1+11.6/60, 1e-6) // settling takes a fifth of the hold
	// 180 browsers of the stage before and 2 watchers do one list a minute; 120 come over the ramp
	near(t, "web.list", l.action("web.list").PerHour*hours, 60*(182*hours+120*(hours-1.0/60)), 60)
	near(t, "imap.sync", l.action("imap.sync").PerHour*hours, 80, 1e-6)
	near(t, "imap.copy", l.action("imap.copy").PerHour*hours, 6*3600*(hours-1.0/60), 1)
	if l.Copy == nil || l.Copy.Users != 4 || math.Abs(l.Copy.PerSecond-6) > 1e-6 || l.Copy.Limit != 6 {
		t.Errorf("%+v", l.Copy)
	}
	for _, p := range l.Protocols {
		switch want := map[string]int{"web": 302, "imap": 2*200 + 2*4}[p.Name]; {
		case p.Connections != want:
			t.Errorf("%s: %d connections, want %d", p.Name, p.Connections, want)
		}
	}
	// In the situation a half loses its sessions: they log in again, the desktops twice.
	all := of(t, wave, Options{Response: time.Second, Day: All})
	near(t, "logins in all", all.action("imap.login").Total-l.action("imap.login").Total, 2*120+40, 1) // two stages before, 40 of them fresh
	if len(all.Stages) != 4 || all.Day != "" {
		t.Errorf("the whole run: %+v", all)
	}
	if one := of(t, wave, Options{Day: "2026-03-02"}); one.Stages[0].Users != 300 {
		t.Errorf("the first day: %+v", one.Stages)
	}
	if _, err := Of(parse(t, wave), Options{Day: "2026-03-04"}); err == nil || !strings.Contains(err.Error(), "from 2026-03-02 to 2026-03-03") {
		t.Errorf("a day without a batch: %v", err)
	}
}

func TestNeedOfTheGenerator(t *testing.T) {
	p := parse(t, wave)
	l, err := Of(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := NeedOf(p, l, Machine{Files: 20000, Memory: 8 << 30, Cores: 2})
	if want := baseFiles + 302 + 408; n.Files != want || !n.Fits() || len(n.Short) != 0 {
		t.Errorf("%+v, want %d files", n, want)
	}
	near(t, "memory", n.Memory, baseMemory+506*userMemory+506*planMemory+302*connMemory+408*(connMemory+tlsMemory), 1)
	small := NeedOf(p, l, Machine{Files: 256, Memory: 64 << 20, Cores: 2})
	if small.Fits() || small.Generators != 5 || len(small.Short) != 2 { // 774 files of 256 · 0.7
		t.Errorf("%+v", small)
	}
	if unknown := NeedOf(p, l, Machine{}); !unknown.Fits() {
		t.Errorf("a machine of which nothing is known is too small: %+v", unknown)
	}
}

// Every shipped scenario can be explained, and drawn as well-formed XML that names its personas.
func TestShippedScenariosAreExplained(t *testing.T) {
	for _, name := range scenarios.Shipped() {
		p := shippedPlan(t, name)
		for _, day := range []string{"", All} {
			l, err := Of(p, Options{Day: day})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			var total float64
			for _, a := range l.Actions {
				for _, v := range []float64{a.PerHour, a.Total, a.In, a.Out} {
					if math.IsNaN(v) || v < 0 || math.IsInf(v, 0) {
						t.Errorf("%s: %+v", name, a)
					}
				}
				total += a.Total
			}
			if total == 0 || l.Duration <= 0 {
				t.Errorf("%s does nothing: %+v", name, l)
			}
			var svg bytes.Buffer
			if err := WriteSVG(&svg, name, l); err != nil {
				t.Fatal(err)
			}
			text := svg.String()
			for d := xml.NewDecoder(&svg); ; {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatalf("%s: %v\n%s", name, err, text)
				}
			}
			for _, persona := range l.Personas {
				if persona.Users > 0 && !strings.Contains(text, ">"+persona.Name+"<") {
					t.Errorf("%s: the picture does not name %s", name, persona.Name)
				}
			}
			if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
				t.Errorf("%s: the picture has no numbers", name)
			}
		}
	}
}

// A name from elsewhere is no markup.
func TestPictureEscapes(t *testing.T) {
	l := of(t, strings.Replace(wave, "name: one,", `name: "<b>&",`, 1), Options{Day: All})
	var svg bytes.Buffer
	if err := WriteSVG(&svg, `x"<script>`, l); err != nil {
		t.Fatal(err)
	}
	if s := svg.String(); strings.Contains(s, "<b>") || strings.Contains(s, "<script>") {
		t.Error(s)
	}
}

func TestWords(t *testing.T) {
	got := strings.Join([]string{Count(0), Count(0.0123), Count(2.26), Count(1234567), Count(math.NaN()), Bytes(999), Bytes(1500), Bytes(2.5e9),
		Span(90 * time.Second), Span(25 * time.Hour), Span(61 * time.Minute)}, " ")
	if want := "0 0.012 2.3 1,234,567 – 999 B 1.5 kB 2.5 GB 1 min 30 s 1 d 1 h 1 h 01 min"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// Whatever a journey says, the figures are finite and quick to have.
func TestOddJourneys(t *testing.T) {
	for _, steps := range []string{
		"[{think: 1s}]",
		"[{do: web.list}]",
		"[{repeat: {times: 1000000000}, steps: [{repeat: {times: 1000000000}, steps: [{do: web.list, think: 100s}]}]}]",
		"[{choose: [{weight: 1e-300, do: web.list}, {weight: 1e300, steps: [{repeat: {for: session}, steps: [{do: web.read}]}]}]}]",
		"[{every: 10ms, steps: [{choose: [{weight: 1, do: web.list}, {weight: 1, steps: [{repeat: {for: session}, steps: [{do: web.read, think: 100h}]}]}]}]}]",
		"[{do: web.login, think: {lognormal: {median: 1ms, p90: 1h}}}]",
	} {
		src := strings.Replace(wave, "[{do: web.login}, {repeat: {for: session}, steps: [{do: web.list, think: 59s}]}]", steps, 1)
		l := of(t, src, Options{Day: All})
		for _, a := range l.Actions {
			if math.IsNaN(a.PerHour) || math.IsInf(a.Total, 0) || a.Total < 0 {
				t.Errorf("%s: %+v", steps, a)
			}
		}
	}
}

// Connections are counted by target and by the addresses that users come from, each in the stage that has most of them.
func TestWays(t *testing.T) {
	p := parse(t, `
name: ways
seed: 1
targets: {imap: {url: "imap://127.0.0.1:1"}, smtp: {url: "smtp://127.0.0.1:2"}}
accounts: {pattern: "u{n}@example.test", count: 1000, password: {env: P}}
activity: {desktop: 50%, office: 50%, source: test}
lines: {branch: {sources: 127.0.1.0/28}}
personas:
  - {name: desktop, journey: read, connections: {imap: 3}}
  - {name: office, journey: both, line: branch}
journeys:
  read: [{repeat: {for: session}, steps: [{do: imap.noop, think: 10s}]}]
  both: [{repeat: {for: session}, steps: [{do: imap.noop, think: 10s}, {do: smtp.send, think: 10s}]}]
load: {stages: {users: [100, 200], ramp: 1s, settle: 1s, hold: 10s}}
`)
	l, err := Of(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	sources := len(p.Scenario.SourcesOf("branch"))
	want := []Way{{"imap", "", 1, 300}, {"imap", p.Scenario.SourcesOf("branch")[0].String(), sources, 100}, {"smtp", p.Scenario.SourcesOf("branch")[0].String(), sources, 100}}
	if !slices.Equal(l.Ways, want) {
		t.Errorf("%+v, want %+v", l.Ways, want)
	}
	n := NeedOf(p, l, Machine{Ports: 120})
	if len(n.Short) != 1 || n.Generators != 4 { // 300 of 120 × 70 %
		t.Errorf("short of %q, %d generators", n.Short, n.Generators)
	}
}
