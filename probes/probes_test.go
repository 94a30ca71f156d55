package probes

import (
	"regexp"
	"testing"
)

func TestTable(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seen := make(map[string]bool)
	for _, p := range All() {
		if !name.MatchString(p.Name) || seen[p.Name] {
			t.Errorf("name %q", p.Name)
		}
		seen[p.Name] = true
		if p.Open == nil || len(p.Actions) == 0 {
			t.Errorf("%s cannot open or do anything", p.Name)
		}
		for verb, action := range p.Actions {
			// connect is what the engine calls the opening of a session.
			if !name.MatchString(verb) || verb == "connect" || action == nil {
				t.Errorf("%s.%s", p.Name, verb)
			}
		}
		if found, ok := ByName(p.Name); !ok || found.Name != p.Name {
			t.Errorf("ByName does not find %s", p.Name)
		}
	}
	if _, ok := ByName("telnet"); ok {
		t.Error("ByName finds telnet")
	}
}
