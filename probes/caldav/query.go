package caldav

import (
	"fmt"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probe/dav"
)

// queryParams are the parameters of query: the span of days around today.
type queryParams struct {
	Collection probe.Text `yaml:"collection"` // by name, or by path from the server's root on, which may be somebody else's; default: the one in use
	Back       int        `yaml:"back"`       // days before today, 0 to 3660; default 7
	Ahead      int        `yaml:"ahead"`      // days from today on, 1 to 3660; default 31
}

const stampLayout = "20060102T150405Z"

// eventsWhere is a query for the events that pass a filter, with their text.
func eventsWhere(filter string) string {
	return `<c:calendar-query xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><getetag/><c:calendar-data/></prop>` +
		`<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">` + filter + `</c:comp-filter></c:comp-filter></c:filter></c:calendar-query>`
}

// span is the time-range of so many days around today, in UTC.
func span(back, ahead int) string {
	today := time.Now().UTC().Truncate(24 * time.Hour)
	return fmt.Sprintf(`<c:time-range start="%s" end="%s"/>`,
		today.AddDate(0, 0, -back).Format(stampLayout), today.AddDate(0, 0, ahead).Format(stampLayout))
}

func checkSpan(back, ahead int) error {
	const most = 3660
	if back < 0 || back > most || ahead < 1 || ahead > most {
		return fmt.Errorf("back %d, ahead %d: must lie between 0 (ahead: 1) and %d days", back, ahead, most)
	}
	return nil
}

// query asks for the events of a span of days, as a client does that shows a month.
func query(decode func(any) error) (probe.Step, error) {
	params := queryParams{Back: 7, Ahead: 31}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if err := checkSpan(params.Back, params.Ahead); err != nil {
		return nil, err
	}
	return dav.Step(func(t *probe.Turn, s *dav.Session) error {
		u, err := s.Find(t, params.Collection.In(t))
		if err != nil {
			return err
		}
		return s.Query(t, u, "query the calendar", eventsWhere(span(params.Back, params.Ahead)))
	}), nil
}
