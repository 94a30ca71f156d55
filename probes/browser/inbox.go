package browser

import (
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"

	"pegel/probes/probe"
)

// inbox reloads the page and waits until the inbox is shown with its messages, or as empty.
func (s *tab) inbox(t *probe.Turn, at *selectors) error {
	const doing = "reload the inbox"
	if err := s.needLogin(t, at); err != nil {
		return err
	}
	before, err := s.origin()
	if err != nil {
		return err
	}
	if _, err := cdp.Call(s.now, s.session, page.Reload, page.ReloadParams{}); err != nil {
		return err
	}
	got, err := s.wait(ask{After: before, ErrorAt: at.Error, Want: []want{
		{State: "inbox", Shown: at.Inbox, Any: at.Message + ", " + at.Empty},
		{State: "error", Shown: at.Error, Text: true},
		{State: "form", Shown: at.Password, Any: at.User},
	}})
	if err != nil {
		return err
	}
	switch got.State {
	case "error":
		return got.failed(doing, probe.Content)
	case "form":
		s.loggedIn = false
		return probe.Failf(probe.Auth, doing, "the page asks for the password again")
	}
	s.fresh = true
	markPage(t, got)
	t.MarkFor(probe.PhaseShown, ms(got.Now-got.DOMReady))
	return nil
}
