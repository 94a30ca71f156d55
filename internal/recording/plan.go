package recording

import (
	"slices"
	"strings"
)

// plan makes the request of a row.
func (c *correlator) plan(at int) *planned {
	r := &c.rows[at]
	all := make([]request, len(r.x))
	for n, x := range r.x {
		all[n] = take(x)
	}
	first := &all[0]
	p := &planned{method: r.x[0].Method, kind: first.kind, status: r.x[0].Status, row: at}
	if p.status == 304 {
		p.status = 200
	}
	var path strings.Builder
	for i := range first.path {
		path.WriteByte('/')
		text := c.solve(p, at, "path", "", valuesAt(all, func(r *request) []slot { return r.path }, i))
		path.WriteString(escapePath(text))
	}
	p.path = path.String()
	p.query = c.slots(p, at, "query", all, func(r *request) []slot { return r.query })
	p.headers = c.headers(p, at, all)
	switch p.kind {
	case "json":
		p.json = c.json(p, at, all)
	default:
		p.body = c.slots(p, at, p.kind, all, func(r *request) []slot { return r.body })
	}
	for _, x := range r.x {
		if len(x.Body) > 0 && x.Cut {
			p.notes = append(p.notes, "what was sent is longer than what was recorded")
			break
		}
	}
	p.inPath = repeated(p.query)
	if p.kind == "form" && repeated(p.body) { // a name twice is possible in a plain body only
		var pairs []string
		for _, s := range p.body {
			pairs = append(pairs, escapeQuery(s.name)+"="+escapeQuery(s.value))
		}
		p.kind, p.body = "body", []slot{{value: strings.Join(pairs, "&")}}
		p.headers = append(p.headers, slot{name: "Content-Type", value: "application/x-www-form-urlencoded"})
	}
	p.shape = c.shape(r)
	c.checks(p, r)
	return p
}

func repeated(list []slot) bool {
	seen := map[string]bool{}
	for _, s := range list {
		if seen[s.name] {
			return true
		}
		seen[s.name] = true
	}
	return false
}

func valuesAt(all []request, part func(*request) []slot, i int) (values []string) {
	for n := range all {
		values = append(values, part(&all[n])[i].value)
	}
	return values
}

// slots solves the slots of one part of a request.
func (c *correlator) slots(p *planned, at int, where string, all []request, part func(*request) []slot) (list []slot) {
	first := part(&all[0])
	for n := range all[1:] {
		if other := part(&all[n+1]); !fits(first, other) {
			// Not the same names: what all have is compared, the rest is the first recording's.
			list := make([]slot, 0, len(first))
			for _, s := range first {
				values := []string{s.value}
				for m := range all[1:] {
					for _, o := range part(&all[m+1]) {
						if o.name == s.name && len(values) == m+1 {
							values = append(values, o.value)
						}
					}
				}
				if len(values) == len(all) {
					list = append(list, slot{name: s.name, value: c.solve(p, at, where, s.name, values)})
				} else {
					p.notes = append(p.notes, s.name+" is not in all recordings, left out")
				}
			}
			return list
		}
	}
	for i, s := range first {
		list = append(list, slot{name: braces(s.name), value: c.solve(p, at, where, s.name, valuesAt(all, part, i)), text: s.text})
	}
	return list
}

// headers are those that all recordings have. One that stays unexplained is left out.
func (c *correlator) headers(p *planned, at int, all []request) (list []slot) {
	for _, s := range all[0].headers {
		values := []string{s.value}
		for n := range all[1:] {
			for _, o := range all[n+1].headers {
				if strings.EqualFold(o.name, s.name) && len(values) == n+1 {
					values = append(values, o.value)
				}
			}
		}
		if len(values) < len(all) {
			continue
		}
		if strings.EqualFold(s.name, "Authorization") && !strings.HasPrefix(strings.ToLower(s.value), "bearer ") || strings.ContainsAny(s.value, "\r\n\x00") {
			p.notes = append(p.notes, "the header "+s.name+" was left out")
			continue
		}
		list = append(list, slot{name: s.name, value: c.solve(p, at, "header", s.name, values)})
	}
	return list
}

// json is a body of JSON with its values solved.
func (c *correlator) json(p *planned, at int, all []request) string {
	first := &all[0]
	for n := range all[1:] {
		if !fits(first.body, all[n+1].body) {
			p.notes = append(p.notes, "what is sent has another shape in each recording: this is the first one's")
			all = slices.Repeat(all[:1], len(all))
			break
		}
	}
	var b strings.Builder
	for i, s := range first.body {
		b.WriteString(braces(first.around[i]))
		text := c.solve(p, at, "json", s.name, valuesAt(all, func(r *request) []slot { return r.body }, i))
		if s.text {
			text = quoteJSON(text)
		}
		b.WriteString(text)
	}
	b.WriteString(braces(first.around[len(first.body)]))
	return b.String()
}
