package doubt

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"pegel/internal/expect"
	"pegel/internal/plan"
	"pegel/probes"
	"pegel/scenarios"
)

const clean = `name: clean
targets:
  web: {url: "https://web.example.test/"}
  imap: {url: "imaps://imap.example.test"}
  smtp: {url: "smtp://mail.example.test", starttls: required}
accounts: {pattern: "u{n}@example.test", count: 9000, password: {env: PEGEL_PASSWORD}}
activity: {browser: 20%, desktop: 20%, source: access logs}
personas:
  - {name: browser, journey: webmail}
  - {name: desktop, journey: mailbox}
journeys:
  webmail:
    - {do: web.login, think: 1s}
    - repeat: {for: session}
      steps: [{do: web.list, think: 10s}]
  mailbox:
    - {do: imap.login, think: 1s}
    - repeat: {for: session}
      steps: [{do: imap.select, think: 10s}, {do: smtp.send, think: 5m}]
load: {stages: {users: [20, 50, 90], ramp: 10s, hold: 10m}}
objectives:
  - {action: "web.*", p95: 1s}
  - {errors: 1%, abort: {over: 10%, for: 20s}}
`

func warnings(t *testing.T, src string, have expect.Machine) []Warning {
	t.Helper()
	s, err := scenarios.Parse("x.yaml", []byte(src), scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Build(s, probes.All())
	if err != nil {
		t.Fatal(err)
	}
	load, err := expect.Of(p, expect.Options{Day: expect.All})
	if err != nil {
		t.Fatal(err)
	}
	return Of(p, load, have)
}

func TestClean(t *testing.T) {
	for _, w := range warnings(t, clean, expect.Machine{Files: 20000}) {
		t.Error(w.Error())
	}
}

// Each change brings exactly one warning, with its place.
func TestDoubts(t *testing.T) {
	seen := map[string]bool{}
	for _, test := range []struct {
		code, from, to, want string
	}{
		{"no-pause", "- {do: web.login, think: 1s}\n    - repeat: {for: session}\n      steps: [{do: web.list, think: 10s}]", "- do: web.list", `9:30 journey "webmail" has no pause`},
		{"think-zero", "do: web.login, think: 1s", "do: web.login, think: 0s", "13:30 a pause of zero length"},
		{"think-long", "think: 5m", "think: 20m", "19:69 the pause takes 20m0s on average"},
		{"patience-idle", "{name: browser, journey: webmail}", "{name: browser, journey: webmail, patience: {after: 2m, then: leave}}", "9:57 patience lasts 2m0s"},
		{"activity-source", ", source: access logs", "", "7:11 the activity has no source"},
		{"no-objectives", "objectives:\n  - {action: \"web.*\", p95: 1s}\n  - {errors: 1%, abort: {over: 10%, for: 20s}}\n", "", "1:1 there is no objective"},
		{"no-abort", ", abort: {over: 10%, for: 20s}}", "}\nenvironment: {role: production}", "24:21 this is production"},
		{"objective-unmatched", `"web.*"`, `"web.raed"`, `22:14 nobody does an action that matches "web.raed"`},
		{"few-samples", "p95: 1s", "p95: 1s, p999: 3s", "22:38 p999 needs 10000 samples; of web.list"},
		{"few-samples", "p95: 1s", "p99: 1s, window: 30s", "p99 needs 1000 samples"},
		{"few-stages", "[20, 50, 90]", "[20, 90]", "20:16 2 different loads"},
		{"small-stage", "[20, 50, 90]", "[4, 50, 90]", "a stage has 4 active users"},
		{"short-hold", "p95: 1s", "p95: 2m", "20:55 stages are held for 10m0s, while an answer may take 2m0s"},
		{"short-hold", "p95: 1s", "p95: 1s, window: 20m", "an objective's window takes 20m0s"},
		{"few-accounts", "personas:\n", "personas:\n  - {name: watcher, journey: webmail, count: 9001}\n", "9:5 persona \"watcher\" has 9001 users"},
		{"server-limit", "journey: mailbox}", "journey: mailbox, connections: {imap: 12}}", "10:59 12 connections of one account from one address"},
		{"plain-login", "https://web", "http://web", "3:14 passwords go to web.example.test without encryption"},
		{"plain-login", "imaps://", "imap://", "4:15 passwords go to imap.example.test"},
		{"allow-all", "targets:\n", "targets:\n  allow: [0.0.0.0/0]\n", "3:10 0.0.0.0/0 allows traffic to any machine"},
		{"unused", "journeys:\n", "journeys:\n  old: [{think: 1s}]\n", `12:3 no persona plays journey "old"`},
		{"unused", "targets:\n", "targets:\n  dav: {url: \"https://dav.example.test\"}\n", `3:3 no action goes to target "dav"`},
		{"unused", "journeys:\n", "data: {words: {values: [a]}}\njourneys:\n", `11:8 no step uses feeder "words"`},
	} {
		t.Run(test.code, func(t *testing.T) {
			src := strings.Replace(clean, test.from, test.to, 1)
			if src == clean {
				t.Fatal("nothing was changed")
			}
			var got []string
			ok := false
			for _, w := range warnings(t, src, expect.Machine{Files: 20000}) {
				line := fmt.Sprintf("%d:%d %s", w.Line, w.Column, w.Text)
				got = append(got, w.Code+" "+line)
				ok = ok || w.Code == test.code && strings.Contains(line, test.want)
				seen[w.Code] = true
			}
			if !ok || len(got) != 1 {
				t.Errorf("got %q, want one %s %s", got, test.code, test.want)
			}
		})
	}
	many := strings.Replace(clean, "[20, 50, 90]", "[20, 50, 3500]", 1)
	text := ""
	for _, w := range warnings(t, many, expect.Machine{Files: 1000}) {
		seen[w.Code] = true
		text += w.Error() + "\n"
	}
	for _, want := range []string{"(open-files)", "IMAP sessions at once; one Dovecot serves 1024", "SMTP sessions at once from one address; Postfix takes 50"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	doc, err := os.ReadFile("../../docs/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range codes {
		if !seen[code[0]] {
			t.Errorf("%s never came up", code[0])
		}
		if !strings.Contains(string(doc), "| `"+code[0]+"` | "+code[1]+" |") {
			t.Errorf("the reference lacks | `%s` | %s |", code[0], code[1])
		}
		delete(seen, code[0])
	}
	for code := range seen {
		t.Errorf("%s is not listed", code)
	}
}

// codes are all codes with what they mean, in the order of the reference.
var codes = [][2]string{
	{"no-pause", "a persona repeats actions without any pause, so its users send as fast as the platform answers"},
	{"think-zero", "a pause of zero length"},
	{"think-long", "a pause that is longer on average than a stage is held"},
	{"patience-idle", "patience that lasts longer than the action may take"},
	{"activity-source", "an activity without a source: no verdict is better than caution"},
	{"no-objectives", "no objective, so no load can be called too much"},
	{"no-abort", "a run on production that nothing would end early"},
	{"objective-unmatched", "an objective or resource whose pattern matches no action that anybody does"},
	{"few-samples", "a percentile that the expected number of samples cannot show"},
	{"few-stages", "fewer than three loads: a forecast has little to learn from"},
	{"small-stage", "a stage of fewer than ten users, whose figures are chance"},
	{"short-hold", "a stage that ends before the slowest allowed answer has come ten times, or before a window is full"},
	{"few-accounts", "more users than accounts, so some share one"},
	{"server-limit", "more connections than mail servers take by default, from one address or for one account"},
	{"open-files", "more connections than this process may have open files"},
	{"plain-login", "passwords travel without encryption to a machine that is not this one"},
	{"allow-all", "traffic may go anywhere"},
	{"unused", "a journey, target or feeder that nothing uses"},
}
