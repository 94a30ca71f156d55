package recording

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// source is the best way to the values of a slot out of an earlier answer, or nil. Values that are the same in all recordings
// come from an answer only where names say that they stand for something there: accounts that are filled alike have the same
// identifiers by accident, and everything else that is the same is the application's.
func (c *correlator) source(at int, where, name string, values []string, same bool) *use {
	if len(values[0]) > 8<<10 || slices.Contains(values, "") {
		return nil
	}
	if same && (values[0] == "0" || c.secret(values[0])) {
		return nil
	}
	if same && !digits(values[0]) && len(values[0]) < 6 {
		return nil
	}
	var best *use
	lowest := 0.0
	for from := range at {
		r := &c.rows[from]
		if r.asset || !c.before(from, at) || !c.has(from, values) {
			continue
		}
		inText := !same || digits(values[0]) && idName.MatchString(name)
		for i, way := range c.captures(from, values, inText) {
			if same && !c.plausible(way, where, name, values[0]) {
				continue
			}
			cost := 0.01 * float64(min(i, 40))
			switch verb := c.verb(r.action); {
			case r.action == c.rows[at].action:
			case verb == "login":
				cost += 1
			case verb == "read" || verb == "logout": // no pick can ask for it
				cost += 4
			default:
				cost += 2
			}
			if way.kind == "regexp" {
				cost += 0.5
			}
			cost += accident(way, name, values[0])
			if way.each { // what was chosen among several is in the newest list
				cost += 0.5 - 0.0001*float64(from)
				if !c.several(way, from) {
					cost++
				}
				if r.action != c.rows[at].action && c.verb(r.action) == "login" {
					cost += 2 // a list of its own action is asked for anew
				}
			} else {
				cost += 0.0001 * float64(from)
			}
			if best == nil || cost < lowest {
				best, lowest = &use{from: from, at: at, capture: way, values: values}, cost
			}
		}
	}
	return best
}

// several says whether a way leads to several values, as one into a list does.
func (c *correlator) several(way capture, from int) bool {
	for n, x := range c.rows[from].x {
		if len(way.take(x, c.jar(from, n))) > 1 {
			return true
		}
	}
	return false
}

// quantity is what counts are called.
var quantity = regexp.MustCompile(`(?i)count|total|size|exists|unread|limit|width|height|quota`)

// accident is how much speaks for it that a short number is found by accident: a count may be the number of the last message.
func accident(way capture, name, value string) float64 {
	if quantity.MatchString(way.what) {
		return 6
	}
	last := way.what[strings.LastIndexByte(way.what, '.')+1:]
	if inside, ok := strings.CutSuffix(way.what, ".*"); ok {
		if last = inside[strings.LastIndexByte(inside, '.')+1:]; !idName.MatchString(last) {
			last = "*"
		}
	}
	switch {
	case !digits(value) && len(value) >= 4 || len(value) >= 8:
		return 0
	case way.kind == "json" && (idName.MatchString(last) || strings.EqualFold(last, name)):
		return 0
	case way.kind == "json" && last == "*":
		return 0.2
	case way.kind == "regexp" && (strings.Contains(way.what, "selected") || strings.Contains(way.what, "checked") || len(name) > 2 && strings.Contains(way.what, name)):
		return 0
	case way.kind == "regexp" && way.each:
		return 1
	case way.kind == "regexp":
		return 3
	}
	return 5
}

func (c *correlator) verb(action int) string { return c.list[0].Actions[action].Verb }

// before says whether an answer was there when a request was sent, in all recordings. Of a document its scripts run before
// its end.
func (c *correlator) before(from, at int) bool {
	for n, x := range c.rows[from].x {
		y := c.rows[at].x[n]
		ended := x.Ended
		if x.Kind == "document" || strings.HasPrefix(x.AnswerType, "text/html") {
			ended = x.Began
		}
		if ended.After(y.Began) {
			return false
		}
	}
	return true
}

// has says whether an answer can have the values at all.
func (c *correlator) has(from int, values []string) bool {
	x := c.rows[from].x[0]
	if bytes.Contains(x.Text, []byte(values[0])) || len(c.leaves(x)[values[0]]) > 0 {
		return true
	}
	return slices.ContainsFunc(x.Answer, func(f Field) bool { return strings.Contains(f.Value, values[0]) })
}

// plausible says whether a value that is the same in all recordings may be one that the answer gives.
func (c *correlator) plausible(way capture, where, name, value string) bool {
	last := way.what[strings.LastIndexByte(way.what, '.')+1:]
	switch {
	case way.kind == "json" && last == "*" && strings.Contains(way.what, "."):
		last = strings.TrimSuffix(way.what, ".*")
		last = last[strings.LastIndexByte(last, '.')+1:]
		fallthrough
	case way.kind == "json":
		return idName.MatchString(last) && (idName.MatchString(name) || where == "path")
	case way.kind == "regexp":
		return way.each && digits(value) && idName.MatchString(name)
	}
	return false
}

// name gives the captures names: one for each way, so that a token that changes with every answer is always the newest one.
// Where that would give a place another value than it had, its capture has a name of its own.
func (c *correlator) name() {
	byWay := map[capture]string{}
	taken := map[string]bool{}
	for _, u := range c.uses {
		if byWay[u.capture] == "" {
			byWay[u.capture] = c.free(u, taken)
		}
		u.name = byWay[u.capture]
	}
	for _, u := range c.uses {
		for _, other := range c.uses {
			if other.capture != u.capture || other.name != u.name || other.from <= u.from || other.from >= u.at || u.each {
				continue
			}
			for n, x := range c.rows[other.from].x {
				if u.found(x, c.jar(other.from, n), u.values[n]) {
					continue
				}
				u.name = c.free(u, taken)
				for _, like := range c.uses {
					if like.capture == u.capture && like.from == u.from {
						like.name = u.name
					}
				}
				break
			}
		}
	}
}

var notName = regexp.MustCompile(`[^A-Za-z0-9]+`)

// reserved are names that templates have already.
var reserved = []string{"run", "now", "day", "limit", "text", "random"}

// free is a name that says what the value is and is not taken.
func (c *correlator) free(u *use, taken map[string]bool) string {
	name := u.what
	switch u.kind {
	case "json":
		parts := slices.DeleteFunc(strings.Split(name, "."), func(s string) bool { return s == "*" })
		if len(parts) > 0 {
			name = parts[len(parts)-1]
		}
	case "regexp":
		words := regexp.MustCompile(`[A-Za-z_]{3,}`).FindAllString(strings.ReplaceAll(name, `\s`, " "), -1)
		words = slices.DeleteFunc(words, func(w string) bool {
			return slices.Contains([]string{"name", "value", "input", "type", "hidden", "content", "href", "option", "var"}, w)
		})
		name = "value"
		if len(words) > 0 {
			name = words[len(words)-1]
		}
	}
	name = strings.Trim(notName.ReplaceAllString(name, "_"), "_")
	if name = strings.ToLower(name); name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "v" + name
	}
	name = name[:min(len(name), 40)]
	if u.each {
		name += "s"
	}
	for n := 1; ; n++ {
		try := name
		if n > 1 {
			try = fmt.Sprintf("%s%d", name, n)
		}
		if !taken[try] && !taken["one_"+try] && !slices.Contains(reserved, try) {
			taken[try] = true
			return try
		}
	}
}

// variables are the names of all captures.
func (c *correlator) variables() (names []string) {
	for _, u := range c.uses {
		if !slices.Contains(names, u.name) {
			names = append(names, u.name)
		}
	}
	return names
}

// picks says whether a place cannot read the variable itself: it holds several values, or is one of an action that may not
// have been done.
func (c *correlator) picks(u *use) bool {
	from := c.rows[u.from].action
	return u.each || from != c.rows[u.at].action && c.askable(from) && !c.everywhere(u)
}

func (c *correlator) askable(action int) bool {
	return !slices.Contains([]string{"login", "read", "logout"}, c.verb(action))
}

// everywhere says whether the variable is set by the login as well, so that it is there always.
func (c *correlator) everywhere(u *use) bool {
	return slices.ContainsFunc(c.uses, func(o *use) bool { return o.name == u.name && c.verb(c.rows[o.from].action) == "login" })
}

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
