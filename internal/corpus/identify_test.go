package corpus

import (
	"strings"
	"testing"
)

func TestKeyOf(t *testing.T) {
	for _, key := range []uint64{0, 1, 0xdeadbeef, 1<<64 - 1} {
		id := MessageID("run 7", key)
		for _, form := range []string{id, strings.Trim(id, "<>"), " " + id + " "} {
			if got, ok := KeyOf("run 7", form); !ok || got != key {
				t.Errorf("%q is %x, %v", form, got, ok)
			}
		}
		if _, ok := KeyOf("run 8", id); ok {
			t.Errorf("%s belongs to run 7 only", id)
		}
	}
	for _, id := range []string{"", "<>", "a@b", "<0123456789abcdef.run-7@example.test>", "<xyz3456789abcdef.run-7@pegel.invalid>", "<+123456789abcdef.run-7@pegel.invalid>"} {
		if _, ok := KeyOf("run 7", id); ok {
			t.Errorf("%q is none of pegel's", id)
		}
	}
}

func FuzzKeyOf(f *testing.F) {
	f.Add(MessageID("r", 5))
	f.Add("<.@>")
	f.Fuzz(func(t *testing.T, id string) {
		if key, ok := KeyOf("r", id); ok && !strings.EqualFold(MessageID("r", key), "<"+strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(id), "<"), ">")+">") {
			t.Errorf("%q has key %x", id, key)
		}
	})
}
