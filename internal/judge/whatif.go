package judge

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"pegel/internal/capacity"
	"pegel/scenarios"
)

// Assumption is one thing that a what-if takes to be different.
type Assumption struct {
	Text    string           // as it was written
	Change  *capacity.Change // of a resource
	Persona string           // whose activity becomes Share
	Share   float64
	Copy    *float64 // copy operations per second
}

// limitWords are the ways to say what a resource has of what it is limited by.
func limitWords() []string {
	return []string{"servers", "limit", "pool", "slots", "workers", "maxconn", "units"}
}

// Assume reads assumptions such as web.servers=6, db.pool=+20%, disk.demand=-20%, activity.browser=40% or copy=off. Names are
// those of the scenario's observed resources, their groups, and its personas. An error names what is known.
func Assume(s *scenarios.Scenario, texts []string) ([]Assumption, error) {
	var list []Assumption
	for _, text := range texts {
		a, err := assume(s, text)
		if err != nil {
			return nil, fmt.Errorf("what if %q: %w", text, err)
		}
		list = append(list, a)
	}
	return list, nil
}

func assume(s *scenarios.Scenario, text string) (Assumption, error) {
	a := Assumption{Text: text}
	left, right, ok := strings.Cut(text, "=")
	left, right = strings.TrimSpace(left), strings.TrimSpace(right)
	if !ok || left == "" || right == "" {
		return a, fmt.Errorf("write NAME.limit=NUMBER, NAME.demand=-20%%, activity.PERSONA=40%% or copy=off")
	}
	if left == "copy" {
		rate, err := 0.0, error(nil)
		if right != "off" {
			rate, err = number(right)
		}
		if err != nil || rate < 0 {
			return a, fmt.Errorf("%q is no rate of copy operations per second: write copy=off or copy=25", right)
		}
		a.Copy = &rate
		return a, nil
	}
	if persona, ok := strings.CutPrefix(left, "activity."); ok {
		return a.activity(s, persona, right)
	}
	return a.resource(s, left, right)
}

func (a Assumption) activity(s *scenarios.Scenario, persona, value string) (Assumption, error) {
	known := slices.Sorted(maps.Keys(s.Activity.ByPersona))
	if !slices.Contains(known, persona) {
		return a, unknown("persona with an activity", persona, known)
	}
	digits, percent := strings.CutSuffix(value, "%")
	x, err := number(digits)
	if percent {
		x /= 100
	}
	if err != nil || x < 0 || x > 1 {
		return a, fmt.Errorf("%q is no share of the accounts: write 40%% or 0.4", value)
	}
	a.Persona, a.Share = persona, x
	return a, nil
}

func (a Assumption) resource(s *scenarios.Scenario, left, value string) (Assumption, error) {
	var known []string
	add := func(name string) {
		if name != "" && !slices.Contains(known, name) {
			known = append(known, name)
		}
	}
	for _, page := range s.Observe {
		for _, res := range page.Resources {
			add(res.Name)
			add(res.Group)
		}
	}
	slices.Sort(known)
	name, word := left, "limit"
	if !slices.Contains(known, name) {
		if i := strings.LastIndexByte(left, '.'); i >= 0 {
			name, word = left[:i], left[i+1:]
		}
		if !slices.Contains(known, name) {
			return a, unknown("resource", name, known)
		}
	}
	words := append(limitWords(), "demand")
	if !slices.Contains(words, word) {
		return a, unknown("property of a resource", word, words)
	}
	absolute, factor, err := quantity(value)
	a.Change = &capacity.Change{Resource: name}
	switch {
	case err != nil:
		return a, err
	case word == "demand" && absolute > 0:
		return a, fmt.Errorf("the demand changes by a factor: write -20%% or ×0.8, not %q", value)
	case word == "demand":
		a.Change.Demand = factor
	case absolute > 0:
		a.Change.Limit = absolute
	default:
		a.Change.Times = factor
	}
	return a, nil
}

// quantity reads a number (absolute), or a factor written ×1.5, *1.5, x1.5, +20% or -20%. Either is above 0.
func quantity(text string) (absolute, factor float64, err error) {
	wrong := fmt.Errorf("%q is no quantity above 0: write 200, ×1.5, +20%% or -20%%", text)
	for _, sign := range []string{"×", "*", "x"} {
		if digits, ok := strings.CutPrefix(text, sign); ok {
			factor, err = number(digits)
			if err != nil || factor <= 0 {
				return 0, 0, wrong
			}
			return 0, factor, nil
		}
	}
	if digits, ok := strings.CutSuffix(text, "%"); ok {
		x, err := number(digits)
		if err != nil || x <= -100 || digits[0] != '+' && digits[0] != '-' {
			return 0, 0, wrong
		}
		return 0, 1 + x/100, nil
	}
	absolute, err = number(text)
	if err != nil || absolute <= 0 || text[0] == '+' {
		return 0, 0, wrong
	}
	return absolute, 0, nil
}

// number is a finite number of moderate size.
func number(text string) (float64, error) {
	x, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err == nil && (math.IsNaN(x) || math.Abs(x) > 1e15) {
		err = strconv.ErrRange
	}
	return x, err
}

// unknown says that a name is not known, and which one may have been meant.
func unknown(what, name string, known []string) error {
	switch near := scenarios.Nearest(name, known); {
	case near != "":
		return fmt.Errorf("unknown %s %q; did you mean %q?", what, name, near)
	case len(known) == 0:
		return fmt.Errorf("unknown %s %q; the scenario has none", what, name)
	}
	return fmt.Errorf("unknown %s %q; known: %s", what, name, strings.Join(known, ", "))
}

// suppose is the premise of several assumptions together. An activity replaces the whole range of its persona.
func (r *reading) suppose(list []Assumption) premise {
	var p premise
	for _, a := range list {
		switch {
		case a.Change != nil:
			p.changes = append(p.changes, *a.Change)
		case a.Copy != nil:
			p.copy = a.Copy
		case a.Persona != "":
			if p.activity == nil {
				p.activity = maps.Clone(r.scenario.Activity.ByPersona)
			}
			p.activity[a.Persona] = scenarios.Share{Low: a.Share, High: a.Share}
		}
	}
	return p
}

// whatIf compares the forecast with the one under the assumptions.
func (r *reading) whatIf(before *assessment) *WhatIf {
	if len(r.opt.WhatIf) == 0 {
		return nil
	}
	p := r.suppose(r.opt.WhatIf)
	after := r.assess(p)
	w := &WhatIf{Before: before.estimate(0), After: after.estimate(0), Situations: after.list(), Batches: after.batches()}
	for _, a := range r.opt.WhatIf {
		w.Assumed = append(w.Assumed, a.Text)
	}
	return w
}
