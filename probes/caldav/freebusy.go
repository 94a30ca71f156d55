package caldav

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"pegel/internal/corpus"
	"pegel/probes/probe"
	"pegel/probes/probe/dav"
	"pegel/probes/probe/httpconn"
)

// freebusyParams are the parameters of freebusy.
type freebusyParams struct {
	Guests  int  `yaml:"guests"`        // accounts of the scenario that are asked about through the outbox, 0 to 100; default 0: the user's own calendar
	Ahead   int  `yaml:"ahead"`         // days from today on, 1 to 3660; default 7
	Offered bool `yaml:"where_offered"` // nothing fails where the server offers neither the report nor a scheduling outbox, as programs have it; default false
}

// freebusy asks when somebody is busy: of the user's own calendar by a report (RFC 4791, section 7.10), of guests through the
// scheduling outbox (RFC 6638, section 5), as a program does while an appointment is being arranged.
func freebusy(decode func(any) error) (probe.Step, error) {
	params := freebusyParams{Ahead: 7}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if params.Guests < 0 || params.Guests > 100 {
		return nil, fmt.Errorf("guests %d: must lie between 0 and 100", params.Guests)
	}
	if err := checkSpan(0, params.Ahead); err != nil {
		return nil, err
	}
	return dav.Step(func(t *probe.Turn, s *dav.Session) error {
		u, err := s.Find(t, "")
		if err != nil {
			return err
		}
		const doing = "ask who is busy"
		if params.Guests == 0 {
			body := `<c:free-busy-query xmlns:c="urn:ietf:params:xml:ns:caldav">` + span(0, params.Ahead) + `</c:free-busy-query>`
			response, err := s.Request(t, "REPORT", u, "1", body)
			if err != nil {
				return err
			}
			err = dav.Check(response, doing, http.StatusOK)
			switch another := response.Status == http.StatusMultiStatus; { // Radicale 3.1 takes the report for one that it has
			case params.Offered && (another || dav.NotOffered(err)):
				return nil
			case another:
				return probe.Failf(probe.Content, doing, "the server takes the report for another one: it does not offer it")
			case err != nil:
				return err
			}
			return busy(doing, string(response.Body))
		}
		outbox := s.Outbox()
		if outbox == nil {
			if params.Offered {
				return nil
			}
			return probe.Failf(probe.Content, doing, "the server offers no scheduling outbox")
		}
		response, err := s.Send(t, httpconn.Request{
			Method: http.MethodPost, URL: outbox, KeepMethod: true, Body: ask(t, params),
			Header: http.Header{"Content-Type": {`text/calendar; charset=utf-8; component=VFREEBUSY; method=REQUEST`}},
		})
		if err != nil {
			return err
		}
		if err := dav.Check(response, doing, http.StatusOK); err != nil {
			return err
		}
		return busy(doing, string(response.Body))
	}), nil
}

// ask is the request for the free and busy time of guests (RFC 5546, section 3.3.2).
func ask(t *probe.Turn, params freebusyParams) []byte {
	now := time.Now().UTC()
	today := now.Truncate(24 * time.Hour)
	var b strings.Builder
	line := func(text string) { b.WriteString(text + "\r\n") }
	line("BEGIN:VCALENDAR")
	line("VERSION:2.0")
	line("PRODID:-//pegel//corpus//EN")
	line("METHOD:REQUEST")
	line("BEGIN:VFREEBUSY")
	line("UID:" + corpus.EventUID(t.RunID(), t.Draw(drawKey)))
	line("DTSTAMP:" + now.Format(stampLayout))
	line("DTSTART:" + today.Format(stampLayout))
	line("DTEND:" + today.AddDate(0, 0, params.Ahead).Format(stampLayout))
	line("ORGANIZER:mailto:" + t.Account().Address)
	for k := range params.Guests {
		line("ATTENDEE:mailto:" + t.Peer(drawGuest+k).Address)
	}
	line("END:VFREEBUSY")
	line("END:VCALENDAR")
	return []byte(b.String())
}

// busy checks that an answer tells of free and busy time. A guest whom the server does not know has a request-status instead
// (3.7 or 5, RFC 5546, section 3.6), which is an answer.
func busy(doing, body string) error {
	if !strings.Contains(body, "BEGIN:VFREEBUSY") && !strings.Contains(body, ">3.7") && !strings.Contains(body, ">5.") {
		return probe.Failf(probe.Content, doing, "the answer has no VFREEBUSY")
	}
	return nil
}
