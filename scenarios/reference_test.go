package scenarios

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pegel/internal/site"
)

// headings are the mappings of the file in the order of the tables, with the path by which they are known.
var headings = []struct {
	path string
	typ  reflect.Type
}{
	{"The file", reflect.TypeFor[Scenario]()},
	{"`targets`", reflect.TypeFor[Targets]()}, {"`targets.*`", reflect.TypeFor[Target]()}, {"`targets.*.backend`", reflect.TypeFor[site.Backend]()},
	{"`lines.*`", reflect.TypeFor[Line]()},
	{"`accounts`", reflect.TypeFor[Accounts]()}, {"`accounts.auth`", reflect.TypeFor[Auth]()}, {"secrets: `password`, `token`, `app_password`", reflect.TypeFor[Secret]()},
	{"`activity`", reflect.TypeFor[Activity]()},
	{"`personas`", reflect.TypeFor[Persona]()}, {"`personas.*.patience`", reflect.TypeFor[Patience]()},
	{"`personas.*.session`", reflect.TypeFor[SessionLength]()}, {"`personas.*.arrivals`", reflect.TypeFor[Arrivals]()},
	{"steps of `journeys`", reflect.TypeFor[Step]()}, {"`repeat`", reflect.TypeFor[Repeat]()}, {"`choose`", reflect.TypeFor[Choice]()},
	{"`parallel`", reflect.TypeFor[Branch]()}, {"`save.*`", reflect.TypeFor[Capture]()},
	{"`data.*`", reflect.TypeFor[Feeder]()},
	{"`wave`", reflect.TypeFor[Wave]()}, {"`wave.batches`", reflect.TypeFor[Batch]()}, {"`wave.copy`", reflect.TypeFor[Copy]()},
	{"`wave.copy.core`", reflect.TypeFor[CoreCopy]()}, {"`wave.copy.deferred`", reflect.TypeFor[DeferredCopy]()},
	{"`environment`", reflect.TypeFor[Environment]()}, {"`environment.transfer`", reflect.TypeFor[Transfer]()},
	{"`observe`", reflect.TypeFor[Observe]()}, {"`observe.*.resources`", reflect.TypeFor[Resource]()},
	{"`load`", reflect.TypeFor[LoadShape]()}, {"`load.stages`", reflect.TypeFor[Stages]()}, {"`load.experiment`", reflect.TypeFor[Experiment]()}, {"`load.abort`", reflect.TypeFor[AbortRule]()},
	{"`load.day`", reflect.TypeFor[Day]()}, {"`load.soak`", reflect.TypeFor[Soak]()},
	{"`objectives`", reflect.TypeFor[Objective]()}, {"`objectives.*.abort`", reflect.TypeFor[Abort]()},
	{"`situations`", reflect.TypeFor[Situation]()}, {"`verdict`", reflect.TypeFor[Thresholds]()},
	{"`delivery`", reflect.TypeFor[Delivery]()}, {"`checks`", reflect.TypeFor[Checks]()},
}

// tables are the keys of all mappings as the reference has them.
func tables(t *testing.T) string {
	all := keys()
	left := map[string]bool{}
	for name := range all {
		left[name] = true
	}
	var b strings.Builder
	for _, h := range headings {
		var names []string
		for i := range h.typ.NumField() {
			if tag := h.typ.Field(i).Tag.Get("yaml"); tag != "" && tag != "-" {
				names = append(names, tag)
			}
		}
		switch h.typ {
		case reflect.TypeFor[Targets]():
			names = []string{"allow"}
		case reflect.TypeFor[Activity]():
			names = []string{"source"}
		case reflect.TypeFor[Objective]():
			names = slices.Insert(names, 1, "p50", "p90", "p95", "p99", "p999")
		}
		fmt.Fprintf(&b, "\n**%s**\n\n| key | |\n|---|---|\n", h.path)
		for _, name := range names {
			k := all[h.typ.Name()+"."+name]
			shown := "`" + name + "`"
			if k.need {
				shown = "**" + shown + "**"
			}
			text := k.text
			if k.enum != nil {
				text += ": `" + strings.Join(k.enum, "` `") + "`"
			}
			fmt.Fprintf(&b, "| %s | %s |\n", shown, strings.ReplaceAll(text, "|", `\|`))
			delete(left, h.typ.Name()+"."+name)
		}
	}
	for name := range left {
		t.Errorf("no table shows %s", name)
	}
	return b.String() + "\n"
}

// The tables of keys in the reference are current.
func TestReferenceTables(t *testing.T) {
	const path, begin, end = "../docs/scenario.md", "<!-- keys -->\n", "<!-- end of keys -->"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	have, after, also := strings.Cut(rest, end)
	if !ok || !also {
		t.Fatal("the reference has no marks for the tables")
	}
	want := tables(t)
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		have = want
	}
	if have != want {
		t.Error("the tables of keys in docs/scenario.md are not current: go test ./scenarios -run Tables -update writes them")
	}
}

// Every chapter that errors point to is there, and every section has one.
func TestChapters(t *testing.T) {
	raw, err := os.ReadFile("../docs/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			anchors[strings.ReplaceAll(strings.ToLower(strings.TrimSpace(title)), " ", "-")] = true
		}
	}
	for _, h := range headings[0:1] {
		for i := range h.typ.NumField() {
			if key := h.typ.Field(i).Tag.Get("yaml"); key != "" && key != "-" && chapters[key] == "" {
				t.Errorf("no chapter explains %s", key)
			}
		}
	}
	for key, chapter := range chapters {
		if !anchors[chapter] {
			t.Errorf("%s is explained in #%s, which is not there", key, chapter)
		}
	}
	for _, other := range []string{"what-is-refused", "a-complete-example", "all-keys", "overrides", "profiles", "warnings"} {
		if !anchors[other] {
			t.Errorf("there is no #%s", other)
		}
	}
}

// Every key that is described occurs in a complete example of the reference or in a shipped scenario, so that there is something
// to copy that is known to load.
func TestEveryKeyHasAnExample(t *testing.T) {
	used := map[string]bool{}
	var walk func(n *node)
	walk = func(n *node) {
		for _, e := range n.entries {
			used[e.key] = true
			walk(e.value)
		}
		for _, item := range n.items {
			walk(item)
		}
	}
	for _, example := range completeExamples(t) {
		walk(tree(t, []byte(example)))
	}
	for _, name := range Shipped() {
		raw, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		walk(tree(t, raw))
	}
	for name := range keys() {
		_, key, _ := strings.Cut(name, ".")
		if elsewhere := key == "include" || key == "csv" || key == "file" || key == "ca"; !used[key] && !elsewhere { // what is in another file cannot be complete
			t.Errorf("no example has %s", name)
		}
	}
}
