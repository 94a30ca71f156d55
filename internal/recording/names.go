package recording

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

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
