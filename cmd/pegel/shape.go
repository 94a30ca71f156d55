package main

import (
	"fmt"
	"strings"

	"pegel/internal/plan"
	"pegel/scenarios"
)

// layout says in a few words what the stages of a plan are.
func layout(p *plan.Plan) string {
	l := &p.Scenario.Load
	n, times := len(p.Stages), ""
	if l.Replicate > 1 {
		times = fmt.Sprintf(", the same %d times", l.Replicate)
	}
	switch {
	case l.Day != nil:
		return fmt.Sprintf("%d hours of a day with a peak of %d active users%s", n, l.Day.Peak, times)
	case l.Soak != nil:
		return fmt.Sprintf("a soak of %d active users in %d stages", l.Soak.Users, n)
	case l.Arrive == scenarios.Together:
		return fmt.Sprintf("%d stages in which users arrive all at once%s", n, times)
	}
	return fmt.Sprintf("%d stages%s", n, times)
}

// beside says what a plan has besides its stages: arrivals, and situations that are played.
func beside(p *plan.Plan) string {
	text := ""
	for i := range p.Arrivals {
		a := &p.Arrivals[i]
		text += fmt.Sprintf(", %s %s", rate(a), p.Personas[a.Persona].Name)
	}
	var names []string
	for i := range p.Situations {
		names = append(names, p.Situations[i].Situation)
	}
	if len(names) > 0 {
		text += ", then " + strings.Join(names, ", ")
	}
	return text
}

// rate says how fast users arrive, in arrivals per second, minute or hour, whichever is above one.
func rate(a *plan.Arrivals) string {
	if a.Counts != nil {
		return fmt.Sprintf("%d recorded minutes of", len(a.Counts))
	}
	unit, times := "s", 1.0
	switch low := min(a.From, a.To); {
	case low < 1.0/60:
		unit, times = "h", 3600
	case low < 1:
		unit, times = "min", 60
	}
	if a.From == a.To {
		return fmt.Sprintf("%.4g/%s", a.From*times, unit)
	}
	return fmt.Sprintf("%.4g to %.4g/%s", a.From*times, a.To*times, unit)
}
