package scenarios

import (
	"fmt"
	"slices"
	"strings"
)

// stepForms are the keys that say what kind of step it is. A step has exactly one of them, or think alone.
var stepForms = []string{"do", "repeat", "every", "if", "choose", "parallel"}

const oneForm = "a step is exactly one of do, think, repeat, every, if, choose and parallel; "

// belongs says beside which forms a key may stand.
var belongs = []struct {
	key   string
	forms []string
}{
	{"target", []string{"do"}}, {"with", []string{"do"}}, {"timeout", []string{"do"}}, {"save", []string{"do"}}, {"tags", []string{"do"}},
	{"steps", []string{"repeat", "every", "if"}}, {"else", []string{"if"}}, {"lockstep", []string{"every"}},
}

func (c *checker) step(s Step) {
	var forms []string
	for _, key := range stepForms {
		if c.has(s.Pos, key) {
			forms = append(forms, key)
		}
	}
	if len(forms) == 0 && s.Think != nil {
		forms = []string{"think"}
	}
	switch {
	case len(forms) == 0:
		c.fail("", oneForm+"this is none", s.Pos)
		return
	case len(forms) > 1:
		c.failKey("make them steps of their own", oneForm+"this has "+strings.Join(forms, " and "), s.Pos, forms[1])
		return
	}
	form := forms[0]
	for _, b := range belongs {
		if !slices.Contains(b.forms, form) && c.has(s.Pos, b.key) {
			c.failKey("", b.key+" makes no sense without "+strings.Join(b.forms, " or "), s.Pos, b.key)
		}
	}
	if s.Think != nil && form != "do" && form != "think" {
		c.failKey("make it a step of its own", "think makes no sense beside "+form, s.Pos, "think")
	}
	switch form {
	case "do":
		c.do(s.Do, s.Target, s.Pos)
		if c.has(s.Pos, "save") {
			c.captures(s.Save, s.Pos)
		}
		if c.has(s.Pos, "timeout") && s.Timeout == 0 {
			c.fail("", "timeout must be above 0", s.Pos, "timeout")
		}
	case "repeat":
		c.repeat(s)
	case "every":
		c.every(s)
	case "if":
		c.inside(s.Steps, s.Pos, form)
		if c.has(s.Pos, "else") && len(s.Else) == 0 {
			c.fail("leave it out, or give it steps", "else has no steps", s.Pos, "else")
		}
		for _, inner := range s.Else {
			c.step(inner)
		}
	case "choose":
		if len(s.Choose) == 0 {
			c.fail("write choose: [{weight: 7, do: web.read}, …]", "choose has nothing to choose from", s.Pos, "choose")
		}
		for _, choice := range s.Choose {
			c.choice(choice)
		}
	case "parallel":
		c.parallel(s)
	}
}

// inside checks the steps that stand beside repeat, every or if.
func (c *checker) inside(steps Journey, pos Pos, form string) {
	if len(steps) == 0 {
		c.missing(pos, "steps of the "+form+" are", "write steps beside "+form, "steps")
	}
	for _, inner := range steps {
		c.step(inner)
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
	case !forever && (s.Repeat == nil || s.Repeat.Times <= 0):
		c.fail("write repeat: {times: 3} or repeat: {for: session}", "repeat needs times above 0, or for: session", at, "times")
	}
	c.inside(s.Steps, s.Pos, "repeat")
}

// shortestBeat keeps a beat from being a loop without a pause.
const shortestBeat = 10 // ms

func (c *checker) every(s Step) {
	if s.Every.D().Milliseconds() < shortestBeat {
		c.fail("write every: 10m", fmt.Sprintf("every must be at least %d ms", shortestBeat), s.Pos, "every")
	}
	c.inside(s.Steps, s.Pos, "every")
}

// What one user may do at the same time: so many branches, and branches within branches so deep.
const (
	mostBranches = 16
	mostParallel = 2
)

func (c *checker) parallel(s Step) {
	const hint = "write parallel: [{steps: […]}, {steps: […]}]"
	switch n := len(s.Parallel); {
	case n < 2:
		c.fail(hint, fmt.Sprintf("parallel needs at least two branches, this has %d", n), s.Pos, "parallel")
	case n > mostBranches:
		c.fail("make it several users", fmt.Sprintf("a user can do at most %d things at the same time, these are %d", mostBranches, n), s.Pos, "parallel")
	}
	seen := map[string]bool{}
	for _, b := range s.Parallel {
		switch {
		case b.Name != "" && !plainName.MatchString(b.Name):
			c.fail(plainNameRule, fmt.Sprintf("a branch cannot be called %q", b.Name), b.Pos, "name")
		case seen[b.Name]:
			c.fail("", fmt.Sprintf("branch %q is listed twice", b.Name), b.Pos, "name")
		}
		seen[b.Name] = b.Name != ""
		if len(b.Steps) == 0 {
			c.fail("write steps: [{do: imap.idle}]", "the branch has no steps", b.Pos, "steps")
		}
		for _, inner := range b.Steps {
			c.step(inner)
		}
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
		if c.has(b.Pos, "save") {
			c.captures(b.Save, b.Pos)
		}
	case len(b.Steps) == 0:
		c.fail("", "the choice has no steps", b.Pos, "steps")
	default:
		for _, key := range []string{"with", "target", "think", "save", "tags"} {
			if c.has(b.Pos, key) {
				c.failKey("", key+" makes no sense without do", b.Pos, key)
			}
		}
		for _, inner := range b.Steps {
			c.step(inner)
		}
	}
}

// around is what encloses a list of steps.
type around struct {
	loop     string // why an endless step in there would change what is meant; empty: it would not
	parallel int    // branches within branches
}

// flow looks for steps that would never be done, and for too much at the same time.
func (c *checker) flow(j Journey, in around) {
	for i, s := range j {
		if s.Every > 0 {
			if in.loop != "" {
				c.failKey("let it be a branch of parallel, or use repeat with think", "every goes on until the session ends, so "+in.loop, s.Pos, "every")
			}
			if i+1 < len(j) {
				c.fail("put both into parallel", "this step is never reached: the every before it goes on until the session ends", j[i+1].Pos)
			}
		}
		steps := in
		switch {
		case s.Every > 0:
			steps.loop = "the every around it would have one beat only"
		case s.Repeat != nil && s.Repeat.Times > 1:
			steps.loop = fmt.Sprintf("it would be repeated once, not %d times", s.Repeat.Times)
		}
		c.flow(s.Steps, steps)
		c.flow(s.Else, in)
		for _, b := range s.Choose {
			c.flow(b.Steps, in)
		}
		if len(s.Parallel) == 0 {
			continue
		}
		beside := in
		if beside.parallel++; beside.parallel > mostParallel {
			c.failKey("", fmt.Sprintf("parallel steps are nested deeper than %d", mostParallel), s.Pos, "parallel")
			continue
		}
		for _, b := range s.Parallel {
			c.flow(b.Steps, beside)
		}
	}
}
