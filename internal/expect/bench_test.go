package expect

import (
	"testing"

	"pegel/internal/plan"
	"pegel/probes"
	"pegel/scenarios"
)

// shippedPlan loads and plans a scenario that ships with pegel.
func shippedPlan(t testing.TB, name string, profiles ...string) *plan.Plan {
	t.Helper()
	src, err := scenarios.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenarios.Parse(name+".yaml", src, scenarios.Options{Files: scenarios.ShippedFS(), SkipSecrets: true, Profiles: profiles})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Build(s, probes.All())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The busiest day of a wave of 40,000 accounts: load, plan, expectation, and digest.
func BenchmarkExplain(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		p := shippedPlan(b, "kiel-2025")
		if _, err := Of(p, Options{}); err != nil {
			b.Fatal(err)
		}
		if p.Digest() == "" {
			b.Fatal("no digest")
		}
	}
}
