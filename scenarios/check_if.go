package scenarios

// idle looks for loops without end in which a user may find nothing to do because of a condition: it would go round in no
// time.
func (c *checker) idle(j Journey) {
	const hint = "add a pause (think) or an action that does not depend on it"
	if at, some := idleIf(j); some {
		c.fail(hint, "where this condition does not hold, the journey does nothing at all", at, "if")
	}
	c.idleLoops(j, hint)
}

func (c *checker) idleLoops(steps Journey, hint string) {
	for i := range steps {
		s := &steps[i]
		if s.Repeat != nil && s.Repeat.For == "session" {
			if at, some := idleIf(s.Steps); some {
				c.fail(hint, "where this condition does not hold, the loop around it does nothing and never ends", at, "if")
			}
		}
		c.idleLoops(s.Steps, hint)
		c.idleLoops(s.Else, hint)
		for _, b := range s.Choose {
			c.idleLoops(b.Steps, hint)
		}
		for _, b := range s.Parallel {
			c.idleLoops(b.Steps, hint)
		}
	}
}

// idleIf is the first if because of which there is a way through the steps that takes no time, and whether there is one.
func idleIf(steps Journey) (at Pos, some bool) {
	for i := range steps {
		if p, idle := idleStep(&steps[i]); !idle {
			return Pos{}, false
		} else if !some && p != (Pos{}) {
			at, some = p, true
		}
	}
	return at, some
}

// idleStep tells whether a step may take no time, and which if that is due to.
func idleStep(s *Step) (at Pos, idle bool) {
	switch {
	case s.If != nil:
		p, some := idleIf(s.Steps)
		switch _, alone := idleIf(s.Else); {
		case len(s.Else) == 0 || alone:
			return s.Pos, true
		case some:
			return p, true
		}
		return Pos{}, false
	case s.Repeat != nil:
		return idleIf(s.Steps)
	case len(s.Choose) > 0:
		for i := range s.Choose {
			if p, some := idleIf(s.Choose[i].Steps); some && s.Choose[i].Do == "" {
				return p, true
			}
		}
		return Pos{}, false
	case len(s.Parallel) > 0:
		var first Pos
		for i := range s.Parallel {
			p, some := idleIf(s.Parallel[i].Steps)
			if !some {
				return Pos{}, false
			}
			if i == 0 {
				first = p
			}
		}
		return first, true
	}
	return Pos{}, false
}
