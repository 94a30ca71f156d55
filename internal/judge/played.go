package judge

import (
	"strings"

	"pegel/internal/capacity"
)

// Played is what was measured of a situation that was played as a stage of its own. Such stages take no part in any fit: what
// happens in them is not what the load alone does.
type Played struct {
	StageResult
	Objectives []PlayedObjective
}

// PlayedObjective is one objective for one action in a situation.
type PlayedObjective struct {
	Text   Message
	Action string // empty: errors of all
	ObjectiveStage
}

// Broken lists what was broken beyond doubt.
func (p *Played) Broken() []Message {
	var list []Message
	for _, o := range p.Objectives {
		if !o.Held && o.Enough && !p.late() {
			list = append(list, o.Text)
		}
	}
	return list
}

// Held tells whether every objective was shown to hold.
func (p *Played) Held() bool {
	for _, o := range p.Objectives {
		if !o.Held || !o.Enough {
			return false
		}
	}
	return p.Valid && len(p.Objectives) > 0
}

// Text says what came out, in a sentence.
func (p *Played) Text() Message {
	switch broken := p.Broken(); {
	case len(broken) > 0:
		return Say("played-broken", p.Situation, p.Users, broken[0])
	case p.Held():
		return Say("played-held", p.Situation, p.Users)
	case !p.Valid:
		return Say("played-invalid", p.Situation, p.Users, p.Why)
	}
	return Say("played-few", p.Situation, p.Users)
}

// split takes the situations that were played out of the stages.
func (r *reading) split() {
	var load []StageResult
	for _, st := range r.out.Stages {
		if st.Situation == "" {
			load = append(load, st)
			continue
		}
		r.out.Played = append(r.out.Played, Played{StageResult: st})
	}
	r.out.Stages = load
}

// played holds every objective against the situations that were played.
func (r *reading) played() {
	for i := range r.out.Played {
		p := &r.out.Played[i]
		for _, o := range r.scenario.Objectives {
			for _, l := range o.Limits {
				for _, action := range r.out.Meta.Actions {
					if !Matches(o.Action, action) {
						continue
					}
					text := objectiveText(o.Action, l, o.Window.D())
					res := ObjectiveResult{Text: text, Action: action, Quantile: l.Quantile, Limit: l.Max}
					if row, ok := r.stageRow(&res, &p.StageResult, o.Window.D()); ok {
						p.Objectives = append(p.Objectives, PlayedObjective{text, action, row})
					}
				}
			}
			if o.Errors != nil {
				text := Say("objective-errors", capacity.Share(*o.Errors))
				res := ObjectiveResult{Text: text, Action: o.Action, MaxErrors: *o.Errors}
				if row, ok := errorRow(&res, &p.StageResult); ok {
					p.Objectives = append(p.Objectives, PlayedObjective{text, o.Action, row})
				}
			}
		}
	}
}

// measuredIn is what was measured of a situation: where it was broken at the lowest load, else what held at the highest one; nil
// where neither was.
func (r *reading) measuredIn(name string) *Played {
	var found *Played
	for i := range r.out.Played {
		p := &r.out.Played[i]
		broken := len(p.Broken()) > 0
		if p.Situation != name || !broken && !p.Held() {
			continue
		}
		switch {
		case found == nil, broken && len(found.Broken()) == 0:
			found = p
		case broken && p.Users < found.Users, !broken && len(found.Broken()) == 0 && p.Users > found.Users:
			found = p
		}
	}
	return found
}

// asMeasured holds a situation's verdict on a batch against what was measured in it, and takes the worse of the two. Objectives
// that were broken at a load are so at every higher one; those that held stand for lower loads where the situation cannot be
// forecast. The draws of the activity say how probable it is that the batch leads there.
func (a *assessment) asMeasured(s *SituationVerdict, v *BatchVerdict) (why Message) {
	p := a.r.measuredIn(s.Name)
	if p == nil || !a.measured {
		return Message{}
	}
	below := 0.0 // P(fewer users than that)
	for _, share := range a.activity {
		if float64(v.After)*share < float64(p.Users) {
			below += 1 / float64(len(a.activity))
		}
	}
	broken := p.Broken()
	switch {
	case len(broken) > 0 && v.Users >= float64(p.Users):
		s.POK, s.Verdict, s.Unknown = min(a.known(s), below), NoGo, false
		return Say("situation-broken", s.Name, broken[0], p.Users, v.Users)
	case len(broken) > 0 && !s.Unknown && below < s.POK:
		s.POK = below
		s.Verdict = a.r.word(below)
		return Say("situation-broken-above", s.Name, broken[0], p.Users, v.Users)
	case len(broken) == 0 && s.Unknown && v.Users <= float64(p.Users):
		s.POK, s.Verdict, s.Unknown = min(below, 1-1/float64(2*len(a.activity))), a.r.word(below), false
		return Say("situation-held", s.Name, p.Users, v.Users)
	}
	return Message{}
}

func (a *assessment) known(s *SituationVerdict) float64 {
	if s.Unknown {
		return 1
	}
	return s.POK
}

// notStarted warns of arrivals that were not started.
func (r *reading) notStarted() {
	for _, e := range r.run.Events {
		if m := recognise(e.Text, arrivalsNotStarted); strings.HasPrefix(m.Code, arrivalsNotStarted) {
			r.warn(m.Code, m.Args...)
		}
	}
}
