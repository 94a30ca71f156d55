package web

import (
	"maps"
	"slices"
	"sync/atomic"

	"pegel/probes/probe"
)

// tally is what the users of a target have asked for, by verb.
type tally map[string]*asking

// asking is one verb: the actions done, and the requests that they have sent, with redirects and static files.
type asking struct{ actions, requests atomic.Int64 }

func newTally() tally {
	y := tally{}
	for _, verb := range []string{"page", "request", "login", "list", "read", "compose", "send", "search", "poll", "logout"} {
		y[verb] = new(asking)
	}
	return y
}

// counted is an action whose requests are counted.
func counted(verb string, action probe.Action) probe.Action {
	return func(decode func(any) error) (probe.Step, error) {
		step, err := action(decode)
		if err != nil {
			return nil, err
		}
		return func(t *probe.Turn) error {
			s, err := probe.SessionAs[*Session](t)
			if err != nil {
				return err
			}
			before := s.client.Requests()
			err = step(t)
			of := s.shared.tally[verb]
			of.actions.Add(1)
			of.requests.Add(s.client.Requests() - before)
			return err
		}, nil
	}
}

var _ probe.Reporter = (*shared)(nil)

// Readings implements probe.Reporter: the actions done and the requests sent so far, for whoever wants to hold them against
// those of a browser.
func (s *shared) Readings() []probe.Reading {
	var list []probe.Reading
	for _, verb := range slices.Sorted(maps.Keys(s.tally)) {
		if of := s.tally[verb]; of.actions.Load() > 0 {
			list = append(list, probe.Reading{Action: verb, Name: "http_actions", Value: float64(of.actions.Load())},
				probe.Reading{Action: verb, Name: "http_requests", Value: float64(of.requests.Load())})
		}
	}
	return list
}

// Exhibits implements probe.Reporter: there are none.
func (s *shared) Exhibits() []probe.Exhibit { return nil }
