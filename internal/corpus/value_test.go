package corpus

import (
	"net/mail"
	"testing"
)

func TestValues(t *testing.T) {
	for _, kind := range []string{"subject", "sentence", "word", "name", "address"} {
		seen := map[string]bool{}
		for i := range uint64(500) {
			v := Value(kind, i*0x9e3779b97f4a7c15)
			if v == "" || v != Value(kind, i*0x9e3779b97f4a7c15) {
				t.Fatalf("%s: %q", kind, v)
			}
			seen[v] = true
			if _, err := mail.ParseAddress(v); kind == "address" && err != nil {
				t.Errorf("%q: %v", v, err)
			}
		}
		if len(seen) < 10 {
			t.Errorf("only %d kinds of %s", len(seen), kind)
		}
	}
	if v := Value("smell", 1); v != "" {
		t.Errorf("a smell is %q", v)
	}
}
