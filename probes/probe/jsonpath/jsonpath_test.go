package jsonpath

import (
	"encoding/json"
	"strings"
	"testing"
)

const inbox = `{"session": {"id": "s-1", "n": 7, "open": true, "none": null, "x": {"id": 2}}, "a\"b": "q\u00fc\n",
 "messages": [{"id": "m1", "to": ["a", "b"]}, {"id": "m2"}, {"other": 1, "id": "m3"}], "id": "outer"}`

func TestValues(t *testing.T) {
	for path, want := range map[string]string{
		"session.id": "s-1", "session.n": "7", "session.open": "true", "messages.1.id": "m2", "messages.0.to.1": "b", "id": "outer",
		"session.none": "", "session.x": "", "messages.3.id": "", "session.id.more": "", "messages.*.id": "m1,m2,m3", "*.id": "s-1",
		`a"b`: "qü\n", "messages.*.to.*": "a,b",
	} {
		if got := strings.Join(Values([]byte(inbox), strings.Split(path, "."), 10), ","); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
		n := 0
		if want != "" {
			n = strings.Count(want, ",") + 1
		}
		if got := Count([]byte(inbox), strings.Split(path, "."), 10); got != n {
			t.Errorf("%s: %d values, want %d", path, got, n)
		}
	}
	if got := Values([]byte(inbox), []string{"messages", "*", "id"}, 2); len(got) != 2 {
		t.Errorf("%q, want two at most", got)
	}
	if got := Values([]byte(inbox[:40]), []string{"session", "id"}, 1); len(got) != 1 {
		t.Errorf("of the beginning: %q", got)
	}
	for _, text := range []string{"", "{", "[", `"`, "<html>", `{"id"`, `{"id":`, `{id: 1}`, `[[[[`, `{"a":[1,}]`, `[}`, `[[}`, `[,}`, `[1,}`, "nul", strings.Repeat("[", 10000)} {
		if got := Values([]byte(text), []string{"id"}, 3); len(got) != 0 {
			t.Errorf("%q has %q", text, got)
		}
	}
}

// FuzzValues: in whatever is JSON, each value that encoding/json finds at a path of one key is found.
func FuzzValues(f *testing.F) {
	f.Add([]byte(inbox), "id")
	f.Add([]byte(`{"id":"\u003ca\\\"b@x\u003E\n\u00fc"}`), "id")
	f.Add([]byte(`{"id":{"x":[1,"]"]},"y":2}`), "y")
	f.Fuzz(func(t *testing.T, text []byte, key string) {
		got := Values(text, []string{key}, 5)
		if n := Count(text, []string{key}, 5); n != len(got) {
			t.Errorf("%q: %d values at %q, counted %d", text, len(got), key, n)
		}
		Values(text, []string{"*", "*", key}, 5)
		var object map[string]json.RawMessage
		if json.Unmarshal(text, &object) != nil || key == "*" {
			return
		}
		raw, there := object[key]
		if !there || raw[0] == '{' || raw[0] == '[' || string(raw) == "null" {
			return
		}
		if len(got) == 0 {
			t.Errorf("%q: nothing at %q", text, key)
			return
		}
		var want string
		if json.Unmarshal(raw, &want) == nil && got[len(got)-1] != want && len(got) < 5 {
			t.Errorf("%q: %q at %q, want %q", text, got, key, want)
		}
	})
}
