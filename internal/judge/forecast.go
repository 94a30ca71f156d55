package judge

import (
	"fmt"
	"math"
	"strings"
	"time"

	"pegel/internal/capacity"
)

// forecast fits the models and answers for the batches.
func (r *reading) forecast() {
	r.in = r.input()
	r.transfer = r.declaredTransfer()
	asIs := r.assess(premise{})
	f := asIs.forecasts[0]
	out := &r.out.Forecast
	out.Determined, out.Why, out.Method = f.Determined, f.Why, f.Method
	out.LowerBound, out.MeasuredMax, out.StagesUsed, out.measured = int(f.Lower), int(f.Measured), len(r.in.Stages), f.Measured
	out.Transferred = r.transfer.declared && len(r.transfer.changes) > 0 && f.Method == "counters"
	if out.Determined {
		out.Users = f.Users
	}
	r.out.Warnings = append(r.out.Warnings, f.Warnings...)
	if !f.Joined.Empty() {
		r.out.Notes = append(r.out.Notes, f.Joined)
	}
	if f.First.Action != "" {
		out.Limit = limitOf(f)
	}
	for _, x := range f.Resources {
		rank := ResourceRank{Name: x.Name, Kind: x.Kind, Probability: x.Probability, Limit: x.Limit, Demand: x.Demand, Visits: x.Visits}
		if x.Known {
			rank.Users = x.Users
		}
		for i := range r.out.Stages {
			for _, u := range r.out.Stages[i].Resources {
				if u.Name == x.Name {
					rank.Measured = append(rank.Measured, ResourcePoint{float64(r.out.Stages[i].Users), u.InUse, u.Queue})
				}
			}
		}
		out.Resources = append(out.Resources, rank)
	}
	for i := range r.out.Objectives {
		o := &r.out.Objectives[i]
		for _, x := range f.Objectives {
			if x.Known && x.Action == o.Action && x.Objective.Name == o.Text.String() {
				users := x.Users
				o.Breaks = &users
			}
		}
	}
	if len(f.Curve) > 0 {
		out.CurveFor = fmt.Sprintf("%s p%.3g", f.CurveOf.Action, 100*f.CurveOf.Objective.Quantile)
		out.CurveLimit = seconds(f.CurveOf.Objective.Limit)
		for _, p := range f.Curve {
			out.Curve = append(out.Curve, CurvePoint{p.Users, seconds(p.Low), seconds(p.Mid), seconds(p.High)})
		}
	}
	r.assumptions(f)
	out.Thresholds = r.thresholds(f)
	r.answers(asIs)
}

// answers are what follows from the capacity: accounts, situations, batches, what-if, target.
func (r *reading) answers(asIs *assessment) {
	out := &r.out.Forecast
	out.Situations = asIs.list()
	if out.Determined {
		out.Accounts = out.Situations[0].Accounts
		r.dominated(asIs)
	}
	for i, s := range asIs.situations {
		if f := asIs.forecasts[i]; f.Determined && s.within > 0 && s.within < settling(f) {
			r.warn("short-surge", s.name, s.within, settling(f).Round(time.Second))
		}
	}
	out.Batches = asIs.batches()
	if len(out.Batches) > 0 {
		out.Batch = &out.Batches[0]
	}
	out.Plan = planned(out.Batches)
	out.WhatIf = r.whatIf(asIs)
	if r.opt.Goal != (Goal{}) {
		out.Target = r.carry(r.opt.Goal)
	}
	if p := out.Plan; r.opt.Measure && p != nil && p.First != nil && !p.First.Unknown {
		p.Measure = r.carry(Goal{Accounts: out.Batches[len(out.Batches)-1].After})
	}
}

// dominated says where the range of the activity makes more than half of the variance of the capacity in accounts, on the
// logarithmic scale: Var log(N/a) = Var log N + Var log a.
func (r *reading) dominated(a *assessment) {
	activity, users := spreadOfLog(a.activity), spreadOfLog(a.forecasts[0].Draws)
	if activity+users == 0 {
		return
	}
	share := activity / (activity + users)
	r.out.Forecast.ActivityShare = share
	if share > 0.5 {
		r.warn("activity-dominates", capacity.Share(math.Round(share*100)/100))
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func (r *reading) assumptions(f *capacity.Forecast) {
	out := &r.out.Forecast
	say := func(code string, args ...any) {
		out.Assumptions = append(out.Assumptions, Say(code, args...))
	}
	switch f.Method {
	case "counters":
		say("assume-queues")
		say("assume-waits")
	case "in-flight":
		say("assume-in-flight")
	}
	say("assume-mix")
	if r.scenario.Wave.Copy.Concurrency > 0 {
		say("assume-copy", r.scenario.Wave.Copy.Concurrency)
	}
	say("assume-settled")
	if r.out.Meta.Environment != "" {
		say("assume-environment", r.out.Meta.Environment)
	}
	if out.Transferred {
		say("assume-transfer", capacity.Share(r.transfer.sigma))
		if names := r.transfer.untouched; len(names) > 0 {
			say("assume-untouched", strings.Join(names, ", "))
		}
	}
}
