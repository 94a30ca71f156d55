package plan

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pegel/probes/probe"
	"pegel/scenarios"
)

// asker is a protocol whose one action notes its parameter with the values in it.
func asker(said *[]string) []probe.Protocol {
	ask := func(decode func(any) error) (probe.Step, error) {
		var params struct {
			Text probe.Text `yaml:"text"`
			Size string     `yaml:"size"`
		}
		if err := decode(&params); err != nil {
			return nil, err
		}
		return func(t *probe.Turn) error {
			*said = append(*said, params.Text.In(t))
			return nil
		}, nil
	}
	return []probe.Protocol{{Name: "web", Actions: map[string]probe.Action{"ask": ask, "mute": ask}, Answers: []string{"ask"}}}
}

// talk is a scenario with this data section and this journey.
const talk = `
name: test
seed: 7
targets: {web: {url: "http://127.0.0.1:1/"}}
accounts: {pattern: "u{n}@example.test", count: 200, password: {env: P}}
activity: {browser: 50%%, source: test}
personas: [{name: browser, journey: j}]
data: %s
journeys:
  j:
%s
load: {stages: {users: [50], hold: 5s}}
`

func parseTalk(t *testing.T, data, journey string, said *[]string) (*Plan, error) {
	t.Helper()
	lines := strings.ReplaceAll("    "+strings.TrimSpace(journey), "\n", "\n    ")
	s, err := scenarios.Parse(filepath.Join(t.TempDir(), "test.yaml"), []byte(fmt.Sprintf(talk, data, lines)), scenarios.Options{Getenv: func(string) (string, bool) { return "x", true }})
	if err != nil {
		return nil, err
	}
	return Build(s, asker(said))
}

// told is a Host that gives values by the plan.
type told struct {
	probe.Host
	plan   *Plan
	moment Moment
}

func (h *told) Value(n int) string { return h.plan.Value(n, &h.moment) }

// mind is a user's variables, and the branches taken.
type mind struct {
	values map[int]string
	taken  []Branch
	replay map[Branch]bool
}

func (m *mind) Saved(v int) (string, bool) { s, ok := m.values[v]; return s, ok }
func (m *mind) Forget()                    { clear(m.values) }
func (m *mind) Branch(b Branch) bool {
	m.taken = append(m.taken, b)
	key := b
	key.Taken = false
	if taken, ok := m.replay[key]; ok {
		return taken
	}
	return b.Taken
}

// walk does the first n acts of a user; answer is what is offered to each act that saves.
func walk(t *testing.T, p *Plan, user, n int, m *mind, answer func(i int) probe.Answer) {
	t.Helper()
	who := &p.Active[user]
	c := p.Cursor(who)
	c.Use(m)
	h := &told{plan: p, moment: Moment{User: who, Run: "R1", Saved: m}}
	turn := probe.NewTurn(h)
	for i := range n {
		act, ok := c.Next()
		if !ok {
			t.Fatalf("the journey ended at act %d", i)
		}
		if act.Run == nil {
			continue
		}
		h.moment.Key, h.moment.Iteration = act.Key, act.Iteration
		if err := act.Run(turn); err != nil {
			t.Fatal(err)
		}
		if act.Save != nil {
			a := answer(i)
			if err := act.Save.Take(&a, act.Key, func(v int, value string) { m.values[v] = value }); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestTemplatesHaveValues(t *testing.T) {
	var said []string
	p, err := parseTalk(t, `{tags: {values: [red, green, blue], pick: in_turn}, files: {pattern: "AZ-{n:03}", count: 900}, who: {corpus: name}}`, `
- {do: web.ask, with: {text: "{{account.address}} {{account.login}} {{ account.n }} {{run}} {{{{x}} {{data.tags}}"}}
- {do: web.ask, with: {text: "{{data.files}}={{data.files}}"}}
- {do: web.ask, with: {text: "{{data.tags}}|{{data.who}}"}}
`, &said)
	if err != nil {
		t.Fatal(err)
	}
	walk(t, p, 4, 9, &mind{values: map[int]string{}}, nil)
	n := p.Active[4].Account + 1
	if want := fmt.Sprintf("u%d@example.test u%d@example.test %d R1 {{x}} ", n, n, n); !strings.HasPrefix(said[0], want) {
		t.Errorf("got %q, want %q and a tag", said[0], want)
	}
	var tags []string
	for i := range 3 { // in turn: another one each time, and the same in both steps of one round
		_, tag, _ := strings.Cut(said[3*i], "}} ")
		third, who, _ := strings.Cut(said[3*i+2], "|")
		if third != tag || len(strings.Fields(who)) != 2 {
			t.Errorf("round %d has %q, %q", i, tag, said[3*i+2])
		}
		tags = append(tags, tag)
		if a, b, _ := strings.Cut(said[3*i+1], "="); a != b || !strings.HasPrefix(a, "AZ-") {
			t.Errorf("two rows in one step: %q", said[3*i+1])
		}
	}
	if tags[0] == tags[1] || tags[1] == tags[2] || tags[0] == tags[2] {
		t.Errorf("in turn: %v", tags)
	}
	before := said
	said = nil
	walk(t, p, 4, 9, &mind{values: map[int]string{}}, nil)
	if fmt.Sprint(said) != fmt.Sprint(before) {
		t.Errorf("the second time it is\n%q, not\n%q", said, before)
	}
}

func TestConditionsDecideAndReplay(t *testing.T) {
	var said []string
	p, err := parseTalk(t, `{}`, `
- {do: web.ask, with: {text: start}, save: {n: {json: "n"}}}
- if: n >= 2 and account.address contains "@"
  steps: [{do: web.ask, with: {text: "many {{n}}"}}]
  else: [{do: web.ask, with: {text: few}}]
- if: account.n > 0
  steps: [{do: web.ask, with: {text: always}}]
`, &said)
	if err != nil {
		t.Fatal(err)
	}
	if _, asks := p.DependsOnAnswers(); !asks {
		t.Error("the plan does not say that it depends on answers")
	}
	answer := func(i int) probe.Answer { return probe.Answer{Body: fmt.Appendf(nil, `{"n": %d}`, i)} }
	m := &mind{values: map[int]string{}}
	walk(t, p, 1, 9, m, answer)
	if want := "[start few always start many 3 always start many 6 always]"; fmt.Sprint(said) != want {
		t.Errorf("got %v, want %v", said, want)
	}
	if len(m.taken) != 3 || m.taken[0].Taken || !m.taken[1].Taken || m.taken[1].Iteration != 1 || m.taken[1].User != p.Active[1].ID {
		t.Errorf("branches told: %+v", m.taken)
	}
	// Another platform, but the branches of the first.
	replay := map[Branch]bool{}
	for _, b := range m.taken {
		taken := b.Taken
		b.Taken = false
		replay[b] = taken
	}
	said = nil
	walk(t, p, 1, 9, &mind{values: map[int]string{}, replay: replay}, func(int) probe.Answer { return probe.Answer{Body: []byte(`{"n": 1}`)} })
	if want := "[start few always start many 1 always start many 1 always]"; fmt.Sprint(said) != want {
		t.Errorf("replayed: %v, want %v", said, want)
	}
}

// What is named wrongly is refused at its place.
func TestNamesAreChecked(t *testing.T) {
	for _, c := range []struct{ journey, place, text, hint string }{
		{`- {do: web.ask, with: {text: "a {{acount.address}}"}}`, "12:39", `unknown name "acount.address"`, `did you mean "account.address"?`},
		{`- {do: web.ask, with: {text: "{{account.mail}}"}}`, "12:37", `an account has no "mail"`, ""},
		{`- {do: web.ask, with: {text: "{{data.peple.mail}}"}}`, "12:37", `there is no feeder "peple"`, `did you mean "data.people"?`},
		{`- {do: web.ask, with: {text: "{{data.people.mial}}"}}`, "12:37", `feeder "people" has no column "mial"`, `did you mean "mail"?`},
		{`- {do: web.ask, with: {text: "{{data.people}}"}}`, "12:37", `feeder "people" has several columns`, "data.people.name"},
		{`- {do: web.ask, with: {text: "{{token}}"}}`, "12:37", `no step of this journey saves "token"`, ""},
		{"- {do: web.ask, with: {text: \"{{token}}\"}}\n- {do: web.ask, save: {token: {json: a}}}", "12:37", `token cannot have been saved yet`, "further up"},
		{`- {do: web.ask, with: {text: "{{token"}}`, "12:35", `{{ is not closed by }}`, "{{{{"},
		{`- {do: web.ask, with: {text: "{{a b}}"}}`, "12:35", `stands a name`, "{{{{"},
		{`- {do: web.ask, with: {size: "{{run}}"}}`, "12:35", `templates are not possible here`, ""},
		{`- {do: "web.{{run}}"}`, "12:12", `templates are not possible here`, ""},
		{`- {do: web.ask, target: "{{run}}"}`, "12:29", `templates are not possible here`, ""},
		{`- {do: web.mute, save: {token: {json: a}}}`, "12:28", `web.mute gives no answer to save from`, "web.ask"},
		{"- if: tokn\n  steps: [{do: web.ask, save: {token: {json: a}}}]\n- {do: web.ask}", "12:11", `no step of this journey saves "tokn"`, `did you mean "token"?`},
		{"- if: run == \"x\"\n  steps: [{do: web.ask}]\n- {do: web.ask}", "12:11", `nothing can depend on it`, ""},
		{"- if: token and account.adress == \"x\"\n  steps: [{do: web.ask, save: {token: {json: a}}}]\n- {do: web.ask}", "12:21", `an account has no "adress"`, "account.address"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "people.csv"), []byte("\ufeffName,Mail\r\nA,a@b\r\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		lines := strings.ReplaceAll("    "+c.journey, "\n", "\n    ")
		src := strings.TrimPrefix(fmt.Sprintf(talk, "{people: {csv: people.csv}}", lines), "\n")
		src = strings.Replace(src, "name: test\n", "name: test\n# one\n# two\n", 1)
		s, err := scenarios.Parse(filepath.Join(dir, "test.yaml"), []byte(src), scenarios.Options{Getenv: func(string) (string, bool) { return "x", true }})
		if err == nil {
			var said []string
			_, err = Build(s, asker(&said))
		}
		var errs *scenarios.Errors
		if !errors.As(err, &errs) {
			t.Errorf("%s: got %v", c.journey, err)
			continue
		}
		p := errs.Problems[0]
		if at := fmt.Sprintf("%d:%d", p.Line, p.Column); at != c.place || !strings.Contains(p.Text, c.text) || !strings.Contains(p.Hint, c.hint) {
			t.Errorf("%s: got %s %q, hint %q; want %s %q, hint %q", c.journey, at, p.Text, p.Hint, c.place, c.text, c.hint)
		}
	}
}

// The digest covers what is sent: parameters with templates, captures, conditions, the content of feeders.
func TestDigestCoversValues(t *testing.T) {
	seen := map[string]string{}
	for _, c := range [][2]string{
		{`{a: {values: [x, y]}}`, `- {do: web.ask, with: {text: "1 {{data.a}}"}, save: {v: {json: a}}}`},
		{`{a: {values: [x, z]}}`, `- {do: web.ask, with: {text: "1 {{data.a}}"}, save: {v: {json: a}}}`},
		{`{a: {values: [x, y], pick: account}}`, `- {do: web.ask, with: {text: "1 {{data.a}}"}, save: {v: {json: a}}}`},
		{`{a: {values: [x, y]}}`, `- {do: web.ask, with: {text: "2 {{data.a}}"}, save: {v: {json: a}}}`},
		{`{a: {values: [x, y]}}`, `- {do: web.ask, with: {text: "1 {{data.a}}"}, save: {v: {json: b}}}`},
		{`{a: {values: [x, y]}}`, `- {do: web.ask, with: {text: "1 {{data.a}}"}, save: {v: {json: a, default: ""}}}`},
		{`{a: {values: [x, y]}}`, "- {do: web.ask, with: {text: \"1 {{data.a}}\"}, save: {v: {json: a}}}\n- if: v\n  steps: [{do: web.ask}]"},
		{`{a: {values: [x, y]}}`, "- {do: web.ask, with: {text: \"1 {{data.a}}\"}, save: {v: {json: a}}}\n- if: not v\n  steps: [{do: web.ask}]"},
		{`{}`, `- {do: web.ask}`},
		// what lies behind a condition on answers, which no walk without answers comes to
		{`{}`, "- {do: web.ask, save: {v: {json: a}}}\n- if: v\n  steps: [{do: web.ask, think: 1s}]"},
		{`{}`, "- {do: web.ask, save: {v: {json: a}}}\n- if: v\n  steps: [{do: web.ask, think: 50s}]"},
		{`{}`, "- {do: web.ask, save: {v: {json: a}}}\n- if: v\n  steps: [{do: web.ask, timeout: 50s}]"},
		{`{}`, "- {do: web.ask, save: {v: {json: a}}}\n- if: v\n  steps: [{do: web.mute, think: 1s}]"},
		{`{}`, "- {do: web.ask, save: {v: {json: a}}}\n- if: v\n  steps: [{repeat: {times: 9}, steps: [{do: web.ask, think: 1s}]}]"},
		{`{}`, "- {do: web.ask, save: {v: {json: a}}}\n- if: v\n  steps: [{choose: [{weight: 1, do: web.ask}, {weight: 2, do: web.mute}]}]"},
		{`{}`, "- {do: web.ask, save: {v: {json: a}}}\n- if: v\n  steps: [{choose: [{weight: 1, do: web.ask}, {weight: 3, do: web.mute}]}]"},
	} {
		var said []string
		p, err := parseTalk(t, c[0], c[1], &said)
		if err != nil {
			t.Fatal(err)
		}
		d := p.Digest()
		if other, twice := seen[d]; twice {
			t.Errorf("one digest for\n%s\n%s", other, c)
		}
		seen[d] = fmt.Sprint(c)
	}
}

// A text without templates is handed out as it is.
func BenchmarkTextWithoutTemplates(b *testing.B) {
	text := probe.Literal("/mail?folder=INBOX")
	turn := probe.NewTurn(nil)
	b.ReportAllocs()
	for b.Loop() {
		_ = text.In(turn)
	}
}

func TestTextWithoutTemplatesCostsNothing(t *testing.T) {
	text := probe.Literal("/mail?folder=INBOX")
	turn := probe.NewTurn(nil)
	if n := testing.AllocsPerRun(100, func() { _ = text.In(turn) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
