package diagnosis

import "pegel/internal/judge"

// weightGenerator is that of the judgement of the generator itself, which has tests of its own (internal/judge/generator.go).
const weightGenerator = 30

// generator asks first whether the figures are the platform's at all; nil where they are.
func (s *sight) generator() *Hypothesis {
	late := 0
	for i := range s.r.Stages {
		if st := &s.r.Stages[i]; !st.Valid && st.Generator.Verdict == judge.Invalid {
			late++
		}
	}
	if s.r.Generator.Verdict != judge.Invalid && (late == 0 || len(s.stages) >= 2) {
		return nil
	}
	h := suppose(Generator, "", say("generator"))
	why := s.r.Generator.Why
	if why.Empty() {
		why = s.r.Generator.Cause
	}
	h.add(weightGenerator, []string{"generator lag", "generator timers"}, span{to: s.r.Duration}, "because-generator", late, len(s.r.Stages), why)
	h.Settle = Settle{What: say("settle-generator"), Command: "pegel selftest"}
	return h
}
