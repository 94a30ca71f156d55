package judge

import (
	"slices"

	"pegel/internal/archive"
	"pegel/scenarios"
)

// mostForecast is how many of the resources that were found on one page take part in the forecast: those used most, as a share of
// their limits. The others have too much room to give way first.
const mostForecast = 24

// foundResource is a resource that was found while the run went on, as the scenario could have written it.
type foundResource struct {
	page string // as observed
	own  string // its name there
	scenarios.Resource
	within   string
	software string
	labels   map[string]string
	forecast bool // it can limit the load, by itself
}

// discover makes the scenario's resources of those that were found, under names that are alone in the run: with the page's name in
// front where several pages are observed. What the scenario says of a resource of the same name holds.
func (r *reading) discover(found []archive.Resource) {
	if len(found) == 0 {
		return
	}
	s := *r.scenario
	s.Observe = slices.Clone(s.Observe)
	for _, x := range found {
		at := slices.IndexFunc(s.Observe, func(o scenarios.Observe) bool { return o.Name == x.Page })
		if at < 0 || slices.ContainsFunc(r.found, func(f foundResource) bool { return f.page == x.Page && f.own == x.Name }) {
			continue
		}
		f := foundResource{page: x.Page, own: x.Name, within: x.Within, software: x.Software, labels: x.Labels}
		f.Name, f.Kind, f.Group = x.Name, x.Kind, x.Group
		if len(s.Observe) > 1 {
			f.Name = x.Page + "." + x.Name
			for _, name := range []*string{&f.within, &f.Group} {
				if *name != "" {
					*name = x.Page + "." + *name
				}
			}
		}
		for _, field := range x.Fields {
			switch field { // which selectors there are decides about queueing
			case archive.FieldQueue:
				f.Queue = field
			case archive.FieldRefused:
				f.Refused = field
			case archive.FieldWaited:
				f.Waited = field
			}
		}
		for _, said := range s.Observe[at].Resources {
			if said.Name == x.Name {
				f.Kind, f.Group, f.Actions = or(said.Kind, f.Kind), or(said.Group, f.Group), said.Actions
				f.within = ""
			}
		}
		r.found = append(r.found, f)
	}
	for i := range s.Observe { // what only says more about one that was found is no resource of its own
		o := &s.Observe[i]
		o.Resources = slices.DeleteFunc(slices.Clone(o.Resources), func(res scenarios.Resource) bool {
			return slices.ContainsFunc(r.found, func(f foundResource) bool { return f.page == o.Name && f.own == res.Name })
		})
	}
	r.called = map[[2]string]string{}
	for i := range r.found {
		r.called[[2]string{r.found[i].page, r.found[i].own}] = r.found[i].Name
	}
	r.scenario = &s
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// admit lets those of the found resources take part in the forecast that can limit the load: they have a limit and are not part of
// another one that has. The metrics have been read by then.
func (r *reading) admit() {
	use := make([]float64, len(r.found))
	for i := range r.found {
		f := &r.found[i]
		f.forecast = r.limited(f.page, f.Name) && !slices.ContainsFunc(r.found, func(whole foundResource) bool {
			return whole.page == f.page && f.within == whole.Name && r.limited(whole.page, whole.Name)
		})
		if in := r.of(f.page, f.Name, archive.FieldInUse); in != nil && f.forecast {
			limit, _ := r.of(f.page, f.Name, archive.FieldLimit).last(r.out.Duration)
			use[i] = slices.Max(in.value) / limit
		} else if f.forecast {
			use[i] = 1 // counters only: there is no telling beforehand
		}
	}
	for i := range r.scenario.Observe {
		page := &r.scenario.Observe[i]
		var mine []int
		for k := range r.found {
			if r.found[k].forecast && r.found[k].page == page.Name {
				mine = append(mine, k)
			}
		}
		if len(mine) > mostForecast {
			by := slices.Clone(mine)
			slices.SortStableFunc(by, func(a, b int) int {
				switch {
				case use[a] > use[b]:
					return -1
				case use[a] < use[b]:
					return 1
				}
				return 0
			})
			for _, k := range by[mostForecast:] {
				r.found[k].forecast = false
			}
			r.out.Notes = append(r.out.Notes, Say("found-most-used", page.Name, mostForecast, len(mine)))
		}
		for _, k := range mine {
			if r.found[k].forecast {
				page.Resources = append(page.Resources, r.found[k].Resource)
			}
		}
	}
	r.observed = r.scenario.Observe
}

// limited tells whether a resource has a limit and says what is in use.
func (r *reading) limited(page, name string) bool {
	limit, ok := r.of(page, name, archive.FieldLimit).last(r.out.Duration)
	return ok && limit > 0 && (r.of(page, name, archive.FieldInUse) != nil || r.of(page, name, archive.FieldBusy) != nil)
}

// everyResource calls f for each resource of the scenario, and for each that was found and takes no part in the forecast.
func (r *reading) everyResource(f func(page string, res scenarios.Resource, more *foundResource)) {
	for _, page := range r.scenario.Observe {
		for _, res := range page.Resources {
			var more *foundResource
			if i := slices.IndexFunc(r.found, func(x foundResource) bool { return x.page == page.Name && x.Name == res.Name }); i >= 0 {
				more = &r.found[i]
			}
			f(page.Name, res, more)
		}
	}
	for i := range r.found {
		if x := &r.found[i]; !x.forecast {
			f(x.page, x.Resource, x)
		}
	}
}
