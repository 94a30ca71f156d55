package reports

import (
	"pegel/internal/diagnosis"
	"pegel/internal/judge"
)

// causes is what the diagnosis says, within the section on limits.
type causes struct {
	Summary string
	List    []causeView
}

// causeView is one hypothesis.
type causeView struct {
	Name, What, Score      string
	For, Against           []evidenceView
	Check, Settle, Command string
}

// evidenceView is one piece of evidence, with where it was seen.
type evidenceView struct{ Weight, Text, Where string }

// shownCauses are as many hypotheses as a report has; pegel diagnose has all.
const shownCauses = 3

func (b *builder) causes() causes {
	d := diagnosis.Diagnose(b.r)
	c := causes{Summary: b.sentence(d.Summary)}
	if len(d.Hypotheses) > 0 && !d.Held {
		c.Summary = b.sentence(d.Danger.Why)
	}
	for i := range d.Hypotheses[:min(len(d.Hypotheses), shownCauses)] {
		h := &d.Hypotheses[i]
		v := causeView{Name: b.causeName(h), What: b.sentence(h.What), Score: b.t("diagnosis.score", b.decibans(h.Score)),
			Check: b.say(h.Check), Settle: b.say(h.Settle.What), Command: h.Settle.Command}
		for k := range h.For {
			v.For = append(v.For, b.seen(&h.For[k]))
		}
		for k := range h.Against {
			v.Against = append(v.Against, b.seen(&h.Against[k]))
		}
		c.List = append(c.List, v)
	}
	return c
}

func (b *builder) seen(e *diagnosis.Evidence) evidenceView {
	return evidenceView{b.decibans(e.Weight), b.say(e.Text), cited(b.language, e)}
}

// causeName is a hypothesis in two words: what, and of what.
func (l *language) causeName(h *diagnosis.Hypothesis) string {
	name := l.either("diagnosis.code.", h.Code)
	if h.Subject != "" {
		name += ": " + l.resource(h.Subject)
	}
	return name
}

// cause is the first hypothesis in a line, empty where nothing stands out.
func (l *language) cause(r *judge.Result) string {
	d := diagnosis.Diagnose(r)
	if len(d.Hypotheses) == 0 {
		return ""
	}
	h := &d.Hypotheses[0]
	return l.causeName(h) + " " + l.t("diagnosis.score", l.decibans(h.Score))
}
