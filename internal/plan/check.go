package plan

import (
	"maps"
	"slices"
	"strings"

	"pegel/probes/probe"
	"pegel/scenarios"
)

// Check finds what is wrong with the actions, parameters, variables and tags of all journeys, those that no persona plays
// included. s may be a scenario that was loaded with errors: what they concern is left out. The error is a *scenarios.Errors.
func Check(s *scenarios.Scenario, protocols []probe.Protocol) error {
	whole := *s
	whole.Targets.ByName = maps.Clone(s.Targets.ByName)
	if whole.Targets.ByName == nil {
		whole.Targets.ByName = map[string]scenarios.Target{}
	}
	for _, j := range s.Journeys {
		missingTargets(j, whole.Targets.ByName)
	}
	p := &Plan{Scenario: &whole, Seed: s.Seed, connect: map[string]int{}, protocol: map[string]probe.Protocol{}}
	c := &compiler{plan: p, protocols: protocols, errs: scenarios.NewErrors(), targetless: len(s.Targets.ByName) == 0}
	p.feeders()
	step := 0
	for _, name := range slices.Sorted(maps.Keys(s.Journeys)) {
		c.journey(s.Journeys[name], &step)
	}
	return c.errs.Err()
}

// missingTargets adds the targets that a journey uses and the scenario lacks, which has been reported where it was loaded.
func missingTargets(j scenarios.Journey, targets map[string]scenarios.Target) {
	add := func(do, target string) {
		if target == "" {
			target, _, _ = strings.Cut(do, ".")
		}
		if _, ok := targets[target]; !ok {
			targets[target] = scenarios.Target{}
		}
	}
	for i := range j {
		s := &j[i]
		add(s.Do, s.Target)
		missingTargets(s.Steps, targets)
		missingTargets(s.Else, targets)
		for k := range s.Choose {
			add(s.Choose[k].Do, s.Choose[k].Target)
			missingTargets(s.Choose[k].Steps, targets)
		}
		for k := range s.Parallel {
			missingTargets(s.Parallel[k].Steps, targets)
		}
	}
}
