package scenarios

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every site that comes with pegel can be read, and offers what journeys use most.
func TestShippedSites(t *testing.T) {
	for _, name := range Sites() {
		s, err := OpenSite(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, verb := range []string{"login", "list", "read", "send", "logout", "poll"} {
			if len(s.Actions[verb].Web) == 0 {
				t.Errorf("%s: no %s at HTTP level", name, verb)
			}
		}
		if s.Name != name {
			t.Errorf("%s is called %s", name, s.Name)
		}
	}
	if len(Sites()) == 0 {
		t.Error("no site comes with pegel")
	}
}

const smallSite = "name: own\nactions:\n  login:\n    web:\n"

func TestSiteMistakes(t *testing.T) {
	for text, says := range map[string]string{
		"name: own\n":                                      `s.yaml:1:1: the site has no actions`,
		"- a":                                              `s.yaml:1:1: a site is a mapping`,
		"nam: x\nactions: {}":                              `s.yaml:1:1: unknown key "nam"`,
		smallSite + "      - {pth: /}":                     `s.yaml:5:10: unknown key "pth"`,
		smallSite + "      - {path: x}":                    `s.yaml:5:16: the path "x" must begin with /`,
		smallSite + "      - {path: '/{{what}}'}":          `s.yaml:5:16: nothing sets {{what}}`,
		smallSite + "      - {path: /, think: 3s}":         `s.yaml:5:9: the step is none of`,
		smallSite + "      - {path: /, json: '{\"a\": }'}": `s.yaml:5:25: this is no JSON`,
		smallSite + "      - {path: /, json: '{\"a\": {{limit}}}', form: {a: b}}":                       `exclude each other`,
		smallSite + "      - {path: /, save: {a: {json: a, header: b}}}":                                `taken by exactly one`,
		smallSite + "      - {path: /, save: {a: {regexp: 'x('}}}":                                      `s.yaml:5:38: error parsing regexp`,
		smallSite + "      - {path: /, status: [99]}":                                                   `s.yaml:5:28: status 99`,
		smallSite + "      - {path: /, checks: [{contains: a, class: odd}]}":                            `unknown class "odd"`,
		smallSite + "      - {path: /, headers: {Cookie: x}}":                                           `writes this header by itself`,
		smallSite + "      - {pick: {id: {of: ids}}}":                                                   `nothing saves "ids"`,
		smallSite + "      - {path: /, save: {a: {json: a, add: true}}}":                                `add belongs to each`,
		smallSite + "      - {path: /, save: {a: {json: a}}}\n      - {pick: {b: {of: a, once: true}}}": `once needs an action`,
		"name: own\nactions:\n  fly:\n    web: [{path: /}]":                                             `s.yaml:3:3: unknown action "fly"`,
		"name: own\nactions:\n  lists:\n    web: [{path: /}]":                                           `did you mean "list"?`,
		smallSite + "      - {path: /, save: {token: {header: a}}}\n      - {path: '/{{tokn}}'}":        `did you mean "token"?`,
		smallSite + "      - {path: /, checks: [{contains: a, class: aut}]}":                            `did you mean "auth"?`,
		"name: own\nactions: {login: {browser: [{click: '#sign[in'}]}}":                                 `s.yaml:2:37: "#sign[in" is no selector: '[' is not closed`,
		"name: own\nactions: {login: {browser: [{wait: '#a >>> b..c'}]}}":                               `"b..c" is no selector: no name follows "."`,
		"name: own\nactions: {login: {browser: [{gone: 'a[b=\"c]'}]}}":                                  `the quote '"' is not closed`,
		"name: own\nactions: {login: {browser: [{read: 'a,,b'}]}}":                                      `nothing stands beside a comma`,
		"name: own\nactions: {login: {browser: [{type: '#{{n', text: x}]}}":                             `{{ is not closed`,
		"name: own\nactions: {login: {browser: [{click: 'a > '}]}}":                                     `nothing follows ">"`,
		"name: own\nactions: {login: {browser: [{click: '#1a'}]}}":                                      `no name follows "#"`,
		"name: own\nactions: {login: {browser: [{click: 'a)'}]}}":                                       `')' closes nothing`,
		"name: own\nbrowser: {form: '#'}\nactions: {login: {web: [{path: /}]}}":                         `s.yaml:2:17: "#" is no selector`,
		"name: own\nbrowser: {errors: [{shown: '.'}]}\nactions: {login: {web: [{path: /}]}}":            `"." is no selector`,
		"name: own\nactions: {login: {}}":                                                               `the action does nothing`,
		"name: own\npush: {path: /, protocol: odd}\nactions: {login: {web: [{path: /}]}}":               `s.yaml:2:27: unknown protocol "odd"`,
		"name: own\nerrors: [{json: a, regexp: b}]\nactions: {login: {web: [{path: /}]}}":               `exactly one of json and regexp`,
		"name: own\nactions: {login: {browser: [{open: /, click: x}]}}":                                 `exactly one of open`,
		"name: own\nactions: {login: {browser: [{type: '#a'}]}}":                                        `belong together`,
		"name: own\nactions: {login: {web: [{path: /, cache: true, save: {a: {header: b}}}]}}":          `nothing is looked for in it`,
	} {
		_, err := ParseSite("s.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s\ngot %v\nwant %s", text, err, says)
		}
	}
}

// Selectors that browsers take, however odd they look.
func TestSelectorsOfSites(t *testing.T) {
	for _, selector := range []string{
		"#a", "a.b:not(.c, [d=\"]\"])::after", "iframe#x >>> #body", "a > b + c ~ d, e", "#\\31 a", ".-x._y", "[a='x)y'] i", "*", ":is(a, b) c",
		"#m{{limit}}", "tr[data-id=\"{{mail.id}}\"] td", "li:nth-child(2n+1)", "#für", "a[b=\"1.5\"]", "a\\.b",
	} {
		text := "name: own\nactions: {login: {browser: [{click: '" + strings.ReplaceAll(selector, "'", "''") + "'}]}}"
		if _, err := ParseSite("s.yaml", []byte(text)); err != nil {
			t.Errorf("%s: %v", selector, err)
		}
	}
}

func TestSiteOfATarget(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func(site, do string) error {
		text := "name: x\ntargets: {web: {url: \"http://127.0.0.1:1/\", site: " + site + "}}\naccounts: {pattern: \"u{n}@x\", count: 2, password: {env: P}}\n" +
			"activity: {a: 20%, source: guess}\npersonas: [{name: a, journey: j}]\njourneys: {j: [{do: " + do + "}]}\nload: {stages: {users: [1], hold: 1m}}\n"
		_, err := Parse(filepath.Join(dir, "x.yaml"), []byte(text), Options{SkipSecrets: true})
		return err
	}
	write("own.yaml", smallSite+"      - {path: /}\n")
	write("bad.yaml", smallSite+"      - {path: x}\n")
	if err := load("own.yaml", "web.login"); err != nil {
		t.Error(err)
	}
	for says, c := range map[string][2]string{
		"the site own has no web.send":  {"own.yaml", "web.send"},
		"bad.yaml:5:16: the path \"x\"": {"bad.yaml", "web.login"},
		"the site file cannot be read":  {"gone.yaml", "web.login"},
		`did you mean "embedded"?`:      {"embeded", "web.login"},
	} {
		if err := load(c[0], c[1]); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: got %v, want %s", c, err, says)
		}
	}
}

// A target says itself where its answers tell the backend.
func TestBackendOfATarget(t *testing.T) {
	load := func(target string) (*Scenario, error) {
		text := "name: x\ntargets: {web: {url: \"http://127.0.0.1:1/\"}, imap: {url: \"imap://127.0.0.1:1\"}, " + target + "}\naccounts: {pattern: \"u{n}@x\", count: 2, password: {env: P}}\n" +
			"activity: {a: 20%, source: guess}\npersonas: [{name: a, journey: j}]\njourneys: {j: [{do: web.login}]}\nload: {stages: {users: [1], hold: 1m}}\n"
		return Parse("x.yaml", []byte(text), Options{SkipSecrets: true})
	}
	s, err := load(`b: {url: "http://127.0.0.1:1/", backend: {cookie: ROUTE, after: "."}}`)
	if err != nil {
		t.Fatal(err)
	}
	if b := s.Targets.ByName["b"].Backend; b == nil || b.Cookie != "ROUTE" || b.After != "." {
		t.Errorf("%+v", b)
	}
	for target, says := range map[string]string{
		`b: {url: "http://127.0.0.1:1/", backend: {after: "."}}`:   "backend needs a header or a cookie",
		`b: {url: "http://127.0.0.1:1/", backend: {coookie: a}}`:   `unknown key "coookie"`,
		`b: {url: "imap://127.0.0.1:1", backend: {cookie: ROUTE}}`: "backend makes no sense with imap",
	} {
		if _, err := load(target); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "x.yaml:2:") {
			t.Errorf("%s: got %v, want %s", target, err, says)
		}
	}
}

// The example in the documentation of site files is one.
func TestSiteOfTheDocs(t *testing.T) {
	raw, err := os.ReadFile("../docs/sites.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(raw), "```yaml\n")
	text, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("there is no example")
	}
	if _, err := ParseSite("example.yaml", []byte(text)); err != nil {
		t.Error(err)
	}
}

// FuzzParseSite: whatever the text, the answer is a site or an *Errors with a place for each problem.
func FuzzParseSite(f *testing.F) {
	// By default each input with something new in it is made smaller for a minute, in which nothing else is tried.
	if at := flag.Lookup("test.fuzzminimizetime"); at != nil && at.Value.String() == at.DefValue {
		at.Value.Set("20x")
	}
	f.Add([]byte(smallSite + "      - {path: /, save: {a: {json: b, each: true}}}\n      - {pick: {c: {of: a}}}\n"))
	for _, name := range Sites() {
		src, err := shipped.ReadFile("sites/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		s, err := ParseSite("s.yaml", src)
		if err == nil {
			if s.Name == "" || len(s.Actions) == 0 {
				t.Error("accepted without name or actions")
			}
			return
		}
		var errs *Errors
		if !errors.As(err, &errs) || len(errs.Problems) == 0 {
			t.Fatalf("got %v", err)
		}
		for _, p := range errs.Problems {
			if p.Text == "" || p.Line < 1 || p.Column < 1 {
				t.Errorf("problem without a place: %+v", p)
			}
		}
	})
}
