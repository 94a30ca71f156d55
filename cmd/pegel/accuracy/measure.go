package accuracy

import (
	"path"
	"slices"
	"time"

	"pegel/internal/capacity"
	"pegel/testenv"
)

// Every platform is measured as the brief of the field's comparisons has it: stages of five minutes, in blocks of five
// seconds, after two minutes to settle.
const (
	hold   = 300 * time.Second
	settle = 120 * time.Second
	block  = 5 * time.Second
)

// steps are the loads of the stages as shares of the true capacity; a fraction of 0.6 sees the first six, one of 0.8 the
// six listed in upTo.
var steps = []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8}

// upTo lists the stages that a measurement up to a fraction of the capacity has.
func upTo(fraction float64) []int {
	if fraction > 0.7 {
		return []int{0, 2, 4, 5, 6, 7}
	}
	return []int{0, 1, 2, 3, 4, 5}
}

// measurement simulates all steps of a platform. Stages are made with other random numbers than the truth was.
func measurement(d testenv.Drawn, truth float64, seed uint64) []capacity.Stage {
	var stages []capacity.Stage
	at := 0.0
	for i, share := range steps {
		users := max(2, int(share*truth+0.5))
		results := testenv.SimulateBlocks(d.Definition, d.Workload, testenv.SimOptions{Users: users, Seed: seed*31 + uint64(i) + 1, Warmup: settle, Horizon: hold}, block)
		st := capacity.Stage{Load: capacity.Load{Users: float64(users)}, At: at}
		for _, r := range results {
			st.Blocks = append(st.Blocks, oneBlock(d, r))
		}
		stages = append(stages, st)
		at += (hold + settle).Seconds()
	}
	return stages
}

func oneBlock(d testenv.Drawn, r *testenv.SimResult) capacity.Block {
	bins := len(capacity.Grid())
	b := capacity.Block{Seconds: block.Seconds()}
	for _, name := range d.Actions {
		var a capacity.ActionBlock
		if x := r.Actions[name]; x != nil && x.Count > 0 {
			a.Done, a.Failed = float64(x.Count), float64(x.Errors)
			a.Counts = make([]float64, bins)
			x.Each(func(low, high time.Duration, n int64) {
				a.Counts[capacity.GridBin((low+high).Seconds()/2, bins)] += float64(n)
			})
		}
		b.Actions = append(b.Actions, a)
	}
	for _, f := range r.Flight {
		if k := slices.Index(d.Actions, f.Action); k >= 0 && f.Count > 0 {
			b.Flight = append(b.Flight, capacity.FlightCell{Action: k, Count: float64(f.Count), Level: f.Level, Sum: f.Sum})
		}
	}
	for _, def := range visible(d) {
		b.Resources = append(b.Resources, counters(r, def.Name))
	}
	return b
}

// counters is what the platform's metrics page would have shown.
func counters(r *testenv.SimResult, name string) capacity.ResourceBlock {
	k := slices.IndexFunc(r.Resources, func(s testenv.ResourceStats) bool { return s.Name == name })
	if k < 0 {
		return capacity.ResourceBlock{}
	}
	s := r.Resources[k]
	return capacity.ResourceBlock{
		Valid: !isMemory(s), Holds: true, Limit: float64(s.Limit), InUse: s.Utilisation * float64(s.Limit),
		Queue: s.MeanQueue, Visits: float64(s.Served), Busy: s.Busy, Refused: float64(s.Refused), Waited: s.Wait,
	}
}

func isMemory(s testenv.ResourceStats) bool { return s.Kind == "memory" }

// visible are the resources that the platform shows.
func visible(d testenv.Drawn) []testenv.Resource {
	return slices.DeleteFunc(slices.Clone(d.Definition.Resources), func(r testenv.Resource) bool { return r.Hidden })
}

// input is what a forecast sees of the stages.
func input(d testenv.Drawn, stages []capacity.Stage) *capacity.Input {
	in := &capacity.Input{Grid: capacity.Grid()}
	for _, name := range d.Actions {
		a := capacity.Action{Name: name}
		for _, o := range d.Workload.Objectives {
			if o.Quantile > 0 && matches(o.Action, name) {
				a.Objectives = append(a.Objectives, capacity.Objective{Name: "p95<1s", Quantile: o.Quantile, Limit: o.Max.Seconds()})
			}
			if o.MaxErrors > 0 {
				in.Errors = &capacity.Objective{Name: "errors", Errors: o.MaxErrors}
			}
		}
		in.Actions = append(in.Actions, a)
	}
	for _, def := range visible(d) {
		r := capacity.Resource{Name: def.Name, Kind: def.Kind, Group: def.Group, Queueing: room(def)}
		for _, name := range d.Actions {
			r.Passes = append(r.Passes, slices.Contains(d.Passes[def.Name], name))
		}
		in.Resources = append(in.Resources, r)
	}
	in.Stages = append(in.Stages, stages...) // a copy: the forecast sorts them
	return in
}

func matches(glob, action string) bool {
	ok, err := path.Match(glob, action)
	return err == nil && ok
}

// room is what the configuration says about visits that find no unit.
func room(r testenv.Resource) capacity.Queueing {
	if r.Queue != nil && *r.Queue == 0 {
		return capacity.Refuses
	}
	return capacity.Waits
}
