package site

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"pegel/probes/probe/jsonpath"
)

// Fields of a request in a fixed order.

// HeaderFields are the headers of every request that is no asset.
func (s *Site) HeaderFields() []Field { return s.headers }

// HeaderFields are the request's own headers.
func (r *Request) HeaderFields() []Field { return r.headers }

// QueryFields are the parameters that its path does not have itself.
func (r *Request) QueryFields() []Field { return r.query }

// FormFields are those of its form.
func (r *Request) FormFields() []Field { return r.form }

// Parts are those of a multipart form.
func (r *Request) Parts() []Field { return r.parts }

// Saves are the variables that its answer gives.
func (r *Request) Saves() []Saved { return r.saves }

// AssetRequests are the requests for Assets.
func (s *Step) AssetRequests() []Request { return s.assets }

// QueryFields are the parameters of the push's address.
func (p *Push) QueryFields() []Field { return p.query }

// Variables of a pick: the one to be set, and the one with the values.
func (p Pick) Variables() (set, of int) { return p.variable, p.of }

func fields(m map[string]Text) []Field {
	var list []Field
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, Field{name, m[name]})
	}
	return list
}

// Answer is what captures and rules look at.
type Answer interface {
	Header(name string) (string, bool)
	Cookie(name string) (string, bool)
}

// Take takes the value of a capture, or with Each all of them, from an answer.
func (c *Capture) Take(a Answer, body []byte) (values []string, ok bool) {
	most := 1
	if c.Each {
		most = MostValues
	}
	switch {
	case c.JSON != "":
		values = jsonpath.Values(body, c.path, most)
	case c.match != nil:
		for _, m := range c.match.FindAllSubmatch(body, most) {
			if m[1] != nil {
				values = append(values, string(m[1]))
			}
		}
	case c.Header != "":
		if v, ok := a.Header(c.Header); ok {
			values = []string{v}
		}
	case c.Cookie != "":
		if v, ok := a.Cookie(c.Cookie); ok {
			values = []string{v}
		}
	}
	return values, len(values) > 0
}

// What is looked for, as the site file writes it.
func (c *Capture) What() string {
	switch {
	case c.JSON != "":
		return "JSON value " + c.JSON
	case c.Header != "":
		return "header " + c.Header
	case c.Cookie != "":
		return "cookie " + c.Cookie
	}
	return "match of " + c.Regexp
}

// Value is the first value that a check of JSON finds.
func (c *Check) Value(body []byte) (value string, ok bool) {
	if found := jsonpath.Values(body, c.path, 1); len(found) > 0 {
		return found[0], true
	}
	return "", false
}

// Count is how many values a check of JSON finds, of at most MostValues + 1.
func (c *Check) Count(body []byte) int { return jsonpath.Count(body, c.path, MostValues+1) }

// Find says whether an answer reports an error: its text, its code where it has one, and the name of its class, "" where
// none is given.
func (r *Rule) Find(body []byte) (text, code, class string, found bool) {
	if r.match != nil {
		m := r.match.FindSubmatch(body)
		if m == nil {
			return "", "", "", false
		}
		if text = string(m[0]); len(m) > 1 {
			text = string(m[1])
		}
		return text, "", r.Class, true
	}
	values := jsonpath.Values(body, r.path, 1)
	if len(values) == 0 || values[0] == "" || values[0] == "false" || values[0] == "0" {
		return "", "", "", false
	}
	if r.Ignore != nil {
		if v := jsonpath.Values(body, strings.Split(r.Ignore.JSON, "."), 1); len(v) > 0 && v[0] == r.Ignore.Equals {
			return "", "", "", false
		}
	}
	if r.code != nil {
		if v := jsonpath.Values(body, r.code, 1); len(v) > 0 {
			code = v[0]
		}
	}
	class = r.Class
	for _, c := range r.Classes {
		if ok, _ := path.Match(c.Code, code); ok {
			class = c.Class
			break
		}
	}
	return values[0], code, class, true
}

// group is a pattern that has a group.
func group(pattern string) (*regexp.Regexp, string) {
	re, err := regexp.Compile(pattern)
	switch {
	case err != nil:
		return nil, err.Error()
	case re.NumSubexp() == 0:
		return nil, "the pattern has no group"
	}
	return re, ""
}

// MostName is the longest name of a backend, in characters.
const MostName = 200

// Named is the backend that a value of its header or cookie names, "" where it names none: what stands behind the last
// occurrence of After, if there is such a mark.
func (b *Backend) Named(value string) string {
	if b.After != "" {
		at := strings.LastIndex(value, b.After)
		if at < 0 {
			return ""
		}
		value = value[at+len(b.After):]
	}
	if runes := []rune(value); len(runes) > MostName {
		value = string(runes[:MostName]) + "…"
	}
	return value
}
