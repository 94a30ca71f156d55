package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"pegel/probes/probe"
)

// Checks is what a run keeps to hold the platform's answers against former ones. It is safe for concurrent use.
type Checks struct {
	share float64 // of the accounts
	seed  uint64
	tell  func(Violation)

	kept sync.Map // what probes keep, by their keys

	mu     sync.Mutex
	counts map[string]int // violations by rule
	told   int
}

// Violation is one violation with who met it.
type Violation struct {
	probe.Violation
	At      time.Duration
	Account int // index
	Persona int // index
}

// What is kept of a run's violations, so that a platform that is all wrong does not fill the disk: in all, and of one rule so
// that it leaves room for others. All are counted.
const (
	MostViolations = 100
	mostOfRule     = 25
)

// NewChecks checks a share of the accounts, drawn by seed. tell is called with the violations that are kept, from many
// goroutines.
func NewChecks(share float64, seed uint64, tell func(Violation)) *Checks {
	return &Checks{share: share, seed: seed, tell: tell, counts: map[string]int{}}
}

// covers tells whether an account is among those that are checked.
func (c *Checks) covers(account int) bool {
	const stepChecks = 1 << 27
	return float64(probe.Mix(c.seed^probe.Mix(uint64(account)+stepChecks))>>11)/(1<<53) < c.share
}

// violated counts a violation, and tells it where there is room.
func (c *Checks) violated(v Violation) {
	c.mu.Lock()
	c.counts[v.Rule]++
	keep := c.told < MostViolations && c.counts[v.Rule] <= mostOfRule
	if keep {
		c.told++
	}
	c.mu.Unlock()
	if keep {
		c.tell(v)
	}
}

// Summary is what all violations come to, "" where there were none.
func (c *Checks) Summary() string {
	if c == nil {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var parts []string
	sum := 0
	for _, rule := range slices.Sorted(maps.Keys(c.counts)) {
		sum += c.counts[rule]
		parts = append(parts, fmt.Sprintf("%s %d", rule, c.counts[rule]))
	}
	if sum == 0 {
		return ""
	}
	return fmt.Sprintf("%d answers broke a rule of state (%s); %d of them are kept with the transcript of their connection", sum, strings.Join(parts, ", "), c.told)
}

// Checks tells the user's probes whether answers are held against former ones. It is part of what they may ask of a Host. What
// the preflight does is not checked.
func (u *user) Checks() bool {
	c := u.e.opt.Checks
	return c != nil && u.shard != nil && c.covers(u.who.Account)
}

// Inspected tells the probes whether that is done for any user.
func (u *user) Inspected() bool { return u.e.opt.Checks != nil }

// Kept returns what the run keeps under a key.
func (u *user) Kept(key any, make func() any) any {
	if v, ok := u.e.opt.Checks.kept.Load(key); ok {
		return v
	}
	v, _ := u.e.opt.Checks.kept.LoadOrStore(key, make())
	return v
}

// Violated takes a violation that a probe has found. A checkpoint finds one where checks are off, too.
func (u *user) Violated(v probe.Violation) {
	c := u.e.opt.Checks
	if c == nil || u.shard == nil {
		return
	}
	c.violated(Violation{Violation: v, At: u.e.now(), Account: u.who.Account, Persona: u.who.Persona})
}
