package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pegel/probes/probe"
	"pegel/scenarios"
)

// compiler binds steps to protocols and collects what is wrong.
type compiler struct {
	plan      *Plan
	protocols []probe.Protocol
	errs      *scenarios.Errors
	pass      scenarios.Pass    // of the persona whose journey is compiled
	scope     scope             // of the journey that is being compiled
	tags      map[string]string // of the persona whose journey is compiled

	targetless bool // the scenario's targets could not be read
}

func (c *compiler) fail(pos scenarios.Pos, hint, format string, args ...any) {
	c.errs.Add(c.plan.Scenario.Problem(pos, hint, format, args...))
}

// Journey is a compiled journey: a flat list of instructions, shared by all users who play it.
type Journey struct {
	code  []instruction
	loops int // number of loop counters a cursor needs
	steps int // number of steps with draws; their numbers in the plan run from first
	first int

	parallel scenarios.Pos // the first step with branches; none where it is zero

	content uint64 // hash of what steps send and take beside their draws; 0: nothing
}

type opcode uint8

const (
	opAct       opcode = iota // do the action, then think
	opThink                   // pause only
	opChoose                  // continue at one of the branches
	opJump                    // continue at to
	opLoop                    // continue at to until the counter reaches times; times 0: for ever
	opFirstBeat               // wait for a random part of every
	opBeat                    // wait until so long after the beat before
	opParallel                // do all branches, continue at to
	opEnd                     // the end of a branch
	opIf                      // go on where the condition holds, else continue at to
)

type instruction struct {
	op      opcode
	step    int // number of the step within the journey
	action  int
	verb    string
	target  string
	proto   int // index of the protocol's name in the plan
	run     probe.Step
	timeout time.Duration
	think   *scenarios.Dist
	weights []float64 // cumulative, last = 1
	to      []int
	loop    int
	times   int
	tags    uint16 // number of the set of tags, 0: none

	every    time.Duration
	lockstep bool
	branches []branch

	when  *when // of an if
	needs []int // variables that must have been saved
	save  *Save // what is taken from the answer
}

func (c *compiler) journey(steps scenarios.Journey, next *int) *Journey {
	j := &Journey{first: *next}
	c.scope.enter(steps)
	c.steps(j, steps)
	j.describeCode(c.plan.Actions)
	*next += j.steps
	return j
}

func (c *compiler) steps(j *Journey, steps scenarios.Journey) {
	for i := range steps {
		s := &steps[i]
		switch {
		case s.Do != "":
			from := len(j.code)
			c.action(j, s.Do, s.Target, s.With, s.Think, s.Timeout.D(), s.Pos)
			c.tag(j, from, s.Tags, s.Pos)
			c.saves(j, from, s.Save, s.Pos)
		case s.Repeat != nil:
			loop := j.loops
			j.loops++
			begin, wrong := len(j.code), len(c.errs.Problems)
			c.steps(j, s.Steps)
			if len(j.code) == begin && len(c.errs.Problems) > wrong {
				continue // what is wrong inside has been said
			}
			if len(j.code) == begin {
				c.fail(s.Pos, "give it steps", "repeat has no steps")
				continue
			}
			times := s.Repeat.Times
			if s.Repeat.For == "session" {
				times = 0
			}
			j.code = append(j.code, instruction{op: opLoop, to: []int{begin}, loop: loop, times: times})
		case len(s.Choose) > 0:
			c.choose(j, s.Choose)
		case s.If != nil:
			c.when(j, s)
		case s.Every > 0:
			c.every(j, s)
		case len(s.Parallel) > 0:
			c.parallel(j, s)
		case s.Think != nil:
			j.code = append(j.code, instruction{op: opThink, step: j.newStep(), think: s.Think})
		}
	}
}

func (c *compiler) choose(j *Journey, choices []scenarios.Choice) {
	at := len(j.code)
	j.code = append(j.code, instruction{op: opChoose, step: j.newStep()})
	var sum float64
	for _, ch := range choices {
		sum += ch.Weight
	}
	var cumulative float64
	var weights []float64
	var to, ends []int
	for i := range choices {
		ch := &choices[i]
		cumulative += ch.Weight / sum
		weights = append(weights, cumulative)
		to = append(to, len(j.code))
		if ch.Do != "" {
			c.action(j, ch.Do, ch.Target, ch.With, ch.Think, 0, ch.Pos)
			c.tag(j, to[i], ch.Tags, ch.Pos)
			c.saves(j, to[i], ch.Save, ch.Pos)
		} else {
			c.steps(j, ch.Steps)
		}
		ends = append(ends, len(j.code))
		j.code = append(j.code, instruction{op: opJump})
	}
	weights[len(weights)-1] = 1
	j.code[at].weights, j.code[at].to = weights, to
	for _, e := range ends {
		j.code[e].to = []int{len(j.code)}
	}
}

func (c *compiler) action(j *Journey, name, target string, with scenarios.Params, think *scenarios.Dist, timeout time.Duration, pos scenarios.Pos) {
	protocolName, verb, _ := strings.Cut(name, ".")
	protocol, ok := c.find(protocolName)
	if !ok {
		names := make([]string, 0, len(c.protocols))
		for _, p := range c.protocols {
			names = append(names, p.Name)
		}
		c.fail(c.plan.Scenario.Field(pos, "do"), hint(protocolName, names), "unknown protocol %q in action %q", protocolName, name)
		return
	}
	make, ok := protocol.Actions[verb]
	if !ok {
		verbs := []string{}
		for v := range protocol.Actions {
			verbs = append(verbs, protocolName+"."+v)
		}
		c.fail(c.plan.Scenario.Field(pos, "do"), hint(name, verbs), "unknown action %q", name)
		return
	}
	if target == "" {
		target = protocolName
	}
	to, ok := c.plan.Scenario.Targets.ByName[target]
	if !ok {
		names := []string{}
		for n := range c.plan.Scenario.Targets.ByName {
			names = append(names, n)
		}
		c.fail(pos, hint(target, names), "action %q needs the target %q, which the scenario does not have", name, target)
		return
	}
	c.scope.needs = nil
	if to.URL != nil && len(protocol.Schemes) > 0 && !slices.Contains(protocol.Schemes, to.URL.Scheme) {
		c.fail(c.plan.Scenario.Field(to.Pos, "url"), "write "+strings.Join(protocol.Schemes, "://… or ")+"://…", "%s cannot go to an address of the scheme %s, as the target %q has it", name, to.URL.Scheme, target)
		return
	}
	var beside probe.Beside
	run, err := make(func(into any) error {
		if err := with.Bind(into, c.resolve); err != nil {
			return err
		}
		c.plan.Scenario.Wave.Copy.Limit(c.pass, into)
		beside, _ = into.(probe.Beside)
		return nil
	})
	if err != nil {
		c.refused(err, pos)
		return
	}
	if beside != nil && !c.beside(beside, name, target, protocol, pos) {
		return
	}
	j.describe(name, with.Source())
	if timeout == 0 {
		timeout = to.Timeout.D()
	}
	if timeout == 0 {
		timeout = 60 * time.Second
	}
	if bound, taken := c.plan.protocol[target]; taken && bound.Name != protocol.Name {
		c.fail(pos, "give each protocol a target of its own", "target %q serves %s already; %s cannot use it too", target, bound.Name, protocol.Name)
		return
	}
	proto := c.bind(target, protocol)
	if beside != nil {
		other, _ := beside.Beside()
		c.bind(other, protocol)
	}
	j.code = append(j.code, instruction{op: opAct, step: j.newStep(), action: c.number(name), verb: verb, target: target, proto: proto, run: run, timeout: timeout, think: think, needs: c.scope.needs})
}

// beside checks the target that an action uses besides its own. Targets that could not be read have been reported.
func (c *compiler) beside(b probe.Beside, name, target string, protocol probe.Protocol, pos scenarios.Pos) bool {
	s := c.plan.Scenario
	other, elsewhere := b.Beside()
	from, exists := s.Targets.ByName[other]
	at := s.Field(pos, "with", "source")
	if at == s.Field(pos, "with") { // it is not written there
		at = s.Field(pos, "do")
	}
	switch to := s.Targets.ByName[target]; {
	case c.targetless:
	case other == target:
		c.fail(at, "name another target", "%s goes from the target %q to itself", name, target)
		return false
	case !exists:
		var names []string
		for n := range s.Targets.ByName {
			if n != target {
				names = append(names, n)
			}
		}
		c.fail(at, cmp.Or(hint(other, names), fmt.Sprintf("add it to targets: {%s: {url: …}}", other)), "%s needs the target %q, which the scenario does not have", name, other)
		return false
	case c.plan.protocol[other].Name != "" && c.plan.protocol[other].Name != protocol.Name:
		c.fail(at, "name a target of "+protocol.Name, "the target %q serves %s; %s cannot use it", other, c.plan.protocol[other].Name, name)
		return false
	case from.URL == nil || to.URL == nil:
	case len(protocol.Schemes) > 0 && !slices.Contains(protocol.Schemes, from.URL.Scheme):
		c.fail(at, "name a target of "+protocol.Name, "%s cannot go to an address of the scheme %s, as the target %q has it", name, from.URL.Scheme, other)
		return false
	case elsewhere && strings.EqualFold(from.URL.Host, to.URL.Host) && from.URL.Scheme == to.URL.Scheme:
		c.fail(s.Field(from.Pos, "url"), "give the source its own address, or the copies a mailbox of their own (into)", "%s goes from the target %q to %q, which has the same address: %s is compared with itself",
			name, other, target, from.URL.Host)
		return false
	}
	return true
}

// refused reports parameters that an action does not take. An error without a place of its own concerns all of them.
func (c *compiler) refused(err error, pos scenarios.Pos) {
	var many *scenarios.Errors
	var one *scenarios.Problem
	if errors.As(err, &many) || errors.As(err, &one) {
		c.errs.Add(err)
		return
	}
	hint := ""
	var advice *probe.Advice
	if errors.As(err, &advice) {
		hint = advice.Hint
	}
	about := strings.FieldsFunc(err.Error(), func(r rune) bool { return r == ' ' || r == ':' || r == ',' }) // the parameter, mostly
	c.fail(c.plan.Scenario.Field(pos, append([]string{"with"}, about[:min(1, len(about))]...)...), hint, "%v", err)
}

// bind notes that a target is served by a protocol, and those other targets that belong to it by name (imap.source). It
// returns the protocol's index.
func (c *compiler) bind(target string, protocol probe.Protocol) int {
	for name := range c.plan.Scenario.Targets.ByName {
		if name != target && !strings.HasPrefix(name, protocol.Name+".") {
			continue
		}
		if _, known := c.plan.protocol[name]; !known {
			c.plan.protocol[name] = protocol
			c.plan.Targets = append(c.plan.Targets, name)
		}
	}
	if _, known := c.plan.connect[protocol.Name]; !known {
		c.plan.connect[protocol.Name] = c.number(protocol.Name + ".connect")
		c.plan.names = append(c.plan.names, protocol.Name)
	}
	return slices.Index(c.plan.names, protocol.Name)
}

func (c *compiler) find(name string) (probe.Protocol, bool) {
	for _, p := range c.protocols {
		if p.Name == name {
			return p, true
		}
	}
	return probe.Protocol{}, false
}

func (c *compiler) number(action string) int {
	for i, a := range c.plan.Actions {
		if a == action {
			return i
		}
	}
	c.plan.Actions = append(c.plan.Actions, action)
	return len(c.plan.Actions) - 1
}

func (j *Journey) newStep() int {
	j.steps++
	return j.steps - 1
}

func hint(word string, among []string) string {
	if near := scenarios.Nearest(word, among); near != "" {
		return "did you mean " + `"` + near + `"?`
	}
	return ""
}
