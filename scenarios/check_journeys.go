package scenarios

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
		if p.Count < 0 {
			c.fail("", "count must not be negative", p.Pos, "count")
		}
		if c.read("activity") {
			c.personaUse(p)
		}
	}
}

// personaUse checks that it is said how many users play the persona, and only once.
func (c *checker) personaUse(p Persona) {
	_, active := c.Activity.ByPersona[p.Name]
	switch {
	case !active && p.Count == 0 && !p.Copy && p.Name != "":
		hint := "add it to activity, or give it a count"
		if near := Nearest(p.Name, names(c.Activity.ByPersona)); near != "" {
			hint = fmt.Sprintf("activity has %q", near)
		}
		c.fail(hint, fmt.Sprintf("persona %q has neither activity, count nor copy, so nobody would play it", p.Name), p.Pos)
	case active && p.Count > 0:
		c.failKey("leave one of them out", fmt.Sprintf("persona %q has both an activity and a count", p.Name), p.Pos, "count")
	case active && p.Copy:
		c.failKey("leave one of them out", fmt.Sprintf("persona %q has an activity, but copy traffic has none", p.Name), p.Pos, "copy")
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
	}
}

func (c *checker) step(s Step) {
	var forms []string
	for _, key := range []string{"do", "repeat", "choose"} {
		if c.has(s.Pos, key) {
			forms = append(forms, key)
		}
	}
	if len(forms) == 0 && s.Think != nil {
		forms = []string{"think"}
	}
	switch {
	case len(forms) == 0:
		c.fail("", "a step is one of do, think, repeat and choose; this is none", s.Pos)
		return
	case len(forms) > 1:
		c.failKey("make them steps of their own", "a step is one of do, think, repeat and choose; this has "+strings.Join(forms, " and "), s.Pos, forms[1])
		return
	}
	form := forms[0]
	for _, only := range []struct{ key, form string }{
		{"target", "do"}, {"with", "do"}, {"timeout", "do"}, {"steps", "repeat"},
	} {
		if form != only.form && c.has(s.Pos, only.key) {
			c.failKey("", only.key+" makes no sense without "+only.form, s.Pos, only.key)
		}
	}
	if s.Think != nil && form != "do" && form != "think" {
		c.failKey("make it a step of its own", "think makes no sense beside "+form, s.Pos, "think")
	}
	switch form {
	case "do":
		c.do(s.Do, s.Target, s.Pos)
		if c.has(s.Pos, "timeout") && s.Timeout == 0 {
			c.fail("", "timeout must be above 0", s.Pos, "timeout")
		}
	case "repeat":
		c.repeat(s)
	case "choose":
		if len(s.Choose) == 0 {
			c.fail("write choose: [{weight: 7, do: web.read}, …]", "choose has nothing to choose from", s.Pos, "choose")
		}
		for _, choice := range s.Choose {
			c.choice(choice)
		}
	}
}

func (c *checker) repeat(s Step) {
	at := c.Field(s.Pos, "repeat")
	forever := c.has(at, "for")
	switch {
	case forever && c.has(at, "times"):
		c.failKey("leave one of them out", "times and for exclude each other", at, "times")
	case forever && s.Repeat.For != "session":
		c.fail(didYouMean(s.Repeat.For, []string{"session"}), fmt.Sprintf("unknown for %q", s.Repeat.For), at, "for")
	case !forever && s.Repeat.Times <= 0:
		c.fail("write repeat: {times: 3} or repeat: {for: session}", "repeat needs times above 0, or for: session", at, "times")
	}
	if len(s.Steps) == 0 {
		c.missing(s.Pos, "steps of the repeat are", "write steps beside repeat", "steps")
	}
	for _, inner := range s.Steps {
		c.step(inner)
	}
}

func (c *checker) choice(b Choice) {
	if b.Weight <= 0 {
		c.fail("", "weight must be above 0", b.Pos, "weight")
	}
	do, steps := c.has(b.Pos, "do"), c.has(b.Pos, "steps")
	switch {
	case do == steps:
		c.fail("", "a choice has either do or steps", b.Pos)
	case do:
		c.do(b.Do, b.Target, b.Pos)
	case len(b.Steps) == 0:
		c.fail("", "the choice has no steps", b.Pos, "steps")
	default:
		for _, key := range []string{"with", "target", "think"} {
			if c.has(b.Pos, key) {
				c.failKey("", key+" makes no sense without do", b.Pos, key)
			}
		}
		for _, inner := range b.Steps {
			c.step(inner)
		}
	}
}

var actionForm = regexp.MustCompile(`^([a-z][a-z0-9]*)\.[a-z][a-z0-9_]*$`)

// do checks an action's form and target. Whether there is such an action is for the plan to say.
func (c *checker) do(action, target string, pos Pos) {
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
			c.fail(fmt.Sprintf("add it to targets, or say which one: target: %s", strings.Join(names(c.Targets.ByName), " or ")),
				fmt.Sprintf("there is no target %q for %s", m[1], action), pos, "do")
		}
	} else if _, ok := c.Targets.ByName[target]; !ok {
		c.fail(didYouMean(target, names(c.Targets.ByName)), fmt.Sprintf("unknown target %q", target), pos, "target")
	}
}

// copies checks that copy traffic has both a persona and a concurrency.
func (c *checker) copies() {
	var copying []int
	for i, p := range c.Personas {
		if p.Copy {
			copying = append(copying, i)
		}
	}
	w := c.Wave.Copy
	switch {
	case w.Concurrency < 0:
		c.fail("", "concurrency must not be negative", c.Wave.Pos, "copy", "concurrency")
	case w.Concurrency > 0 && len(copying) == 0:
		c.fail("give the copying persona copy: true", "copy traffic has a concurrency, but no persona copies", c.Wave.Pos, "copy", "concurrency")
	case w.Concurrency == 0 && len(copying) > 0:
		for _, i := range copying {
			c.failKey("write wave: {copy: {concurrency: 4}}", fmt.Sprintf("persona %q copies, but wave.copy.concurrency is not above 0", c.Personas[i].Name),
				Pos{}, "personas", strconv.Itoa(i), "copy")
		}
	case len(copying) == 1 && c.Personas[copying[0]].Count > 0 && c.Personas[copying[0]].Count != w.Concurrency:
		c.fail("leave it out", fmt.Sprintf("count differs from wave.copy.concurrency, which is %d", w.Concurrency),
			Pos{}, "personas", strconv.Itoa(copying[0]), "count")
	}
	if w.Rate < 0 {
		c.fail("", "rate must not be negative", c.Wave.Pos, "copy", "rate")
	}
	stages := []string{"all", "alternate", "experiment", "none"}
	if w.Stages != "" && !slices.Contains(stages, w.Stages) {
		c.fail(didYouMean(w.Stages, stages), fmt.Sprintf("unknown stages %q", w.Stages), c.Wave.Pos, "copy", "stages")
	}
}
