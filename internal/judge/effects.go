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

// Effects says how much of a rise of response times comes from users, and how much from the migration itself: copy traffic
// and fresh accounts.
type Effects struct {
	Determined bool
	Why        Message // where not determined
	Sentence   Message // the answer in words, empty where not determined
	Doubts     []Message

	Action             string // of the objective that breaks first
	Quantile           float64
	From, To           time.Duration // response time at the lowest load without the migration, at the highest with it
	FromUsers, ToUsers int
	Copy               float64      // copy operations per second at To
	Fresh              int          // fresh accounts at To
	Stages             int          // valid ones
	Samples            uint64       // responses of users to the action in them
	Parts              []EffectPart // of To − From; they sum to it
	Resources          []ResourceEffect

	// The capacity with copy traffic as in the stages and without, in active users; nil where not determined.
	WithCopy, WithoutCopy *capacity.Interval
	// The capacity on the first day after a batch, with fresh accounts as in the stages, and in the steady state.
	FirstDay, SteadyState *capacity.Interval
}

// EffectPart is what comes from one cause, with its 90 % interval.
type EffectPart struct {
	Kind               string // one of capacity.FromUsers, FromCopy, FromFresh, FromDrift, FromRest
	Seconds, Low, High float64
}

// ResourceEffect is what the use of a resource at To comes from.
type ResourceEffect struct {
	Name  string
	Use   float64 // share of its limit
	Parts []capacity.Part
}

// fewerDraws is enough for forecasts that stand beside the main one.
const fewerDraws = 100

// effects divides the rise of the response time that matters most. The result has none where the run had neither copy
// traffic nor fresh accounts.
func (r *reading) effects() {
	var top capacity.Load
	for _, part := range r.parts {
		for i := range part.out.Stages {
			st := &part.out.Stages[i]
			top.Copy, top.Fresh = math.Max(top.Copy, part.copyRate(st)), math.Max(top.Fresh, float64(st.Fresh))
		}
	}
	if top.Copy == 0 && top.Fresh == 0 {
		return
	}
	out := &Effects{}
	r.out.Effects = out
	out.Action, out.Quantile = r.decisive()
	experiment, samples := r.experiment(out.Action, out.Quantile)
	a := capacity.Attribute(experiment, r.opt.Draws, r.out.Meta.Seed)
	out.Determined, out.Why, out.Stages, out.Samples = a.Determined, a.Why, len(experiment.Stages), samples
	if !a.Determined {
		return
	}
	out.From, out.To = seconds(a.From.Value), seconds(a.To.Value)
	out.FromUsers, out.ToUsers = int(a.From.Users), int(a.To.Users)
	out.Copy, out.Fresh = a.To.Copy, int(a.To.Fresh)
	for _, p := range a.Parts {
		out.Parts = append(out.Parts, EffectPart{p.Kind, p.Value, p.Low, p.High})
	}
	r.resourceEffects(a)
	r.doubts(a)
	out.Sentence = out.words()
	if top.Copy > 0 && !slices.Contains(a.Unresolved, capacity.FromCopy) {
		if users := r.out.Forecast.Users; r.out.Forecast.Determined {
			out.WithCopy = &users // copy traffic at its most is what the forecast assumes
		}
		out.WithoutCopy = r.supposed(capacity.Options{Copy: new(0.0)})
	}
	if top.Fresh > 0 && !slices.Contains(a.Unresolved, capacity.FromFresh) {
		out.FirstDay = r.supposed(capacity.Options{Fresh: &top.Fresh})
		out.SteadyState = r.supposed(capacity.Options{Fresh: new(0.0)})
	}
}

// decisive is the action and quantile of the objective that breaks first, where three stages have enough responses of it to be
// compared; else of the one on response times whose action was done most often; without any, the p95 of the most frequent
// action.
func (r *reading) decisive() (action string, quantile float64) {
	limit := r.out.Forecast.Limit
	var most uint64
	for i := range r.out.Objectives {
		o := &r.out.Objectives[i]
		if o.Quantile == 0 {
			continue
		}
		if o.Action == limit.Action && o.Text.String() == limit.Objective && r.comparable(o.Action, o.Quantile) >= 3 {
			return o.Action, o.Quantile
		}
		if n := r.totalSamples(o.Action); n > most {
			action, quantile, most = o.Action, o.Quantile, n
		}
	}
	if action != "" {
		return action, quantile
	}
	for _, name := range r.out.Meta.Actions {
		if n := r.totalSamples(name); n > most {
			action, most = name, n
		}
	}
	return action, 0.95
}

// comparable is how many valid stages have enough responses of an action for a quantile.
func (r *reading) comparable(action string, quantile float64) int {
	n := 0
	for i := range r.out.Stages {
		st := &r.out.Stages[i]
		if k := slices.IndexFunc(st.Actions, func(a ActionStats) bool { return a.Action == action }); st.Valid && k >= 0 {
			if float64(st.Actions[k].Count) >= capacity.EnoughResponses(quantile) {
				n++
			}
		}
	}
	return n
}

// experiment collects the response times of one action, those of copying personas left out, and the use of all resources.
func (r *reading) experiment(action string, quantile float64) (*capacity.Experiment, uint64) {
	e := &capacity.Experiment{Grid: grid(), Quantile: quantile}
	var samples uint64
	for _, part := range r.parts {
		began := part.out.Meta.Started.Sub(r.parts[0].out.Meta.Started)
		index := slices.Index(part.out.Meta.Actions, action)
		for i := range part.out.Stages {
			st := &part.out.Stages[i]
			if !st.Valid || index < 0 {
				continue
			}
			stage := capacity.ExperimentStage{
				Load: capacity.Load{Users: float64(st.Users), Fresh: float64(st.Fresh), Copy: part.copyRate(st)},
				At:   (began + (st.Start+st.End)/2).Seconds(),
			}
			for _, intervals := range part.blocks(st) {
				block := capacity.ExperimentBlock{Counts: make([]float64, len(e.Grid))}
				for _, in := range intervals {
					samples += part.responses(in, index, block.Counts)
				}
				block.Use = part.inUse(intervals[0].start, intervals[len(intervals)-1].end)
				stage.Blocks = append(stage.Blocks, block)
			}
			e.Stages = append(e.Stages, stage)
		}
	}
	return e, samples
}

// responses adds the response times of an action in one interval to counts by bin, and says how many there were.
func (r *reading) responses(in *interval, action int, counts []float64) uint64 {
	var total uint64
	personas := len(r.out.Meta.Personas)
	for p, name := range r.out.Meta.Personas {
		s := in.of(action*personas + p)
		if s == nil || r.copies(name) {
			continue
		}
		for _, b := range s.response {
			counts[r.bins[b.index()]] += float64(b.count())
		}
		total += s.done
	}
	return total
}

// inUse is the mean share of each resource's limit in use between two times, NaN where it is not known.
func (r *reading) inUse(from, to time.Duration) []float64 {
	var list []float64
	for _, page := range r.observed {
		for _, res := range page.Resources {
			x := r.resourceBlock(r.page(page.Name, res.Name), res.Name, from, to)
			use := math.NaN()
			switch {
			case x.Limit > 0 && x.Busy > 0:
				use = x.Busy / (to - from).Seconds() / x.Limit
			case x.Holds:
				use = x.InUse / x.Limit
			}
			list = append(list, use)
		}
	}
	return list
}

// copies tells whether a persona is part of the migration.
func (r *reading) copies(persona string) bool {
	for _, p := range r.scenario.Personas {
		if p.Name == persona {
			return p.Copy != scenarios.NoPass
		}
	}
	return false
}

func (r *reading) resourceEffects(a *capacity.Attribution) {
	k := 0
	for _, page := range r.observed {
		for _, res := range page.Resources {
			if !r.opt.Blind && k < len(a.Uses) && len(a.Uses[k].Parts) > 0 {
				r.out.Effects.Resources = append(r.out.Effects.Resources, ResourceEffect{res.Name, a.Uses[k].Value, a.Uses[k].Parts})
			}
			k++
		}
	}
}

// doubts says what the experiment could not tell apart.
func (r *reading) doubts(a *capacity.Attribution) {
	out := r.out.Effects
	if slices.Contains(a.Unresolved, capacity.FromCopy) {
		out.Doubts = append(out.Doubts, Say("effects-copy-collinear"))
	}
	if slices.Contains(a.Unresolved, capacity.FromFresh) {
		out.Doubts = append(out.Doubts, Say("effects-fresh-collinear"))
	}
	if !a.DriftKnown {
		out.Doubts = append(out.Doubts, Say("effects-drift-unknown"))
	}
}

// supposed is the capacity as it would be, nil where it is not determined from counters: without them, the users and the
// copies that make up a queue cannot be told apart.
func (r *reading) supposed(opt capacity.Options) *capacity.Interval {
	if r.out.Forecast.Method != "counters" {
		return nil
	}
	opt.Draws, opt.Seed, opt.Changes = fewerDraws, r.out.Meta.Seed, r.transfer.changes
	if r.opt.Draws > 0 {
		opt.Draws = min(r.opt.Draws, fewerDraws)
	}
	f := capacity.Predict(r.in, opt)
	if !f.Determined {
		return nil
	}
	if r.transfer.declared {
		widen(f, r.transfer.sigma, rand.New(rand.NewPCG(opt.Seed, 2)))
	}
	return &f.Users
}

// words is the answer in one sentence. Times are rounded to two digits of the rise.
func (e *Effects) words() Message {
	rise := e.To - e.From
	what := fmt.Sprintf("%s p%.4g", e.Action, 100*e.Quantile)
	if rise < e.From/20 {
		return Say("effects-no-rise", what, worth(e.From, e.From), e.FromUsers, worth(e.To, e.From), e.ToUsers)
	}
	var list Message
	for _, p := range e.Parts {
		value, low, high := worth(seconds(p.Seconds), rise), worth(seconds(p.Low), rise), worth(seconds(p.High), rise)
		var m Message
		switch p.Kind {
		case capacity.FromUsers:
			m = Say("effects-users", value, low, high)
		case capacity.FromCopy:
			m = Say("effects-copy", value, low, high)
		case capacity.FromFresh:
			m = Say("effects-fresh", value, low, high)
		case capacity.FromDrift:
			if p.Low > 0 || p.High < 0 {
				m = Say("effects-drift", value, low, high)
			}
		}
		switch {
		case m.Empty():
		case list.Empty():
			list = m
		default:
			list = Say("effects-list", list, m)
		}
	}
	return Say("effects-split", worth(rise, rise), what, e.FromUsers, e.ToUsers, list)
}

// worth rounds a time to two significant digits of another.
func worth(d, of time.Duration) time.Duration {
	if of <= 0 {
		return d
	}
	step := math.Pow(10, math.Floor(math.Log10(float64(of)))-1)
	return d.Round(max(time.Duration(math.Round(step)), time.Microsecond))
}
