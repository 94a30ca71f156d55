package capacity

import (
	"math"
	"slices"
	"testing"
)

// Of what was observed the third highest load that held is shown to hold, and the lowest broken one breaks.
func TestObservationsJoin(t *testing.T) {
	held := func(loads ...float64) (list []Observation) {
		for _, users := range loads {
			list = append(list, Observation{users, true})
		}
		return list
	}
	broken := func(users float64) Observation { return Observation{users, false} }
	stagedAt := func(users float64) brokenAt { return brokenAt{at: users} }
	for _, x := range []struct {
		name          string
		staged        brokenAt
		list          []Observation
		lower, broken float64
		against       bool // contradicts
	}{
		{"nothing", brokenAt{}, nil, 300, 0, false},
		{"two lucky hours", brokenAt{}, held(500, 510), 300, 0, false},
		{"three", brokenAt{}, held(500, 520, 510), 500, 0, false},
		{"the third highest", brokenAt{}, held(350, 500, 360, 370, 900), 370, 0, false},
		{"below the stages", brokenAt{}, held(100, 200, 210, 220), 300, 0, false},
		{"broken above", brokenAt{}, append(held(400, 410, 420), broken(500)), 400, 500, false},
		{"two broken", brokenAt{}, []Observation{broken(600), broken(500)}, 300, 500, false},
		{"lower than a stage", stagedAt(600), []Observation{broken(500)}, 300, 500, false},
		{"higher than a stage", stagedAt(600), []Observation{broken(700)}, 300, 600, false},
		{"held above broken", brokenAt{}, append(held(400, 410, 420, 600), broken(500)), 400, 500, true},
		{"all held above broken", brokenAt{}, append(held(500, 600, 700), broken(500)), 300, 500, true},
		{"held above a broken stage", stagedAt(350), held(400, 410, 420), 300, 350, true},
		{"broken below a stage that held", brokenAt{}, []Observation{broken(250)}, 200, 250, true},
		{"broken below all", brokenAt{}, append(held(50, 60, 70), broken(80)), 50, 80, true},
		{"nobody there", brokenAt{}, []Observation{broken(0), {0, true}}, 300, 0, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			f := &Forecast{Lower: 300, BrokenAt: x.staged.at}
			b := f.join(x.staged, []float64{100, 200, 300}, x.list)
			if f.Lower != x.lower || f.BrokenAt != x.broken || b.at != x.broken || warned(f, "observed-contradicts") != x.against {
				t.Errorf("held at %v, broken at %v, %v; want %v and %v", f.Lower, b.at, f.Warnings, x.lower, x.broken)
			}
			said := len(x.list) > 0 && x.name != "nobody there"
			if f.Joined.Empty() == said {
				t.Errorf("said: %q", f.Joined)
			}
		})
	}
}

// What is said counts the periods and tells what they moved.
func TestJoinedSays(t *testing.T) {
	f := &Forecast{Lower: 300}
	f.join(brokenAt{}, []float64{300}, []Observation{{400, true}, {410, true}, {420, true}, {500, false}})
	want := "4 periods of real use took part: the load shown to hold moved from 300 to 400 active users; an objective was broken at 500"
	if got := f.Joined.String(); f.Joined.Code != "observed-joined" || got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A load that was observed to hold or to break bounds the forecast as a stage does, and does not bound one for another
// platform.
func TestObservationsBoundTheForecast(t *testing.T) {
	in, truth := measuredCores(8)
	free := Predict(in, Options{Draws: 60})
	three := func(users float64) []Observation { return []Observation{{users, true}, {users, true}, {users, true}} }
	held := Predict(in, Options{Draws: 60, Observed: three(free.Users.P50 * 0.97)})
	if !held.Determined || held.Lower != free.Users.P50*0.97 || held.Users.P05 != held.Lower || held.Users.P95 != free.Users.P95 {
		t.Errorf("held at %.0f: %v, without %v", held.Lower, held.Users, free.Users)
	}
	if held.Probability(held.Lower) < 0.99 || warned(held, "observed-above") {
		t.Errorf("P = %v, %v", held.Probability(held.Lower), held.Warnings)
	}
	broke := Predict(in, Options{Draws: 60, Observed: []Observation{{free.Users.P50, false}}})
	if !broke.Determined || broke.BrokenAt != free.Users.P50 || broke.Users.P95 > free.Users.P50 || math.Abs(broke.Users.P05/free.Users.P05-1) > 0.03 {
		t.Errorf("broken at %.0f: %v, without %v", broke.BrokenAt, broke.Users, free.Users)
	}
	far := Predict(in, Options{Draws: 60, Observed: []Observation{{0.7 * truth, false}}})
	if !far.Determined || !warned(far, "unseen-bottleneck") || far.Users.P05 < far.Lower || far.Users.P95 > 0.7*truth || far.First.Resource != "" {
		t.Errorf("broken far below the model: %v %v", far.Users, far.Warnings)
	}
	if i := slices.IndexFunc(far.Warnings, func(m Message) bool { return m.Code == "unseen-bottleneck" }); far.Warnings[i].Args[0].(Message).Code != "observed-unexplained" {
		t.Errorf("%v", far.Warnings[i])
	}
	twice := []Change{{Resource: "cpu", Times: 2}}
	if a, b := Predict(in, Options{Draws: 60, Changes: twice}), Predict(in, Options{Draws: 60, Changes: twice, Observed: []Observation{{truth, false}}}); math.Abs(a.Users.P50/b.Users.P50-1) > 0.02 || b.Users.P50 < 1.5*truth {
		t.Errorf("with twice the cores %v, and %v where the present ones were observed to break", a.Users, b.Users)
	}
}

// Where real use carried more than the model can explain, the model is wrong, and no number is given but the lower bound.
func TestObservedAboveTheModel(t *testing.T) {
	in, truth := measuredCores(8)
	above := Observation{1.4 * truth, true}
	f := Predict(in, Options{Draws: 60, Observed: []Observation{above, above, above}})
	if f.Determined || f.Why.Code != "contradicted" || math.Abs(f.Lower-1.4*truth) > 1e-9 || !warned(f, "observed-above") {
		t.Errorf("%v %v, held at %v, %v", f.Users, f.Why, f.Lower, f.Warnings)
	}
	for _, d := range f.Draws {
		if d < f.Lower {
			t.Fatalf("a draw of %.0f below the %.0f that held", d, f.Lower)
		}
	}
	f = Predict(in, Options{Draws: 60, Observed: []Observation{above, above, above, {1.5 * truth, false}}})
	if !f.Determined || !warned(f, "observed-above") || f.Users.P05 < 1.4*truth || f.Users.P95 > 1.5*truth {
		t.Errorf("broken above that: %v %v, %v", f.Users, f.Why, f.Warnings)
	}
}

func TestImpossibleObservations(t *testing.T) {
	in, _ := measuredCores(8)
	for _, users := range []float64{math.NaN(), math.Inf(1), -5, 1e9} {
		if f := Predict(in, Options{Draws: 5, Observed: []Observation{{users, true}}}); f.Why.Code != "impossible" {
			t.Errorf("%v users: %v %v", users, f.Users, f.Why)
		}
	}
	f := Predict(in, Options{Draws: 5, Observed: []Observation{{1, false}}})
	if f.Determined || f.Why.Code != "observed-broken-first" || f.BrokenAt != 1 || f.Lower != 0 {
		t.Errorf("broken below every stage: %v %v", f.Users, f.Why)
	}
}
