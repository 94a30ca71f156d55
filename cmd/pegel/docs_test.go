package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pegel/internal/judge"
	"pegel/internal/plan"
	"pegel/probes"
	"pegel/scenarios"
	"pegel/testenv"
)

// The README's scenario is valid, has the promised length, and compiles.
func TestReadmeScenario(t *testing.T) {
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(raw), "```yaml\n")
	if !ok {
		t.Fatal("the README has no scenario")
	}
	src, _, _ := strings.Cut(rest, "```")
	if lines := strings.Count(src, "\n"); lines > 15 {
		t.Errorf("the scenario has %d lines, the README promises 15", lines)
	}
	s, err := scenarios.Parse("README.md", []byte(src), scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Build(s, probes.All()); err != nil {
		t.Fatal(err)
	}
}

// The definition in the documentation of the embedded platform is valid.
func TestDocumentedDefinition(t *testing.T) {
	raw, err := os.ReadFile("../../docs/testenv.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(raw), "```yaml\n")
	if !ok {
		t.Fatal("there is no definition")
	}
	src, _, _ := strings.Cut(rest, "```")
	d, err := testenv.ParseDefinition([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Resources) != 4 || len(d.Operations) != 2 {
		t.Errorf("definition %+v", d)
	}
}

// Every whole scenario in the reference compiles.
func TestCompleteExamples(t *testing.T) {
	raw, err := os.ReadFile("../../docs/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)<!-- complete -->\n```yaml\nname: (.*?)\n(.*?)```").FindAllStringSubmatch(string(raw), -1) {
		s, err := scenarios.Parse(m[1], []byte("name: "+m[1]+"\n"+m[2]), scenarios.Options{SkipSecrets: true})
		if err == nil {
			_, err = plan.Build(s, probes.All())
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// Every action of every protocol stands in the reference.
func TestEveryActionIsDocumented(t *testing.T) {
	raw, err := os.ReadFile("../../docs/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range probes.All() {
		for verb := range p.Actions {
			if !strings.Contains(string(raw), "`"+p.Name+"."+verb+"`") {
				t.Errorf("%s.%s is not documented", p.Name, verb)
			}
		}
	}
}

// Every message that travels with a result stands in the table of doubts. Others are parts of sentences.
func TestEveryMessageIsDocumented(t *testing.T) {
	raw, err := os.ReadFile("../../docs/capacity-model.md")
	if err != nil {
		t.Fatal(err)
	}
	part := regexp.MustCompile("^(all-broke|batch-(named|of)$|ended-|objective(-errors|-window)?$)")
	for code := range judge.Sentences() {
		if !part.MatchString(code) && !strings.Contains(string(raw), "`"+code+"`") {
			t.Errorf("%s is not documented", code)
		}
	}
}

// The figures that the README quotes are those of the page that the benchmark wrote.
func TestQuotedFigures(t *testing.T) {
	page, err := os.ReadFile("../../docs/forecast-accuracy.md")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(readme), "**How far off are forecasts?**")
	text, _, _ = strings.Cut(text, "What the model cannot know")
	figures := regexp.MustCompile(`median [\d.]+ %, p90 [\d.]+ %|\d+\s+of\s+\d+|[\d.]+ %\s+from stages up to \d+ %`).FindAllString(text, -1)
	if len(figures) != 4 {
		t.Fatalf("the README quotes %q", figures)
	}
	for _, figure := range figures {
		if figure = strings.Join(strings.Fields(figure), " "); !strings.Contains(string(page), figure) {
			t.Errorf("%q does not stand in the page of figures", figure)
		}
	}
}

// Every shipped scenario is valid and compiles.
func TestShippedScenarios(t *testing.T) {
	for _, name := range scenarios.Shipped() {
		c := validating{env: environment{getenv: os.LookupEnv}}
		if v, err := c.file(name); err != nil || v.plan == nil {
			t.Errorf("%s: %v %v", name, err, v.errors)
		}
	}
}

// Links between the documents lead somewhere, to files as to headings.
func TestLinksInDocs(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, file := range append(files, "../../README.md") {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = regexp.MustCompile("(?s)```.*?```").ReplaceAllString(string(raw), "")
	}
	for file, text := range texts {
		for _, m := range regexp.MustCompile(`\]\(([^)#]*)(#[^)]+)?\)`).FindAllStringSubmatch(text, -1) {
			to, heading := file, m[2]
			if strings.Contains(m[1], "://") {
				continue
			}
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(file), m[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: the link %s leads nowhere", file, m[1])
			} else if heading != "" && !slices.Contains(headings(texts[to]), heading) {
				t.Errorf("%s: %s has no heading %s", file, to, heading)
			}
		}
	}
}

// headings are the anchors of a document's headings: small letters, without marks, blanks as dashes.
func headings(text string) (list []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		list = append(list, "#"+strings.ReplaceAll(name, " ", "-"))
	}
	return list
}
