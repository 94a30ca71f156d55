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
			if way := (saved{u.name, u.capture}); c.renews(u, at) && !slices.Contains(p.saves, way) {
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
	values := make([]string, len(u.values))
	for n, x := range c.rows[at].x {
		found := u.take(x, c.jar(at, n))
		if len(found) == 0 || found[0] == u.values[n] || digits(found[0]) {
			return false
		}
		values[n] = found[0]
	}
	if allEqual(values) {
		return false
	}
	for _, o := range c.uses {
		if o.name != u.name || o.from >= at || at >= o.at {
			continue
		}
		return false // what was sent later is the older value
	}
	return true
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
