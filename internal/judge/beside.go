package judge

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Beside is one action as real browsers and as users at HTTP level have done it, at the same load. Its times are those of one
// hold; requests for each action and paints are those of the whole run.
type Beside struct {
	Verb                         string
	Web, Browser                 Timed
	ShownP50, ShownP95           time.Duration // from an input, or the end of loading, to what was waited for; 0: nothing was
	LargestPaintP75              float64       // seconds; 0: no page was opened
	WebRequests, BrowserRequests float64       // for each action; 0: not known
}

// Timed is how often an action was done, how often it failed, and its response times.
type Timed struct {
	Count, Failed uint64
	P50, P95      time.Duration
}

// sending is what users at HTTP level have done: actions, and the requests that these sent.
type sending struct{ actions, requests float64 }

// lightly is where a value about users at HTTP level belongs; nil: it is about none. Targets of the same kind are summed up.
func lightly(all map[string]*sending, name, value string) *float64 {
	if value != "http_actions" && value != "http_requests" {
		return nil
	}
	verb := verbOf(name)
	if all[verb] == nil {
		all[verb] = new(sending)
	}
	if value == "http_actions" {
		return &all[verb].actions
	}
	return &all[verb].requests
}

// verbOf is what was done at a target, whatever that is called.
func verbOf(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// beside finds what was done in both ways in the stage of the highest load that has such, valid ones first.
func (v *BrowserView) beside(stages []StageResult, light map[string]*sending) {
	heavy := map[string]*BrowserAction{}
	for i := range v.Actions {
		a := &v.Actions[i]
		sum := heavy[a.Verb]
		if sum == nil {
			sum = new(BrowserAction)
			heavy[a.Verb] = sum
		}
		sum.Count, sum.Requests = sum.Count+a.Count, sum.Requests+a.Requests
		sum.LargestPaintP75 = max(sum.LargestPaintP75, a.LargestPaintP75)
	}
	var chosen *StageResult
	for i := range stages {
		s := &stages[i]
		if len(both(s)) == 0 {
			continue
		}
		if chosen == nil || s.Valid && !chosen.Valid || s.Valid == chosen.Valid && s.Users >= chosen.Users {
			chosen = s
		}
	}
	if chosen == nil {
		return
	}
	v.Users = chosen.Users
	pairs := both(chosen)
	for _, verb := range slices.Sorted(maps.Keys(pairs)) {
		web, browser := pairs[verb][0], pairs[verb][1]
		row := Beside{Verb: verb, Web: timed(web), Browser: timed(browser)}
		for _, p := range browser.Phases {
			if p.Phase == "shown" {
				row.ShownP50, row.ShownP95 = p.P50, p.P95
			}
		}
		if h := heavy[verb]; h != nil && h.Count > 0 {
			row.BrowserRequests, row.LargestPaintP75 = h.Requests/float64(h.Count), h.LargestPaintP75
		}
		if l := light[verb]; l != nil && l.actions > 0 {
			row.WebRequests = l.requests / l.actions
		}
		v.Beside = append(v.Beside, row)
	}
}

func timed(a *ActionStats) Timed {
	return Timed{Count: a.Count, Failed: a.Failed, P50: a.P50, P95: a.P95}
}

// both are the actions of a stage that were done at HTTP level and by browsers, by their verbs.
func both(s *StageResult) map[string][2]*ActionStats {
	found := map[string][2]*ActionStats{}
	for i := range s.Actions {
		a := &s.Actions[i]
		protocol, verb, _ := strings.Cut(a.Action, ".")
		at := slices.Index([]string{"web", "browser"}, protocol)
		if at < 0 || a.Count == 0 || verb == "connect" {
			continue
		}
		pair := found[verb]
		pair[at] = a
		found[verb] = pair
	}
	maps.DeleteFunc(found, func(_ string, pair [2]*ActionStats) bool { return pair[0] == nil || pair[1] == nil })
	return found
}
