package dav

import (
	"net/http"
	"net/url"
	"strings"

	"pegel/probes/probe"
)

// Query sends a query and checks that each object has come whole.
func (s *Session) Query(t *probe.Turn, u *url.URL, doing, body string) error {
	_, err := s.Ask(t, doing, "REPORT", u, "1", body, func(r *Response, _ *url.URL) error {
		return s.whole(r, doing)
	})
	return err
}

// QueryText is Query for objects with a text in them, checked where the text is of ASCII letters alone: servers differ in how they
// fold others.
func (s *Session) QueryText(t *probe.Turn, u *url.URL, doing, body, text string) error {
	plain := strings.ToLower(text)
	if strings.ContainsFunc(plain, func(r rune) bool { return r < 'a' || r > 'z' }) {
		plain = ""
	}
	_, err := s.Ask(t, doing, "REPORT", u, "1", body, func(r *Response, _ *url.URL) error {
		if err := s.whole(r, doing); err != nil || r.Data == "" || plain == "" {
			return err
		}
		var unfolded strings.Builder
		for line := range contentLines(r.Data) {
			unfolded.WriteString(line + "\n")
		}
		if !strings.Contains(strings.ToLower(unfolded.String()), plain) {
			return probe.Failf(probe.Content, doing, "%s does not have the text that was asked for", clip(r.Href))
		}
		return nil
	})
	return err
}

// whole checks an object that was asked for with its text.
func (s *Session) whole(r *Response, doing string) error {
	if r.Status == http.StatusInsufficientStorage && !strings.HasSuffix(r.Href, s.kind.Extension) {
		return nil // the server has cut the answer short (RFC 6352, section 8.6.2), and says so
	}
	if err := r.failed(doing); err != nil {
		return err
	}
	switch {
	case r.ETag == "":
		return probe.Failf(probe.Content, doing, "%s has come without entity tag", clip(r.Href))
	case !s.kind.whole(r.Data):
		return probe.Failf(probe.Content, doing, "%s has not come as a whole %s", clip(r.Href), s.kind.Outer)
	}
	_, err := s.show(doing, r.Href, r.ETag, r.Data)
	return err
}

// multiget fetches objects by their names (RFC 4791, section 7.9; RFC 6352, section 8.7). One that is gone meanwhile is no
// failure, one that the answer is silent about is. An object that is gone or newer than the sync told is noted so.
func (s *Session) multiget(t *probe.Turn, u *url.URL, names []string, state *State) error {
	doing := "fetch " + s.kind.Noun + "s of " + u.Path
	var body strings.Builder
	body.WriteString(`<c:` + s.kind.Multiget + ` xmlns="DAV:" xmlns:c="` + s.kind.Namespace + `"><prop><getetag/><c:` + s.kind.DataName + `/></prop>`)
	missing := make(map[uint64]bool, len(names))
	for _, name := range names {
		missing[digest(pathOf(name))] = true
		body.WriteString("<href>" + escape(name) + "</href>")
	}
	body.WriteString(`</c:` + s.kind.Multiget + `>`)
	_, err := s.Ask(t, doing, "REPORT", u, "0", body.String(), func(r *Response, _ *url.URL) error {
		delete(missing, digest(pathOf(r.Href)))
		if r.Status == http.StatusNotFound || r.Status == http.StatusGone {
			s.forget(pathOf(r.Href))
			return nil
		}
		return s.whole(r, doing)
	})
	if err == nil && len(missing) > 0 {
		err = probe.Failf(probe.Content, doing, "the answer is silent about %d of %d", len(missing), len(names))
	}
	return err
}
