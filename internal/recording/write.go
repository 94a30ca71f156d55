package recording

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
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

// asFlow is a part of a site as its file writes it, in one line; "" where nothing was written.
func asFlow(v reflect.Value) string {
	if !v.CanInterface() {
		return ""
	}
	switch x := v.Interface().(type) {
	case site.Text:
		if x.Empty() {
			return ""
		}
		return scalar(x.String())
	case time.Duration:
		if x == 0 {
			return ""
		}
		return x.String()
	}
	var list []string
	switch v.Kind() {
	case reflect.String:
		if v.String() == "" {
			return ""
		}
		return scalar(v.String())
	case reflect.Bool, reflect.Int, reflect.Float64:
		if v.IsZero() {
			return ""
		}
		return fmt.Sprint(v.Interface())
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		if v.Elem().Kind() == reflect.String { // a default that may be empty
			return scalar(v.Elem().String())
		}
		return asFlow(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			list = append(list, asFlow(v.Index(i)))
		}
		if len(list) == 0 {
			return ""
		}
		return "[" + strings.Join(list, ", ") + "]"
	case reflect.Map:
		for _, key := range v.MapKeys() {
			list = append(list, scalar(key.String())+": "+asFlow(v.MapIndex(key)))
		}
		slices.Sort(list)
	case reflect.Struct:
		for i := range v.NumField() {
			key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			if text := asFlow(v.Field(i)); key != "" && key != "-" && text != "" {
				list = append(list, key+": "+text)
			}
		}
	}
	if len(list) == 0 {
		return ""
	}
	return "{" + strings.Join(list, ", ") + "}"
}

// Scalars of YAML.

var (
	plainScalar = regexp.MustCompile(`^[A-Za-z/_][A-Za-z0-9/_.*-]*$`)
	wordScalar  = regexp.MustCompile(`(?i)^(?:true|false|null|yes|no|on|off|y|n)$`)
)

// scalar is a text as YAML, without quotes where it needs none.
func scalar(text string) string {
	if plainScalar.MatchString(text) && !wordScalar.MatchString(text) {
		return text
	}
	return quoted(text)
}

// quoted is a text in single quotes where it is one line, else in double quotes with the escapes of JSON, which are YAML's.
func quoted(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' || r == 0x7F || r == 0x85 || r == 0xA0 || r >= 0x2028 && r <= 0x2029 || r == 0xFEFF || r == 0xFFFD
	}) {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		return "''" // a text can always be encoded
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func flow(pairs [][2]string) string {
	var list []string
	for _, p := range pairs {
		if p[1] != "" {
			list = append(list, p[0]+": "+scalar(p[1]))
		}
	}
	return "{" + strings.Join(list, ", ") + "}"
}

func flowList(list []string) string {
	var quotedList []string
	for _, s := range list {
		quotedList = append(quotedList, scalar(s))
	}
	return "[" + strings.Join(quotedList, ", ") + "]"
}

// Templates.

// braces writes a literal text so that it is none of a template.
func braces(text string) string { return strings.ReplaceAll(text, "{{", "{{{{") }

var templateForm = regexp.MustCompile(`\{\{[A-Za-z_][A-Za-z0-9_.-]*\}\}|\x00[0-9]+\x00`)

// literals changes what is no template.
func literals(text string, change func(string) string) string {
	var b strings.Builder
	from := 0
	for _, at := range templateForm.FindAllStringIndex(text, -1) {
		b.WriteString(change(strings.ReplaceAll(text[from:at[0]], "{{{{", "{{")))
		b.WriteString(text[at[0]:at[1]])
		from = at[1]
	}
	b.WriteString(change(strings.ReplaceAll(text[from:], "{{{{", "{{")))
	return b.String()
}

func escapePath(text string) string { return literals(text, url.PathEscape) }

func escapeQuery(text string) string { return literals(text, url.QueryEscape) }

// quoteJSON puts a text with templates into quotes.
func quoteJSON(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' && r != 0: // 0 marks what is put in later
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
