package diagnosis

import (
	"regexp"
	"strings"

	"pegel/internal/judge"
	"pegel/probes/probe"
)

// Weights of the evidence that a rate limit, of which the test makes more use than people would, is what was met.
const (
	weightLimited    = 16 // failures of the class "limited"
	weightSaysRate   = 6  // and what the platform says is a limit of rate
	weightSaysSpace  = -15
	weightAtLogin    = 4   // nearly all of them at logging in or connecting
	weightRefusedToo = -10 // a resource that is counted refuses about as many
	weightHasRoom    = 3   // no resource is nearly full

	limitedShare = 0.001 // of all actions
)

// What software says where it limits rates: HTTP 429 (RFC 6585), enhanced status code 4.7.0 and texts of Postfix, Exim and
// Exchange, response code LIMIT of IMAP (RFC 5530); and where it limits space instead.
var (
	saysRate  = regexp.MustCompile(`(?i)\b429\b|4\.7\.(0|1|28)\b|\[LIMIT\]|too many|rate|throttl|slow down|try again later`)
	saysSpace = regexp.MustCompile(`(?i)quota|mailbox (is )?full|storage|too (big|large)|5\.2\.[23]|4\.2\.2`)
)

// rateLimit asks whether the platform refused the test for its rate. The class alone has limits of all kinds.
func (s *sight) rateLimit() *Hypothesis {
	var limited, done uint64
	var atLogin uint64
	var first *judge.ErrorRow
	for i := range s.r.Errors {
		row := &s.r.Errors[i]
		if row.Class != probe.Limited.String() {
			continue
		}
		limited += row.Count
		if logsIn(row.Action) {
			atLogin += row.Count
		}
		if first == nil || row.FirstAt < first.FirstAt {
			first = row
		}
	}
	for _, st := range s.stages {
		for i := range st.Actions {
			done += st.Actions[i].Count
		}
	}
	if first == nil || done == 0 || float64(limited) < limitedShare*float64(done) {
		return nil
	}
	h := suppose(RateLimit, first.Action, say("rate-limit", int(limited), first.Action, first.FirstUsers))
	at := span{users: first.FirstUsers, from: first.FirstAt, to: s.r.Duration}
	series := []string{first.Action + " failures by class: limited"}
	h.add(weightLimited, series, at, "because-limited", int(limited), share(float64(limited)/float64(done)), first.Action, first.FirstUsers)
	text := ""
	for _, row := range s.r.Errors {
		if row.Class == probe.Limited.String() && text == "" {
			text = row.Example
		}
	}
	switch {
	case saysSpace.MatchString(text):
		h.add(weightSaysSpace, series, at, "because-says-space", clip(text))
	case saysRate.MatchString(text):
		h.add(weightSaysRate, series, at, "because-says-rate", clip(text))
	}
	if 10*atLogin >= 9*limited {
		h.add(weightAtLogin, series, at, "because-at-login")
	}
	refused, busiest := 0.0, 0.0
	for i := range s.top.Resources {
		refused += s.top.Resources[i].Refused
		busiest = max(busiest, s.top.Resources[i].Utilisation)
	}
	if seconds := (s.top.End - s.top.Start).Seconds(); refused*seconds > 0.3*float64(limited) {
		h.add(weightRefusedToo, []string{"platform refused"}, s.in(s.top), "because-refused-too", round(refused))
	}
	if busiest > 0 && busiest < some {
		h.add(weightHasRoom, []string{"platform in_use"}, s.in(s.top), "because-nothing-full", share(busiest))
	}
	h.Settle = Settle{What: say("settle-sources-more"), Command: s.experiment("sources")}
	return h
}

func logsIn(action string) bool {
	return strings.HasSuffix(action, ".login") || strings.HasSuffix(action, ".connect") || strings.HasSuffix(action, ".discover")
}

// clip shortens a platform's text.
func clip(text string) string {
	const most = 100
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
