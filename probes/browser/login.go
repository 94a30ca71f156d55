package browser

import "pegel/probes/probe"

// login loads the page, fills in the form and waits for the inbox. A user who is still signed in sees the inbox at once.
func (s *tab) login(t *probe.Turn, at *selectors) error {
	first, shown, err := s.signIn(t, at)
	if err != nil {
		return err
	}
	markPage(t, first)
	t.MarkFor(probe.PhaseShown, ms(shown.painted()-first.Origin-first.DOMReady))
	return nil
}

// markPage marks what the page's own clock says about its loading. Phases do not overlap.
func markPage(t *probe.Turn, p *seen) {
	t.MarkFor(probe.PhaseFirstByte, ms(p.FirstByte))
	t.MarkFor(probe.PhaseDOMReady, ms(p.DOMReady-p.FirstByte))
}

// signIn returns what was seen when the form was there, and when the inbox was.
func (s *tab) signIn(t *probe.Turn, at *selectors) (form, inbox *seen, err error) {
	const doing = "log in"
	if s.journeys >= s.browser.recycle && s.browser.recycle > 0 {
		if err := s.renew(t); err != nil {
			return nil, nil, err
		}
	}
	s.journeys++
	s.loggedIn = false
	before, err := s.origin()
	if err != nil {
		return nil, nil, err
	}
	if err := s.navigate(at.Path); err != nil {
		return nil, nil, err
	}
	form, err = s.wait(ask{After: before, ErrorAt: at.Error, Want: []want{
		{State: "inbox", Shown: at.Inbox},
		{State: "form", Shown: at.Password, Any: at.User},
		{State: "error", Shown: at.Error, Text: true},
	}})
	if err != nil {
		return nil, nil, err
	}
	switch form.State {
	case "inbox":
		s.loggedIn, s.fresh = true, true
		return form, form, nil
	case "error":
		return nil, nil, form.failed(doing, probe.Content)
	}
	s.fresh = true
	if err := s.measure(); err != nil {
		return nil, nil, err
	}
	account := t.Account()
	if err := s.enter(at.User, account.Login); err != nil {
		return nil, nil, err
	}
	if err := s.enter(at.Password, account.Password); err != nil {
		return nil, nil, err
	}
	clicked, err := s.click(at.SignIn, 0)
	if err != nil {
		return nil, nil, err
	}
	inbox, err = s.wait(ask{Since: clicked.Now, ErrorAt: at.Error, Want: []want{
		{State: "inbox", Shown: at.Inbox},
		{State: "error", Shown: at.Error, Text: true},
	}})
	if err != nil {
		return nil, nil, err
	}
	if inbox.State == "error" {
		return nil, nil, inbox.failed(doing, probe.Auth)
	}
	s.loggedIn = true
	return form, inbox, nil
}

// origin is the time origin of the document in the tab, in ms since 1970.
func (s *tab) origin() (float64, error) {
	var origin float64
	err := s.evaluate(`() => performance.timeOrigin`, nil, &origin)
	return origin, err
}

// needLogin signs in where this tab has not done so yet, booked as the phase auth.
func (s *tab) needLogin(t *probe.Turn, at *selectors) error {
	if s.loggedIn {
		return nil
	}
	if _, _, err := s.signIn(t, at); err != nil {
		return err
	}
	t.Mark(probe.PhaseAuth)
	return nil
}
