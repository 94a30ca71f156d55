package testenv

import (
	"testing"
)

// problems are the platforms with one fault each, in the order in which they are told of, and what the fault is.
var problems = []struct{ name, code string }{
	{"healthy", ""}, {"balancer-maxconn", "slots"}, {"balancer-source-hash", "uneven-sources"}, {"balancer-sticky-hop", "session-hop"},
	{"workers", "workers"}, {"db-pool", "pool"}, {"db-hot-shard", "hot-shard"}, {"copy-contention", "copy"}, {"cpu", "cpu"},
	{"memory-cliff", "memory"}, {"login-rate-limit", "rate-limit"},
}

func TestProfiles(t *testing.T) {
	drawn := Draw(1)
	for _, p := range Profiles() {
		d, err := Profile(p.Name)
		if err != nil {
			t.Fatal(err)
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

// Each platform with a fault says which it has, of a thing that there is.
func TestProfilesNameTheirCause(t *testing.T) {
	for _, p := range problems {
		d, err := Profile(p.name)
		if err != nil {
			t.Error(err)
			continue
		}
		if p.code == "" {
			if d.Cause != nil {
				t.Errorf("%s: cause %v", p.name, d.Cause)
			}
			continue
		}
		if d.Cause == nil || d.Cause.Code != p.code {
			t.Errorf("%s: cause %v, want %s", p.name, d.Cause, p.code)
			continue
		}
		known := d.Cause.Subject == "login"
		for _, r := range d.Resources {
			known = known || r.Name == d.Cause.Subject || r.Group == d.Cause.Subject
		}
		if !known {
			t.Errorf("%s: the cause is at %q, which there is not", p.name, d.Cause.Subject)
		}
	}
}
