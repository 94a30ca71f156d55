package browser

import "pegel/probes/probe"

// open clicks a mail of the inbox, drawn from those that are listed, and waits until its text is shown.
func (s *tab) open(t *probe.Turn, at *selectors) error {
	const doing = "open a message"
	if err := s.needLogin(t, at); err != nil {
		return err
	}
	var list struct {
		Count int    `json:"count"`
		ID    string `json:"id"`
	}
	choose := map[string]any{"message": at.Message, "body": at.Body, "id": at.ID, "draw": t.Draw(0) >> 12} // 52 bits are exact in JavaScript
	// The open text loses its mark, so that it counts as shown only when the page has shown it anew.
	err := s.evaluate(`(a) => {
		const all = [...document.querySelectorAll(a.message)].filter((e) => e.getClientRects().length > 0);
		if (all.length === 0) return {count: 0, id: ""};
		const body = document.querySelector(a.body);
		if (body) body.removeAttribute(a.id);
		return {count: all.length, id: all[a.draw % all.length].getAttribute(a.id) || ""};
	}`, choose, &list)
	if err != nil {
		return err
	}
	if list.Count == 0 {
		return probe.Failf(probe.Content, doing, "no message is listed")
	}
	if list.ID == "" {
		return probe.Failf(probe.Content, doing, "a listed message has no attribute %s", at.ID)
	}
	clicked, err := s.click(at.Message, t.Draw(0)>>12)
	if err != nil {
		return err
	}
	got, err := s.wait(ask{Since: clicked.Now, ErrorAt: at.Error, Want: []want{
		{State: "message", Shown: at.Body, Attribute: at.ID, Value: list.ID},
		{State: "error", Shown: at.Error, Text: true},
	}})
	if err != nil {
		return err
	}
	if got.State == "error" {
		return got.failed(doing, probe.Content)
	}
	t.MarkFor(probe.PhaseShown, ms(got.Now-clicked.Now))
	return nil
}
