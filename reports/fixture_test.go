package reports

import (
	"fmt"
	"math"
	"slices"
	"time"

	"pegel/internal/archive"
	"pegel/internal/capacity"
	"pegel/internal/judge"
	"pegel/internal/record"
)

// The fixture is a staircase of five stages on a platform whose balancer runs out of slots at some 8,900 users.

var fixtureActions = []struct {
	name, persona, glob string
	base                float64 // median in ms without load
	rate                float64 // per second and user
	quantile            float64
	limit               time.Duration
}{
	{"caldav.sync", "mobile", "caldav.*", 60, 0.004, 0.95, 2 * time.Second},
	{"imap.connect", "thunderbird", "imap.*", 35, 0.002, 0.99, 2 * time.Second},
	{"imap.fetch", "thunderbird", "imap.*", 48, 0.020, 0.99, 2 * time.Second},
	{"imap.list", "thunderbird", "imap.*", 22, 0.008, 0.99, 2 * time.Second},
	{"smtp.send", "sender", "smtp.*", 180, 0.003, 0.95, 5 * time.Second},
	{"web.list", "browser", "web.*", 170, 0.030, 0.95, time.Second},
	{"web.login", "browser", "web.*", 290, 0.002, 0.95, time.Second},
	{"web.read", "browser", "web.*", 110, 0.022, 0.95, time.Second},
	{"web.send", "browser", "web.*", 240, 0.003, 0.95, time.Second},
}

var fixtureResources = []struct {
	name, kind string
	limit      float64
	demand     float64 // seconds per visit
	visits     float64 // per second and user
	p          float64
	breaks     float64
}{
	{"balancer.web", "slots", 400, 0.78, 0.057, 0.93, 8937.4},
	{"db.pool", "pool", 120, 0.150, 0.074, 0.05, 10680},
	{"web.cpu", "cpu", 32, 0.046, 0.057, 0.02, 12210},
	{"imap.sessions", "connections", 40000, 1800, 0.0016, 0, 0},
	{"store.disk", "disk", 8, 0.006, 0.071, 0, 0},
}

// slowdown is how much longer everything takes at so many users.
func slowdown(users float64) float64 { return 1 + 0.9*math.Pow(users/9000, 6) }

// wave is a small deterministic disturbance around 1.
func wave(i, k int) float64 { return 1 + 0.06*math.Sin(float64(i)*1.7+float64(k)*2.3) }

func fixtureHistogram(median float64, sigma float64, n int) *record.Histogram {
	h := &record.Histogram{}
	for i := range n {
		// Stratified draws of a log-normal distribution by the logistic approximation of its quantiles.
		p := (float64(i) + 0.5) / float64(n)
		z := math.Log(p/(1-p)) / 1.702
		h.Record(time.Duration(median * math.Exp(sigma*z) * float64(time.Millisecond)))
	}
	return h
}

func fixtureStats(k int, users int, seconds float64) judge.ActionStats {
	a := fixtureActions[k]
	median := a.base * slowdown(float64(users)) * wave(users/1500, k)
	h := fixtureHistogram(median, 0.55, int(a.rate*float64(users)*seconds))
	s := judge.ActionStats{Action: a.name, Count: h.Total, Rate: float64(h.Total) / seconds, Mean: h.Mean(), P50: h.Quantile(0.5),
		P90: h.Quantile(0.9), P95: h.Quantile(0.95), P99: h.Quantile(0.99), Max: h.Max, Hist: h}
	d := 1.645 * math.Sqrt(0.95*0.05/float64(h.Total))
	s.P95Low, s.P95High = h.Quantile(0.95-d), h.Quantile(0.95+d)
	s.ServiceP95 = s.P95
	if users >= 6000 && (a.name == "web.list" || a.name == "imap.fetch" || a.name == "smtp.send") {
		s.Failed = h.Total / uint64(420-users/25)
	}
	part := func(name string, share float64, count uint64) judge.PhaseStats {
		mean := time.Duration(share * float64(s.Mean))
		return judge.PhaseStats{Phase: name, Count: count, Mean: mean, P95: 2 * mean}
	}
	wait := 0.40 + 0.25*float64(users)/9000
	s.Phases = []judge.PhaseStats{part("complete", 1-wait-0.1, s.Count), part("connect", 0.2, s.Count/4), part("first_byte", wait, s.Count),
		part("tls", 0.2, s.Count/4)}
	return s
}

func fixture() *judge.Result {
	r := &judge.Result{
		Meta: archive.Meta{
			Format: 1, RunID: "20251002-091500-kiel", Started: time.Date(2025, 10, 2, 9, 15, 0, 0, time.UTC), Scenario: "kiel-2025",
			Seed: 20251002, Digest: "b1946ac92492d2347c6235b4d2611184", Pegel: "0.9.0", Go: "go1.26.8",
			Host:        archive.Host{Name: "loadgen-1", OS: "linux", Kernel: "6.12.0", CPUs: 16, Memory: 64 << 30},
			Environment: "staging (4 web nodes, 2 database nodes)",
		},
		Scenario: []byte("name: kiel-2025\nseed: 20251002\nobjectives:\n  - {action: \"web.*\", p95: 1s}\n"),
		Duration: 10 * time.Minute, Complete: true, Ended: judge.Say("ended-complete"),
	}
	loads := []int{1500, 3000, 4500, 6000, 7500}
	for i, users := range loads {
		s := judge.StageResult{Stage: archive.Stage{Index: i, Users: users, Live: users * 4}, Valid: true, LagP99: time.Duration(400+90*i) * time.Microsecond}
		s.Start, s.End = time.Duration(i*120+30)*time.Second, time.Duration(i*120+120)*time.Second
		var failed, done uint64
		for k, a := range fixtureActions {
			stats := fixtureStats(k, users, 90)
			s.Actions = append(s.Actions, stats)
			stats.Persona = a.persona
			s.ByPersona = append(s.ByPersona, stats)
			failed, done = failed+stats.Failed, done+stats.Count
			s.InFlight += stats.Rate * stats.Mean.Seconds()
		}
		s.Throughput, s.ErrorShare = float64(done)/90, float64(failed)/float64(done)
		for k, f := range fixtureResources {
			used := f.demand * f.visits * float64(users) * (1 + 0.01*math.Sin(float64(i+k)))
			s.Resources = append(s.Resources, judge.ResourceUse{Name: f.name, Kind: f.kind, InUse: used, Limit: f.limit,
				Queue: 3 * math.Pow(used/f.limit, 8), InUseMax: used * 1.1, Rate: f.visits * float64(users), Demand: f.demand, Utilisation: used / f.limit})
		}
		r.Stages = append(r.Stages, s)
	}
	for _, a := range fixtureActions {
		r.Actions = append(r.Actions, a.name)
	}
	fixtureTime(r)
	fixtureObjectives(r)
	fixtureForecast(r)
	fixtureEffects(r)
	r.Warnings = []judge.Message{
		{Code: "activity-range", Format: "The activity of the persona mobile is a wide range (30–60 %): it dominates the interval in accounts."},
		{Code: "staging", Format: "Measured on a staging environment: no verdict for production without a declared transfer."},
	}
	r.Notes = []judge.Message{judge.Say(judge.NoteNoBrowser), judge.Quote("Stages ran in rising order; drift over the campaign cannot be told from load.")}
	return r
}

// fixtureTime fills what is over time: 60 ticks of ten seconds, resources and the generator's health.
func fixtureTime(r *judge.Result) {
	for i := range 60 {
		at := time.Duration(i+1) * 10 * time.Second
		stage := i / 12
		users := 1500 * stage
		if into := i % 12; into < 2 {
			users += 750 * (into + 1)
		} else {
			users += 1500
		}
		slow := slowdown(float64(users)) * wave(i, 1)
		t := judge.Tick{At: at, Seconds: 10, Users: users, Throughput: 0.094 * float64(users) * wave(i, 2), Failed: map[string]uint64{},
			P50:    time.Duration(95 * slow * float64(time.Millisecond)),
			P95:    time.Duration(390 * slow * float64(time.Millisecond)),
			P99:    time.Duration(760 * slow * wave(i, 4) * float64(time.Millisecond)),
			LagP99: time.Duration((300 + 0.06*float64(users)) * float64(time.Microsecond) * wave(i, 3))}
		rows := map[int]uint64{}
		fixtureHistogram(95*slow, 0.85, int(t.Throughput*10)).Each(func(low, _ time.Duration, n uint64) { rows[judge.HeatRowOf(low)] += n })
		for row, n := range rows {
			t.Heat = append(t.Heat, judge.HeatCell{Row: row, Count: n})
		}
		slices.SortFunc(t.Heat, func(a, b judge.HeatCell) int { return a.Row - b.Row })
		if users >= 6000 {
			t.Failed["timeout"] = uint64(float64(users-5000) / 130 * wave(i, 5))
			t.Failed["overload"] = uint64(float64(users-5600) / 200 * wave(i, 6))
			if users >= 7500 {
				t.Failed["reset"] = uint64(3 * wave(i, 7))
			}
			t.ErrorShare = float64(t.Failed["timeout"]+t.Failed["overload"]+t.Failed["reset"]) / (t.Throughput * 10)
		}
		r.Timeline = append(r.Timeline, t)
		r.Generator.At = append(r.Generator.At, at)
		r.Generator.LagP99 = append(r.Generator.LagP99, t.LagP99)
		r.Generator.CPU = append(r.Generator.CPU, 18+float64(users)*0.021*wave(i, 8))
		r.Generator.RSS = append(r.Generator.RSS, float64(400<<20)+float64(users)*60e3)
	}
	r.Generator.Verdict, r.Generator.Why = "clean", judge.Quote("Lag p99 stayed below 10 ms and CPU below 80 % of all cores in every stage.")
	for k, f := range fixtureResources {
		v := judge.ResourceView{Name: f.name, Kind: f.kind, Page: "haproxy"}
		for i, t := range r.Timeline {
			used := f.demand * f.visits * float64(t.Users) * wave(i, k)
			v.At = append(v.At, t.At)
			v.InUse, v.Limit = append(v.InUse, used), append(v.Limit, f.limit)
			v.Queue = append(v.Queue, 3*math.Pow(used/f.limit, 8)*f.limit/100)
		}
		r.Resources = append(r.Resources, v)
	}
	r.Errors = []judge.ErrorRow{
		{Action: "web.list", Class: "timeout", Count: 412, FirstAt: 371 * time.Second, FirstUsers: 6000, Example: "GET /inbox: no answer within 60 s"},
		{Action: "imap.fetch", Class: "overload", Count: 187, FirstAt: 402 * time.Second, FirstUsers: 6000, Example: "NO [LIMIT] too many connections, try later"},
		{Action: "smtp.send", Class: "reset", Count: 21, FirstAt: 511 * time.Second, FirstUsers: 7500, Example: "read: connection reset by peer"},
	}
}

func fixtureObjectives(r *judge.Result) {
	for k, a := range fixtureActions {
		o := judge.ObjectiveResult{Text: judge.Say("objective", a.glob, fmt.Sprintf("%.0f", a.quantile*100), a.limit), Action: a.name, Quantile: a.quantile, Limit: a.limit}
		for _, s := range r.Stages {
			stats := s.Actions[k]
			value := stats.P95
			if a.quantile == 0.99 {
				value = stats.P99
			}
			held := value < a.limit
			o.Stages = append(o.Stages, judge.ObjectiveStage{Users: s.Users, Value: value, Samples: stats.Count, Enough: stats.Count >= 300, Held: held})
			if !held && o.BrokenAt == 0 {
				o.BrokenAt = s.Users
			}
		}
		r.Objectives = append(r.Objectives, o)
	}
	r.Objectives[5].Breaks = &capacity.Interval{P05: 8310, P50: 8937.4, P95: 9488}
	r.Objectives[6].Breaks = &capacity.Interval{P05: 8020, P50: 9115, P95: 9920}
	errors := judge.ObjectiveResult{Text: judge.Say("objective-errors", capacity.Share(0.005)), MaxErrors: 0.005}
	for _, s := range r.Stages {
		errors.Stages = append(errors.Stages, judge.ObjectiveStage{Users: s.Users, Share: s.ErrorShare, Samples: 5000, Enough: true, Held: s.ErrorShare < 0.005})
	}
	r.Objectives = append(r.Objectives, errors)
}

func fixtureForecast(r *judge.Result) {
	f := &r.Forecast
	f.Determined, f.Method = true, "counters"
	f.Users = capacity.Interval{P05: 8310, P50: 8937.4, P95: 9488}
	f.Accounts = capacity.Interval{P05: 31480, P50: 35750, P95: 41220}
	f.LowerBound, f.MeasuredMax, f.StagesUsed = 7500, 7500, 5
	f.Limit = judge.Limit{Objective: "web.* p95 < 1s", Action: "web.list", Resource: "balancer.web", Probability: 0.93}
	for k, p := range fixtureResources {
		rank := judge.ResourceRank{Name: p.name, Kind: p.kind, Probability: p.p, Limit: p.limit, Demand: p.demand, Visits: p.visits}
		if p.breaks > 0 {
			rank.Users = capacity.Interval{P05: p.breaks * 0.93, P50: p.breaks, P95: p.breaks * 1.062}
		}
		for _, s := range r.Stages {
			rank.Measured = append(rank.Measured, judge.ResourcePoint{Users: float64(s.Users), InUse: s.Resources[k].InUse, Queue: s.Resources[k].Queue})
		}
		f.Resources = append(f.Resources, rank)
	}
	f.CurveFor, f.CurveLimit = "web.list p95", time.Second
	for users := 500.0; users <= 11000; users += 250 {
		mid := 430*slowdown(users) + 90*math.Exp((users-8000)/500)
		doubt := 0.03 + 0.35*math.Max(0, users-7000)/3000
		f.Curve = append(f.Curve, judge.CurvePoint{Users: users, Low: time.Duration(mid * (1 - doubt) * 1e6), Mid: time.Duration(mid * 1e6),
			High: time.Duration(mid * (1 + 2*doubt) * 1e6)})
	}
	for i, p := range []float64{0.994, 0.981, 0.956, 0.82, 0.41, 0.06} {
		after := 29000 + 1400*i
		b := judge.BatchVerdict{Name: fmt.Sprint(13 + i), Date: time.Date(2025, 10, 13+7*i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly),
			Accounts: 1400, After: after, Users: float64(after) * 0.25, POK: p, Verdict: word(p), Situation: judge.BusyHour,
			Action: "web.list", Resource: "balancer.web", Why: judge.Say("users-expected", float64(after)*0.25, f.Users)}
		b.Situations = []judge.SituationVerdict{{Name: judge.BusyHour, POK: p, Verdict: b.Verdict}}
		f.Batches = append(f.Batches, b)
	}
	f.Batch = &f.Batches[0]
	f.Situations = []judge.SituationForecast{{Name: judge.BusyHour, Estimate: judge.Estimate{Determined: true, Users: f.Users, Accounts: f.Accounts, Limit: f.Limit}}}
	f.Plan = fixturePlan(f.Batches, 3)
	f.Assumptions = []judge.Message{judge.Say("assume-queues"), judge.Say("assume-mix"), judge.Say("assume-copy", 24)}
}

// word is the verdict of a probability by the default thresholds.
func word(p float64) string {
	switch {
	case p >= 0.95:
		return Go
	case p <= 0.5:
		return NoGo
	}
	return Caution
}

// fixturePlan sums up batches of which so many are safe; at least one is, and at least one is not.
func fixturePlan(list []judge.BatchVerdict, safe int) *judge.Plan {
	p := &judge.Plan{Batches: len(list), Safe: safe, Last: &list[safe-1], First: &list[safe]}
	p.Summary = judge.Say("plan-until-date", judge.Say("batch-named", p.Last.Name), p.Last.Date, judge.Say("batch-named", p.First.Name))
	return p
}

// undetermined is the fixture with client data only: nothing is known above the highest load that was measured.
func undetermined() *judge.Result {
	r := fixture()
	r.Resources = nil
	for i := range r.Stages {
		r.Stages[i].Resources = nil
	}
	f := &r.Forecast
	f.Determined, f.Why, f.Method = false, judge.Say("no-rise"), "in-flight"
	f.Users, f.Accounts, f.Limit, f.Resources = capacity.Interval{}, capacity.Interval{}, judge.Limit{}, nil
	for i := range f.Batches {
		b := &f.Batches[i]
		b.Verdict, b.POK, b.Unknown, b.Why = Caution, 0, true, judge.Say("capacity-unknown", f.Why)
		b.Situation, b.Action, b.Resource = "", "", ""
		b.Situations = []judge.SituationVerdict{{Name: judge.BusyHour, Unknown: true, Verdict: Caution}}
	}
	f.Batch = &f.Batches[3]
	f.Situations = []judge.SituationForecast{{Name: judge.BusyHour, Estimate: judge.Estimate{Why: f.Why}}}
	f.Plan = &judge.Plan{Batches: len(f.Batches), First: &f.Batches[0], Summary: judge.Say("plan-unknown")}
	r.Effects = &judge.Effects{Why: judge.Say("effects-copy-always")}
	r.Warnings = append([]judge.Message{judge.Say("no-counters")}, r.Warnings...)
	return r
}
