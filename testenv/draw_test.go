package testenv

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDrawnPlatforms(t *testing.T) {
	limited := map[string]int{}
	for seed := range uint64(200) {
		d := Draw(seed)
		if err := d.Check(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(d, Draw(seed)); diff != "" {
			t.Fatalf("seed %d gives two platforms:\n%s", seed, diff)
		}
		bound := NominalUsers(d, drawMix(), drawThink)
		if bound < 450 || bound > 850 {
			t.Errorf("seed %d: bound of %d users", seed, bound)
		}
		demands, alone := d.demands(drawMix())
		if alone < 0.010 || alone > 0.065 {
			t.Errorf("seed %d: an action takes %v s alone", seed, alone)
		}
		rate := float64(bound) / (drawThink.Seconds() + alone)
		busiest, most := Resource{}, 0.0
		for _, r := range d.Resources {
			if u := rate * demands[r.Name] / float64(r.Limit); u > most {
				busiest, most = r, u
			}
		}
		if busiest.Limit < 8 || busiest.Limit > 60 {
			t.Errorf("seed %d: %s limits with %d units", seed, busiest.Name, busiest.Limit)
		}
		for _, r := range d.Resources {
			if u := rate * demands[r.Name] / float64(r.Limit); r.Name != busiest.Name && u > 0.55 {
				t.Errorf("seed %d: %s limits, but %s is at %.0f %%", seed, busiest.Name, r.Name, 100*u)
			}
		}
		if busiest.Group != "" {
			limited[busiest.Group]++
		} else {
			limited[busiest.Name]++
		}
	}
	for _, name := range []string{"balancer", "web", "db", "storage"} {
		if limited[name] < 20 {
			t.Errorf("%s limits only %d of 200 platforms", name, limited[name])
		}
	}
}

func TestNominalUsers(t *testing.T) {
	d, err := ParseDefinition([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	// db.2 has ¾ of half an action's 8 ms: 12/(0.5·0.75·0.008) = 4000/s. web: 64/(0.5·0.0195) = 6564/s, balancer 6154/s.
	// storage: 16/(0.5·0.0025 + 0.5·0.012) = 2206.9/s is the least; the cycle is 1 s + 15.75 ms.
	got := NominalUsers(d, map[string]float64{"web.list": 0.5, "imap.fetch": 0.5, "unlisted": 3}, time.Second)
	if got != 2241 {
		t.Errorf("%d users, want 2241", got)
	}
	if got := NominalUsers(d, map[string]float64{"unlisted": 1}, time.Second); got != 0 {
		t.Errorf("%d users of nothing, want 0", got)
	}
}
