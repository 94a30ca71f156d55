package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// files is a directory with the given texts, by name.
func files(texts map[string]string) fstest.MapFS {
	dir := fstest.MapFS{}
	for name, text := range texts {
		dir[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return dir
}

// shell is what a scenario needs besides what it includes.
const shell = `name: main
accounts: {pattern: "u{n}@example.test", count: 100, password: {env: PEGEL_PASSWORD}}
activity: {browser: 20%, source: logs}
load: {stages: {users: [10, 20], hold: 1m}}
`

const people = `targets: {web: {url: "http://127.0.0.1:8080/"}}
personas:
  - {name: browser, journey: webmail}
journeys:
  webmail: [{do: web.login, think: 5s}]
objectives:
  - {action: "web.*", p95: 1s}
  - {errors: 1%}
`

func TestInclude(t *testing.T) {
	src := shell + `include: [shared/people.yaml, more.yaml]
objectives: [{action: "web.*", p95: 3s}]
journeys: {extra: [{do: web.list, think: 1s}]}
personas: [{name: observer, journey: extra, count: 2}]
`
	s, err := Parse("main.yaml", []byte(src), Options{Getenv: someEnv, Files: files(map[string]string{
		"shared/people.yaml":    "include: [deep/wave.yaml]\n" + people,
		"shared/deep/wave.yaml": "wave: {live: 30}\nseed: 9\nname: wave\n",
		"more.yaml":             "journeys: {phone: [{think: 1s}]}\n",
	})})
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "main" || s.Seed != 9 || s.Wave.Live != 30 {
		t.Errorf("name %q, seed %d, live %d", s.Name, s.Seed, s.Wave.Live)
	}
	if got := names(s.Journeys); !slices.Equal(got, []string{"extra", "phone", "webmail"}) {
		t.Errorf("journeys %v", got)
	}
	if len(s.Personas) != 2 || s.Personas[0].Name != "browser" || s.Personas[1].Name != "observer" {
		t.Errorf("personas %+v", s.Personas)
	}
	if len(s.Objectives) != 2 || s.Objectives[0].Errors == nil || s.Objectives[1].Limits[0].Max.Seconds() != 3 {
		t.Errorf("objectives %+v: the file's own one wins", s.Objectives)
	}
	var read []string
	for _, in := range s.Included() {
		read = append(read, in.Name)
	}
	if want := []string{"shared/people.yaml", "shared/deep/wave.yaml", "more.yaml"}; !slices.Equal(read, want) {
		t.Errorf("included %v, want %v", read, want)
	}
	// A place in an included file is found again after loading.
	if p := s.Problem(s.Journeys["webmail"][0].Pos, "", "here"); p.File != "shared/people.yaml" || p.Line != 6 || !strings.Contains(p.Excerpt, "webmail:") {
		t.Errorf("problem %+v", p)
	}
}

// The same file reached in two ways is there once.
func TestIncludeDiamond(t *testing.T) {
	_, err := Parse("main.yaml", []byte(shell+"include: [a.yaml, b.yaml]\n"), Options{Getenv: someEnv, Files: files(map[string]string{
		"a.yaml": "include: [people.yaml]\n", "b.yaml": "include: [people.yaml]\n", "people.yaml": people,
	})})
	if err != nil {
		t.Error(err)
	}
}

func TestIncludeErrors(t *testing.T) {
	chain := map[string]string{"people.yaml": people}
	for i := range 8 {
		chain[fmt.Sprintf("c%d.yaml", i)] = fmt.Sprintf("include: [c%d.yaml]\n", i+1)
	}
	var many []string
	crowd := map[string]string{}
	for i := range 40 {
		name := fmt.Sprintf("m%d.yaml", i)
		many, crowd[name] = append(many, name), ""
		crowd[name] = fmt.Sprintf("journeys: {j%d: [{think: 1s}]}\n", i)
	}
	big := "# " + strings.Repeat("x", 3<<20) + "\n" + people
	for name, test := range map[string]struct {
		include string
		files   map[string]string
		want    []string
	}{
		"outside":     {"[../people.yaml]", nil, []string{`main.yaml:5:11: "../people.yaml" lies outside the scenario's directory`}},
		"up and out":  {"[a/../../b.yaml]", nil, []string{`main.yaml:5:11: "a/../../b.yaml" lies outside the scenario's directory`}},
		"absolute":    {"[/etc/passwd]", nil, []string{`main.yaml:5:11: "/etc/passwd" lies outside the scenario's directory`}},
		"missing":     {"[peple.yaml]", map[string]string{"people.yaml": people}, []string{`main.yaml:5:11: including peple.yaml: file does not exist`}},
		"directory":   {"[dir]", map[string]string{"dir/x.yaml": people}, []string{`main.yaml:5:11: including dir: not a regular file`}},
		"number":      {"[5]", nil, []string{`main.yaml:5:11: expected the name of a file, got 5`}},
		"no list":     {"people.yaml", nil, []string{`main.yaml:5:10: expected a list, got "people.yaml"`}},
		"inner list":  {"[a.yaml]", map[string]string{"a.yaml": "include: b.yaml\n"}, []string{`a.yaml:1:10: expected a list, got "b.yaml"`}},
		"itself":      {"[main.yaml]", nil, []string{`main.yaml:5:11: files include each other: main.yaml includes main.yaml`}},
		"cycle":       {"[a.yaml]", map[string]string{"a.yaml": "include: [b/b.yaml]\n", "b/b.yaml": "name: b\ninclude: [b.yaml]\n"}, []string{`b/b.yaml:2:11: files include each other: b/b.yaml includes b/b.yaml`}},
		"deep":        {"[c0.yaml]", chain, []string{`c4.yaml:1:11: files include files deeper than 5 levels`}},
		"many":        {"[" + strings.Join(many, ", ") + "]", crowd, []string{`more than 32 files are included`}},
		"large":       {"[big.yaml, big2.yaml]", map[string]string{"big.yaml": big, "big2.yaml": big}, []string{`main.yaml:5:21: the scenario and what it includes are larger than 4 MiB`}},
		"syntax":      {"[a.yaml]", map[string]string{"a.yaml": "journeys:\n  x: [\n"}, []string{`a.yaml:2:6: not valid YAML`}},
		"no mapping":  {"[a.yaml]", map[string]string{"a.yaml": "- 1\n"}, []string{`a.yaml:1:1: an included file is a mapping of sections, not a list`}},
		"inside":      {"[people.yaml]", map[string]string{"people.yaml": strings.Replace(people, "think: 5s", "thnk: 5s", 1)}, []string{`people.yaml:5:29: unknown key "thnk"`}},
		"later":       {"[people.yaml]", map[string]string{"people.yaml": strings.Replace(people, "{name: browser, ", "{name: browsr, ", 1)}, []string{`main.yaml:3:12: unknown persona "browser"`, `people.yaml:3:5: persona "browsr" has neither`}},
		"unknown key": {"[people.yaml]", map[string]string{"people.yaml": people + "jorneys: {}\n"}, []string{`people.yaml:9:1: unknown key "jorneys"`}},
		"twice": {"[people.yaml, a.yaml]", map[string]string{"people.yaml": people, "a.yaml": "journeys:\n  webmail: [{think: 1s}]\n"},
			[]string{`a.yaml:2:3: "webmail" in journeys comes from two included files, first in people.yaml:5:3`}},
		"persona twice": {"[people.yaml, a.yaml]", map[string]string{"people.yaml": people, "a.yaml": "personas: [{name: browser, journey: webmail}]\n"},
			[]string{`a.yaml:1:12: "browser" in personas comes from two included files, first in people.yaml:3:5`}},
		"section twice": {"[people.yaml, a.yaml, b.yaml]", map[string]string{"people.yaml": people, "a.yaml": "wave: {live: 1}\n", "b.yaml": "wave: {live: 2}\n"},
			[]string{`b.yaml:1:1: wave comes from two included files, first in a.yaml:1:1`}},
		"secret": {"[a.yaml]", map[string]string{"a.yaml": "accounts: {password: hunter2}\nx: 1\n"}, []string{`a.yaml:2:1: unknown key "x"`}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("main.yaml", []byte(shell+"include: "+test.include+"\n"), Options{Getenv: someEnv, Files: files(test.files)})
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got\n%v\nwant\n%s", err, want)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows a secret:\n%v", err)
			}
		})
	}
}

// Where the including file has a section or name of its own, it does not matter that two others do.
func TestIncludeDecides(t *testing.T) {
	src := shell + "include: [people.yaml, a.yaml]\njourneys: {webmail: [{do: web.list, think: 7s}]}\nwave: {live: 3}\n"
	s, err := Parse("main.yaml", []byte(src), Options{Getenv: someEnv, Files: files(map[string]string{
		"people.yaml": people + "wave: {live: 1}\n", "a.yaml": "journeys: {webmail: [{think: 1s}]}\nwave: {live: 2}\n",
	})})
	if err != nil {
		t.Fatal(err)
	}
	if s.Wave.Live != 3 || s.Journeys["webmail"][0].Do != "web.list" {
		t.Errorf("live %d, journey %+v", s.Wave.Live, s.Journeys["webmail"])
	}
}

// On a real directory, paths inside an included file start at that file, and a symbolic link does not lead out.
func TestIncludeOnDisk(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("in/shared/wave.yaml", "wave: {live: 10, batches: plan.csv}\naccounts: {csv: logins.csv}\n")
	write("in/shared/plan.csv", "name,date,accounts\nnorth,2026-03-02,1\n")
	write("in/shared/logins.csv", "login,password\na,b\n"+strings.Repeat("", 1))
	write("in/people.yaml", people)
	main := strings.Replace(shell, "accounts:", "description: x\n#", 1)
	path := write("in/main.yaml", main+"include: [people.yaml, shared/wave.yaml]\n")
	_, err := Load(path, Options{Getenv: someEnv})
	if err == nil || !strings.Contains(err.Error(), "wave has 11 accounts, live and in batches, but there are only 1") {
		t.Errorf("got %v", err) // both CSV files were read
	}
	write("outside.yaml", people)
	if err := os.Symlink(filepath.Join(dir, "outside.yaml"), filepath.Join(dir, "in", "link.yaml")); err != nil {
		t.Skip(err)
	}
	path = write("in/linked.yaml", shell+"include: [link.yaml]\n")
	if _, err = Load(path, Options{Getenv: someEnv}); err == nil || !strings.Contains(err.Error(), "linked.yaml:5:11: including link.yaml: path escapes") {
		t.Errorf("got %v", err)
	}
}

func TestProfiles(t *testing.T) {
	src := shell + people + `profiles:
  small: {load.stages.users: [1, 2], accounts.count: 50, "personas[0].journey": short}
  slow: {load.stages.hold: 5m, load.order: randomised}
`
	src = strings.Replace(src, "  webmail:", "  short: [{think: 1s}]\n  webmail:", 1)
	s, err := Parse("main.yaml", []byte(src), Options{Getenv: someEnv, Profiles: []string{"small", "slow"}, Set: []string{"accounts.count=60"}})
	if err != nil {
		t.Fatal(err)
	}
	if st := s.Load.Stages; !slices.Equal(st.Users, []int{1, 2}) || st.Hold.D().Minutes() != 5 || s.Load.Order != Randomised {
		t.Errorf("load %+v", s.Load)
	}
	if s.Accounts.Count != 60 || s.Personas[0].Journey != "short" {
		t.Errorf("%d accounts, journey %q", s.Accounts.Count, s.Personas[0].Journey)
	}
	for name, test := range map[string]struct {
		replace  string
		profiles []string
		set      []string
		want     string
	}{
		"unknown":       {profiles: []string{"smal"}, want: "--profile smal: there is no profile \"smal\"\n  hint: did you mean \"small\"?"},
		"bad path":      {"load.stages.users", nil, nil, `main.yaml:15:11: with profile small: unknown key "strages"`},
		"not asked for": {"hold: 5m", nil, nil, `with profile slow: "5" has no unit`},
		"asked for":     {"hold: 5m", []string{"slow"}, nil, `main.yaml:16:28: "5" has no unit`},
		"include":       {"load.order", []string{"slow"}, nil, `main.yaml:16:32: include cannot be overridden`},
		"set include":   {"", nil, []string{"include=[x]"}, `--set include: include cannot be overridden`},
	} {
		t.Run(name, func(t *testing.T) {
			text := src
			switch test.replace {
			case "load.stages.users":
				text = strings.Replace(src, test.replace, "load.strages.users", 1)
			case "hold: 5m":
				text = strings.Replace(src, test.replace, "hold: 5", 1)
			case "load.order":
				text = strings.Replace(src, test.replace, "include", 1)
			}
			_, err := Parse("main.yaml", []byte(text), Options{Getenv: someEnv, Profiles: test.profiles, Set: test.set})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
		})
	}
	_, err = Parse("main.yaml", []byte(shell+people+"profiles: {a: {accounts.password: hunter2}}\n"), Options{Getenv: someEnv})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

// The effective scenario means the same and stands alone.
func TestEffective(t *testing.T) {
	src := shell + "include: [people.yaml]\nprofiles: {small: {load.stages.users: [1, 2]}}\n" +
		"description: \"quotes \\\" and: colons # \\n two lines, ümlaut \\u0001 yes\"\nwave: {live: 2, batches: testdata/nowhere.csv}\n"
	opts := Options{Getenv: someEnv, Profiles: []string{"small"}, Set: []string{"seed=7", "wave.batches=[{name: a, accounts: 3}]"},
		Files: files(map[string]string{"people.yaml": people})}
	s, err := Parse("main.yaml", []byte(src), opts)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("effective.yaml", s.Effective(), Options{Alone: true, Files: files(nil)})
	if err != nil {
		t.Fatalf("%v\n%s", err, s.Effective())
	}
	if again.Seed != 7 || again.Wave.Batches[0].Accounts != 3 || again.Load.Stages.Users[0] != 1 || len(again.Journeys) != 1 || again.Description != s.Description {
		t.Errorf("got\n%s", s.Effective())
	}
	if strings.Contains(string(s.Effective()), "swordfish") {
		t.Error("the effective scenario holds a secret")
	}
	for _, name := range Shipped() {
		raw, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(name+".yaml", raw, Options{SkipSecrets: true})
		if err != nil {
			t.Error(err)
			continue
		}
		again, err := Parse(name+".yaml", s.Effective(), Options{Alone: true})
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, s.Effective())
			continue
		}
		if diff := cmp.Diff(shape(s.file.root), shape(again.file.root)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// shape is a tree without its places, as the decoder sees it.
func shape(n *node) string {
	var b strings.Builder
	b.WriteString(fmt.Sprintf("%d%q", n.kind, n.text))
	for _, e := range n.entries {
		if e.key != "include" && e.key != "profiles" && e.key != "batches" {
			b.WriteString(fmt.Sprintf("(%q %s)", e.key, shape(e.value)))
		}
	}
	for _, item := range n.items {
		b.WriteString("[" + shape(item) + "]")
	}
	return b.String()
}
