package capacity

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// ratesOf fits the counts that a rate gives at some loads, in stages of 300 s, exactly or with the scatter of counts.
func ratesOf(stages []Stage, opt Options, rate func(Stage) float64, rng *rand.Rand) line {
	in := &Input{Stages: stages}
	var count, seconds []float64
	for _, st := range stages {
		n := 300 * rate(st)
		if rng != nil {
			n = poisson(rng, n)
		}
		count, seconds = append(count, n), append(seconds, 300)
	}
	return newSample(in, &opt).fit(count, seconds)
}

func stagesAt(loads ...Load) []Stage {
	var list []Stage
	for _, l := range loads {
		list = append(list, Stage{Load: l})
	}
	return list
}

func near(got, want, within float64) bool {
	return math.Abs(got-want) <= within*math.Max(math.Abs(want), 1e-9)
}

// Fixed parts, users, copy traffic and fresh accounts come out as they went in.
func TestFitTellsPartsOfLoad(t *testing.T) {
	stages := stagesAt(Load{100, 0, 0}, Load{200, 30, 4}, Load{300, 5, 0}, Load{300, 40, 8}, Load{400, 0, 2})
	rate := func(st Stage) float64 { return 3 + 0.1*st.Users + 0.02*st.Fresh + 0.5*st.Copy }
	l := ratesOf(stages, Options{Fresh: new(float64)}, rate, nil)
	if !near(l.Fixed, 3, 1e-6) || !near(l.PerUser, 0.1, 1e-6) || !near(l.PerFresh, 0.02, 1e-6) || !near(l.PerCopy, 0.5, 1e-6) {
		t.Errorf("%+v", l)
	}
	if got := l.at(Load{1000, 10, 2}); !near(got, 104.2, 1e-6) {
		t.Errorf("at 1,000 users: %v", got)
	}
	// What falls with load has no negative part, and a rate is never below zero.
	if l := ratesOf(stages, Options{}, func(st Stage) float64 { return 100 - 0.2*st.Users }, nil); l.PerUser < 0 || l.PerCopy < 0 {
		t.Errorf("falling: %+v", l)
	}
	if got := (line{Fixed: -10, PerUser: 0.1}).at(Load{Users: 50}); got != 0 {
		t.Errorf("below zero: %v", got)
	}
}

// A part of the load takes a column of its own only where it varies, and fresh accounts only where they are asked for.
func TestColumnsFollowWhatVaries(t *testing.T) {
	vary := []Load{{100, 0, 0}, {200, 20, 3}, {300, 0, 0}, {400, 20, 3}}
	same := []Load{{100, 20, 3}, {200, 21, 3.1}, {300, 20, 3}, {400, 20, 3.2}}
	for _, x := range []struct {
		name          string
		loads         []Load
		opt           Options
		copies, fresh bool
	}{
		{"both vary, fresh not asked for", vary, Options{}, true, false},
		{"both vary", vary, Options{Fresh: new(float64)}, true, true},
		{"hardly vary", same, Options{Fresh: new(float64)}, false, false},
		{"two stages", vary[:2], Options{Fresh: new(float64)}, false, false},
		{"three stages", vary[:3], Options{Fresh: new(float64)}, true, false},
		{"none", nil, Options{Fresh: new(float64)}, false, false},
	} {
		if c := columnsOf(&Input{Stages: stagesAt(x.loads...)}, &x.opt); c.copies != x.copies || c.fresh != x.fresh {
			t.Errorf("%s: copies %v, fresh %v", x.name, c.copies, c.fresh)
		}
	}
}

// mixed stages: a browser does 0.2/s, a migrator 0.9/s, and the stages have them in different shares.
func mixed(browsers ...float64) []Stage {
	var list []Stage
	for i, share := range browsers {
		users := 100 * float64(i+1)
		list = append(list, Stage{Load: Load{Users: users}, Mix: []float64{share * users, (1 - share) * users}})
	}
	return list
}

func TestFitTellsPersonas(t *testing.T) {
	stages := mixed(0.5, 0.7, 0.4, 0.6)
	rate := func(st Stage) float64 { return 2 + 0.2*st.Mix[0] + 0.9*st.Mix[1] }
	l := ratesOf(stages, Options{Mix: []float64{1, 0}}, rate, nil)
	if len(l.personas) != 2 || !near(l.personas[0], 0.2, 1e-6) || !near(l.personas[1], 0.9, 1e-6) || !near(l.Fixed, 2, 1e-5) {
		t.Fatalf("%+v", l)
	}
	mean := (&Input{Stages: stages}).meanMix()
	if want := 0.2*mean[0] + 0.9*mean[1]; !near(l.PerUser, want, 1e-6) {
		t.Errorf("per user of the mean mix %v, want %v", l.PerUser, want)
	}
	for _, share := range []float64{0, 0.25, 1} {
		if got, want := l.mixed([]float64{share, 1 - share}).PerUser, 0.2*share+0.9*(1-share); !near(got, want, 1e-6) {
			t.Errorf("%v browsers: %v per user, want %v", share, got, want)
		}
	}
	if got := l.mixed([]float64{1}); got.PerUser != l.PerUser {
		t.Errorf("a mix of another number of personas: %+v", got)
	}
	if l := ratesOf(stages, Options{}, rate, nil); l.personas != nil {
		t.Errorf("personas where the forecast does not ask for a mix: %+v", l)
	}
}

func TestMixVaries(t *testing.T) {
	empty := mixed(0.5, 0.7)
	empty[1].Users = 0
	missing := mixed(0.5, 0.7)
	missing[1].Mix = missing[1].Mix[:0]
	for _, x := range []struct {
		name   string
		stages []Stage
		want   bool
	}{
		{"varies", mixed(0.5, 0.6), true},
		{"the same", mixed(0.5, 0.5, 0.5), false},
		{"within rounding", mixed(0.5, 0.51), false},
		{"not known", stagesAt(Load{Users: 10}, Load{Users: 20}), false},
		{"missing in one", missing, false},
		{"no users in one", empty, false},
		{"one stage", mixed(0.5), false},
		{"none", nil, false},
	} {
		if got := (&Input{Stages: x.stages}).MixVaries(); got != x.want {
			t.Errorf("%s: %v", x.name, got)
		}
	}
}

// Misses begin when a cache of 250 users is outgrown; from there on the rate is that line, which crosses zero above zero.
func TestBentRateFollowsItsUpperPart(t *testing.T) {
	stages := stagesAt(Load{Users: 100}, Load{Users: 200}, Load{Users: 300}, Load{Users: 400}, Load{Users: 500}, Load{Users: 600})
	misses := func(st Stage) float64 { return 0.4 * math.Max(0, st.Users-250) }
	l := ratesOf(stages, Options{}, misses, nil)
	if !near(l.PerUser, 0.4, 0.02) || l.Fixed >= 0 {
		t.Errorf("%+v, want a slope of 0.4", l)
	}
	if got := l.at(Load{Users: 900}); !near(got, 260, 0.03) {
		t.Errorf("at 900 users %v, want 260", got)
	}
	if got := l.at(Load{Users: 10}); got != 0 {
		t.Errorf("at 10 users %v, want none", got)
	}
	// Three stages are too few to tell.
	if l := ratesOf(stages[3:], Options{}, misses, nil); l.Fixed < 0 {
		t.Errorf("three stages: %+v", l)
	}
}

// Straight rates are not taken for bent ones, and flattening ones never are.
func TestStraightRateIsNotBent(t *testing.T) {
	stages := stagesAt(Load{Users: 100}, Load{Users: 200}, Load{Users: 300}, Load{Users: 400}, Load{Users: 500}, Load{Users: 600})
	for name, rate := range map[string]func(Stage) float64{
		"in proportion": func(st Stage) float64 { return 0.1 * st.Users },
		"fixed part":    func(st Stage) float64 { return 20 + 0.1*st.Users },
		"flattening":    func(st Stage) float64 { return 40 * (1 - math.Exp(-st.Users/300)) },
	} {
		bends := 0
		for seed := range uint64(200) {
			if l := ratesOf(stages, Options{}, rate, rand.New(rand.NewPCG(seed, 8))); l.Fixed < 0 {
				bends++
			}
		}
		if bends > 4 {
			t.Errorf("%s: bent for %d of 200 seeds", name, bends)
		}
	}
}

// A single stage is taken as proportional, one without users or without time as nothing.
func TestFitOfOneStage(t *testing.T) {
	one := func(users, count, seconds float64) line {
		return newSample(&Input{Stages: stagesAt(Load{Users: users})}, &Options{}).fit([]float64{count}, []float64{seconds})
	}
	if l := one(100, 600, 60); !near(l.PerUser, 0.1, 1e-9) || l.Fixed != 0 {
		t.Errorf("%+v", l)
	}
	for _, l := range []line{one(0, 600, 60), one(100, 600, 0)} {
		if l.PerUser != 0 || l.Fixed != 0 || !slices.Equal(l.personas, nil) {
			t.Errorf("%+v", l)
		}
	}
}
