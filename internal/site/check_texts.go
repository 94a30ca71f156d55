package site

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// variables collects what captures, picks and gestures set.
func (c *checker) variables() {
	add := func(name string) {
		if !slices.Contains(c.s.vars, name) {
			c.s.vars = append(c.s.vars, name)
		}
	}
	for _, verb := range slices.Sorted(maps.Keys(c.s.Actions)) {
		action := c.s.Actions[verb]
		for i := range action.Web {
			step := &action.Web[i]
			for _, r := range append([]Request{step.Request}, step.Parallel...) {
				for _, name := range slices.Sorted(maps.Keys(r.Save)) {
					add(name)
				}
			}
			for _, name := range slices.Sorted(maps.Keys(step.Pick)) {
				add(name)
			}
		}
		for _, g := range action.Browser {
			if g.Save != "" {
				add(g.Save)
			}
		}
	}
	for _, name := range c.s.vars {
		if _, taken := builtins[name]; taken || !varForm.MatchString(name) {
			c.fail("use letters, digits and underscore", fmt.Sprintf("%q cannot be the name of a variable", name), "actions")
		}
	}
	if len(c.s.vars) > mostVars {
		c.fail("", fmt.Sprintf("more than %d variables", mostVars), "actions")
	}
}

// values finds out what the names in templates stand for.
func (c *checker) values() {
	c.s.kinds, c.s.at = make([]kind, len(c.s.names)), make([]int, len(c.s.names))
	for i, name := range c.s.names {
		if k, ok := builtins[name]; ok {
			c.s.kinds[i] = k
			continue
		}
		c.s.at[i] = c.s.Variable(name) // -1 is found where it is used
	}
}

// text checks that all names of a template are known. They are the same wherever the template stands.
func (c *checker) text(x Text, way ...string) {
	for _, v := range x.values {
		if c.s.kinds[v] == Variable && c.s.at[v] < 0 {
			known := slices.Concat(slices.Sorted(maps.Keys(builtins)), c.s.vars)
			c.unknown(c.s.names[v], known, "known are "+strings.Join(known, ", "), fmt.Sprintf("nothing sets {{%s}}", c.s.names[v]), way...)
		}
	}
}

func (c *checker) texts(m map[string]Text, way ...string) []Field {
	list := fields(m)
	for _, f := range list {
		c.text(f.Value, append(slices.Clone(way), f.Name)...)
	}
	return list
}

// lines are headers.
func (c *checker) lines(m map[string]Text, way ...string) []Field {
	list := c.texts(m, way...)
	for _, f := range list {
		switch {
		case !headerForm.MatchString(f.Name):
			c.fail("", fmt.Sprintf("%q is no name of a header", f.Name), append(slices.Clone(way), f.Name)...)
		case strings.ContainsAny(f.Value.source, "\r\n\x00"):
			c.fail("", "the value of a header must be one line", append(slices.Clone(way), f.Name)...)
		case slices.Contains([]string{"cookie", "content-length", "transfer-encoding", "connection", "accept-encoding", "host", "user-agent"}, strings.ToLower(f.Name)):
			c.fail("leave it out; the user agent is the key agent", "the client writes this header by itself", append(slices.Clone(way), f.Name)...)
		}
	}
	return list
}
