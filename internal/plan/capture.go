package plan

import (
	"maps"
	"regexp"
	"slices"

	"pegel/probes/probe"
	"pegel/scenarios"
)

// Save is what an act takes from its answer into variables.
type Save struct {
	captures []capture
}

type capture struct {
	scenarios.Capture
	name     string
	variable int
	path     []string
	match    *regexp.Regexp
}

// MostBody is how much of an answer captures look at, in bytes.
const MostBody = 1 << 20

// saves compiles what the step at pos saves from the answer of its action, whose instruction is at from.
func (c *compiler) saves(j *Journey, from int, save map[string]scenarios.Capture, pos scenarios.Pos) {
	if len(save) == 0 {
		return
	}
	for name := range save {
		c.scope.saved[name] = true
	}
	if from >= len(j.code) { // the action is wrong, which has been said
		return
	}
	in := &j.code[from]
	protocol := c.plan.protocol[in.target]
	if !slices.Contains(protocol.Answers, in.verb) {
		var offering []string
		for _, p := range c.protocols {
			for _, v := range p.Answers {
				offering = append(offering, p.Name+"."+v)
			}
		}
		slices.Sort(offering)
		c.fail(c.plan.Scenario.Field(pos, "save"), nearest("", offering), "%s.%s gives no answer to save from", protocol.Name, in.verb)
		return
	}
	out := &Save{}
	for _, name := range slices.Sorted(maps.Keys(save)) {
		from := save[name]
		v, _, problem := c.lookUp(name)
		if problem != "" {
			c.fail(pos, "", "%s", problem)
			continue
		}
		one := capture{Capture: from, name: name, variable: v.index}
		switch {
		case from.JSON != "", from.XML != "":
			one.path = from.Path()
		case from.Regexp != "":
			re, err := regexp.Compile(from.Regexp)
			if err != nil {
				c.fail(c.plan.Scenario.Field(from.Pos, "regexp"), "patterns are RE2", "%v", err)
				continue
			}
			one.match = re
		}
		out.captures = append(out.captures, one)
	}
	in.save = out
	j.describe(captures(save))
}

// Take takes all variables from an answer; which element a * stands for is drawn by key. What is not there and has no
// default is a failure of class content, whose text holds nothing of the answer; then none is set.
func (s *Save) Take(a *probe.Answer, key uint64, set func(variable int, value string)) error {
	body := a.Body[:min(len(a.Body), MostBody)]
	found := make([]string, len(s.captures))
	for i := range s.captures {
		c := &s.captures[i]
		value, ok := c.take(a, body, probe.Mix(key^uint64(i+1)*0x9e3779b97f4a7c15))
		switch {
		case ok && len(value) > scenarios.MostSaved:
			return probe.Failf(probe.Content, "save "+c.name, "the value is longer than 4 KiB")
		case ok:
			found[i] = value
		case c.Default != nil:
			found[i] = *c.Default
		default:
			return probe.Failf(probe.Content, "save "+c.name, "the answer has no %s", c.what())
		}
	}
	for i := range s.captures {
		set(s.captures[i].variable, found[i])
	}
	return nil
}

// what is looked for, as the scenario writes it.
func (c *capture) what() string {
	switch {
	case c.JSON != "":
		return "JSON value " + c.JSON
	case c.XML != "":
		return "XML element " + c.XML
	case c.Header != "":
		return "header " + c.Header
	case c.Cookie != "":
		return "cookie " + c.Cookie
	}
	return "match of " + c.Regexp
}

func (c *capture) take(a *probe.Answer, body []byte, key uint64) (string, bool) {
	switch {
	case c.JSON != "":
		return jsonValue(body, c.path, key)
	case c.XML != "":
		return xmlValue(body, c.path)
	case c.match != nil:
		m := c.match.FindSubmatch(body)
		if m == nil || m[1] == nil {
			return "", false
		}
		return string(m[1]), true
	case c.Header != "":
		list := a.Header[c.HeaderName()]
		if len(list) == 0 {
			return "", false
		}
		return list[0], true
	case a.Cookie != nil:
		return a.Cookie(c.Cookie)
	}
	return "", false
}
