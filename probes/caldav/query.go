package caldav

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// queryParams are the parameters of query: the span of days around today.
type queryParams struct {
	Back  int `yaml:"back"`  // days before today, 0 to 3660; default 7
	Ahead int `yaml:"ahead"` // days from today on, 1 to 3660; default 31
}

const askEvents = `<c:calendar-query xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><getetag/><c:calendar-data/></prop>` +
	`<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">%s</c:comp-filter></c:comp-filter></c:filter></c:calendar-query>`

// query asks for the events of a span of days, as a client does that shows a month.
func query(decode func(any) error) (probe.Step, error) {
	params := queryParams{Back: 7, Ahead: 31}
	if err := decode(&params); err != nil {
		return nil, err
	}
	const most = 3660
	if params.Back < 0 || params.Back > most || params.Ahead < 1 || params.Ahead > most {
		return nil, fmt.Errorf("back %d, ahead %d: must lie between 0 (ahead: 1) and %d days", params.Back, params.Ahead, most)
	}
	return func(t *probe.Turn) error {
		s, err := session(t)
		if err != nil {
			return err
		}
		const stamp = "20060102T150405Z"
		today := time.Now().UTC().Truncate(24 * time.Hour)
		span := fmt.Sprintf(`<c:time-range start="%s" end="%s"/>`,
			today.AddDate(0, 0, -params.Back).Format(stamp), today.AddDate(0, 0, params.Ahead).Format(stamp))
		_, err = s.events(t, "query the calendar", span)
		return err
	}, nil
}

// found is an event as a query tells it.
type found struct {
	event
	data []byte
}

// events asks the calendar for the events that pass a filter, and checks that each has come whole.
func (s *Session) events(t *probe.Turn, doing, filter string) ([]found, error) {
	m, at, err := s.ask(t, doing, "REPORT", s.calendar, "1", fmt.Sprintf(askEvents, filter))
	if err != nil {
		return nil, err
	}
	list := make([]found, 0, len(m.Responses))
	for i := range m.Responses {
		r := &m.Responses[i]
		if status := r.failure(); status != 0 {
			class := httpconn.ClassOfStatus(status)
			if class == probe.OK {
				class = probe.Content
			}
			return nil, probe.Failf(class, doing, "%s: status %d", r.Href, status)
		}
		u, err := at.Parse(r.Href)
		if err != nil {
			return nil, probe.Fail(probe.Content, doing, err)
		}
		props := r.found()
		data := []byte(strings.TrimSpace(props.Data))
		if props.ETag == "" || !bytes.HasPrefix(data, []byte("BEGIN:VCALENDAR")) || !bytes.HasSuffix(data, []byte("END:VCALENDAR")) {
			return nil, probe.Failf(probe.Content, doing, "%s has come without entity tag or calendar data", r.Href)
		}
		list = append(list, found{event{u, props.ETag}, data})
	}
	return list, nil
}
