package judge

import (
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/scenarios"
)

// readingOf is a reading of these metrics alone.
func readingOf(t *testing.T, s *scenarios.Scenario, found []archive.Resource, metrics ...archive.Metrics) *reading {
	t.Helper()
	r := &reading{scenario: s, out: &Result{}, series: map[seriesKey]*timeSeries{}, overused: map[string]float64{}}
	r.discover(found)
	for _, m := range metrics {
		r.metrics(m)
		r.out.Duration = m.At
	}
	r.admit()
	r.resourceViews()
	return r
}

func point(page, resource, field string, v float64) archive.Point {
	return archive.Point{Page: page, Resource: resource, Field: field, Value: v}
}

func TestFoundResources(t *testing.T) {
	s := &scenarios.Scenario{Observe: []scenarios.Observe{
		{Name: "lb", Software: "haproxy", Resources: []scenarios.Resource{{Name: "web", Kind: "workers", Actions: []string{"web.*"}}}},
		{Name: "db", Software: "postgres", Every: scenarios.Duration(10 * time.Second)},
	}}
	r := readingOf(t, s, []archive.Resource{
		{Page: "lb", Name: "web", Kind: "slots", Software: "haproxy", Fields: []string{"in_use", "limit", "queue"}},
		{Page: "lb", Name: "web.s1", Kind: "slots", Within: "web", Labels: map[string]string{"server": "s1"}},
		{Page: "lb", Name: "open", Kind: "sessions"},
		{Page: "lb", Name: "open.s1", Kind: "slots", Within: "open"},
		{Page: "db", Name: "connections", Kind: "pool"},
		{Page: "gone", Name: "x", Kind: "pool"},
	},
		archive.Metrics{At: time.Second, Points: []archive.Point{
			point("lb", "web", "in_use", 3), point("lb", "web", "limit", 4), point("lb", "web.s1", "in_use", 3), point("lb", "web.s1", "limit", 4),
			point("lb", "open", "in_use", 9), point("lb", "open.s1", "in_use", 9), point("lb", "open.s1", "limit", 20)}},
		archive.Metrics{At: 10 * time.Second, Points: []archive.Point{point("db", "connections", "in_use", 5), point("db", "connections", "limit", 97), point("db", "connections", "served", 100)}},
		archive.Metrics{At: 20 * time.Second, Points: []archive.Point{point("db", "connections", "in_use", 6), point("db", "connections", "served", 300)}},
	)
	var forecast []string
	for _, page := range r.scenario.Observe {
		for _, res := range page.Resources {
			forecast = append(forecast, res.Name)
			if res.Name == "lb.web" && (res.Kind != "workers" || len(res.Actions) != 1 || res.Queue == "") {
				t.Errorf("the scenario's word does not hold: %+v", res)
			}
		}
	}
	if len(forecast) != 3 || forecast[0] != "lb.web" || forecast[1] != "lb.open.s1" || forecast[2] != "db.connections" {
		t.Errorf("forecast of %v, want those with a limit of their own", forecast)
	}
	views := map[string]ResourceView{}
	for _, v := range r.out.Resources {
		views[v.Name] = v
	}
	if len(views) != 5 || views["lb.web.s1"].Within != "lb.web" || views["lb.web.s1"].Labels["server"] != "s1" || views["lb.web"].Software != "haproxy" {
		t.Errorf("views %+v", views)
	}
	// Ten seconds from reading to reading is no gap where the scenario says so.
	if n, ok := r.of("db", "db.connections", archive.FieldServed).increase(10*time.Second, 20*time.Second); !ok || n != 200 {
		t.Errorf("served %v %v", n, ok)
	}
	if len(s.Observe[0].Resources) != 1 || s.Observe[0].Resources[0].Name != "web" {
		t.Error("the scenario itself was changed")
	}
}

func TestFoundOnOnePageKeepTheirNames(t *testing.T) {
	s := &scenarios.Scenario{Observe: []scenarios.Observe{{Name: "lb", Software: "haproxy"}}}
	r := readingOf(t, s, []archive.Resource{{Page: "lb", Name: "web", Kind: "slots"}},
		archive.Metrics{At: time.Second, Points: []archive.Point{point("lb", "web", "in_use", 3), point("lb", "web", "limit", 4)}})
	if got := r.scenario.Observe[0].Resources; len(got) != 1 || got[0].Name != "web" {
		t.Errorf("%+v", got)
	}
}

// Of very many the most used take part, and that is said.
func TestMostUsedTakePart(t *testing.T) {
	s := &scenarios.Scenario{Observe: []scenarios.Observe{{Name: "lb", Software: "haproxy"}}}
	var found []archive.Resource
	m := archive.Metrics{At: time.Second}
	for i := range 100 {
		name := string(rune('a'+i/26)) + string(rune('a'+i%26))
		found = append(found, archive.Resource{Page: "lb", Name: name, Kind: "slots"})
		m.Points = append(m.Points, point("lb", name, "in_use", float64(i)), point("lb", name, "limit", 100))
	}
	r := readingOf(t, s, found, m)
	got := r.scenario.Observe[0].Resources
	if len(got) != mostForecast || got[len(got)-1].Name != found[99].Name || len(r.out.Resources) != 100 {
		t.Errorf("%d take part, %d are shown", len(got), len(r.out.Resources))
	}
	if len(r.out.Notes) != 1 || r.out.Notes[0].Code != "found-most-used" {
		t.Errorf("notes %v", r.out.Notes)
	}
}

func TestLimitsThatLie(t *testing.T) {
	s := &scenarios.Scenario{Observe: []scenarios.Observe{{Name: "lb", Software: "haproxy"}}}
	at := func(seconds int, points ...archive.Point) archive.Metrics {
		return archive.Metrics{At: time.Duration(seconds) * time.Second, Points: points}
	}
	r := readingOf(t, s, []archive.Resource{{Page: "lb", Name: "zero", Kind: "slots"}, {Page: "lb", Name: "bytes", Kind: "memory"}, {Page: "lb", Name: "ms", Kind: "workers"}},
		at(1, point("lb", "zero", "in_use", 1), point("lb", "zero", "limit", 0), point("lb", "bytes", "limit", 4<<30), point("lb", "bytes", "in_use", 1<<30), point("lb", "ms", "busy", 5000)),
		at(2, point("lb", "bytes", "in_use", 1<<20), point("lb", "bytes", "limit", 4<<20), point("lb", "ms", "busy", 5001*1000)),
		at(3, point("lb", "bytes", "limit", 4<<30), point("lb", "ms", "busy", 5002*1000)),
	)
	if r.of("lb", "zero", archive.FieldLimit).value != nil {
		t.Error("a limit of 0 counts")
	}
	if got := r.of("lb", "bytes", archive.FieldLimit).value; len(got) != 1 || got[0] != 4<<30 {
		t.Errorf("limits %v", got)
	}
	if got := r.of("lb", "ms", archive.FieldBusy).value; len(got) != 1 {
		t.Errorf("busy %v", got)
	}
	if got := r.of("lb", "bytes", archive.FieldInUse).value; len(got) != 1 {
		t.Errorf("in use, in another unit than its limit: %v", got)
	}
	codes := map[string]int{}
	for _, w := range r.out.Warnings {
		codes[w.Code]++
	}
	if codes["limit-zero"] != 1 || codes["unit-changed"] != 2 {
		t.Errorf("warnings %v", codes)
	}
}
