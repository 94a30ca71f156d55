package browser

import (
	"pegel/internal/corpus"
	"pegel/internal/site"
	"pegel/probes/probe"
)

// The random numbers of an action.
const (
	drawPeer = iota
	drawSize
	drawText
	drawRandom
)

// asked is what a step of a journey asks of an action of the site.
type asked struct {
	first bool // takes the first instead of any
	size  int  // of the mail sent, in bytes; 0: 2 KiB
	text  probe.Text
}

// onTab does something with the user's tab, as one action.
func onTab(t *probe.Turn, verb string, do func(*tab) error) error {
	s, err := probe.SessionAs[*tab](t)
	if err != nil {
		return err
	}
	return s.do(t, verb, func() error { return do(s) })
}

// verb is an action of the site without parameters.
func verb(name string) probe.Action {
	return func(decode func(any) error) (probe.Step, error) {
		if err := probe.NoParams(decode); err != nil {
			return nil, err
		}
		return performing(name, func(*probe.Turn) (asked, error) { return asked{}, nil }), nil
	}
}

func performing(verb string, ask func(*probe.Turn) (asked, error)) probe.Step {
	return func(t *probe.Turn) error {
		return onTab(t, verb, func(s *tab) error {
			a, err := ask(t)
			if err != nil {
				return err
			}
			return s.perform(t, verb, a)
		})
	}
}

// readParams are the parameters of read.
type readParams struct {
	Newest bool `yaml:"newest"` // the first message of the list instead of one drawn from those that are shown
}

// read opens a message.
func read(decode func(any) error) (probe.Step, error) {
	var params readParams
	if err := decode(&params); err != nil {
		return nil, err
	}
	return performing("read", func(*probe.Turn) (asked, error) { return asked{first: params.Newest}, nil }), nil
}

// searchParams are the parameters of search.
type searchParams struct {
	Text probe.Text `yaml:"text"` // what is looked for; default "report"
}

// search looks for messages.
func search(decode func(any) error) (probe.Step, error) {
	params := searchParams{Text: probe.Literal("report")}
	if err := decode(&params); err != nil {
		return nil, err
	}
	return performing("search", func(*probe.Turn) (asked, error) { return asked{text: params.Text}, nil }), nil
}

// sendParams are the parameters of send.
type sendParams struct {
	Size probe.Text `yaml:"size"` // of the text: "mix" (default) or a size such as 4KiB
}

// send writes one mail to another account of the scenario.
func send(decode func(any) error) (probe.Step, error) {
	var params sendParams
	if err := decode(&params); err != nil {
		return nil, err
	}
	sizes, err := probe.Parsed(params.Size, corpus.ParseSizes)
	if err != nil {
		return nil, err
	}
	return performing("send", func(t *probe.Turn) (asked, error) {
		size, err := sizes(t)
		if err != nil {
			return asked{}, err
		}
		return asked{size: size.Draw(t.Draw(drawSize))}, nil
	}), nil
}

// perform does an action of the site, logging in first where it needs that.
func (s *tab) perform(t *probe.Turn, verb string, a asked) error {
	act := s.site.Actions[verb]
	if len(act.Browser) == 0 {
		return probe.Failf(probe.Content, verb, "the site %s does not say how a browser does that", s.site.Name)
	}
	if verb != "login" && verb != "logout" && !act.Anonymous && !s.loggedIn {
		if err := s.siteLogin(t, true); err != nil {
			return err
		}
		t.Mark(probe.PhaseAuth)
	}
	if verb == "login" {
		return s.siteLogin(t, false)
	}
	w := &walk{s: s, t: t, asked: a, verb: verb}
	if err := w.gestures(act.Browser); err != nil {
		return err
	}
	w.mark()
	if verb == "logout" {
		s.loggedIn = false
		clear(s.values)
	}
	return nil
}

// siteLogin signs the user in. Who signs in while signed in begins without cookies.
func (s *tab) siteLogin(t *probe.Turn, auth bool) error {
	act := s.site.Actions["login"]
	if len(act.Browser) == 0 {
		return probe.Failf(probe.Content, "login", "the site %s does not say how a browser does that", s.site.Name)
	}
	if err := s.beginJourney(t); err != nil {
		return err
	}
	s.loggedIn = false
	clear(s.values)
	w := &walk{s: s, t: t, verb: "login"}
	if err := w.gestures(act.Browser); err != nil {
		return err
	}
	s.loggedIn = true
	if !auth {
		w.mark()
	}
	return nil
}

// none is the site of a target that has none.
var none = new(site.Site)
