package scenarios

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"pegel/internal/site"
)

func (c *checker) personas() {
	if len(c.Personas) == 0 {
		c.missing(Pos{}, "personas are", "write personas: [{name: browser, journey: webmail}]", "personas")
	}
	seen := map[string]bool{}
	for _, p := range c.Personas {
		switch {
		case p.Name == "":
			c.missing(p.Pos, "name of the persona is", "")
		case !plainName.MatchString(p.Name) || p.Name == "source":
			c.fail(plainNameRule, fmt.Sprintf("a persona cannot be called %q", p.Name), p.Pos, "name")
		case seen[p.Name]:
			c.fail("", fmt.Sprintf("persona %q is listed twice", p.Name), p.Pos, "name")
		}
		seen[p.Name] = true
		if p.Journey == "" {
			c.missing(p.Pos, fmt.Sprintf("journey of persona %q is", p.Name), "")
		}
		if c.read("journeys") {
			for key, journey := range map[string]string{"journey": p.Journey, "fresh": p.Fresh} {
				if _, ok := c.Journeys[journey]; !ok && journey != "" {
					c.fail(didYouMean(journey, names(c.Journeys)), fmt.Sprintf("unknown journey %q", journey), p.Pos, key)
				}
			}
		}
		if _, ok := c.Lines[p.Line]; !ok && p.Line != "" && c.read("lines") {
			c.fail(didYouMean(p.Line, names(c.Lines)), fmt.Sprintf("unknown line %q", p.Line), p.Pos, "line")
		}
		if p.Count < 0 {
			c.fail("", "count must not be negative", p.Pos, "count")
		}
		c.behaviour(p)
		if c.read("activity") {
			c.personaUse(p)
		}
		if p.Arrivals != nil {
			c.arrivals(p)
		}
	}
}

// personaUse checks that it is said how many users play the persona, and only once.
func (c *checker) personaUse(p Persona) {
	_, active := c.Activity.ByPersona[p.Name]
	switch {
	case !active && p.Count == 0 && p.Copy == NoPass && p.Arrivals == nil && p.Name != "":
		hint := "add it to activity, or give it a count"
		if near := Nearest(p.Name, names(c.Activity.ByPersona)); near != "" {
			hint = fmt.Sprintf("activity has %q", near)
		}
		c.fail(hint, fmt.Sprintf("persona %q has neither activity, count, copy nor arrivals, so nobody would play it", p.Name), p.Pos)
	case active && p.Count > 0:
		c.failKey("leave one of them out", fmt.Sprintf("persona %q has both an activity and a count", p.Name), p.Pos, "count")
	case active && p.Copy != NoPass:
		c.failKey("leave one of them out", fmt.Sprintf("persona %q has an activity, but copy traffic has none", p.Name), p.Pos, "copy")
	case p.Arrivals != nil && active:
		c.failKey("leave one of them out", fmt.Sprintf("persona %q has both an activity and arrivals", p.Name), p.Pos, "arrivals")
	case p.Arrivals != nil && p.Count > 0:
		c.failKey("leave one of them out", fmt.Sprintf("persona %q has both a count and arrivals", p.Name), p.Pos, "count")
	case p.Arrivals != nil && p.Copy != NoPass:
		c.failKey("leave one of them out", fmt.Sprintf("persona %q has arrivals, but copy traffic has none", p.Name), p.Pos, "copy")
	}
}

func (c *checker) activity() {
	var personas []string
	for _, p := range c.Personas {
		personas = append(personas, p.Name)
	}
	for name := range c.Activity.ByPersona {
		if !slices.Contains(personas, name) {
			c.failKey(didYouMean(name, personas), fmt.Sprintf("unknown persona %q", name), Pos{}, "activity", name)
		}
	}
}

func (c *checker) journeys() {
	before := len(c.d.errs.Problems)
	if len(c.Journeys) == 0 {
		c.missing(Pos{}, "journeys are", "write journeys: {webmail: [{do: web.login}]}", "journeys")
	}
	for name, j := range c.Journeys {
		if !plainName.MatchString(name) {
			c.failKey(plainNameRule, fmt.Sprintf("journey name %q", name), Pos{}, "journeys", name)
		}
		if len(j) == 0 {
			c.failKey("write - do: web.login", fmt.Sprintf("journey %q has no steps", name), Pos{}, "journeys", name)
		}
		for _, s := range j {
			c.step(s)
		}
		c.flow(j, around{})
		c.idle(j)
	}
	if len(c.Journeys) > 0 && len(c.d.errs.Problems) == before && len(c.protocols()) == 0 {
		c.failKey("give a journey an action, such as do: web.login", "the scenario sends nothing: no journey has an action", Pos{}, "journeys")
	}
}

var actionForm = regexp.MustCompile(`^([a-z][a-z0-9]*)\.[a-z][a-z0-9_]*$`)

// do checks an action's form and target. Whether there is such an action is for the plan to say.
func (c *checker) do(action, target string, pos Pos) {
	for key, text := range map[string]string{"do": action, "target": target} {
		if strings.Contains(text, "{{") {
			c.fail("what a journey does must be known before the run; use if or choose", "templates are not possible here", pos, key)
			return
		}
	}
	m := actionForm.FindStringSubmatch(action)
	if m == nil {
		c.fail("write it like web.login", fmt.Sprintf("an action is written protocol.verb, got %q", action), pos, "do")
		return
	}
	if !c.read("targets") {
		return
	}
	if target == "" {
		if _, ok := c.Targets.ByName[m[1]]; !ok {
			hint := "add it to targets"
			if known := names(c.Targets.ByName); len(known) > 0 {
				hint += ", or say which one: target: " + strings.Join(known, " or ")
			}
			c.fail(hint, fmt.Sprintf("there is no target %q for %s", m[1], action), pos, "do")
		}
	} else if _, ok := c.Targets.ByName[target]; !ok {
		c.fail(didYouMean(target, names(c.Targets.ByName)), fmt.Sprintf("unknown target %q", target), pos, "target")
		return
	}
	c.onSite(action, m[1], cmp.Or(target, m[1]), pos)
}

// onSite checks that the site of a web target offers what is asked of it.
func (c *checker) onSite(action, protocol, target string, pos Pos) {
	_, verb, _ := strings.Cut(action, ".")
	at := c.Targets.ByName[target].Site
	if protocol != "web" || at.Site == nil {
		return
	}
	var offered []string
	for name, a := range at.Site.Actions {
		if len(a.Web) > 0 {
			offered = append(offered, "web."+name)
		}
	}
	if at.Site.Push != nil {
		offered = append(offered, "web.push")
	}
	if (slices.Contains(site.Verbs, verb) || verb == "push") && !slices.Contains(offered, action) {
		slices.Sort(offered)
		c.fail("it has "+strings.Join(offered, ", "), fmt.Sprintf("the site %s has no %s", at.Site.Name, action), pos, "do")
	}
}
