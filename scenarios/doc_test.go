package scenarios

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// completeExamples are those examples of the language's reference that are whole scenarios.
func completeExamples(t testing.TB) []string {
	raw, err := os.ReadFile("../docs/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	var examples []string
	for _, m := range regexp.MustCompile("(?s)<!-- complete -->\n```yaml\n(.*?)```").FindAllStringSubmatch(string(raw), -1) {
		examples = append(examples, m[1])
	}
	return examples
}

// TestReference loads every complete example of the language's reference, and looks for every key in its text.
func TestReference(t *testing.T) {
	raw, err := os.ReadFile("../docs/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(raw)
	examples := completeExamples(t)
	if len(examples) < 3 {
		t.Errorf("only %d complete examples", len(examples))
	}
	for i, example := range examples {
		if _, err := Parse(fmt.Sprintf("example %d", i+1), []byte(example), Options{Getenv: someEnv}); err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(doc, "<!-- complete -->"); n != len(examples) {
		t.Errorf("%d marks, but %d examples follow one", n, len(examples))
	}

	keys := map[string]bool{"allow": true, "source": true, "constant": true, "uniform": true, "min": true, "max": true,
		"exponential": true, "mean": true, "lognormal": true, "median": true,
		"empirical": true, "column": true}
	for _, q := range []float64{0.5, 0.9, 0.95, 0.99, 0.999} {
		keys[quantileKey(q)] = true
	}
	yamlKeys(reflect.TypeFor[Scenario](), keys, map[reflect.Type]bool{})
	yamlKeys(reflect.TypeFor[Target](), keys, map[reflect.Type]bool{})
	if len(keys) < 80 {
		t.Errorf("only %d keys found in the types", len(keys))
	}
	for key := range keys {
		if !strings.Contains(doc, "`"+key+"`") {
			t.Errorf("the reference does not mention `%s`", key)
		}
	}
}

// yamlKeys collects the keys of a type and of the types inside it.
func yamlKeys(typ reflect.Type, keys map[string]bool, seen map[reflect.Type]bool) {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		yamlKeys(typ.Elem(), keys, seen)
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
		field := typ.Field(i)
		if key := field.Tag.Get("yaml"); key != "" && key != "-" {
			keys[key] = true
			yamlKeys(field.Type, keys, seen)
		}
	}
}
