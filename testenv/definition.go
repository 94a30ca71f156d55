// Package testenv is an embedded platform whose capacity is known. A queueing network of resources with limits stands behind
// mail, web and calendar servers on loopback addresses; the same network runs on a virtual clock, where its true capacity under
// a workload is found by simulation. Both clocks share one engine, so what the servers do is what the simulation counts.
//
// The package imports nothing else of this module: a forecast checked against it cannot inherit its mistakes.
package testenv

import (
	"fmt"
	"slices"
	"strings"
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
	// Balance spreads requests over instances, nil: there are none.
	Balance    *Balance    `yaml:"balance,omitempty"`
	LoginLimit *LoginLimit `yaml:"login_limit,omitempty"`
	Cause      *Cause      `yaml:"cause,omitempty"` // changes nothing
}

// Resource is a station of the network: Limit units and one first-come, first-served queue before them. One with Memory or
// Cache is not visited; its units are in use by accounts that are active.
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
	// Hidden leaves the resource out of all counters: a lock inside the software, which nobody exports.
	Hidden bool `yaml:"hidden,omitempty"`
	// Slow are times at which the resource works more slowly; where several come together their speeds multiply.
	Slow   []Slow  `yaml:"slow,omitempty"`
	Memory *Memory `yaml:"memory,omitempty"`
	Cache  *Cache  `yaml:"cache,omitempty"`
}

// Slow makes a resource's clock run slowly, or stand still, for a while again and again: service times are amounts of work,
// and all work in service there is stretched alike. The queue goes on as ever.
type Slow struct {
	// Every is the time from the beginning of one slow phase to that of the next, For the phase's length. The first begins
	// after Every − For.
	Every time.Duration `yaml:"every"`
	For   time.Duration `yaml:"for"`
	// Speed is the work done per time in the phase, from 0 (a pause) to below 1.
	Speed float64 `yaml:"speed,omitempty"`
	// Random draws the phases and the gaps between them from exponential distributions with the means For and Every − For.
	Random bool `yaml:"random,omitempty"`
	// UpTo, with Random, draws the phases evenly between For and UpTo instead; the gaps still have the mean Every − For.
	UpTo time.Duration `yaml:"up_to,omitempty"`
}

// Memory fills with accounts: in use are Base and PerAccount for each account that began an operation within the last TTL, in
// the units of the resource's limit, such as MB.
type Memory struct {
	Base       float64       `yaml:"base,omitempty"`
	PerAccount float64       `yaml:"per_account"`
	TTL        time.Duration `yaml:"ttl"`
	// Beyond says what happens while more is in use than the limit, as when a machine begins to swap.
	Beyond *Beyond `yaml:"beyond,omitempty"`
}

// Beyond divides by Speed, between 0 and 1, each service time that begins at the resources Slows names while the memory is
// over its limit.
type Beyond struct {
	Speed float64  `yaml:"speed"`
	Slows []string `yaml:"slows"`
}

// Cache holds as much as the resource's limit of what the active accounts need, PerAccount for each that began an operation
// within the last TTL. Steps with Miss ask it.
type Cache struct {
	PerAccount float64       `yaml:"per_account"`
	TTL        time.Duration `yaml:"ttl"`
}

// Step takes one unit of a resource, waiting for it if need be, is busy For a time, does the nested Steps one after the other
// while still holding the unit, and gives the unit back.
type Step struct {
	// Use names a resource or a group.
	Use   string  `yaml:"use"`
	For   Service `yaml:"for,omitempty"`
	Steps []Step  `yaml:"steps,omitempty"`
	// Keep leaves the unit with the account up to that long after the step, as a connection is kept alive. The account's next
	// visit goes on with it without waiting. Until then it counts as in use, and no other visit gets it. An account keeps at
	// most one unit of a resource.
	Keep time.Duration `yaml:"keep,omitempty"`
	// Miss names a cache: the step is done only when that misses, which has the probability 1 − limit ÷ what the active accounts
	// need, or 0 while all fits in.
	Miss string `yaml:"miss,omitempty"`
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

// Visited says whether an operation whose name has one of the prefixes uses a resource.
func (d Definition) Visited(r Resource, prefixes ...string) bool {
	names := []string{r.Name}
	if r.Group != "" {
		names = append(names, r.Group)
	}
	for op, steps := range d.Operations {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(op, p) }) && uses(steps, names) {
			return true
		}
	}
	return false
}
