package doubt

import (
	"maps"
	"slices"
	"time"

	"pegel/internal/expect"
	"pegel/scenarios"
)

// pauses doubts pauses of no length, and those that are longer than a stage.
func (f *finder) pauses() {
	longest := f.longestHold()
	for _, name := range slices.Sorted(maps.Keys(f.parts)) {
		for _, p := range f.parts[name].pauses {
			at := f.s.Field(p.pos, "think")
			switch mean := p.dist.Mean(); {
			case mean == 0:
				f.warn("think-zero", at, "leave it out, or write think: 5s", "a pause of zero length")
			case longest > 0 && mean > longest:
				f.warn("think-long", at, "hold the stages longer", "the pause takes %v on average, but no stage is held longer than %v", mean.Round(time.Second), longest)
			}
		}
	}
}

// personas doubts who never pauses, and who waits longer than anything takes.
func (f *finder) personas() {
	for i := range f.s.Personas {
		p := &f.s.Personas[i]
		c := f.parts[p.Journey]
		if c == nil {
			continue
		}
		if p.Copy == scenarios.NoPass && p.Arrivals == nil && len(c.actions) > 0 && !c.pauseIn {
			f.warn("no-pause", f.s.Field(p.Pos, "journey"), "give an action of the journey a think time, such as think: {lognormal: {median: 30s, p90: 2m}}",
				"journey %q has no pause: users of persona %q send as fast as the platform answers", p.Journey, p.Name)
		}
		if p.Patience != nil && p.Patience.After.D() > 0 {
			f.patience(p, c)
		}
	}
	if len(f.s.Activity.ByPersona) > 0 && f.s.Activity.Source == "" {
		f.warn("activity-source", f.s.Field(scenarios.Pos{}, "activity"), `write source: "access logs, March"`,
			"the activity has no source, so no verdict is better than caution")
	}
}

// patience doubts a patience that every action's time-out comes before.
func (f *finder) patience(p *scenarios.Persona, c *content) {
	var longest time.Duration
	for name := range c.targets {
		longest = max(longest, f.s.Targets.ByName[name].Timeout.D())
	}
	if after := p.Patience.After.D(); longest > 0 && after >= longest {
		f.warn("patience-idle", f.s.Field(p.Patience.Pos, "after"), "make it shorter than the time-out of the targets, or these longer",
			"patience lasts %v, but every action is given up after %v anyway", after, longest)
	}
}

// accounts doubts that users share accounts. Active users who would are refused by the plan.
func (f *finder) accounts() {
	n := f.Accounts.Len()
	for i, p := range f.load.Personas {
		if p.Users > n && (p.Kind == expect.Fixed || p.Kind == expect.Copying) {
			f.warn("few-accounts", f.s.Personas[i].Pos, "raise accounts.count", "persona %q has %d users, but there are only %d accounts: some share one", p.Name, p.Users, n)
		}
	}
}

// unused doubts what is written and never used.
func (f *finder) unused() {
	journeys, targets, data := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, p := range f.s.Personas {
		journeys[p.Journey], journeys[p.Fresh] = true, true
	}
	for _, c := range f.parts {
		maps.Copy(targets, c.targets)
		maps.Copy(data, c.data)
	}
	for _, name := range slices.Sorted(maps.Keys(f.s.Journeys)) {
		if !journeys[name] {
			f.warn("unused", f.key("journeys", name), "give it to a persona, or leave it out", "no persona plays journey %q", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.s.Targets.ByName)) {
		if !targets[name] {
			f.warn("unused", f.key("targets", name), "leave it out", "no action goes to target %q", name)
		}
	}
	for _, name := range f.s.FeederNames() {
		if !data[name] {
			f.warn("unused", f.key("data", name), "write {{data."+name+"}} in a parameter, or leave it out", "no step uses feeder %q", name)
		}
	}
}

// key is the place of a name in a section.
func (f *finder) key(section, name string) scenarios.Pos {
	return f.s.Key(scenarios.Pos{}, section, name)
}
