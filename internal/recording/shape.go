package recording

import (
	"encoding/json"
	"html"
	"mime"
	"regexp"
	"slices"
	"strings"

	"pegel/internal/site"
)

const (
	mostPaths   = 60 // of a shape of JSON
	deepestPath = 5
)

var (
	titleForm = regexp.MustCompile(`(?is)<title[^>]*>([^<]{0,200})</title>`)
	inputForm = regexp.MustCompile(`(?is)<(?:input|select|textarea)\b[^>]*?\bname\s*=\s*["']?([^"'\s>]{1,100})`)
)

// ShapeOf is the shape of one answer: its type; of JSON the paths to plain values, with * for elements of lists; of HTML the
// title and the names of the fields of forms.
func ShapeOf(contentType string, body []byte) (s site.Shape) {
	s.Type = typeOf(contentType)
	switch {
	case s.Type == "application/json" || strings.HasSuffix(s.Type, "+json") || (s.Type == "text/plain" || s.Type == "text/javascript") && json.Valid(body):
		paths := map[string]bool{}
		var v any
		if json.Unmarshal(body, &v) == nil {
			pathsOf(v, nil, paths)
		}
		for p := range paths {
			s.JSON = append(s.JSON, p)
		}
		slices.Sort(s.JSON)
	case s.Type == "text/html" || s.Type == "application/xhtml+xml":
		if m := titleForm.FindSubmatch(body); m != nil {
			s.Title = strings.Join(strings.Fields(html.UnescapeString(string(m[1]))), " ")
		}
		for _, m := range inputForm.FindAllSubmatch(body, 500) {
			// Names that are numbers are made by frameworks, and differ from page to page.
			if name := string(m[1]); !(name[0] >= '0' && name[0] <= '9') && !slices.Contains(s.Fields, name) {
				s.Fields = append(s.Fields, name)
			}
		}
		slices.Sort(s.Fields)
	}
	return s
}

func typeOf(contentType string) string {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind, _, _ = strings.Cut(contentType, ";")
	}
	return strings.ToLower(strings.TrimSpace(kind))
}

// pathsOf collects the paths to plain values. Keys that look like data, because they are numbers or long, count as *.
func pathsOf(v any, way []string, to map[string]bool) {
	if len(way) > deepestPath || len(to) > 4*mostPaths {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for key, e := range v {
			if digits(key) || len(key) > 40 || key == "" || strings.ContainsAny(key, ".@/ {}") {
				key = "*"
			}
			pathsOf(e, append(way, key), to)
		}
	case []any:
		for _, e := range v[:min(len(v), 20)] {
			pathsOf(e, append(way, "*"), to)
		}
		if len(v) == 0 && len(way) > 0 {
			to[strings.Join(way, ".")+".*"] = true
		}
	default:
		if len(way) > 0 {
			to[strings.Join(way, ".")] = true
		}
	}
}

// shape is what the answers of a row have in common.
func (c *correlator) shape(r *row) (s site.Shape) {
	for n, x := range r.x {
		one := ShapeOf(x.AnswerType, x.Text)
		if n == 0 {
			s = one
			continue
		}
		if one.Type != s.Type {
			s.Type = ""
		}
		if one.Title != s.Title {
			s.Title = ""
		}
		s.JSON = slices.DeleteFunc(s.JSON, func(p string) bool { return !slices.Contains(one.JSON, p) })
		s.Fields = slices.DeleteFunc(s.Fields, func(p string) bool { return !slices.Contains(one.Fields, p) })
	}
	// What stands under an identifier of the account's own is not the application's shape, and must not be written.
	private := func(p string) bool { return c.private(p) || strings.Contains(p, "{{") }
	if s.Title != "" && private(s.Title) {
		s.Title = ""
	}
	s.JSON = slices.DeleteFunc(s.JSON, private)
	s.Fields = slices.DeleteFunc(s.Fields, private)
	if len(s.JSON) > mostPaths {
		// The upper levels say most.
		slices.SortStableFunc(s.JSON, func(a, b string) int { return strings.Count(a, ".") - strings.Count(b, ".") })
		s.JSON = s.JSON[:mostPaths]
		slices.Sort(s.JSON)
	}
	return s
}

// private says whether a text holds something of one of the accounts.
func (c *correlator) private(text string) bool {
	if c.secret(text) {
		return true
	}
	for _, r := range c.list {
		for _, k := range r.Known {
			if len(k.Value) >= 4 && strings.Contains(text, k.Value) {
				return true
			}
		}
	}
	return false
}

// Differs says in what an answer differs from a shape: what is missing, and what is new on the first level of JSON. What stands
// in lists that are empty now is not missing.
func Differs(want site.Shape, contentType string, body []byte) (list []string) {
	got := ShapeOf(contentType, body)
	if want.Type != "" && got.Type != want.Type {
		return []string{"type " + got.Type + " instead of " + want.Type}
	}
	if want.Title != "" && got.Title != want.Title {
		list = append(list, "another title than "+want.Title)
	}
	var missing []string
	for _, p := range want.JSON {
		if !has(got.JSON, p) {
			missing = append(missing, p)
		}
	}
	if len(missing) > 0 {
		list = append(list, "missing "+shorten(missing, 6))
	}
	missing = nil
	for _, f := range want.Fields {
		if !slices.Contains(got.Fields, f) {
			missing = append(missing, f)
		}
	}
	if len(missing) > 0 {
		list = append(list, "form without "+shorten(missing, 6))
	}
	if len(want.JSON) > 0 && len(want.JSON) < mostPaths {
		var added []string
		for _, p := range got.JSON {
			top, _, _ := strings.Cut(p, ".")
			if top != "*" && !slices.ContainsFunc(want.JSON, func(w string) bool { t, _, _ := strings.Cut(w, "."); return t == top }) && !slices.Contains(added, top) {
				added = append(added, top)
			}
		}
		if len(added) > 0 {
			list = append(list, "new "+shorten(added, 6))
		}
	}
	return list
}

// has says whether a path is there, or one of the lists on its way is empty.
func has(paths []string, path string) bool {
	if slices.Contains(paths, path) {
		return true
	}
	parts := strings.Split(path, ".")
	for i, part := range parts {
		if part == "*" && i > 0 && slices.Contains(paths, strings.Join(parts[:i+1], ".")) {
			return true
		}
	}
	return false
}

// checks are what must hold for every answer of a request, as far as it is sure to tell a wrong one: a key of JSON, or for the
// page after a login that it is not the form again.
func (c *correlator) checks(p *planned, r *row) {
	for _, path := range p.shape.JSON {
		if !strings.Contains(path, ".") && path != "*" && plainScalar.MatchString(path) && c.filled(r, path) {
			p.checks = append(p.checks, "{json: "+scalar(path)+"}")
			break
		}
	}
	if c.verb(r.action) != "login" || r.x[0].Method != "POST" || typeOf(r.x[0].AnswerType) != "text/html" {
		return
	}
	const form = `type="password"`
	for _, x := range r.x {
		if strings.Contains(string(x.Text), form) {
			return
		}
	}
	p.checks = append(p.checks, "{lacks: 'type=\"password\"', class: auth}")
}

// filled says whether all answers have a value at a path, and not null.
func (c *correlator) filled(r *row, path string) bool {
	for _, x := range r.x {
		if len((capture{"json", path, false}).take(x, nil)) == 0 {
			return false
		}
	}
	return true
}
