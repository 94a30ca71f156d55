package reports

import (
	"fmt"
	"math"
	"slices"

	"pegel/internal/judge"
)

// limits is the section on what limits the platform.
type limits struct {
	Title    string
	Causes   causes
	Evidence []string
	Ranking  table
	Load     *figure
	Time     []figure
	TimeNote string

	Thresholds        table
	ThresholdsCaption string
	NoThresholds      *remark // why there are none
}

const shownResources = 6 // in charts; tables have all

func (b *builder) limits() limits {
	r := b.r
	names := b.resourceNames()
	if len(names) == 0 {
		return limits{Title: b.t("limits.none"), Causes: b.causes()}
	}
	s := limits{Title: b.t("limits.unranked"), Causes: b.causes()}
	if l := r.Forecast.Limit; l.Resource != "" && r.Forecast.Determined {
		s.Title = b.t("limits.title", b.limiting(r), b.likelihood(l.Probability))
		if len(r.Forecast.Situations) > 1 {
			s.Title = b.t("limits.title-busy", b.limiting(r), b.likelihood(l.Probability))
		}
	}
	for i, k := range r.Forecast.Resources {
		if i < 3 {
			if text := b.evidence(k); text != "" {
				s.Evidence = append(s.Evidence, text)
			}
		}
	}
	s.Ranking = b.ranking()
	s.Thresholds, s.ThresholdsCaption, s.NoThresholds = b.thresholds()
	s.Load = b.overLoad(names)
	s.Time = b.overTime(names)
	if len(names) > shownResources {
		s.TimeNote = b.t("limits.shown", b.count(shownResources), b.count(len(names)))
	}
	return s
}

// resourceNames lists the resources, the likeliest to give way first; those that the forecast does not rank follow.
func (b *builder) resourceNames() []string {
	var names []string
	add := func(n string) {
		if n != "" && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	for _, k := range b.r.Forecast.Resources {
		add(k.Name)
	}
	for _, s := range b.stages {
		for _, u := range s.Resources {
			add(u.Name)
		}
	}
	for _, v := range b.r.Resources {
		add(v.Name)
	}
	return names
}

// evidence says in a sentence what was seen of a resource and what follows.
func (b *builder) evidence(k judge.ResourceRank) string {
	if len(k.Measured) == 0 {
		return ""
	}
	p := slices.MaxFunc(k.Measured, func(x, y judge.ResourcePoint) int { return int(math.Copysign(1, x.Users-y.Users)) })
	text := b.t("evidence.used", b.about(p.Users), k.Name, b.amount(p.InUse))
	if limit := b.limitThen(k); limit > 0 {
		text = b.t("evidence.used-of", b.about(p.Users), k.Name, b.amount(p.InUse), b.amount(limit), b.percent(p.InUse/limit))
		if limit != k.Limit {
			text += " " + b.t("evidence.limit-there", b.amount(k.Limit))
		}
	}
	if p.Queue >= 0.05 {
		text += " " + b.t("evidence.queue", b.waiting(p.Queue))
	}
	if k.Demand > 0 && k.Visits > 0 {
		text += " " + b.t("evidence.demand", b.amount(k.Visits), b.demand(k.Demand), b.amount(k.Demand*k.Visits))
	}
	if k.Users.P50 > 0 {
		text += " " + b.t("evidence.breaks", b.estimate(k.Users), b.spread(k.Users))
	} else {
		text += " " + b.t("evidence.not-in-sight")
	}
	return text
}

// limitThen is the limit that a resource had when it was measured: on staging another one than the forecast's.
func (b *builder) limitThen(k judge.ResourceRank) float64 {
	if limit := limitMeasured(b.r, k.Name); b.r.Forecast.Transferred && limit > 0 {
		return limit
	}
	return k.Limit
}

func (b *builder) ranking() table {
	t := table{Head: []cell{words(b.t("col.resource")), words(b.t("col.first")), number(b.t("col.limit")),
		number(b.t("col.in-use-max")), number(b.t("col.queue-max")), number(b.t("col.demand")), number(b.t("col.breaks"))}}
	for _, k := range b.r.Forecast.Resources {
		var used, queue float64
		for _, p := range k.Measured {
			used, queue = max(used, p.InUse), max(queue, p.Queue)
		}
		limit, share := "–", b.amount(used)
		if k.Limit > 0 {
			limit = b.amount(k.Limit) + " " + b.either("kind.", k.Kind)
			share += " (" + b.percent(used/b.limitThen(k)) + ")"
		}
		breaks := number(b.t("limits.far"))
		if k.Users.P50 > 0 {
			breaks = exact(b.estimate(k.Users)+" ("+b.spread(k.Users)+")", k.Users.P50)
		}
		demand := "–"
		if k.Demand > 0 {
			demand = b.demand(k.Demand)
		}
		t.Rows = append(t.Rows, []cell{name(b.resource(k.Name)), {Text: b.probability(k.Probability), HasBar: true, Bar: k.Probability},
			number(limit), number(share), number(b.waiting(queue)), number(demand), breaks})
	}
	return t
}

// overLoad draws the share of each limit that is in use over the load.
func (b *builder) overLoad(names []string) *figure {
	ranks := map[string]judge.ResourceRank{}
	for _, k := range b.r.Forecast.Resources {
		ranks[k.Name] = k
	}
	series := []chart{}
	t := table{Head: []cell{words(b.t("col.resource"))}}
	for _, s := range b.stages {
		t.Head = append(t.Head, number(b.loadName(s)))
	}
	best, bestAt, bestName := 0.0, 0, ""
	for _, resource := range names {
		points := [][3]num{}
		row := []cell{name(b.resource(resource))}
		for _, s := range b.stages {
			i := slices.IndexFunc(s.Resources, func(u judge.ResourceUse) bool { return u.Name == resource })
			if i < 0 {
				row = append(row, number("–"))
				continue
			}
			u := s.Resources[i]
			text := b.amount(u.InUse)
			if u.Limit > 0 {
				share := u.InUse / u.Limit
				text += " / " + b.amount(u.Limit)
				points = append(points, [3]num{num(s.Users), num(share * 100), num(u.Queue)})
				if share > best {
					best, bestAt, bestName = share, s.Users, resource
				}
			}
			if u.Queue >= 0.05 {
				text += " + " + b.amount(u.Queue)
			}
			row = append(row, number(text))
		}
		t.Rows = append(t.Rows, row)
		if len(points) > 0 && len(series) < shownResources {
			series = append(series, chart{"name": resource, "points": points, "beyond": b.beyond(ranks[resource])})
		}
	}
	if len(series) == 0 {
		return nil
	}
	spec := chart{"kind": "use", "series": series, "measured": b.r.Forecast.MeasuredMax, "max": num(b.reach())}
	caption := b.t("use.caption", b.count(len(b.stages)), b.count(len(series)))
	if b.r.Forecast.Transferred { // production's use of its own limits was not measured
		spec["max"], caption = num(1.06*float64(b.stages[len(b.stages)-1].Users)), b.t("use.caption-staging", b.count(len(b.stages)), b.count(len(series)))
	}
	if f := b.r.Forecast; f.Determined && !f.Transferred {
		spec["interval"] = [3]num{num(f.Users.P05), num(f.Users.P50), num(f.Users.P95)}
	}
	b.charts["use"] = spec
	return &figure{
		ID: "use", Height: "wide", Title: b.t("use.title", bestName, b.percent(best), b.count(bestAt)),
		Caption: caption, Table: t,
	}
}

// beyond continues a resource's use above the measured loads, by the utilisation law: each active user holds demand ×
// visits of it, over a background that does not depend on them.
func (b *builder) beyond(k judge.ResourceRank) [][2]num {
	line := [][2]num{}
	if k.Demand <= 0 || k.Visits <= 0 || k.Limit <= 0 || len(k.Measured) == 0 || b.r.Forecast.Transferred {
		return line
	}
	var background, from float64
	for _, p := range k.Measured {
		background += (p.InUse - k.Demand*k.Visits*p.Users) / float64(len(k.Measured))
		from = max(from, p.Users)
	}
	background = max(background, 0)
	for _, users := range []float64{from, b.reach()} {
		line = append(line, [2]num{num(users), num(100 * (background + k.Demand*k.Visits*users) / k.Limit)})
	}
	return line
}

// overTime draws a small chart for each resource: in use, limit and queue.
func (b *builder) overTime(names []string) []figure {
	var figures []figure
	for _, resource := range names {
		i := slices.IndexFunc(b.r.Resources, func(v judge.ResourceView) bool { return v.Name == resource })
		if i < 0 || len(b.r.Resources[i].At) == 0 || len(figures) == shownResources {
			continue
		}
		v := b.r.Resources[i]
		id := fmt.Sprintf("resource-%d", i)
		var peak, limit float64
		for j := range v.At {
			peak, limit = max(peak, v.InUse[j]), max(limit, v.Limit[j])
		}
		at, used, bound, queue := []num{}, []num{}, []num{}, []num{}
		for _, j := range every(len(v.At), panelCols) {
			at, used = append(at, seconds(v.At[j])), append(used, num(v.InUse[j]))
			bound, queue = append(bound, num(v.Limit[j])), append(queue, num(v.Queue[j]))
		}
		b.charts[id] = chart{"kind": "resource", "name": v.Name, "at": at, "used": used, "limit": bound, "queue": queue,
			"borders": borders(b.r)}
		title := b.t("resource.title", b.amount(peak))
		if limit > 0 {
			title = b.t("resource.title-of", b.percent(peak/limit), b.amount(limit), b.either("kind.", v.Kind))
		}
		t := table{Head: heads(b.t("col.time"), b.t("col.in-use"), b.t("col.limit"), b.t("col.queue"))}
		for _, j := range every(len(v.At), tableRows/2) {
			t.Rows = append(t.Rows, []cell{name(b.span(v.At[j])), number(b.amount(v.InUse[j])), number(b.amount(v.Limit[j])),
				number(b.waiting(v.Queue[j]))})
		}
		figures = append(figures, figure{ID: id, Height: "small", Title: v.Name + " – " + title,
			Caption: b.t("resource.caption", b.count(len(v.At))), Table: t})
	}
	return figures
}
