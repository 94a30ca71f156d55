package web

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"pegel/internal/site"
	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// plain is an action without parameters.
func plain(verb string) probe.Action {
	return func(decode func(any) error) (probe.Step, error) {
		if err := probe.NoParams(decode); err != nil {
			return nil, err
		}
		return func(t *probe.Turn) error { return perform(t, verb, asked{}) }, nil
	}
}

// loginParams are the parameters of login.
type loginParams struct {
	Cache string `yaml:"cache"` // "keep" (default): what this account's browser has; "cold": nothing; "warm": all, as of a former day
}

// login signs the user in, also where the session is signed in already.
func login(decode func(any) error) (probe.Step, error) {
	params := loginParams{Cache: "keep"}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"keep", "cold", "warm"}, params.Cache) {
		return nil, fmt.Errorf("cache %q: must be keep, cold or warm", params.Cache)
	}
	return func(t *probe.Turn) error { return perform(t, "login", asked{cache: params.Cache}) }, nil
}

// logout signs the user out; the session's connections stay.
func logout(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return func(t *probe.Turn) error {
		s, err := probe.SessionAs[*Session](t)
		if err != nil {
			return err
		}
		if err = s.action(t, "logout", asked{}, false); err == nil {
			s.forget()
		}
		return err
	}, nil
}

// listParams are the parameters of list.
type listParams struct {
	Limit int `yaml:"limit"` // messages asked for, 1 to 500; default 50
}

// list shows the inbox: the newest messages.
func list(decode func(any) error) (probe.Step, error) {
	params := listParams{Limit: 50}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if params.Limit < 1 || params.Limit > 500 {
		return nil, fmt.Errorf("limit %d: must lie between 1 and 500", params.Limit)
	}
	return func(t *probe.Turn) error { return perform(t, "list", asked{limit: params.Limit}) }, nil
}

// readParams are the parameters of read.
type readParams struct {
	Newest bool `yaml:"newest"` // the newest message instead of one drawn from the last list
}

// read opens one message of the last list, which it asks for where there is none.
func read(decode func(any) error) (probe.Step, error) {
	var params readParams
	if err := decode(&params); err != nil {
		return nil, err
	}
	return func(t *probe.Turn) error { return perform(t, "read", asked{first: params.Newest}) }, nil
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
	return func(t *probe.Turn) error { return perform(t, "search", asked{text: params.Text}) }, nil
}

// asked is what a step of a journey asks of an action of the site.
type asked struct {
	limit int  // of list; 0: 50
	first bool // picks the first instead of any
	size  int  // of the mail sent
	text  probe.Text
	cache string
}

// perform does an action of the site, logging in first where it needs that.
func perform(t *probe.Turn, verb string, a asked) error {
	s, err := probe.SessionAs[*Session](t)
	if err != nil {
		return err
	}
	action, ok := s.shared.site.Actions[verb]
	if ok && !action.Anonymous && !s.loggedIn {
		if err := s.action(t, "login", asked{}, true); err != nil {
			return err
		}
	}
	return s.action(t, verb, a, false)
}

// action walks the steps of an action. auth books all of it as the phase auth.
func (s *Session) action(t *probe.Turn, verb string, a asked, auth bool) error {
	action := s.shared.site.Actions[verb]
	if len(action.Web) == 0 {
		return probe.Failf(probe.Content, "", "the site %s has no action %s", s.shared.site.Name, verb)
	}
	if verb == "login" {
		if s.loggedIn { // who signs in while signed in has begun anew
			s.client.ForgetCookies()
		}
		s.forget()
		s.fill(t, a.cache)
	}
	w := &walk{s: s, t: t, asked: a, auth: auth, doing: verb}
	for i := range action.Web {
		if err := w.step(&action.Web[i]); err != nil {
			return err
		}
	}
	if verb == "login" {
		s.loggedIn = true
	}
	return nil
}

// forget is what a login and a logout do to what is known of the session.
func (s *Session) forget() {
	clear(s.values)
	s.loggedIn, s.set = false, 0
}

// walk is one action on its way.
type walk struct {
	s     *Session
	t     *probe.Turn
	asked asked
	auth  bool
	doing string

	picks, randoms int // random numbers used
	letter         *letterText

	mu sync.Mutex // of what the answers of parallel requests change
}

func (w *walk) step(step *site.Step) error {
	switch {
	case step.Parallel != nil:
		return w.parallel(step.Parallel)
	case step.Assets != nil:
		return w.assets(step.AssetRequests())
	case step.Pick != nil:
		return w.pick(step.Pick)
	case step.Think != 0:
		timer := time.NewTimer(step.Think)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-w.t.Context().Done():
			return httpconn.Classify(w.t.Context(), w.doing, w.t.Context().Err())
		}
	case step.Cache:
		return w.assets([]site.Request{step.Request})
	}
	r, err := w.request(&step.Request)
	if err != nil {
		return err
	}
	response, err := w.s.client.Do(w.t, r)
	if err != nil {
		return err
	}
	if err := w.judge(&step.Request, response); err != nil {
		return err
	}
	release(w.t, response)
	return nil
}

// parallel sends requests as a page does that needs them all. The first failure in the order of the file is the action's.
func (w *walk) parallel(list []site.Request) error {
	var plain, assets []site.Request
	for _, r := range list {
		if r.Cache {
			assets = append(assets, r)
		} else {
			plain = append(plain, r)
		}
	}
	requests := make([]httpconn.Request, 0, len(list))
	for i := range plain {
		r, err := w.request(&plain[i])
		if err != nil {
			return err
		}
		requests = append(requests, r)
	}
	files := w.wanted(assets, &requests)
	errs := make([]error, len(requests))
	w.s.client.Together(w.t, requests, func(i int, response *httpconn.Response, err error) {
		switch {
		case err != nil:
			errs[i] = err
		case i < len(plain):
			w.mu.Lock()
			defer w.mu.Unlock()
			errs[i] = w.judge(&plain[i], response)
		default:
			errs[i] = w.fetched(files[i-len(plain)], response)
		}
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// pick sets variables to one of several values.
func (w *walk) pick(picks map[string]site.Pick) error {
	for _, name := range slices.Sorted(maps.Keys(picks)) { // in the same order each time: draws go by it
		p := picks[name]
		set, of := p.Variables()
		if w.s.set>>of&1 == 0 && p.After != "" {
			if err := w.s.action(w.t, p.After, asked{}, false); err != nil {
				return err
			}
		}
		value, ok := choose(w.s.value(of), w.t.Draw(w.picks), w.asked.first)
		w.picks++
		if !ok {
			return probe.Failf(probe.Content, w.doing, "there is no %s to choose: %s is empty", name, p.Of)
		}
		w.s.save(set, value)
		if p.Once {
			w.s.set &^= 1 << of
		}
	}
	return nil
}

// label notes which backend has answered, where the platform tells.
func (s *Session) label(t *probe.Turn, response *httpconn.Response) {
	b := &s.shared.site.Backend
	name := ""
	if b.Header != "" {
		name = response.Header.Get(b.Header)
	}
	if name == "" && b.Cookie != "" {
		name, _ = s.client.Cookie(b.Cookie)
	}
	if name = after(name, b.After); name != "" {
		t.LabelBackend(clip(name))
	}
}
