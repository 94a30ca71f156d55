package learn

// doubts says what may be wrong with the result.
func (c *collector) doubts(r *Result) {
	if r.Broken > 0 {
		r.warn("broken", "%d of %d lines could not be read", r.Broken, r.Lines)
	}
	if len(r.Ways) == 0 && (r.Mail == nil || r.Mail.Inbound == 0) {
		r.warn("nothing", "nothing in the logs is an action that is known")
	}
	if n := c.requests - c.mapped; c.requests > 0 && float64(n) > 0.2*float64(c.requests) {
		r.warn("unmapped", "%.0f %% of the requests are none that pegel learn knows: the mix holds for the rest", 100*float64(n)/float64(c.requests))
	}
	if c.nobody > 0 {
		r.warn("nobody", "%d entries show no user; they count nowhere", c.nobody)
	}
	if c.lost > 0 {
		r.warn("many-users", "more than %d users by way in: %d entries of the others count nowhere", mostTraces, c.lost)
	}
	if c.dropped > 0 {
		r.warn("many-hours", "the logs span more than %d hours; what came later does not count", mostHours)
	}
	for _, w := range r.Ways {
		if w.ByAddress {
			r.warn("by-address", "%s: users are told apart by network address and client; several behind one address count as one, one who moves as several", w.Name)
		}
		if w.Days < 3 && w.Users > 0 {
			r.warn("few-days", "%s: activity comes from %s; its range is too narrow for a forecast", w.Name, plural(w.Days, "day"))
		}
		for _, a := range w.Actions {
			switch {
			case !a.Known:
				r.warn("no-action", "%s: pegel has no action %s yet; it is counted here and left out of the fragment", w.Name, a.Action)
			case a.Paced:
				r.warn("paced", "%s: the log counts %s at the end of a connection; think times are worked out from the rate, not seen", w.Name, a.Action)
			case a.Think.N > 0 && a.Think.Few:
				r.warn("few-pauses", "%s: the think time after %s comes from %s", w.Name, a.Action, plural(int(a.Think.N), "pause"))
			case a.Think.KS > poor:
				r.warn("poor-fit", "%s: the think time after %s is neither lognormal nor exponential: the fit is up to %.0f %% off", w.Name, a.Action, 100*a.Think.KS)
			}
		}
		if len(w.Actions) == 0 {
			r.warn("no-actions", "%s: users are there, but what they do is not in the log", w.Name)
		}
		if w.Session.N > 0 && w.Session.KS > poor {
			r.warn("poor-session", "%s: session lengths are neither lognormal nor exponential: the fit is up to %.0f %% off", w.Name, 100*w.Session.KS)
		}
	}
}
