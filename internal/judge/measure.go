package judge

import (
	"math"
	"slices"
	"time"

	"pegel/internal/capacity"
	"pegel/internal/record"
	"pegel/scenarios"
)

// grid is the bins in which the forecast sees latencies: 40 for each factor of ten from 100 µs to 67 s (6 % wide).
func grid() []capacity.Bin {
	const perDecade = 40
	bins := []capacity.Bin{{Low: 0, Width: 1e-4}}
	for k := 0; ; k++ {
		low := 1e-4 * math.Pow(10, float64(k)/perDecade)
		if low > 68 {
			return bins
		}
		bins = append(bins, capacity.Bin{Low: low, Width: 1e-4*math.Pow(10, float64(k+1)/perDecade) - low})
	}
}

// binOf is the bin of the grid that a latency falls into.
func binOf(d time.Duration, bins int) int {
	if d < 100*time.Microsecond {
		return 0
	}
	return min(1+int(40*math.Log10(d.Seconds()/1e-4)), bins-1)
}

// gridBins is the bin of the grid that the middle of each bucket of a histogram falls into.
func gridBins() []uint16 {
	bins := len(grid())
	list := make([]uint16, record.BucketCount)
	for i := range list {
		low, width := record.BucketBounds(i)
		list[i] = uint16(binOf(low+width/2, bins))
	}
	return list
}

// input turns the valid stages into what the forecast is made from.
func (r *reading) input() *capacity.Input {
	in := &capacity.Input{Grid: grid()}
	judged := map[string][]capacity.Objective{}
	for i := range r.out.Objectives {
		o := &r.out.Objectives[i]
		if o.Quantile > 0 && r.totalSamples(o.Action) >= enough(o.Quantile) {
			judged[o.Action] = append(judged[o.Action], capacity.Objective{Name: o.Text.String(), Quantile: o.Quantile, Limit: o.Limit.Seconds()})
		}
	}
	for _, name := range r.out.Actions {
		in.Actions = append(in.Actions, capacity.Action{Name: name, Objectives: judged[name]})
	}
	in.Errors = r.errorObjective()
	for _, page := range r.scenario.Observe {
		for _, res := range page.Resources {
			c := capacity.Resource{Name: res.Name, Kind: res.Kind, Queueing: r.queueing(page.Name, res), Group: res.Group, Population: r.population(res)}
			for _, name := range r.out.Actions {
				c.Passes = append(c.Passes, passes(res, name))
			}
			in.Resources = append(in.Resources, c)
		}
	}
	counts := make([]float64, len(in.Actions)*len(in.Grid))
	for run, part := range r.parts {
		index := part.indices(in)
		for i := range part.out.Stages {
			st := &part.out.Stages[i]
			if !st.Valid {
				continue
			}
			stage := capacity.Stage{
				Load: capacity.Load{Users: float64(st.Users), Fresh: float64(st.Fresh), Copy: part.copyRate(st)},
				Mix:  part.mix(st, r.active()), Run: run, At: st.Start.Seconds(),
			}
			for _, intervals := range part.blocks(st) {
				stage.Blocks = append(stage.Blocks, part.block(in, index, intervals, counts))
			}
			if len(stage.Blocks) > 0 {
				in.Stages = append(in.Stages, stage)
			}
		}
	}
	if r.opt.Blind || !in.Counted() {
		r.flights(in)
	}
	return in
}

// mix is the active users of a stage by persona; where the archive does not say, as the activity has it.
func (r *reading) mix(st *StageResult, names []string) []float64 {
	mix := mixOf(names, r.scenario.Activity.ByPersona)
	for i, name := range names {
		mix[i] *= float64(st.Users)
		if at := slices.Index(r.out.Meta.Personas, name); at >= 0 && at < len(st.Mix) {
			mix[i] = float64(st.Mix[at])
		}
	}
	return mix
}

// population is the effective share of the active users who come to a resource at all: (Σ X)² / (N·Σ X²/n) over the
// personas, with X the rate of a persona's actions that pass there and n its number of users. It is 1 where all users
// come equally often, and the share of a persona where only that one comes.
func (r *reading) population(res scenarios.Resource) float64 {
	var activity float64
	for _, persona := range r.scenario.Personas {
		activity += r.scenario.Activity.ByPersona[persona.Name].Mid()
	}
	if activity == 0 {
		return 1
	}
	var sum, spread float64
	for _, persona := range r.scenario.Personas { // in order, for the same sums each time
		name := persona.Name
		s, active := r.scenario.Activity.ByPersona[name]
		if !active {
			continue
		}
		var rate, users float64
		for i := range r.out.Stages {
			st := &r.out.Stages[i]
			if !st.Valid {
				continue
			}
			users += float64(st.Users) * s.Mid() / activity
			for _, a := range st.ByPersona {
				if a.Persona == name && passes(res, a.Action) {
					rate += a.Rate
				}
			}
		}
		if users > 0 {
			sum += rate
			spread += rate * rate / users
		}
	}
	var all float64
	for i := range r.out.Stages {
		if r.out.Stages[i].Valid {
			all += float64(r.out.Stages[i].Users)
		}
	}
	if spread == 0 || all == 0 {
		return 1
	}
	return math.Min(1, sum*sum/spread/all)
}

func passes(res scenarios.Resource, action string) bool {
	if len(res.Actions) == 0 {
		return true
	}
	for _, glob := range res.Actions {
		if Matches(glob, action) {
			return true
		}
	}
	return false
}

func (r *reading) totalSamples(action string) uint64 {
	var n uint64
	for i := range r.out.Stages {
		if !r.out.Stages[i].Valid {
			continue
		}
		for _, a := range r.out.Stages[i].Actions {
			if a.Action == action {
				n += a.Count
			}
		}
	}
	return n
}

// errorObjective is the objective on the failures of all actions together, nil where there is none.
func (r *reading) errorObjective() *capacity.Objective {
	for i := range r.out.Objectives {
		if o := &r.out.Objectives[i]; o.Quantile == 0 && o.Action == "" {
			return &capacity.Objective{Name: o.Text.String(), Errors: o.MaxErrors}
		}
	}
	return nil
}

// copyRate is what the copying personas did, in operations per second.
func (r *reading) copyRate(st *StageResult) float64 {
	var rate float64
	for _, a := range st.ByPersona {
		for _, p := range r.scenario.Personas {
			if p.Name == a.Persona && p.Copy != scenarios.NoPass {
				rate += a.Rate
			}
		}
	}
	return rate
}
