package scenarios

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const withData = `name: feeders
targets: {web: {url: "http://127.0.0.1:1/"}}
accounts: {pattern: "u{n}@example.test", count: 10, password: {env: PEGEL_PASSWORD}}
activity: {browser: 50%%, source: test}
personas: [{name: browser, journey: j}]
journeys: {j: [%s]}
load: {stages: {users: [2], hold: 5s}}
data: %s
`

func TestFeeders(t *testing.T) {
	dir := t.TempDir()
	putFile(t, dir, "people.csv", "\ufeffName, Mail\r\nAnna,a@example.test\r\n\"B, \"\"C\"\"\",b@example.test\r\n")
	src := fmt.Sprintf(withData, "{do: web.page}", `{people: {csv: people.csv, pick: account}, colours: {values: [red, 7, "x: y"]}, files: {pattern: "AZ-{n:04}", first: 7, count: 3}, subjects: {corpus: subject}}`)
	s, err := Parse(filepath.Join(dir, "x.yaml"), []byte(src), Options{Getenv: someEnv})
	if err != nil {
		t.Fatal(err)
	}
	people, colours, files, subjects := s.Data["people"], s.Data["colours"], s.Data["files"], s.Data["subjects"]
	name, _ := people.ColumnOf("NAME")
	mail, _ := people.ColumnOf("mail")
	if people.Len() != 2 || people.Value(1, name) != `B, "C"` || people.Value(0, mail) != "a@example.test" || people.Pick != PickAccount {
		t.Errorf("people: %+v", people)
	}
	if colours.Len() != 3 || colours.Value(1, 0) != "7" || colours.Pick != PickRandom {
		t.Errorf("colours: %+v", colours)
	}
	if files.Len() != 3 || files.Value(2, 0) != "AZ-0009" || subjects.Len() != 0 {
		t.Errorf("files: %+v", files)
	}
}

func TestFeedersRefused(t *testing.T) {
	dir := t.TempDir()
	putFile(t, dir, "ragged.csv", "name,mail\nA,a@b\nB\n")
	putFile(t, dir, "empty.csv", "name,mail\n")
	putFile(t, dir, "unnamed.csv", "name,\nA,B\n")
	putFile(t, dir, "twice.csv", "name,Name\nA,B\n")
	putFile(t, dir, "quote.csv", "name\n\"A\n")
	putFile(t, dir, "latin.csv", "name\n\xe4\n")
	for data, want := range map[string]string{
		"{a: {csv: ragged.csv}}":                     "ragged.csv:3:1: not valid CSV: wrong number of fields",
		"{a: {csv: empty.csv}}":                      "empty.csv:1:1: the file has no rows",
		"{a: {csv: unnamed.csv}}":                    "unnamed.csv:1:6: column 2 has no name",
		"{a: {csv: twice.csv}}":                      "column 1 has no name, or one that is there twice",
		"{a: {csv: quote.csv}}":                      "quote.csv:2:4: not valid CSV",
		"{a: {csv: latin.csv}}":                      "latin.csv:1:1: not valid UTF-8",
		"{a: {csv: missing.csv}}":                    "x.yaml:8:17: reading the feeder",
		"{a: {csv: ragged.csv, values: [a]}}":        "x.yaml:8:11: a feeder is exactly one of",
		"{a: {}}":                                    "x.yaml:8:11: a feeder is exactly one of",
		"{a: {values: []}}":                          "x.yaml:8:20: the feeder has no values",
		"{a: {values: [x], pick: inturn}}":           `x.yaml:8:31: unknown pick "inturn"`,
		"{a: {values: [x], count: 4}}":               "x.yaml:8:32: count makes no sense without pattern",
		`{a: {pattern: "AZ-{n}"}}`:                   "count must be above 0",
		`{a: {pattern: "AZ", count: 3}}`:             "the pattern has no {n}",
		"{a: {corpus: subjct}}":                      `did you mean "subject"?`,
		"{a-b: {values: [x]}}":                       `feeder name "a-b"`,
		"{a: {value: [x]}}":                          `did you mean "values"?`,
		"{a: {pattern: \"{n}\", count: 2000000000}}": "out of range",
	} {
		_, err := Parse(filepath.Join(dir, "x.yaml"), []byte(fmt.Sprintf(withData, "{do: web.page}", data)), Options{Getenv: someEnv})
		var errs *Errors
		if !errors.As(err, &errs) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", data, err, want)
		}
	}
}

func TestCapturesRefused(t *testing.T) {
	for save, want := range map[string]string{
		"{}":                        "6:37: save has no variables",
		"{and: {json: a}}":          `"and" is a word of the language`,
		"{a-b: {json: a}}":          `variable name "a-b"`,
		"{v: {}}":                   "by exactly one of",
		"{v: {json: a, header: B}}": "by exactly one of",
		"{v: {json: a..b}}":         "6:48: the path has an empty part",
		"{v: {json: 'a.b*'}}":       "* stands for a whole part",
		"{v: {json: a.-1}}":         "counted from 0",
		"{v: {xml: 'D:a/b'}}":       "without prefixes",
		"{v: {regexp: 'a(b'}}":      "missing closing",
		"{v: {regexp: 'ab'}}":       "6:50: the pattern has no group",
		"{v: {header: 'a b'}}":      `"a b" is no name of a header`,
		"{v: {jsn: a}}":             `did you mean "json"?`,
		"{v: {json: " + strings.Repeat("a.", 40) + "a}}": "the path is too long",
	} {
		_, err := Parse("x.yaml", []byte(fmt.Sprintf(withData, "{do: web.page, save: "+save+"}", "{}")), Options{Getenv: someEnv})
		var errs *Errors
		if !errors.As(err, &errs) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", save, err, want)
		}
	}
}

// A loop that a condition leaves with nothing to do would go round in no time.
func TestIdleLoopsRefused(t *testing.T) {
	const some = "{if: account.n > 3, steps: [{do: web.page}]}"
	for journey, idle := range map[string]bool{
		some:                      true,
		some + ", " + some:        true,
		"{do: web.page}, " + some: false,
		"{if: account.n > 3, steps: [{do: web.page}], else: [{think: 1s}]}":                                                            false,
		"{if: account.n > 3, steps: [{do: web.page}], else: [" + some + "]}":                                                           true,
		"{do: web.page}, {repeat: {for: session}, steps: [" + some + "]}":                                                              true,
		"{do: web.page}, {repeat: {for: session}, steps: [" + some + ", {think: 1s}]}":                                                 false,
		"{do: web.page}, {repeat: {for: session}, steps: [{choose: [{weight: 1, do: web.page}, {weight: 1, steps: [" + some + "]}]}]}": true,
		"{do: web.page}, {repeat: {times: 3}, steps: [" + some + "]}":                                                                  false,
	} {
		_, err := Parse("x.yaml", []byte(fmt.Sprintf(withData, journey, "{}")), Options{Getenv: someEnv})
		if got := err != nil && strings.Contains(err.Error(), "where this condition does not hold"); got != idle || err != nil && !idle {
			t.Errorf("%s: %v", journey, err)
		}
	}
}

func putFile(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// FuzzFeeder: whatever the file, its rows have all columns, or the problem has a place.
func FuzzFeeder(f *testing.F) {
	f.Add([]byte("\ufeffname,mail\r\nA,a@b\r\n"))
	f.Add([]byte("a,\"b\nc\"\n1,2\n"))
	f.Add([]byte("a,a\n1,2\n"))
	f.Add([]byte(",\n,\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		columns, rows, problem := parseFeeder("f.csv", raw)
		if problem != nil {
			if problem.Line < 1 || problem.Column < 1 || problem.Text == "" {
				t.Errorf("problem without a place: %+v", problem)
			}
			return
		}
		if len(rows) == 0 || len(columns) == 0 {
			t.Error("accepted without rows or columns")
		}
		for _, r := range rows {
			if len(r) != len(columns) {
				t.Errorf("%d cells in %d columns", len(r), len(columns))
			}
		}
	})
}
