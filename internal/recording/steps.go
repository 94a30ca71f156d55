package recording

import (
	"fmt"
	"slices"
	"strings"
)

// action makes the steps of one action.
func (c *correlator) action(a int, plans []*planned) JourneyAction {
	out := JourneyAction{Verb: c.verb(a)}
	picked := map[string]bool{}
	var group *step // of requests at the same time
	for at := range c.rows {
		r := &c.rows[at]
		if r.action != a {
			continue
		}
		if r.asset {
			path := r.x[0].URL.EscapedPath()
			if r.x[0].URL.RawQuery != "" {
				path += "?" + r.x[0].URL.RawQuery
			}
			if n := len(out.Steps); n > 0 && out.Steps[n-1].assets != nil && len(out.Steps[n-1].assets) < 200 {
				if s := &out.Steps[n-1]; !slices.Contains(s.assets, path) {
					s.assets = append(s.assets, path)
				}
			} else {
				out.Steps = append(out.Steps, step{assets: []string{path}})
			}
			group = nil
			continue
		}
		p := plans[at]
		chosen := false
		for _, u := range c.uses {
			if way := (saved{u.name, u.capture}); !slices.Contains(p.saves, way) && c.renews(u, at) {
				p.saves = append(p.saves, way)
			}
		}
		for i, u := range c.uses {
			if u.from == at {
				if way := (saved{u.name, u.capture}); !slices.Contains(p.saves, way) {
					p.saves = append(p.saves, way)
				}
			}
			if u.place != p {
				continue
			}
			name := u.name
			if c.picks(u) {
				name = "one_" + u.name
				if !picked[name] {
					picked[name], chosen = true, true
					s := step{pick: name, of: u.name}
					if from := c.rows[u.from].action; from != a && c.askable(from) {
						s.after = c.verb(from)
					}
					out.Steps = append(out.Steps, s)
				}
			}
			p.fill(fmt.Sprintf("\x00%d\x00", i), "{{"+name+"}}")
		}
		if group != nil && !chosen && c.together(group, at) && len(group.requests) < 64 {
			last := &out.Steps[len(out.Steps)-1]
			last.requests = append(last.requests, p)
			group = last
			continue
		}
		out.Steps = append(out.Steps, step{requests: []*planned{p}})
		group = &out.Steps[len(out.Steps)-1]
	}
	return out
}

// renews says whether an answer has the successor of a value that is used: found in the same way, different from the one
// before in every recording, and not passed over by a later use. Tokens that change with every answer do so.
func (c *correlator) renews(u *use, at int) bool {
	if u.each || at <= u.from || u.kind == "regexp" && !strings.Contains(strings.ToLower(u.what), "token") || u.kind == "cookie" {
		return false
	}
	if c.awaited(u.name)[at] {
		return false // what was sent later is the older value
	}
	values := c.first(u.capture, at)
	for n, value := range values {
		if value == u.values[n] || digits(value) {
			return false
		}
	}
	return values != nil && !allEqual(values)
}

// awaited are the rows between an answer that gives a variable and a request that needs this very value.
func (c *correlator) awaited(name string) []bool {
	if c.between == nil {
		c.between = map[string][]bool{}
		for _, u := range c.uses {
			rows := c.between[u.name]
			if rows == nil {
				rows = make([]bool, len(c.rows))
				c.between[u.name] = rows
			}
			for at := u.from + 1; at < u.at; at++ {
				rows[at] = true
			}
		}
	}
	return c.between[name]
}

// firstKey is one way at one row.
type firstKey struct {
	capture
	at int
}

// first is the first value to which a way leads in the answer of a row, for each recording; nil where not all have one.
func (c *correlator) first(way capture, at int) []string {
	key := firstKey{way, at}
	if values, known := c.firsts[key]; known {
		return values
	}
	values := make([]string, len(c.rows[at].x))
	for n, x := range c.rows[at].x {
		found := way.take(x, c.jar(at, n))
		if len(found) == 0 {
			values = nil
			break
		}
		values[n] = found[0]
	}
	if c.firsts == nil {
		c.firsts = map[firstKey][]string{}
	}
	c.firsts[key] = values
	return values
}

// together says whether a request was sent before the answers of all in the group were there, and needs none of them.
func (c *correlator) together(group *step, at int) bool {
	for _, p := range group.requests {
		x := c.rows[p.row].x[0]
		if x.Kind == "document" || !c.rows[at].x[0].Began.Before(x.Ended) {
			return false
		}
		for _, u := range c.uses {
			if u.at == at && u.from == p.row {
				return false
			}
		}
	}
	return true
}

// fill puts a name in the place of its token.
func (p *planned) fill(token, name string) {
	// A token in a path or in JSON has been escaped with what stands around it.
	p.path, p.json = strings.ReplaceAll(p.path, token, name), strings.ReplaceAll(p.json, token, name)
	for _, list := range [][]slot{p.query, p.headers, p.body} {
		for i := range list {
			list[i].value = strings.ReplaceAll(list[i].value, token, name)
		}
	}
}
