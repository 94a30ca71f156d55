package scenarios

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write the files that are generated")

// published is the schema as it is in the project, with all actions; a test of the command keeps it current.
func published(t testing.TB) *schemaChecker {
	raw, err := os.ReadFile("../docs/scenario.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return readSchema(t, raw)
}

// instance is a tree as JSON has it.
func instance(n *node) any {
	switch n.kind {
	case mapNode:
		out := map[string]any{}
		for _, e := range n.entries {
			out[e.key] = instance(e.value)
		}
		return out
	case listNode:
		out := []any{}
		for _, item := range n.items {
			out = append(out, instance(item))
		}
		return out
	case boolNode:
		return strings.EqualFold(n.text, "true")
	case intNode, floatNode:
		x, err := strconv.ParseFloat(strings.ReplaceAll(n.text, "_", ""), 64)
		if err != nil {
			return n.text
		}
		return x
	case nullNode:
		return nil
	}
	return n.text
}

func tree(t testing.TB, src []byte) *node {
	f := &file{path: "x.yaml"}
	if errs := NewErrors(); !f.parse(src, errs) {
		t.Fatal(errs)
	}
	return f.root
}

func TestSchemaAccepts(t *testing.T) {
	c := published(t)
	for _, name := range Shipped() {
		raw, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if why := c.check(instance(tree(t, raw))); why != "" {
			t.Errorf("%s: %s", name, why)
		}
		if !strings.HasPrefix(string(raw), "# yaml-language-server: $schema=../docs/scenario.schema.json\n") {
			t.Errorf("%s: the first line does not name the schema", name)
		}
	}
	for i, example := range completeExamples(t) {
		if why := c.check(instance(tree(t, []byte(example)))); why != "" {
			t.Errorf("example %d: %s", i+1, why)
		}
	}
	if why := c.check(instance(tree(t, []byte(strings.Replace(whole, "{keep: true}", "{}", 1))))); why != "" {
		t.Errorf("the whole: %s", why)
	}
}

// What no schema can tell is listed by name in testdata/beyond-schema.txt: it depends on other parts of the file, on other
// files, or on the text around the values. Everything else that the loader rejects the schema rejects too.
func TestSchemaRejects(t *testing.T) {
	c := published(t)
	paths, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var beyond []string
	rejected := 0
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		f := &file{path: path}
		if strings.Contains(string(raw), "\n# set:") || strings.HasPrefix(string(raw), "# set:") || !utf8.Valid(raw) {
			continue
		}
		if f.parse(raw, NewErrors()) {
			v = instance(f.root)
		} else {
			continue // no YAML of ours: nothing that a schema could be held against
		}
		if c.check(v) == "" {
			beyond = append(beyond, strings.TrimSuffix(filepath.Base(path), ".yaml"))
		} else {
			rejected++
		}
	}
	const name = "testdata/beyond-schema.txt"
	got := strings.Join(beyond, "\n") + "\n"
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("accepted by the schema:\n%swant those of %s (go test -update writes it)", got, name)
	}
	if rejected < 60 {
		t.Errorf("only %d broken scenarios are rejected by the schema", rejected)
	}
}

// Mutants of the shipped scenarios: a key misspelt, a value of another form. What the loader rejects for its form, the schema
// rejects as well.
func TestSchemaMutants(t *testing.T) {
	c := published(t)
	tried := 0
	for i, name := range Shipped() {
		raw, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		root := tree(t, raw)
		var spots []*node
		var walk func(n *node)
		walk = func(n *node) {
			spots = append(spots, n)
			for _, e := range n.entries {
				walk(e.value)
			}
			for _, item := range n.items {
				walk(item)
			}
		}
		walk(root)
		for k := i % 7; k < len(spots) && tried < 1500; k += 7 {
			n := spots[k]
			for m := range max(1, len(n.entries)) {
				saved := n.clone()
				if n.kind == mapNode {
					n.entries[m].key += "x"
				} else if n.scalar() {
					n.kind, n.items = listNode, []*node{saved}
				} else {
					n.kind, n.items, n.text = textNode, nil, "odd"
				}
				errs := NewErrors()
				f := &file{path: "x.yaml", dir: ".", lines: make([]string, 2000), root: root}
				f.scenario(Options{Alone: true, SkipSecrets: true}, false, errs)
				why := c.check(instance(root))
				form := slices.ContainsFunc(errs.Problems, func(p Problem) bool {
					return strings.HasPrefix(p.Text, "unknown key") || strings.HasPrefix(p.Text, "expected ")
				})
				if form && why == "" {
					t.Errorf("%s: the schema accepts what the loader does not: %v", name, errs)
				}
				tried++
				*n = *saved
			}
		}
	}
	if tried < 300 {
		t.Errorf("only %d mutants", tried)
	}
}

// Every key is described, and every description belongs to a key.
func TestKeysAreDescribed(t *testing.T) {
	if _, err := Schema(nil); err != nil {
		t.Error(err)
	}
	found := map[string]bool{"Targets.allow": true, "Activity.source": true}
	for _, q := range []string{"p50", "p90", "p95", "p99", "p999"} {
		found["Objective."+q] = true
	}
	var walk func(reflect.Type)
	seen := map[reflect.Type]bool{}
	walk = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			walk(typ.Elem())
			return
		case reflect.Struct:
		default:
			return
		}
		if seen[typ] {
			return
		}
		seen[typ] = true
		for i := range typ.NumField() {
			if key := typ.Field(i).Tag.Get("yaml"); key != "" && key != "-" {
				found[typ.Name()+"."+key] = true
				walk(typ.Field(i).Type)
			}
		}
	}
	walk(reflect.TypeFor[Scenario]())
	walk(reflect.TypeFor[Target]())
	for name := range keys() {
		if !found[name] {
			t.Errorf("%s is described, but is no key", name)
		}
		delete(found, name)
	}
	for name := range found {
		t.Errorf("%s is not described", name)
	}
}
