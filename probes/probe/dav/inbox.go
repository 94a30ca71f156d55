package dav

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// message is one piece of mail in a scheduling inbox.
type message struct {
	url       *url.URL
	etag, uid string
}

// maxMessages is how many messages of an inbox one action looks at.
const maxMessages = 20

// Answer reads the scheduling inbox (RFC 6638, section 2.2), accepts the invitations of pegel's in it by writing the attendee's
// part status into the user's copy of the event, and removes them from the inbox. Some servers, such as SOGo, put invitations into
// the calendar alone: where the inbox is empty, those of pegel's that wait there are accepted. Invitations of other people are left
// alone. Without an inbox nothing is done: such a server does not schedule.
func (s *Session) Answer(t *probe.Turn, address string) error {
	const doing = "read the scheduling inbox"
	if s.inbox == nil {
		return nil
	}
	var (
		names []string
		err   error
	)
	if err = s.listing(t, s.inbox, func(_ item, href string) error {
		if len(names) < maxMessages {
			names = append(names, href)
		}
		return nil
	}); err != nil {
		return err
	}
	if len(names) == 0 {
		return s.acceptWaiting(t, address)
	}
	for _, name := range names {
		u, err := s.inbox.Parse(name)
		if err != nil {
			return probe.Fail(probe.Content, doing, err)
		}
		response, err := s.send(t, httpconn.Request{Method: http.MethodGet, URL: u, KeepMethod: true})
		if err != nil {
			return err
		}
		if response.Status == http.StatusNotFound { // another program of the user was faster
			continue
		}
		if err := Check(response, doing, http.StatusOK); err != nil {
			return err
		}
		data := string(response.Body)
		if _, own := isOwn(data); !own {
			continue
		}
		if err := s.accept(t, message{u, response.Header.Get("ETag"), value(data, "UID")}, address); err != nil {
			return err
		}
	}
	return nil
}

// accept writes that the user comes into the user's copy of an event, and removes the invitation.
func (s *Session) accept(t *probe.Turn, m message, address string) error {
	const doing = "accept an invitation"
	body := `<c:calendar-query xmlns="DAV:" xmlns:c="` + nsCalDAV + `"><prop><getetag/><c:calendar-data/></prop><c:filter>` +
		`<c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT"><c:prop-filter name="UID"><c:text-match>` + escape(m.uid) +
		`</c:text-match></c:prop-filter></c:comp-filter></c:comp-filter></c:filter></c:calendar-query>`
	var copied message
	var text string
	_, err := s.Ask(t, doing, "REPORT", s.place, "1", body, func(r *Response, at *url.URL) error {
		if err := s.whole(r, doing); err != nil {
			return err
		}
		if _, own := isOwn(r.Data); !own || value(r.Data, "UID") != m.uid {
			return nil
		}
		u, err := at.Parse(r.Href)
		copied, text = message{u, r.ETag, m.uid}, r.Data
		return err
	})
	if err != nil {
		return err
	}
	if changed, err := s.partStatus(text, address); copied.url != nil && err == nil {
		response, err := s.write(t, copied.url, changed, "If-Match", copied.etag)
		if err != nil {
			return err
		}
		if err := Check(response, doing); err != nil {
			return err
		}
	}
	response, err := s.send(t, httpconn.Request{Method: http.MethodDelete, URL: m.url, KeepMethod: true, Header: http.Header{"If-Match": {m.etag}}})
	if err != nil {
		return err
	}
	return Check(response, doing, http.StatusNoContent, http.StatusOK, http.StatusNotFound)
}

// acceptWaiting accepts the invitations of pegel's in the calendar in use that nobody has answered.
func (s *Session) acceptWaiting(t *probe.Turn, address string) error {
	type invitation struct {
		message
		text string
	}
	const doing = "look for invitations"
	var waiting []invitation
	_, err := s.Ask(t, doing, "REPORT", s.place, "1", s.kind.FindOwn, func(r *Response, at *url.URL) error {
		if err := s.whole(r, doing); err != nil {
			return err
		}
		if _, own := isOwn(r.Data); !own || len(waiting) == maxMessages || !waits(r.Data, address) {
			return nil
		}
		u, err := at.Parse(r.Href)
		waiting = append(waiting, invitation{message{u, r.ETag, ""}, r.Data})
		return err
	})
	if err != nil {
		return err
	}
	for _, w := range waiting {
		changed, err := s.partStatus(w.text, address)
		if err != nil {
			continue
		}
		response, err := s.write(t, w.url, changed, "If-Match", w.etag)
		if err != nil {
			return err
		}
		if response.Status == http.StatusPreconditionFailed || response.Status == http.StatusNotFound {
			continue // the organizer or another program of the user was faster
		}
		if err := Check(response, "accept an invitation", http.StatusNoContent, http.StatusCreated, http.StatusOK); err != nil {
			return err
		}
	}
	return nil
}

// waits tells whether an event waits for the answer of somebody whom another person has invited.
func waits(data, address string) bool {
	if strings.EqualFold(value(data, "ORGANIZER"), "mailto:"+address) {
		return false
	}
	for line := range contentLines(data) {
		name, who, ok := property(line)
		if ok && strings.EqualFold(name, "ATTENDEE") && strings.EqualFold(who, "mailto:"+address) {
			return strings.Contains(strings.ToUpper(line), "PARTSTAT=NEEDS-ACTION")
		}
	}
	return false
}

// partStatus sets the part status of an attendee to ACCEPTED. That the address is not invited is an error.
func (s *Session) partStatus(data, address string) ([]byte, error) {
	var out strings.Builder
	found := false
	for line := range contentLines(data) {
		name, who, ok := property(line)
		if ok && strings.EqualFold(name, "ATTENDEE") && strings.EqualFold(who, "mailto:"+address) {
			line, found = "ATTENDEE;PARTSTAT=ACCEPTED:"+who, true
		}
		out.WriteString(line + "\r\n")
	}
	if !found {
		return nil, errors.New("the user is not invited")
	}
	r, _ := isOwn(data)
	return s.kind.revise(out.String(), revision{r.count + 1, r.mark}, time.Now())
}

// value is that of the first property with a name.
func value(data, name string) string {
	for line := range contentLines(data) {
		if n, v, ok := property(line); ok && strings.EqualFold(n, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
