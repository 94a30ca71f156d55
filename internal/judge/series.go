package judge

import (
	"math"
	"slices"
	"time"

	"pegel/internal/archive"
	"pegel/scenarios"
)

type seriesKey struct{ page, resource, field string }

// timeSeries is one metric over the run's time. A counter's values go on rising where it was reset.
type timeSeries struct {
	at     []time.Duration
	value  []float64
	offset float64 // what the counter had before its resets
	every  time.Duration
}

// gaps is the longest distance between two points over which a counter is interpolated, and edges how far from the first or last
// point that is taken for the value, in readings.
const gaps, edges = 4, 1.5

func (s *timeSeries) gap() time.Duration { return gaps * max(s.every, time.Second) }

func (s *timeSeries) edge() time.Duration {
	return time.Duration(edges * float64(max(s.every, time.Second)))
}

// every is how often a page is read.
func (r *reading) every(page string) time.Duration {
	for i := range r.scenario.Observe {
		if o := &r.scenario.Observe[i]; o.Name == page {
			return max(o.Every.D(), time.Second)
		}
	}
	return time.Second
}

func (r *reading) metrics(m archive.Metrics) {
	for i := range m.Points { // before any point is taken: all of a resource is in the other unit
		p := &m.Points[i]
		s := r.series[seriesKey{p.Page, r.name(p), p.Field}]
		if k := (seriesKey{p.Page, r.name(p), ""}); s != nil && !r.changed[k] && changedUnit(s, p) {
			if r.changed == nil {
				r.changed = map[seriesKey]bool{}
			}
			r.changed[k] = true
			r.warn("unit-changed", k.resource, p.Field, m.At.Round(time.Second))
		}
	}
	for _, p := range m.Points {
		p.Resource = r.name(&p)
		k := seriesKey{p.Page, p.Resource, p.Field}
		if r.changed[seriesKey{p.Page, p.Resource, ""}] {
			continue
		}
		s := r.series[k]
		if s == nil {
			s = &timeSeries{every: r.every(p.Page)}
			r.series[k] = s
		}
		if n := len(s.at); n > 0 && m.At <= s.at[n-1] {
			continue // several pages may answer out of order; time only goes on
		}
		if p.Page != archive.PageGenerator && !r.plausible(s, p, m.At) {
			continue
		}
		s.at = append(s.at, m.At)
		s.value = append(s.value, p.Value+s.offset)
	}
}

// name is what the resource of a point is called here.
func (r *reading) name(p *archive.Point) string {
	if name, ok := r.called[[2]string{p.Page, p.Resource}]; ok {
		return name
	}
	return p.Resource
}

// plausible tells whether a point can be used, and says so where it cannot. Nothing that is counted here can be negative.
// A counter that falls to less than half was reset, by a restart, and goes on from there; one that falls by less was read
// wrongly.
func (r *reading) plausible(s *timeSeries, p archive.Point, at time.Duration) bool {
	if p.Value < 0 && p.Field != archive.FieldQueueLimit { // the archive holds finite numbers only
		r.warnOnce(Say("counter-invalid", p.Resource))
		return false
	}
	n := len(s.value)
	if p.Field == archive.FieldLimit && p.Value == 0 {
		r.warnOnce(Say("limit-zero", p.Resource))
		return false
	}
	if !slices.Contains(counters(), p.Field) || n == 0 || p.Value+s.offset >= s.value[n-1] {
		return true
	}
	if raw := s.value[n-1] - s.offset; p.Value > raw/2 {
		r.warnOnce(Say("counter-invalid", p.Resource))
		return false
	}
	s.offset = s.value[n-1]
	r.resets = append(r.resets, reset{p.Resource, at})
	return true
}

// changedUnit tells whether a limit or a large counter is, from one reading to the next, what it was in other units: exactly so
// many times as much, or that part of it. Other gauges may jump like that by themselves.
func changedUnit(s *timeSeries, p *archive.Point) bool {
	n := len(s.value)
	if n == 0 {
		return false
	}
	was := s.value[n-1] - s.offset
	if was == 0 || p.Value == 0 || p.Field != archive.FieldLimit && (!slices.Contains(counters(), p.Field) || was < 1000 || p.Value < was) {
		return false
	}
	near := 1e-9 // a limit stands still
	if p.Field != archive.FieldLimit {
		near = 0.01
	}
	for _, unit := range []float64{1000, 1024, 1e6, 1 << 20, 1e9, 1 << 30} {
		for _, times := range []float64{unit, 1 / unit} {
			if math.Abs(p.Value/was/times-1) <= near {
				return true
			}
		}
	}
	return false
}

// counters are the fields that only rise.
func counters() []string {
	return []string{archive.FieldBusy, archive.FieldServed, archive.FieldRefused, archive.FieldWaited}
}

// reset is a counter's restart.
type reset struct {
	resource string
	at       time.Duration
}

// noteResets says which resources were reset, each once and for the first time.
func (r *reading) noteResets() {
	var said []string
	for _, x := range r.resets {
		if !slices.Contains(said, x.resource) {
			said = append(said, x.resource)
			r.out.Notes = append(r.out.Notes, Say("counter-reset", x.resource, x.at.Round(time.Second)))
		}
	}
}

// warnOnce warns where the same has not been said yet.
func (r *reading) warnOnce(m Message) {
	if !slices.ContainsFunc(r.out.Warnings, func(w Message) bool { return w.String() == m.String() }) {
		r.out.Warnings = append(r.out.Warnings, m)
	}
}

// overuse is how far the mean use in a stage may be above a limit before the limit is not believed: readings of both are a
// moment apart, and busy seconds are counted when a visit ends.
const overuse = 1.05

// believe is a resource's limit, or what was in use where that is larger: then the limit given is not the one that holds.
func (r *reading) believe(resource string, limit, use float64) float64 {
	if limit > 0 && use > overuse*limit {
		r.warnOnce(Say("limit-below-use", resource))
		r.overused[resource] = max(r.overused[resource], use)
	}
	return max(limit, r.overused[resource])
}

// increase is how much a counter rose between two times, by interpolation; ok is false where it has no points near enough.
func (s *timeSeries) increase(from, to time.Duration) (float64, bool) {
	a, okA := s.interpolate(from)
	b, okB := s.interpolate(to)
	if !okA || !okB {
		return 0, false
	}
	i, _ := slices.BinarySearch(s.at, from)
	for ; i+1 < len(s.at) && s.at[i+1] <= to; i++ {
		if s.at[i+1]-s.at[i] > s.gap() {
			return 0, false
		}
	}
	return b - a, true
}

func (s *timeSeries) interpolate(t time.Duration) (float64, bool) {
	if s == nil || len(s.at) == 0 {
		return 0, false
	}
	i, found := slices.BinarySearch(s.at, t)
	switch {
	case found:
		return s.value[i], true
	case i == 0:
		return s.value[0], s.at[0]-t < s.edge()
	case i == len(s.at):
		return s.value[i-1], t-s.at[i-1] < s.edge()
	case s.at[i]-s.at[i-1] > s.gap():
		return 0, false
	}
	f := float64(t-s.at[i-1]) / float64(s.at[i]-s.at[i-1])
	return s.value[i-1] + f*(s.value[i]-s.value[i-1]), true
}

// mean and maximum of a gauge's points in a window; ok is false where there is none.
func (s *timeSeries) gauge(from, to time.Duration) (mean, top float64, ok bool) {
	if s == nil {
		return 0, 0, false
	}
	i, _ := slices.BinarySearch(s.at, from)
	n := 0.0
	for ; i < len(s.at) && s.at[i] <= to; i++ {
		mean += s.value[i]
		top = max(top, s.value[i])
		n++
	}
	if n == 0 {
		v, ok := s.interpolate((from + to) / 2)
		return v, v, ok
	}
	return mean / n, top, true
}

// last is the newest value up to t.
func (s *timeSeries) last(t time.Duration) (float64, bool) {
	if s == nil {
		return 0, false
	}
	i, found := slices.BinarySearch(s.at, t)
	if found {
		return s.value[i], true
	}
	if i == 0 {
		return 0, false
	}
	return s.value[i-1], true
}

// of is the series of a resource's field on its page, nil where there is none.
func (r *reading) of(page, resource, field string) *timeSeries {
	return r.series[seriesKey{page, resource, field}]
}

// use sums up all resources in a window that have a limit.
func (r *reading) use(from, to time.Duration) []ResourceUse {
	var list []ResourceUse
	r.everyResource(func(page string, res scenarios.Resource, _ *foundResource) {
		u := ResourceUse{Name: res.Name, Kind: res.Kind}
		seconds := (to - from).Seconds()
		limit, okLimit := r.of(page, res.Name, archive.FieldLimit).last(to)
		inUse, top, okUse := r.of(page, res.Name, archive.FieldInUse).gauge(from, to)
		u.Limit, u.InUse, u.InUseMax = limit, inUse, top
		u.Queue, _, _ = r.of(page, res.Name, archive.FieldQueue).gauge(from, to)
		served, okServed := r.of(page, res.Name, archive.FieldServed).increase(from, to)
		busy, okBusy := r.of(page, res.Name, archive.FieldBusy).increase(from, to)
		refused, _ := r.of(page, res.Name, archive.FieldRefused).increase(from, to)
		if !okLimit || !okUse && !okBusy {
			return
		}
		if okBusy {
			u.InUse = busy / seconds
		}
		if okServed && served > 0 {
			u.Rate = served / seconds
			u.Demand = u.InUse / u.Rate
		}
		u.Refused = refused / seconds
		limit = r.believe(res.Name, limit, u.InUse)
		u.Limit = limit
		if limit > 0 {
			u.Utilisation = u.InUse / limit
		}
		list = append(list, u)
	})
	return list
}

// resourceViews are all resources over time, those too that have no limit.
func (r *reading) resourceViews() {
	r.everyResource(func(page string, res scenarios.Resource, more *foundResource) {
		v := ResourceView{Name: res.Name, Kind: res.Kind, Page: page, Group: res.Group, Actions: res.Actions}
		if more != nil {
			v.Within, v.Software, v.Labels = more.within, more.software, more.labels
		}
		in := r.of(page, res.Name, archive.FieldInUse)
		busy := r.of(page, res.Name, archive.FieldBusy)
		base := in
		if base == nil {
			base = busy
		}
		if base == nil {
			return
		}
		for i, at := range base.at {
			value := base.value[i]
			if in == nil { // no gauge: the busy counter's rise per second
				if i == 0 {
					continue
				}
				value = max(0, (base.value[i]-base.value[i-1])/(at-base.at[i-1]).Seconds())
			}
			limit, _ := r.of(page, res.Name, archive.FieldLimit).last(at)
			queue, _ := r.of(page, res.Name, archive.FieldQueue).last(at)
			v.At = append(v.At, at)
			v.InUse = append(v.InUse, value)
			v.Limit = append(v.Limit, limit)
			v.Queue = append(v.Queue, queue)
		}
		r.out.Resources = append(r.out.Resources, v)
	})
}
