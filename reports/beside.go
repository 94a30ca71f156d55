package reports

import (
	"strings"
	"time"

	"pegel/internal/judge"
)

// besideColumns are the values of one action that was done at HTTP level and by browsers, by the last part of the key of their
// name.
func (l *language) besideColumns(a *judge.Beside) [][2]string {
	seconds := func(d time.Duration) string {
		if d == 0 {
			return "–"
		}
		return l.latency(d)
	}
	each := func(requests float64) string {
		if requests == 0 {
			return "–"
		}
		return l.fixed(requests, 1)
	}
	return [][2]string{
		{"webn", l.count(int(a.Web.Count))}, {"web50", seconds(a.Web.P50)}, {"web95", seconds(a.Web.P95)}, {"webrequests", each(a.WebRequests)},
		{"n", l.count(int(a.Browser.Count))}, {"p50", seconds(a.Browser.P50)}, {"p95", seconds(a.Browser.P95)},
		{"shown50", seconds(a.ShownP50)}, {"shown95", seconds(a.ShownP95)},
		{"paint", seconds(time.Duration(a.LargestPaintP75 * float64(time.Second)))}, {"eachrequests", each(a.BrowserRequests)},
	}
}

// beside is the table of what was done in both ways; without rows where nothing was.
func (b *builder) beside() (t table) {
	for i := range b.r.Browser.Beside {
		a := &b.r.Browser.Beside[i]
		row := []cell{name(a.Verb)}
		if i == 0 {
			t.Head = []cell{words(b.t("col.action"))}
		}
		for _, c := range b.besideColumns(a) {
			if i == 0 {
				t.Head = append(t.Head, number(b.either("beside.", c[0])))
			}
			row = append(row, number(c[1]))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// textBeside writes what was done in both ways.
func (l *language) textBeside(b *strings.Builder, v *judge.BrowserView) {
	if len(v.Beside) == 0 {
		return
	}
	b.WriteString(wrap("  ", l.t("beside.title", l.count(v.Users))))
	for i := range v.Beside {
		parts := []string{v.Beside[i].Verb}
		for _, c := range l.besideColumns(&v.Beside[i]) {
			parts = append(parts, l.either("beside.", c[0])+" "+c[1])
		}
		b.WriteString(wrap("  ", strings.Join(parts, " · ")))
	}
}

// besideFile is one action as it was done in both ways; times are in milliseconds.
type besideFile struct {
	Action  string       `json:"action"` // without the protocol
	Users   int          `json:"users"`  // of the stage
	Web     besideWay    `json:"web"`
	Browser besideWay    `json:"browser"`
	Shown   *besideShown `json:"shown,omitempty"`
	Paint   float64      `json:"largest_paint_p75_ms,omitempty"`
}

type besideWay struct {
	Count    uint64  `json:"count"`
	Failed   uint64  `json:"failed"`
	P50      float64 `json:"p50_ms"`
	P95      float64 `json:"p95_ms"`
	Requests float64 `json:"requests_per_action,omitempty"`
}

type besideShown struct {
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
}

func besideOf(r *judge.Result) (list []besideFile) {
	if r.Browser == nil {
		return nil
	}
	for _, a := range r.Browser.Beside {
		way := func(t judge.Timed, requests float64) besideWay {
			return besideWay{t.Count, t.Failed, milliseconds(t.P50), milliseconds(t.P95), share(requests)}
		}
		one := besideFile{Action: a.Verb, Users: r.Browser.Users, Web: way(a.Web, a.WebRequests), Browser: way(a.Browser, a.BrowserRequests), Paint: share(a.LargestPaintP75 * 1000)}
		if a.ShownP50 > 0 {
			one.Shown = &besideShown{milliseconds(a.ShownP50), milliseconds(a.ShownP95)}
		}
		list = append(list, one)
	}
	return list
}
