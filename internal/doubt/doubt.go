// Package doubt finds what is legal in a scenario and yet hardly meant: users who never pause, percentiles that too few samples
// will show, objectives that nothing matches, limits of mail servers that the load runs into before the platform is full.
//
// A warning never stops a run. Each has a code, a place in the file and the reason; the figures are those of package expect.
package doubt

import (
	"fmt"
	"slices"
	"strings"

	"pegel/internal/expect"
	"pegel/internal/plan"
	"pegel/scenarios"
)

// Warning is one suspicion. Its code does not change between versions.
type Warning struct {
	Code string
	scenarios.Problem
}

// finder collects warnings about one plan.
type finder struct {
	*plan.Plan
	s     *scenarios.Scenario
	load  *expect.Load
	found []Warning
	parts map[string]*content // of the journeys, by name
}

// Of are all warnings about a plan in the order of their places. load is what it is expected to do, have what this machine
// has; zero limits are unknown.
func Of(p *plan.Plan, load *expect.Load, have expect.Machine) []Warning {
	f := &finder{Plan: p, s: p.Scenario, load: load, parts: map[string]*content{}}
	for name, j := range f.s.Journeys {
		c := &content{}
		c.read(j)
		f.parts[name] = c
	}
	f.pauses()
	f.personas()
	f.objectives()
	f.stages()
	f.accounts()
	f.servers()
	f.targets()
	f.unused()
	if need := expect.NeedOf(p, load, have); have.Files > 0 && need.Files > have.Files {
		f.warn("open-files", f.s.Load.Pos, "raise ulimit -n, or share the load among several generators",
			"the run needs %d open files at once, this process may have %d", need.Files, have.Files)
	}
	slices.SortStableFunc(f.found, func(a, b Warning) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return f.found
}

func (f *finder) warn(code string, pos scenarios.Pos, hint, format string, args ...any) {
	w := Warning{code, *f.s.Problem(pos, hint, format, args...)}
	if !slices.Contains(f.found, w) {
		f.found = append(f.found, w)
	}
}

// Error is the warning as an error of the file would read.
func (w Warning) Error() string {
	p := w.Problem
	p.Text = fmt.Sprintf("warning: %s (%s)", p.Text, w.Code)
	return p.Error()
}

// content is what a journey uses.
type content struct {
	actions []string
	targets map[string]bool
	data    map[string]bool
	pauses  []pause
	pauseIn bool // there is some pause, beat or end of the loop
}

type pause struct {
	dist *scenarios.Dist
	pos  scenarios.Pos // of the step
}

func (c *content) read(j scenarios.Journey) {
	for i := range j {
		s := &j[i]
		c.action(s.Do, s.Target, s.With, s.Think, s.Pos)
		c.pauseIn = c.pauseIn || s.Every > 0
		c.read(s.Steps)
		c.read(s.Else)
		for k := range s.Choose {
			ch := &s.Choose[k]
			c.action(ch.Do, ch.Target, ch.With, ch.Think, ch.Pos)
			c.read(ch.Steps)
		}
		for k := range s.Parallel {
			c.read(s.Parallel[k].Steps)
		}
		if s.If != nil {
			for _, name := range s.If.Names() {
				c.names(name.Name)
			}
		}
	}
}

func (c *content) action(do, target string, with scenarios.Params, think *scenarios.Dist, pos scenarios.Pos) {
	if think != nil {
		c.pauses = append(c.pauses, pause{think, pos})
		c.pauseIn = c.pauseIn || think.Mean() > 0
	}
	if do == "" {
		return
	}
	c.actions = append(c.actions, do)
	protocol, verb, _ := strings.Cut(do, ".")
	if target == "" {
		target = protocol
	}
	c.target(target)
	if verb == "copy" || verb == "migrate" || verb == "verify_copy" {
		c.target(protocol + ".source")
	}
	// What a step's parameters hold is known as text only: {{data.NAME}} in it uses a feeder.
	for rest := with.Source(); ; {
		_, after, more := strings.Cut(rest, "data.")
		if !more {
			break
		}
		c.names("data." + after)
		rest = after
	}
}

func (c *content) target(name string) {
	if c.targets == nil {
		c.targets = map[string]bool{}
	}
	c.targets[name] = true
}

// names notes the feeder in data.NAME or data.NAME.COLUMN.
func (c *content) names(name string) {
	rest, ok := strings.CutPrefix(name, "data.")
	if !ok {
		return
	}
	end := strings.IndexFunc(rest, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if end >= 0 {
		rest = rest[:end]
	}
	if c.data == nil {
		c.data = map[string]bool{}
	}
	c.data[rest] = true
}
