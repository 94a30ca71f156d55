// Package testenv is an embedded platform whose capacity is known. A queueing network of resources with limits stands behind
// mail, web and calendar servers on loopback addresses; the same network runs on a virtual clock, where its true capacity under
// a workload is found by simulation. Both clocks share one engine, so what the servers do is what the simulation counts.
//
// The package imports nothing else of this module: a forecast checked against it cannot inherit its mistakes.
package testenv

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/goccy/go-yaml"
)

// Definition describes a platform: resources with limits, and what each operation costs in them.
type Definition struct {
	Name      string     `yaml:"name"`
	Resources []Resource `yaml:"resources"`
	// Operations maps the name of an operation, such as web.list, to the steps of one visit. An operation that is not listed
	// costs nothing.
	Operations map[string][]Step `yaml:"operations"`
	// Shards gives the weights of a group's members, in the order in which they are listed. A group without an entry has
	// equal weights. Weights need not sum to 1.
	Shards map[string][]float64 `yaml:"shards,omitempty"`
}

// Resource is a station of the network: Limit units and one first-come, first-served queue before them.
type Resource struct {
	Name string `yaml:"name"`
	// Kind says what the units are (slots, workers, pool, disk, …). It is a label for metrics and changes nothing.
	Kind string `yaml:"kind,omitempty"`
	// Limit is the number of units, at least 1.
	Limit int `yaml:"limit"`
	// Queue is how many may wait; more are refused. 0: none may wait. Negative or nil: unlimited.
	Queue *int `yaml:"queue,omitempty"`
	// Group makes the resource a shard of the named group. A step that uses the group goes to the shard of its account.
	Group string `yaml:"group,omitempty"`
}

// Step takes one unit of a resource, waiting for it if need be, is busy For a time, does the nested Steps one after the other
// while still holding the unit, and gives the unit back.
type Step struct {
	// Use names a resource or a group.
	Use   string  `yaml:"use"`
	For   Service `yaml:"for,omitempty"`
	Steps []Step  `yaml:"steps,omitempty"`
}

// Service is the distribution of a service time.
type Service struct {
	Mean time.Duration `yaml:"mean"`
	// CV is the coefficient of variation: standard deviation over mean. 0 makes the time constant.
	CV float64 `yaml:"cv,omitempty"`
	// Shape is lognormal (also when empty) or exponential, which has a coefficient of variation of 1 whatever CV says.
	Shape string `yaml:"shape,omitempty"`
}

// Shapes of a service time.
const (
	Lognormal   = "lognormal"
	Exponential = "exponential"
)

// maxDepth is how many units one visit may hold at a time.
const maxDepth = 8

// ParseDefinition reads a definition from YAML and checks it. Unknown keys are errors.
func ParseDefinition(data []byte) (Definition, error) {
	var d Definition
	if err := yaml.UnmarshalWithOptions(data, &d, yaml.Strict()); err != nil {
		return Definition{}, fmt.Errorf("reading platform definition: %w", err)
	}
	if err := d.Check(); err != nil {
		return Definition{}, fmt.Errorf("platform definition %q: %w", d.Name, err)
	}
	return d, nil
}

// YAML writes the definition in the form that ParseDefinition reads.
func (d Definition) YAML() ([]byte, error) {
	b, err := yaml.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("writing platform definition: %w", err)
	}
	return b, nil
}

// Check reports everything that is wrong with the definition: unknown or doubled names, limits below 1, wrong service times,
// and operations that hold resources in opposite orders and so could wait for each other for ever.
func (d Definition) Check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	names, groups := map[string]bool{}, map[string]int{}
	for _, r := range d.Resources {
		switch {
		case r.Name == "":
			bad("a resource has no name")
		case names[r.Name]:
			bad("resource %q is defined twice", r.Name)
		}
		names[r.Name] = true
		if r.Limit < 1 {
			bad("resource %q: limit %d is below 1", r.Name, r.Limit)
		}
		if r.Group != "" {
			groups[r.Group]++
		}
	}
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		if names[g] {
			bad("%q is both a resource and a group", g)
		}
	}
	for _, g := range slices.Sorted(maps.Keys(d.Shards)) {
		weights, sum := d.Shards[g], 0.0
		for _, w := range weights {
			if !(w >= 0) || math.IsInf(w, 1) {
				bad("shards of %q: weight %v is not a share", g, w)
			}
			sum += w
		}
		switch {
		case groups[g] == 0:
			bad("shards of %q: there is no such group", g)
		case len(weights) != groups[g]:
			bad("shards of %q: %d weights for %d resources", g, len(weights), groups[g])
		case !(sum > 0):
			bad("shards of %q: no weight is above 0", g)
		}
	}
	holds := map[string][]string{} // what is taken while the key is held
	for _, op := range slices.Sorted(maps.Keys(d.Operations)) {
		var held []string
		depth := 0
		var walk func(steps []Step)
		walk = func(steps []Step) {
			for _, s := range steps {
				if !names[s.Use] && groups[s.Use] == 0 {
					bad("operation %q: unknown resource %q", op, s.Use)
				}
				if err := s.For.check(); err != nil {
					bad("operation %q: %q: %w", op, s.Use, err)
				}
				if depth == maxDepth {
					bad("operation %q holds more than %d resources at a time", op, maxDepth)
					return
				}
				members := d.members(s.Use)
				for _, h := range held {
					holds[h] = append(holds[h], members...)
				}
				held = append(held, members...)
				depth++
				walk(s.Steps)
				depth--
				held = held[:len(held)-len(members)]
			}
		}
		walk(d.Operations[op])
	}
	if a, b := cycle(holds); a != "" {
		bad("%q is taken while holding %q and the other way round, which can block for ever", b, a)
	}
	return errors.Join(errs...)
}

func (s Service) check() error {
	switch {
	case s.Mean < 0 || s.Mean > time.Hour:
		return fmt.Errorf("mean service time %v is not between 0 and 1h", s.Mean)
	case !(s.CV >= 0 && s.CV <= 10):
		return fmt.Errorf("cv %v is not between 0 and 10", s.CV)
	case s.Shape != "" && s.Shape != Lognormal && s.Shape != Exponential:
		return fmt.Errorf("unknown shape %q, want %s or %s", s.Shape, Lognormal, Exponential)
	}
	return nil
}

// members lists the resources that use may mean: a group's shards, or the resource itself.
func (d Definition) members(use string) []string {
	var m []string
	for _, r := range d.Resources {
		if r.Group == use && use != "" {
			m = append(m, r.Name)
		}
	}
	if m == nil {
		return []string{use}
	}
	return m
}

// cycle finds a pair of neighbours on a cycle of the directed graph, or two empty names.
func cycle(edges map[string][]string) (from, to string) {
	const open, closed = 1, 2
	state := map[string]int{}
	var visit func(n string) bool
	visit = func(n string) bool {
		state[n] = open
		for _, m := range edges[n] {
			if state[m] == open {
				from, to = n, m
				return true
			}
			if state[m] == 0 && visit(m) {
				return true
			}
		}
		state[n] = closed
		return false
	}
	for _, n := range slices.Sorted(maps.Keys(edges)) {
		if state[n] == 0 && visit(n) {
			break
		}
	}
	return from, to
}
