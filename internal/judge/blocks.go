package judge

import (
	"math"
	"slices"
	"time"

	"pegel/internal/archive"
	"pegel/internal/capacity"
	"pegel/scenarios"
)

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
func (r *reading) blocks(st *StageResult) [][]*interval {
	length := r.blockLength(st) - 100*time.Millisecond
	var list [][]*interval
	var open []*interval
	r.within(st.Start, st.End, func(i *interval) {
		open = append(open, i)
		if i.end-open[0].start >= length {
			list = append(list, open)
			open = nil
		}
	})
	return list
}

// block puts intervals together. counts is room for the bins of all actions, empty before and after.
func (r *reading) block(in *capacity.Input, index []int, intervals []*interval, counts []float64) capacity.Block {
	b := capacity.Block{Actions: make([]capacity.ActionBlock, len(in.Actions))}
	personas, bins := len(r.out.Meta.Personas), len(in.Grid)
	from, to := intervals[0].start, intervals[len(intervals)-1].end
	filled := 0
	for _, i := range intervals {
		b.Seconds += (i.end - i.start).Seconds()
		for k := range i.series {
			s := &i.series[k]
			a := index[s.index/personas]
			x := &b.Actions[a]
			x.Done += float64(s.done)
			x.Failed += float64(s.failed)
			for _, c := range s.service {
				n := &counts[a*bins+int(r.bins[c.index()])]
				if *n == 0 {
					filled++
				}
				*n += float64(c.count())
			}
		}
	}
	list, values := make([]uint16, 0, filled), make([]float64, 0, filled)
	for a := range b.Actions {
		from := len(list)
		for bin, n := range counts[a*bins : (a+1)*bins] {
			if n > 0 {
				list, values = append(list, uint16(bin)), append(values, n)
			}
		}
		b.Actions[a].Bins, b.Actions[a].Values = list[from:len(list):len(list)], values[from:len(values):len(values)]
	}
	clear(counts)
	for _, page := range r.observed {
		for _, res := range page.Resources {
			b.Resources = append(b.Resources, r.resourceBlock(r.page(page.Name, res.Name), res.Name, from, to))
		}
	}
	return b
}

// indices are this run's actions in the input, which may have those of other runs.
func (r *reading) indices(in *capacity.Input) []int {
	index := make([]int, len(r.out.Meta.Actions))
	for a, name := range r.out.Meta.Actions {
		index[a] = slices.IndexFunc(in.Actions, func(x capacity.Action) bool { return x.Name == name })
	}
	return index
}

// flights adds the numbers in flight to the input's blocks.
func (r *reading) flights(in *capacity.Input) {
	at := 0
	for _, part := range r.parts {
		index, personas := part.indices(in), len(part.out.Meta.Personas)
		for i := range part.out.Stages {
			st := &part.out.Stages[i]
			if !st.Valid {
				continue
			}
			blocks := part.blocks(st)
			for j, intervals := range blocks {
				b := &in.Stages[at].Blocks[j]
				for _, one := range intervals {
					for k := range one.series {
						s := &one.series[k]
						for _, f := range s.flight {
							b.Flight = append(b.Flight, capacity.FlightCell{Action: index[s.index/personas], Count: float64(f.count), Level: float64(f.level), Sum: float64(f.sum)})
						}
					}
				}
			}
			if len(blocks) > 0 {
				at++
			}
		}
	}
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
