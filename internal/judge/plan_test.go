package judge

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pegel/internal/capacity"
	"pegel/scenarios"
)

// On staging no batch is go. With production declared, limits and interval grow, and a verdict is given.
func TestTransfer(t *testing.T) {
	staging := `environment={name: lab, role: staging, nodes: {web: 2, db: 1}}`
	base := answer(t, drawn{}, Options{NextBatch: 100}, staging)
	if b := base.Forecast.Batch; b.Verdict != Caution || base.Forecast.Transferred {
		t.Errorf("%+v", b)
	}
	r := answer(t, drawn{}, Options{NextBatch: 100, Draws: 200}, `environment={name: lab, role: staging, nodes: {web: 2, db: 1}, transfer: {nodes: {web: 4, db: 2}, uncertainty: 20%}}`)
	f := r.Forecast
	if !f.Determined || !f.Transferred || f.Batch.Verdict != Go {
		t.Fatalf("%v, %s, %+v", f.Determined, f.Why, f.Batch)
	}
	close(t, "twice of everything", f.Users.P50, 2*base.Forecast.Users.P50, 0.10)
	if width := f.Users.P95 / f.Users.P05; width < math.Exp(2*1.645*0.2) || width > math.Exp(2*1.645*0.3) {
		t.Errorf("the interval %v spans a factor of %.2f", f.Users, width)
	}
	if !slices.ContainsFunc(f.Assumptions, func(m Message) bool { return m.Code == "assume-transfer" }) {
		t.Errorf("nothing is said of the transfer: %v", f.Assumptions)
	}
}

func TestPlan(t *testing.T) {
	plan := []scenarios.Batch{{Name: "a", Date: "2026-03-02", Accounts: 500}, {Name: "b", Date: "2026-03-03", Accounts: 400}, {Name: "c", Date: "2026-03-04", Accounts: 1100}}
	f := answer(t, drawn{}, Options{Plan: plan, Measure: true}).Forecast
	if p := f.Plan; p.Safe != 2 || p.Last.Name != "b" || p.First.Name != "c" || p.Summary.Code != "plan-until-date" {
		t.Fatalf("%+v", f.Plan)
	}
	if m := f.Plan.Measure; m == nil || !m.Enough || m.Accounts != 3000 || len(m.Changes) != 1 || m.Changes[0].Resource != "db" {
		t.Errorf("%+v", m)
	}
	if b := f.Batches[2]; b.After != 3000 || b.Resource != "db" || b.Action != "web.list" || math.Abs(b.Users-900) > 1 {
		t.Errorf("%+v", b)
	}
	for _, c := range []struct {
		words   string
		unknown bool
		want    string
	}{
		{"go go", false, "plan-all-date"}, {"caution go", false, "plan-none"}, {"go no-go go", false, "plan-until-date"},
		{"caution caution", true, "plan-unknown"}, {"caution no-go", true, "plan-unknown-until"}, {"no-go no-go", true, "plan-none"},
	} {
		var list []BatchVerdict
		for _, w := range strings.Fields(c.words) {
			list = append(list, BatchVerdict{Verdict: w, Unknown: c.unknown, Name: w, Date: "2026-03-02"})
		}
		if p := planned(list); p.Summary.Code != c.want {
			t.Errorf("%s: %s", c.words, p.Summary)
		}
	}
}

// A batch above a load at which an objective was broken may not come, and the plan says so, although the capacity is not
// determined.
func TestPlanBeyondBroken(t *testing.T) {
	plan := []scenarios.Batch{{Name: "a", Accounts: 900}, {Name: "b", Accounts: 400}}
	broken := []capacity.Observation{{Users: 50, Held: false}}
	f := answer(t, drawn{}, Options{Plan: plan, Observed: broken}).Forecast
	if b := f.Batches[0]; f.Determined || !b.Unknown || b.Verdict != NoGo || b.Why.Code != "broken-below" || f.Plan.Summary.Code != "plan-none" {
		t.Errorf("%+v, %s", b, f.Plan.Summary)
	}
	if got := f.Plan.Summary.String(); got != "no batch is go: the first, batch a, is not" {
		t.Errorf("%q", got)
	}
}
