package recording

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"pegel/internal/site"
)

// Site writes the journey as a site file: what base says of the application and its browser parts, with the web parts that were
// recorded. Actions without a request have only what base has for a browser.
func (j *Journey) Site(base *site.Site, name string, recordings int) []byte {
	w := &writer{}
	w.line(0, "# Written by pegel record from %d recordings; what stands here may be edited.", recordings)
	w.line(0, "# pegel record --check holds it against the platform again.")
	j.pauses(w)
	w.line(0, "name: %s", name)
	w.rest(base)
	w.line(0, "actions:")
	for _, a := range j.Actions {
		gestures := base.Actions[a.Verb].Browser
		if len(a.Steps)+len(gestures) == 0 {
			continue
		}
		w.line(1, "%s:", a.Verb)
		if len(a.Steps) > 0 {
			w.line(2, "web:")
			for _, s := range a.Steps {
				w.step(s)
			}
		}
		if len(gestures) > 0 {
			w.line(2, "browser:")
			for _, g := range gestures {
				w.line(3, "- %s", asFlow(reflect.ValueOf(g)))
			}
		}
	}
	return []byte(w.b.String())
}

// Recorded are the actions that have requests.
func (j *Journey) Recorded() (verbs []string) {
	for _, a := range j.Actions {
		if len(a.Steps) > 0 {
			verbs = append(verbs, a.Verb)
		}
	}
	return verbs
}

// pauses writes the think times as the journey that a scenario may take.
func (j *Journey) pauses(w *writer) {
	if !slices.ContainsFunc(j.Actions, func(a JourneyAction) bool { return a.Think >= time.Second }) {
		return
	}
	w.line(0, "#")
	w.line(0, "# A journey with the pauses of the first recording, for a scenario:")
	for i, a := range j.Actions {
		think := ""
		if i+1 < len(j.Actions) && j.Actions[i+1].Think >= 100*time.Millisecond {
			think = ", think: " + j.Actions[i+1].Think.Round(100*time.Millisecond).String()
		}
		w.line(0, "#   - {do: web.%s%s}", a.Verb, think)
	}
}

type writer struct{ b strings.Builder }

func (w *writer) line(level int, format string, args ...any) {
	w.b.WriteString(strings.Repeat("  ", level))
	fmt.Fprintf(&w.b, format, args...)
	w.b.WriteByte('\n')
}

func (w *writer) step(s step) {
	switch {
	case s.assets != nil:
		w.line(3, "- assets:")
		for _, file := range s.assets {
			w.line(5, "- %s", scalar(braces(file)))
		}
	case s.pick != "":
		of := [][2]string{{"of", s.of}, {"after", s.after}}
		w.line(3, "- pick: {%s: %s}", s.pick, flow(of))
	case len(s.requests) > 1:
		w.line(3, "- parallel:")
		for _, p := range s.requests {
			w.request(5, p)
		}
	default:
		w.request(3, s.requests[0])
	}
}

func (w *writer) request(level int, p *planned) {
	for _, note := range p.notes {
		w.line(level, "# %s", note)
	}
	path := p.path
	if p.inPath {
		var pairs []string
		for _, s := range p.query {
			pairs = append(pairs, escapeQuery(s.name)+"="+escapeQuery(s.value))
		}
		path += "?" + strings.Join(pairs, "&")
	}
	w.line(level, "- path: %s", scalar(path))
	level++
	if usual := map[bool]string{true: "GET", false: "POST"}[p.kind == ""]; p.method != usual {
		w.line(level, "method: %s", p.method)
	}
	if !p.inPath {
		w.slots(level, "query", p.query)
	}
	w.slots(level, "headers", p.headers)
	switch p.kind {
	case "form", "multipart":
		w.slots(level, p.kind, p.body)
	case "json":
		w.line(level, "json: %s", quoted(p.json))
	case "body":
		w.line(level, "body: %s", scalar(p.body[0].value))
	}
	switch {
	case p.status >= 500: // by chance perhaps, as where the page is left meanwhile
		w.line(level, "status: [200, %d] # the second when it was recorded", p.status)
	case p.status != 200:
		w.line(level, "status: [%d]", p.status)
		if p.status >= 300 && p.status <= 399 { // the browser did not go there either
			w.line(level, "stay: true")
		}
	}
	if len(p.checks) > 0 {
		w.line(level, "checks: [%s]", strings.Join(p.checks, ", "))
	}
	if len(p.saves) > 0 {
		w.line(level, "save:")
		for _, s := range p.saves {
			each := ""
			if s.each {
				each = `, each: true, default: ""`
			}
			w.line(level+1, "%s: {%s: %s%s}", s.name, s.kind, scalar(s.what), each)
		}
	}
	if s := p.shape; s.Type != "" && p.status < 500 {
		list := []string{"type: " + scalar(s.Type)}
		if len(s.JSON) > 0 {
			list = append(list, "json: "+flowList(s.JSON))
		}
		if s.Title != "" {
			list = append(list, "title: "+scalar(s.Title))
		}
		if len(s.Fields) > 0 {
			list = append(list, "fields: "+flowList(s.Fields))
		}
		w.line(level, "shape: {%s}", strings.Join(list, ", "))
	}
}

func (w *writer) slots(level int, key string, list []slot) {
	if len(list) == 0 {
		return
	}
	w.line(level, "%s:", key)
	for _, s := range list {
		w.line(level+1, "%s: %s", scalar(s.name), scalar(s.value))
	}
}

// rest writes what a site says beside its name and its actions.
func (w *writer) rest(base *site.Site) {
	v := reflect.ValueOf(base).Elem()
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("yaml")
		if key == "" || key == "name" || key == "actions" {
			continue
		}
		value := v.Field(i)
		if value.Kind() == reflect.Slice && value.Len() > 0 {
			w.line(0, "%s:", key)
			for j := range value.Len() {
				w.line(1, "- %s", asFlow(value.Index(j)))
			}
		} else if text := asFlow(value); text != "" {
			w.line(0, "%s: %s", key, text)
		}
	}
}
