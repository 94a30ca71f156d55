package reports

import (
	"fmt"
	"slices"
	"time"

	"pegel/internal/capacity"
	"pegel/internal/judge"
)

// interval is a forecast around a median.
func interval(mid float64) capacity.Interval {
	return capacity.Interval{P05: 0.91 * mid, P50: mid, P95: 1.08 * mid}
}

func estimated(users float64, action, resource string, p float64) judge.Estimate {
	accounts := interval(4 * users)
	accounts.P05, accounts.P95 = 0.86*accounts.P50, 1.17*accounts.P50
	return judge.Estimate{Determined: true, Users: interval(users), Accounts: accounts,
		Limit: judge.Limit{Objective: "web.* p95 < 1s", Action: action, Resource: resource, Probability: p}}
}

// full is a result that answers everything: two runs on staging, transferred to production twice the size, three
// situations of which the loss of a node is the worst, six batches across the edge with what carries them all, a what-if
// and a target.
func full() *judge.Result {
	r := fixture()
	halve(r)
	r.Meta.RunID = "20251004-091500-kiel"
	r.Runs = []judge.Run{
		{ID: "20251002-091500-kiel", Started: r.Meta.Started, Seed: 20251002, Stages: 2},
		{ID: r.Meta.RunID, Started: r.Meta.Started.Add(48 * time.Hour), Seed: 20251004, Stages: 3},
	}
	r.Meta.Started, r.Meta.Seed = r.Runs[1].Started, r.Runs[1].Seed
	for i := 2; i < len(r.Stages); i++ {
		r.Stages[i].Run = 1
	}
	r.Warnings = []judge.Message{judge.Say("activity-dominates", capacity.Share(0.62))}
	r.Notes = append(r.Notes, judge.Say("pooled", 2))
	f := &r.Forecast
	f.Transferred, f.ActivityShare = true, 0.62
	f.MeasuredMax, f.LowerBound = 3750, 3750
	f.Assumptions = append(f.Assumptions, judge.Say("assume-transfer", capacity.Share(0.2)), judge.Say("assume-untouched", "imap.sessions"))
	f.Situations = append(f.Situations,
		judge.SituationForecast{Name: "Monday login", Estimate: estimated(8420, "web.login", "db.pool", 0.71)},
		judge.SituationForecast{Name: "one web node less", Estimate: estimated(8020, "web.list", "balancer.web", 0.97)})
	f.Batches = fullBatches([]float64{0.97, 0.955, 0.78, 0.44, 0.12, 0.004}, "one web node less", f.Situations)
	f.Batch, f.Plan = &f.Batches[0], fixturePlan(f.Batches, 2)
	f.Plan.Measure = &judge.Target{Accounts: 36000, Users: 9000, POK: 0.004, After: 0.962, Enough: true, Limit: f.Situations[2].Limit, Why: judge.Say("target-by-limits", 9000.0),
		Changes: []judge.LimitChange{{Resource: "balancer.web", Kind: "slots", From: 400, To: 520}, {Resource: "db.pool", Kind: "pool", From: 120, To: 130}}}
	f.WhatIf = &judge.WhatIf{Assumed: []string{"balancer.web=+25%", "copy=off"}, Before: f.Situations[0].Estimate, After: estimated(10310, "web.list", "db.pool", 0.83)}
	f.WhatIf.Situations = []judge.SituationForecast{{Name: judge.BusyHour, Estimate: f.WhatIf.After},
		{Name: "Monday login", Estimate: estimated(8630, "web.login", "db.pool", 0.99)}, {Name: "one web node less", Estimate: estimated(9480, "web.list", "balancer.web", 0.66)}}
	f.WhatIf.Batches = fullBatches([]float64{0.996, 0.99, 0.984, 0.961, 0.88, 0.61}, "Monday login", f.WhatIf.Situations)
	f.Target = &judge.Target{Accounts: 44000, Users: 11000, POK: 0.003, After: 0.71, Limit: judge.Limit{Action: "web.login", Resource: "web.cpu", Probability: 0.8},
		Why: judge.Say("target-not-by-limits", 11000.0, 4.0)}
	return r
}

// fullBatches are the fixture's batches with their probability in the worst of the situations.
func fullBatches(pok []float64, worst string, list []judge.SituationForecast) []judge.BatchVerdict {
	at := slices.IndexFunc(list, func(s judge.SituationForecast) bool { return s.Name == worst })
	var batches []judge.BatchVerdict
	for i, p := range pok {
		after := 29000 + 1400*i
		b := judge.BatchVerdict{Name: fmt.Sprint(13 + i), Date: time.Date(2025, 10, 13+7*i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), Accounts: 1400,
			After: after, Users: float64(after) * 0.25, POK: p, Verdict: word(p), Situation: worst, Action: list[at].Limit.Action, Resource: list[at].Limit.Resource}
		b.Why = judge.Say("users-expected-in", b.Users, list[at].Users, worst)
		for k, s := range list {
			one := judge.SituationVerdict{Name: s.Name, POK: min(p+0.15*float64((at-k+3)%3), 0.997)}
			one.Verdict = word(one.POK)
			b.Situations = append(b.Situations, one)
		}
		batches = append(batches, b)
	}
	return batches
}

// halve makes of the fixture a run on staging with half the machines: half the users use half the limits.
func halve(r *judge.Result) {
	for i := range r.Stages {
		s := &r.Stages[i]
		s.Users, s.Live, s.Throughput, s.InFlight = s.Users/2, s.Live/2, s.Throughput/2, s.InFlight/2
		for k := range s.Resources {
			u := &s.Resources[k]
			u.InUse, u.Limit, u.InUseMax, u.Rate = u.InUse/2, u.Limit/2, u.InUseMax/2, u.Rate/2
		}
		s.Resources[3].Limit *= 2 // the one that the transfer leaves
	}
	for i := range r.Timeline {
		r.Timeline[i].Users /= 2
	}
	for i := range r.Resources {
		for k := range r.Resources[i].At {
			r.Resources[i].InUse[k] /= 2
			r.Resources[i].Limit[k] /= 2
		}
	}
	for i := range r.Objectives {
		for k := range r.Objectives[i].Stages {
			r.Objectives[i].Stages[k].Users /= 2
		}
	}
	for i := range r.Forecast.Resources {
		for k := range r.Forecast.Resources[i].Measured {
			p := &r.Forecast.Resources[i].Measured[k]
			p.Users, p.InUse = p.Users/2, p.InUse/2
		}
	}
	for i := range r.Errors {
		r.Errors[i].FirstUsers /= 2
	}
	e := r.Effects
	e.FromUsers, e.ToUsers = e.FromUsers/2, e.ToUsers/2
	ms := time.Millisecond
	e.Sentence = judge.Say("effects-split", 150*ms, "web.list p95", e.FromUsers, e.ToUsers,
		judge.Say("effects-list", judge.Say("effects-users", 110*ms, 90*ms, 120*ms), judge.Say("effects-copy", 40*ms, 30*ms, 50*ms)))
}

// openSituation is the full result where one situation is not determined, so that it holds back the first batches, and
// where all of them are held back besides.
func openSituation() *judge.Result {
	r := full()
	f := &r.Forecast
	f.Transferred = false
	why := judge.Say("no-logins-measured")
	f.Situations[1].Estimate = judge.Estimate{Why: why}
	for i := range f.Batches {
		b := &f.Batches[i]
		b.Situations[1] = judge.SituationVerdict{Name: "Monday login", Unknown: true, Verdict: Caution}
		if b.Verdict == Go || b.Verdict == Caution {
			b.Verdict, b.Situation, b.Action, b.Resource = Caution, "Monday login", "", ""
			b.Why = judge.Say("situation-unknown", "Monday login", why)
		}
	}
	f.Plan = &judge.Plan{Batches: 6, First: &f.Batches[0], Summary: judge.Say("plan-none", judge.Say("batch-named", "13"))}
	f.WhatIf = &judge.WhatIf{Assumed: []string{"store.disk.demand=-20%"}, Before: f.Situations[0].Estimate, After: judge.Estimate{Why: judge.Say("change-unseen", "store.disk")}}
	f.Target = nil
	return r
}

// undeterminedFully is the undetermined result of a plan with situations, from staging.
func undeterminedFully() *judge.Result {
	r := undetermined()
	f := &r.Forecast
	f.Situations = append(f.Situations, judge.SituationForecast{Name: "Monday login", Estimate: judge.Estimate{Why: f.Why}})
	f.WhatIf = &judge.WhatIf{Assumed: []string{"db.pool=200"}, Before: judge.Estimate{Why: f.Why}, After: judge.Estimate{Why: judge.Say("change-without-counters")}}
	f.Target = &judge.Target{Accounts: 44000, Users: 11000, Why: f.Why}
	return r
}
