package recording

import (
	"bytes"
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
