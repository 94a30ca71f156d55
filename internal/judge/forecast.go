package judge

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"pegel/internal/capacity"
	"pegel/scenarios"
)

// A batch is go from this probability on that all objectives hold, no-go at or below the other.
const (
	goFrom  = 0.95
	noGoTo  = 0.50
	Go      = "go"
	Caution = "caution"
	NoGo    = "no-go"
)

// forecast fits the models and answers for the batches.
func (r *reading) forecast() {
	in := r.input()
	f := capacity.Predict(in, capacity.Options{Blind: r.opt.Blind, Draws: r.opt.Draws, Seed: r.out.Meta.Seed})
	out := &r.out.Forecast
	out.Determined, out.Why, out.Method = f.Determined, f.Why, f.Method
	out.LowerBound, out.MeasuredMax, out.StagesUsed = int(f.Lower), int(f.Measured), len(in.Stages)
	if out.Determined {
		out.Users = f.Users
	}
	r.out.Warnings = append(r.out.Warnings, f.Warnings...)
	if f.First.Action != "" {
		out.Limit = Limit{Objective: f.First.Objective.Name, Action: f.First.Action, Resource: f.First.Resource, Probability: f.First.Probability}
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
	r.batches(f)
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
}

// batches judges every batch to come: the users after it against the capacity, draw by draw, with the activity drawn from
// its range each time.
func (r *reading) batches(f *capacity.Forecast) {
	out := &r.out.Forecast
	rng := rand.New(rand.NewPCG(r.out.Meta.Seed, 1))
	const draws = 2000
	activity := make([]float64, draws)
	for i := range activity {
		activity[i] = r.drawActivity(rng)
	}
	if out.Determined && len(f.Draws) > 0 {
		accounts := make([]float64, draws)
		for i := range accounts {
			accounts[i] = f.Draws[rng.IntN(len(f.Draws))] / activity[i]
		}
		slices.Sort(accounts)
		out.Accounts = capacity.Interval{P05: accounts[draws*5/100], P50: accounts[draws/2], P95: accounts[draws*95/100]}
	}
	live := r.live()
	plan := r.scenario.Wave.Batches
	if r.opt.NextBatch > 0 {
		plan = []scenarios.Batch{{Accounts: r.opt.NextBatch}}
	}
	for _, b := range plan {
		live += b.Accounts
		v := BatchVerdict{Name: b.Name, Date: b.Date, Accounts: b.Accounts, After: live, Users: float64(live) * mean(activity)}
		r.verdict(&v, f, activity, rng)
		out.Batches = append(out.Batches, v)
	}
	if len(out.Batches) > 0 {
		out.Batch = &out.Batches[0]
	}
}

// live is the number of accounts before the next batch.
func (r *reading) live() int {
	if r.scenario.Wave.Live > 0 {
		return r.scenario.Wave.Live
	}
	live := 0
	for i := range r.out.Stages {
		live = max(live, r.out.Stages[i].Live)
	}
	return live
}

func (r *reading) verdict(v *BatchVerdict, f *capacity.Forecast, activity []float64, rng *rand.Rand) {
	out := &r.out.Forecast
	if !out.Determined {
		r.withoutCapacity(v, f, activity)
		return
	}
	ok := 0
	for _, a := range activity {
		if float64(v.After)*a <= f.Draws[rng.IntN(len(f.Draws))] {
			ok++
		}
	}
	v.POK = float64(ok) / float64(len(activity))
	// where not one draw broke, the probability is as good as the number of draws allows, not 1
	v.POK = math.Min(v.POK, 1-1/float64(2*len(f.Draws)))
	switch {
	case v.POK >= goFrom:
		v.Verdict = Go
	case v.POK <= noGoTo:
		v.Verdict = NoGo
	default:
		v.Verdict = Caution
	}
	v.Why = Say("users-expected", v.Users, out.Users)
	for _, reason := range r.reservations() {
		if v.Verdict == Go {
			v.Verdict = Caution
			v.Why = Say("held-back", v.Why, reason)
		}
	}
}

// withoutCapacity judges a batch where the capacity is not determined: what is broken already may not come, and the
// rest is caution; for a batch inside what was shown to hold the reason says so.
func (r *reading) withoutCapacity(v *BatchVerdict, f *capacity.Forecast, activity []float64) {
	v.Unknown = true
	switch {
	case f.BrokenAt > 0 && float64(v.After)*slices.Min(activity) >= f.BrokenAt:
		v.Verdict, v.Why = NoGo, Say("broken-below", f.BrokenAt)
	case float64(v.After)*slices.Max(activity) <= f.Lower:
		v.Verdict, v.Why = Caution, Say("shown-to-hold", f.Lower)
	default:
		v.Verdict, v.Why = Caution, Say("capacity-unknown", r.out.Forecast.Why)
	}
}

// reservations are reasons why no batch gets more than caution.
func (r *reading) reservations() []Message {
	var why []Message
	if r.scenario.Activity.Source == "" && len(r.scenario.Activity.ByPersona) > 0 {
		why = append(why, Say("activity-without-source"))
	}
	if r.scenario.Wave.Live == 0 && r.opt.NextBatch > 0 {
		why = append(why, Say("live-not-given"))
	}
	if r.scenario.Environment.Role == "staging" {
		why = append(why, Say("run-on-staging"))
	}
	if r.out.Generator.Verdict == "invalid" {
		why = append(why, Say("generator-bottleneck"))
	}
	return why
}

func (r *reading) drawActivity(rng *rand.Rand) float64 {
	var sum float64
	names := make([]string, 0, len(r.scenario.Activity.ByPersona))
	for name := range r.scenario.Activity.ByPersona {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		s := r.scenario.Activity.ByPersona[name]
		sum += s.Low + (s.High-s.Low)*rng.Float64()
	}
	if sum == 0 {
		return 1
	}
	return sum
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
