package browser

import "pegel/probes/probe"

// logout clicks the button and waits for the login form.
func (s *tab) logout(t *probe.Turn, at *selectors) error {
	const doing = "log out"
	clicked, err := s.click(at.SignOut, 0)
	if err != nil {
		return err
	}
	got, err := s.wait(ask{Since: clicked.Now, ErrorAt: at.Error, Want: []want{
		{State: "form", Shown: at.Password, Any: at.User},
		{State: "error", Shown: at.Error, Text: true},
	}})
	if err != nil {
		return err
	}
	if got.State == "error" {
		return got.failed(doing, probe.Content)
	}
	s.loggedIn = false
	t.MarkFor(probe.PhaseShown, ms(got.Now-clicked.Now))
	return nil
}
