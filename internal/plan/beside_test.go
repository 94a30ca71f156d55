package plan

import (
	"fmt"
	"strings"
	"testing"

	"pegel/probes/probe"
	"pegel/scenarios"
)

// twoSided are parameters of an action that uses another target, as those of copies do.
type twoSided struct {
	Source string `yaml:"source"`
	Into   string `yaml:"into"`
}

func (c *twoSided) Beside() (string, bool) { return c.Source, c.Into == "" }

func TestTargetBeside(t *testing.T) {
	from := func(decode func(any) error) (probe.Step, error) {
		p := &twoSided{Source: "imap.source"}
		return func(*probe.Turn) error { return nil }, decode(p)
	}
	all := []probe.Protocol{
		{Name: "imap", Schemes: []string{"imap", "imaps"}, Actions: map[string]probe.Action{"migrate": from}},
		{Name: "web", Actions: map[string]probe.Action{"login": noop}},
	}
	for _, c := range []struct{ targets, step, want, hint string }{
		{"", "{do: imap.migrate}", `test.yaml:8:15: imap.migrate needs the target "imap.source"`, "add it to targets: {imap.source: {url: …}}"},
		{"imap.sourse: {url: \"imap://127.0.0.1:2\"}", "{do: imap.migrate}", `needs the target "imap.source"`, `did you mean "imap.sourse"`},
		{"imap.source: {url: \"imap://127.0.0.1:2\"}", "{do: imap.migrate}", "", ""},
		{"imap.source: {url: \"imap://127.0.0.1:2\"}", "{do: imap.migrate, with: {source: imap}}", `test.yaml:8:44: imap.migrate goes from the target "imap" to itself`, "name another target"},
		{"imap.source: {url: \"imap://127.0.0.1:2\"}", "{do: imap.migrate, target: imap.source}", `8:15: imap.migrate goes from the target "imap.source" to itself`, ""},
		{"imap.source: {url: \"imap://127.0.0.1:1\"}", "{do: imap.migrate}", `test.yaml:3:65: imap.migrate goes from the target "imap.source" to "imap", which has the same address`, "into"},
		{"imap.source: {url: \"imap://127.0.0.1:1\"}", "{do: imap.migrate, with: {into: Copied}}", "", ""},
		{"old: {url: \"imap://127.0.0.1:2\"}", "{do: imap.migrate, with: {source: old}}", "", ""},
		{"web: {url: \"http://127.0.0.1:2\"}", "{do: imap.migrate, with: {source: web}}", "cannot go to an address of the scheme http", "name a target of imap"},
	} {
		src := fmt.Sprintf(`name: beside
seed: 1
targets: {imap: {url: "imap://127.0.0.1:1"}, %s}
accounts: {pattern: "u{n}@example.test", count: 20, password: {env: P}}
activity: {desktop: 30%%, source: test}
personas: [{name: desktop, journey: mail}]
journeys:
  mail: [{do: imap.migrate, think: 1s}]
load: {stages: {users: [1], ramp: 1s, settle: 1s, hold: 3s}}
objectives: [{errors: 1%%}]
`, c.targets)
		src = strings.Replace(src, "{do: imap.migrate, think: 1s}", c.step, 1)
		s, err := scenarios.Parse("test.yaml", []byte(src), scenarios.Options{Getenv: func(string) (string, bool) { return "x", true }})
		if err != nil {
			t.Fatalf("%s: %v", c.targets, err)
		}
		checked := Check(s, all)
		p, err := Build(s, all)
		if c.want == "" {
			if err != nil || checked != nil {
				t.Errorf("%s, %s: %v, %v", c.targets, c.step, err, checked)
			} else if source := p.Protocol("old"); strings.Contains(c.targets, "old") && source.Name != "imap" {
				t.Errorf("the target old is of %q", source.Name)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.hint) || checked == nil || !strings.Contains(checked.Error(), c.want) {
			t.Errorf("%s, %s:\n%v\nchecked: %v\nwant %s, %s", c.targets, c.step, err, checked, c.want, c.hint)
		}
	}
}
