package capacity

import (
	"math"
	"testing"
)

// cores is a platform of 8 cores that do 100 actions per second at most; about 1,000 users keep them busy.
func cores(seed uint64) exactPlatform {
	return exactPlatform{servers: 8, demand: 0.08, think: 10, alone: 0.2, seconds: 10, blocks: 20, seed: seed}
}

// measuredCores are stages up to 60 % of the capacity.
func measuredCores(seed uint64) (in *Input, truth float64) {
	truth = cores(seed).truth()
	return cores(seed).at(shares(truth, 0.2, 0.3, 0.4, 0.5, 0.6)...), truth
}

// supposed forecasts from the measured cores what the options ask for and holds it against a truth.
func supposed(t *testing.T, name string, in *Input, opt Options, truth float64) {
	t.Helper()
	opt.Draws = 40
	f := Predict(in, opt)
	if !f.Determined || math.Abs(f.Users.P50/truth-1) > 0.05 || truth < f.Users.P05 || truth > f.Users.P95 {
		t.Errorf("%s: %v %v, truth %.0f", name, f.Users, f.Why, truth)
	}
}

func TestChangesOfResources(t *testing.T) {
	in, truth := measuredCores(1)
	with := func(servers, demand float64) float64 {
		p := cores(1)
		p.servers, p.demand = servers, demand
		return p.truth()
	}
	supposed(t, "as measured", in, Options{}, truth)
	for _, x := range []struct {
		name   string
		change Change
		truth  float64
	}{
		{"12 cores", Change{Resource: "cpu", Limit: 12}, with(12, 0.08)},
		{"twice the cores", Change{Resource: "cpu", Times: 2}, with(16, 0.08)},
		{"half of 12 cores", Change{Resource: "cpu", Limit: 12, Times: 0.5}, with(6, 0.08)},
		{"faster by a quarter", Change{Resource: "cpu", Demand: 0.8}, with(8, 0.064)},
		{"no change", Change{Resource: "cpu"}, truth},
		{"another resource", Change{Resource: "disk", Limit: 1}, truth},
	} {
		supposed(t, x.name, in, Options{Changes: []Change{x.change}}, x.truth)
	}
	in.Resources[0].Name, in.Resources[0].Group = "cpu-1", "cpu"
	supposed(t, "a group", in, Options{Changes: []Change{{Resource: "cpu", Times: 2}}}, with(16, 0.08))
}

// Copy traffic of 40 operations per second that was on in two stages takes 40 of the 100 visits per second that there are.
func TestCopyTrafficTakesItsPart(t *testing.T) {
	in, truth := measuredCores(2)
	for _, i := range []int{1, 3} {
		st := &in.Stages[i]
		st.Copy = 40
		for j := range st.Blocks {
			r := &st.Blocks[j].Resources[0]
			r.Visits += 40 * st.Blocks[j].Seconds
			r.Busy += 0.08 * 40 * st.Blocks[j].Seconds
			r.InUse = r.Busy / st.Blocks[j].Seconds
		}
	}
	none, half := 0.0, 20.0
	supposed(t, "no copy traffic", in, Options{Copy: &none}, truth)
	at := func(copies float64) float64 {
		f := Predict(in, Options{Draws: 30, Copy: &copies})
		if !f.Determined {
			t.Fatalf("copy %v: %v", copies, f.Why)
		}
		return f.Users.P50
	}
	for _, x := range []struct{ copies, want float64 }{{half, 0.8 * truth}, {40, 0.6 * truth}} {
		if got := at(x.copies); math.Abs(got/x.want-1) > 0.08 {
			t.Errorf("copy %v: %.0f users, want about %.0f", x.copies, got, x.want)
		}
	}
	asMeasured := Predict(in, Options{Draws: 30})
	if most := at(40); math.Abs(most/asMeasured.Users.P50-1) > 0.02 {
		t.Errorf("with the most measured %v, by itself %v", most, asMeasured.Users)
	}
}

// A surge of as many actions again halves what the users may be.
func TestSurgeTakesItsPart(t *testing.T) {
	in, truth := measuredCores(3)
	rate := 1 / (10 + 0.2)
	for _, x := range []struct{ surge, want float64 }{{0, truth}, {rate, truth / 2}, {rate / 2, truth / 1.5}} {
		f := Predict(in, Options{Draws: 30, Surge: []float64{x.surge}})
		if !f.Determined || math.Abs(f.Users.P50/x.want-1) > 0.06 {
			t.Errorf("surge %.3f/s: %v %v, want about %.0f", x.surge, f.Users, f.Why, x.want)
		}
	}
}

// Two personas, of which the second does three times as much: the forecast for another mix follows the work.
func TestAnotherMixFollowsItsWork(t *testing.T) {
	in, truth := measuredCores(4)
	for i, share := range []float64{0.5, 0.8, 0.5, 0.2, 0.5} { // share of the first
		st := &in.Stages[i]
		users := st.Users * 2 / (share + 3*(1-share)) // as many as do what was measured, where both halves do 2
		st.Mix = []float64{share * users, (1 - share) * users}
		st.Users = users
	}
	for _, x := range []struct{ first, work float64 }{{0.5, 2}, {1, 1}, {0, 3}, {0.25, 2.5}} {
		f := Predict(in, Options{Draws: 30, Mix: []float64{x.first, 1 - x.first}})
		want := truth * 2 / x.work
		if !f.Determined || math.Abs(f.Users.P50/want-1) > 0.06 {
			t.Errorf("%v of the first: %v %v, want about %.0f", x.first, f.Users, f.Why, want)
		}
	}
}

func TestSupposes(t *testing.T) {
	zero := 0.0
	for _, x := range []struct {
		name string
		opt  Options
		want bool
	}{
		{"nothing", Options{Draws: 10, Seed: 1, Blind: true}, false},
		{"no copy traffic", Options{Copy: &zero}, true},
		{"no fresh accounts", Options{Fresh: &zero}, true},
		{"a mix", Options{Mix: []float64{1}}, true},
		{"a surge", Options{Surge: []float64{0}}, true},
		{"a change", Options{Changes: []Change{{}}}, true},
		{"no changes", Options{Changes: []Change{}}, false},
	} {
		if got := x.opt.supposes(); got != x.want {
			t.Errorf("%s: %v", x.name, got)
		}
	}
}
