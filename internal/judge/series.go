package judge

import (
	"slices"
	"time"

	"pegel/internal/archive"
)

type seriesKey struct{ page, resource, field string }

// timeSeries is one metric over the run's time. A counter's values go on rising where it was reset.
type timeSeries struct {
	at     []time.Duration
	value  []float64
	offset float64 // what the counter had before its resets
}

// gap is the longest distance between two points over which a counter is interpolated.
const gap = 4 * time.Second

func (r *reading) metrics(m archive.Metrics) {
	for _, p := range m.Points {
		k := seriesKey{p.Page, p.Resource, p.Field}
		s := r.series[k]
		if s == nil {
			s = &timeSeries{}
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

// plausible tells whether a point can be used, and says so where it cannot. Nothing that is counted here can be negative.
// A counter that falls to less than half was reset, by a restart, and goes on from there; one that falls by less was read
// wrongly.
func (r *reading) plausible(s *timeSeries, p archive.Point, at time.Duration) bool {
	if p.Value < 0 && p.Field != archive.FieldQueueLimit { // the archive holds finite numbers only
		r.warnOnce(Say("counter-invalid", p.Resource))
		return false
	}
	n := len(s.value)
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
		if s.at[i+1]-s.at[i] > gap {
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
		return s.value[0], s.at[0]-t < 1500*time.Millisecond
	case i == len(s.at):
		return s.value[i-1], t-s.at[i-1] < 1500*time.Millisecond
	case s.at[i]-s.at[i-1] > gap:
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

// use sums up all resources of the scenario in a window.
func (r *reading) use(from, to time.Duration) []ResourceUse {
	var list []ResourceUse
	for _, page := range r.scenario.Observe {
		for _, res := range page.Resources {
			u := ResourceUse{Name: res.Name, Kind: res.Kind}
			seconds := (to - from).Seconds()
			limit, okLimit := r.of(page.Name, res.Name, archive.FieldLimit).last(to)
			inUse, top, okUse := r.of(page.Name, res.Name, archive.FieldInUse).gauge(from, to)
			u.Limit, u.InUse, u.InUseMax = limit, inUse, top
			u.Queue, _, _ = r.of(page.Name, res.Name, archive.FieldQueue).gauge(from, to)
			served, okServed := r.of(page.Name, res.Name, archive.FieldServed).increase(from, to)
			busy, okBusy := r.of(page.Name, res.Name, archive.FieldBusy).increase(from, to)
			refused, _ := r.of(page.Name, res.Name, archive.FieldRefused).increase(from, to)
			if !okLimit || !okUse && !okBusy {
				continue
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
		}
	}
	return list
}

func (r *reading) resourceViews() {
	for _, page := range r.scenario.Observe {
		for _, res := range page.Resources {
			v := ResourceView{Name: res.Name, Kind: res.Kind, Page: page.Name, Group: res.Group, Actions: res.Actions}
			in := r.of(page.Name, res.Name, archive.FieldInUse)
			busy := r.of(page.Name, res.Name, archive.FieldBusy)
			base := in
			if base == nil {
				base = busy
			}
			if base == nil {
				continue
			}
			for i, at := range base.at {
				value := base.value[i]
				if in == nil { // no gauge: the busy counter's rise per second
					if i == 0 {
						continue
					}
					value = max(0, (base.value[i]-base.value[i-1])/(at-base.at[i-1]).Seconds())
				}
				limit, _ := r.of(page.Name, res.Name, archive.FieldLimit).last(at)
				queue, _ := r.of(page.Name, res.Name, archive.FieldQueue).last(at)
				v.At = append(v.At, at)
				v.InUse = append(v.InUse, value)
				v.Limit = append(v.Limit, limit)
				v.Queue = append(v.Queue, queue)
			}
			r.out.Resources = append(r.out.Resources, v)
		}
	}
}
