package judge

import (
	"math"
	"slices"
	"time"

	"pegel/internal/archive"
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
	for run, part := range r.parts {
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
				stage.Blocks = append(stage.Blocks, part.block(in, intervals))
			}
			if len(stage.Blocks) > 0 {
				in.Stages = append(in.Stages, stage)
			}
		}
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
			if p.Name == a.Persona && p.Copy {
				rate += a.Rate
			}
		}
	}
	return rate
}

// blockLength is how long a block must be for the next one to be nearly independent: twenty relaxation times
// (S/c)/(1−√ρ)² of the slowest resource, in whole seconds, at least one and at most a fifth of the hold.
func (r *reading) blockLength(st *StageResult) time.Duration {
	relax := 0.0
	for _, u := range st.Resources {
		if u.Limit > 0 && u.Demand > 0 && u.Utilisation < 0.98 {
			d := 1 - math.Sqrt(math.Max(u.Utilisation, 0))
			relax = math.Max(relax, u.Demand/u.Limit/(d*d))
		}
	}
	longest := max(time.Second, ((st.End - st.Start) / 5).Truncate(time.Second))
	want := time.Duration(math.Ceil(20*relax)) * time.Second
	if relax == 0 {
		want = ((st.End - st.Start) / 10).Truncate(time.Second)
	}
	return min(max(want, time.Second), longest)
}

// blocks groups the intervals of a hold. Blocks follow the intervals' borders, not the stage's, so that none is cut.
func (r *reading) blocks(st *StageResult) [][]*record.Interval {
	length := r.blockLength(st) - 100*time.Millisecond
	var list [][]*record.Interval
	var open []*record.Interval
	r.within(st.Start, st.End, func(i *record.Interval) {
		open = append(open, i)
		if i.End-open[0].Start >= length {
			list = append(list, open)
			open = nil
		}
	})
	return list
}

func (r *reading) block(in *capacity.Input, intervals []*record.Interval) capacity.Block {
	b := capacity.Block{Actions: make([]capacity.ActionBlock, len(in.Actions))}
	personas := len(r.out.Meta.Personas)
	from, to := intervals[0].Start, intervals[len(intervals)-1].End
	index := make([]int, len(r.out.Meta.Actions)) // of this run's actions in the input, which may have those of other runs
	for a, name := range r.out.Meta.Actions {
		index[a] = slices.IndexFunc(in.Actions, func(x capacity.Action) bool { return x.Name == name })
	}
	for _, i := range intervals {
		b.Seconds += (i.End - i.Start).Seconds()
		for k, s := range i.Series {
			if s == nil || s.Done() == 0 {
				continue
			}
			a := index[k/personas]
			x := &b.Actions[a]
			if x.Counts == nil {
				x.Counts = make([]float64, len(in.Grid))
			}
			x.Done += float64(s.Done())
			x.Failed += float64(s.Failed())
			s.Service.Each(func(low, width time.Duration, n uint64) {
				x.Counts[binOf(low+width/2, len(in.Grid))] += float64(n)
			})
			for _, f := range s.Flight {
				if f.Count > 0 {
					b.Flight = append(b.Flight, capacity.FlightCell{Action: a, Count: float64(f.Count), Level: f.Level, Sum: f.Sum})
				}
			}
		}
	}
	for _, page := range r.observed {
		for _, res := range page.Resources {
			b.Resources = append(b.Resources, r.resourceBlock(r.page(page.Name, res.Name), res.Name, from, to))
		}
	}
	return b
}

// page is where this run observed a resource: on the page of that name, or else on the first one that has the resource;
// empty where it did not.
func (r *reading) page(name, resource string) string {
	found := ""
	for _, page := range r.scenario.Observe {
		for _, res := range page.Resources {
			if res.Name == resource && (found == "" || page.Name == name) {
				found = page.Name
			}
		}
	}
	return found
}

// resourceBlock reads one resource's counters between two times.
func (r *reading) resourceBlock(page, name string, from, to time.Duration) capacity.ResourceBlock {
	var x capacity.ResourceBlock
	limit, okLimit := r.of(page, name, archive.FieldLimit).last(to)
	x.Limit = limit
	var okUse bool
	x.InUse, _, okUse = r.of(page, name, archive.FieldInUse).gauge(from, to)
	x.Queue, _, _ = r.of(page, name, archive.FieldQueue).gauge(from, to)
	visits, okVisits := r.of(page, name, archive.FieldServed).increase(from, to)
	busy, okBusy := r.of(page, name, archive.FieldBusy).increase(from, to)
	x.Visits, x.Busy = visits, busy
	x.Holds = okLimit && limit > 0 && okUse
	x.Refused, _ = r.of(page, name, archive.FieldRefused).increase(from, to)
	if waited, ok := r.of(page, name, archive.FieldWaited).increase(from, to); ok {
		x.Waited = waited
	} else if x.Queue, _, ok = r.of(page, name, archive.FieldQueue).gauge(from, to); ok {
		x.Waited, x.Sampled = x.Queue*(to-from).Seconds(), true
	}
	hasBusy := r.of(page, name, archive.FieldBusy) != nil
	x.Valid = okLimit && limit > 0 && okVisits && (okBusy || !hasBusy && okUse)
	if okLimit && limit > 0 {
		x.Limit = max(limit, r.overused[name])
	}
	return x
}

// queueing is what becomes of visits that find no unit: as the platform or the scenario says, or to be found out where
// refusals are counted. A resource of which refusals are counted and no queue is known has none.
func (r *reading) queueing(page string, res scenarios.Resource) capacity.Queueing {
	if limit, ok := r.of(page, res.Name, archive.FieldQueueLimit).last(r.out.Duration); ok {
		if limit == 0 {
			return capacity.Refuses
		}
		return capacity.Waits
	}
	switch {
	case res.Refused == "":
		return capacity.Waits
	case res.Queue == "" && res.Waited == "":
		return capacity.Refuses
	}
	return capacity.MayRefuse
}
