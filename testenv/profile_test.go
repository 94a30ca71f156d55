package testenv

import (
	"testing"
)

func TestProfiles(t *testing.T) {
	if len(Profiles()) < 5 {
		t.Errorf("profiles %v", Profiles())
	}
	for _, p := range Profiles() {
		d, err := Profile(p.Name)
		if err != nil {
			t.Fatal(err)
		}
		drawn := Draw(1)
		for i, r := range drawn.Resources {
			if d.Resources[i].Name != r.Name {
				t.Errorf("%s: resource %q where a drawn platform has %q", p.Name, d.Resources[i].Name, r.Name)
			}
		}
		for op := range drawn.Operations {
			if d.Operations[op] == nil {
				t.Errorf("%s: %s costs nothing", p.Name, op)
			}
		}
		if d.Name != p.Name || p.What == "" {
			t.Errorf("%s: named %q, %q", p.Name, d.Name, p.What)
		}
	}
}
