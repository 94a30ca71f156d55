package catalogue

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestEveryEntryLoads(t *testing.T) {
	names := Names()
	for _, want := range []string{"dovecot", "haproxy", "jmx", "nginx", "node", "pegel-testenv", "php-fpm", "postgres"} {
		if !slices.Contains(names, want) {
			t.Errorf("the catalogue has no %s", want)
		}
	}
	for _, name := range names {
		s, err := Load(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.About == "" {
			t.Errorf("%s does not say where its metrics come from", name)
		}
		seen := map[string]bool{}
		for _, r := range s.Resources {
			if seen[r.Name] {
				t.Errorf("%s has two resources %s", name, r.Name)
			}
			seen[r.Name] = true
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	if _, err := Load("../haproxy"); err == nil || !strings.Contains(err.Error(), "knows no software") {
		t.Errorf("error %v", err)
	}
	for text, want := range map[string]string{
		"software: x\nresources: []\n":                                          "no resources",
		"software: x\nresources: [{name: a, in_use: m}]\n":                      "needs name and kind",
		"software: x\nresources: [{name: a, kind: slots, limit: m}]\n":          "needs in_use, busy or queue",
		"software: x\nresources: [{name: a, kind: slots, in_use: m, inuse: n}]": "inuse",
	} {
		if _, err := parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
}

func TestFill(t *testing.T) {
	if got := Labels("{a}.x{b}"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("labels %v", got)
	}
	if got := Fill("{a}.x{b}", strings.ToUpper); got != "A.xB" {
		t.Errorf("filled %q", got)
	}
}

var update = flag.Bool("update", false, "write the table of docs/observe.md")

// The documentation has the catalogue as it is.
func TestTableInDocs(t *testing.T) {
	const page, from, to = "../../docs/observe.md", "<!-- catalogue -->\n", "<!-- /catalogue -->"
	var b strings.Builder
	b.WriteString("| `software` | resource | kind | in use, of what limit; who waits |\n|---|---|---|---|\n")
	for _, name := range Names() {
		s, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		cell := "`" + name + "`"
		for _, r := range s.Resources {
			within := ""
			if r.Within != "" {
				within = "; within `" + r.Within + "`"
			}
			about := r.About
			if about == "" {
				about = r.Unit
			}
			fmt.Fprintf(&b, "| %s | `%s` | %s | %s%s |\n", cell, r.Name, r.Kind, about, within)
			cell = ""
		}
	}
	b.WriteString("\n")
	for _, name := range Names() {
		s, _ := Load(name)
		fmt.Fprintf(&b, "- `%s`: %s.", name, strings.TrimSuffix(s.About, "."))
		if s.Address != "" {
			fmt.Fprintf(&b, " Usually %s.", s.Address)
		}
		if s.Needs != "" {
			fmt.Fprintf(&b, " Needs %s.", s.Needs)
		}
		b.WriteString("\n")
	}
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), from)
	_, after, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatal("the page has no place for the table")
	}
	want := before + from + "\n" + b.String() + "\n" + to + after
	if string(raw) == want {
		return
	}
	if !*update {
		t.Fatal("docs/observe.md does not have the catalogue as it is: go test ./internal/catalogue -update")
	}
	if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
