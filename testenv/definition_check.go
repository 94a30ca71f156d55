package testenv

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

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
		for _, err := range r.check() {
			bad("resource %q: %w", r.Name, err)
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
	if d.Balance != nil {
		if err := d.Balance.check(d); err != nil {
			bad("%w", err)
		}
	}
	if d.LoginLimit != nil {
		if err := d.LoginLimit.check(); err != nil {
			bad("%w", err)
		}
	}
	if d.Cause != nil && d.Cause.Code == "" {
		bad("cause: there is no code")
	}
	for _, r := range d.Resources {
		if r.Memory == nil || r.Memory.Beyond == nil {
			continue
		}
		for _, name := range r.Memory.Beyond.Slows {
			if !names[name] && groups[name] == 0 {
				bad("resource %q: slows an unknown resource %q", r.Name, name)
			} else if d.filled(name) {
				bad("resource %q: slows %q, at which nothing is served", r.Name, name)
			}
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
				} else if d.filled(s.Use) {
					bad("operation %q: %q is filled by active accounts and cannot be visited", op, s.Use)
				}
				if s.Keep < 0 || s.Keep > 24*time.Hour {
					bad("operation %q: %q: keep %v is not between 0 and 24h", op, s.Use, s.Keep)
				}
				if s.Miss != "" && !d.isCache(s.Miss) {
					bad("operation %q: %q: miss names %q, which is no cache", op, s.Use, s.Miss)
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

// check reports what is wrong with a resource whatever the others are.
func (r Resource) check() []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, s := range r.Slow {
		switch {
		case s.For <= 0 || s.Every <= s.For || s.Every > 24*time.Hour:
			bad("slow for %v in every %v: want 0 < for < every, at most 24h", s.For, s.Every)
		case !(s.Speed >= 0 && s.Speed < 1):
			bad("slow: speed %v is not at least 0 and below 1", s.Speed)
		case s.UpTo != 0 && !s.Random:
			bad("slow: up_to needs random: true")
		case s.UpTo != 0 && (s.UpTo < s.For || s.UpTo > 24*time.Hour):
			bad("slow: up_to %v is not between for, %v, and 24h", s.UpTo, s.For)
		}
	}
	positive := func(what string, per float64, ttl time.Duration) {
		if !(per > 0) || math.IsInf(per, 1) {
			bad("%s: per_account %v is not above 0", what, per)
		}
		if ttl <= 0 || ttl > 24*time.Hour {
			bad("%s: ttl %v is not above 0 and at most 24h", what, ttl)
		}
	}
	if m := r.Memory; m != nil {
		positive("memory", m.PerAccount, m.TTL)
		if !(m.Base >= 0) || math.IsInf(m.Base, 1) {
			bad("memory: base %v is below 0", m.Base)
		}
		if m.Beyond != nil && !(m.Beyond.Speed > 0 && m.Beyond.Speed <= 1) {
			bad("memory: speed %v beyond the limit is not above 0 and at most 1", m.Beyond.Speed)
		}
		if m.Beyond != nil && len(m.Beyond.Slows) == 0 {
			bad("memory: beyond slows no resource")
		}
	}
	if c := r.Cache; c != nil {
		positive("cache", c.PerAccount, c.TTL)
	}
	if r.Memory != nil && r.Cache != nil {
		bad("it is memory and a cache at once")
	}
	if (r.Memory != nil || r.Cache != nil) && (r.Queue != nil || r.Group != "" || r.Slow != nil) {
		bad("memory and caches have neither queue nor group nor slow times")
	}
	return errs
}

// filled says whether a resource is in use by active accounts rather than by visits.
func (d Definition) filled(name string) bool {
	return slices.ContainsFunc(d.Resources, func(r Resource) bool { return r.Name == name && (r.Memory != nil || r.Cache != nil) })
}

func (d Definition) isCache(name string) bool {
	return slices.ContainsFunc(d.Resources, func(r Resource) bool { return r.Name == name && r.Cache != nil })
}
