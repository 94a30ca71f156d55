package caldav

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"pegel/internal/corpus"
	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// createParams are the parameters of create.
type createParams struct {
	Guests int  `yaml:"guests"` // invited accounts of the scenario, 0 to 100; default 0. Servers that schedule send them mail.
	Repeat bool `yaml:"repeat"` // weekly, ten times
}

// The random numbers of the actions that write.
const (
	drawKey = iota
	drawDay
	drawHour
	drawEvent
	drawGuest // and the following
)

// create puts a new event into the calendar, in the next 30 days within working hours (UTC).
func create(decode func(any) error) (probe.Step, error) {
	var params createParams
	if err := decode(&params); err != nil {
		return nil, err
	}
	if params.Guests < 0 || params.Guests > 100 {
		return nil, fmt.Errorf("guests %d: must lie between 0 and 100", params.Guests)
	}
	return func(t *probe.Turn) error {
		s, err := session(t)
		if err != nil {
			return err
		}
		return s.create(t, params)
	}, nil
}

func (s *Session) create(t *probe.Turn, params createParams) error {
	now := time.Now().UTC()
	spec := corpus.EventSpec{
		Run: t.RunID(), Key: t.Draw(drawKey), Stamp: now, Duration: time.Hour,
		Start: now.Truncate(24*time.Hour).AddDate(0, 0, int(t.Draw(drawDay)%30)).Add(workingHour(t)),
	}
	if params.Repeat {
		spec.Recurs = "FREQ=WEEKLY;COUNT=10"
	}
	if params.Guests > 0 {
		spec.Organizer = t.Account().Address
		for k := range params.Guests {
			spec.Attendees = append(spec.Attendees, t.Peer(drawGuest+k).Address)
		}
	}
	made, err := s.put(t, "create an event", s.calendar, spec)
	if err != nil {
		return err
	}
	s.remember(made)
	return nil
}

// workingHour is a time of day between 8 and 17 in steps of half an hour.
func workingHour(t *probe.Turn) time.Duration {
	return 8*time.Hour + time.Duration(t.Draw(drawHour)%18)*30*time.Minute
}

// put writes a new event into a calendar, on the condition that nothing lies there yet.
func (s *Session) put(t *probe.Turn, doing string, calendar *url.URL, spec corpus.EventSpec) (event, error) {
	u := calendar.JoinPath(url.PathEscape(corpus.EventUID(spec.Run, spec.Key) + ".ics"))
	response, err := s.write(t, u, corpus.Event(spec), "If-None-Match", "*")
	if err != nil {
		return event{}, err
	}
	if err := response.Check(doing, http.StatusCreated, http.StatusNoContent); err != nil {
		return event{}, err
	}
	return event{u, response.Header.Get("ETag")}, nil
}

// write puts calendar data under a condition.
func (s *Session) write(t *probe.Turn, u *url.URL, data []byte, condition, value string) (*httpconn.Response, error) {
	response, err := s.client.Do(t, httpconn.Request{
		Method: http.MethodPut, URL: u, Body: data, KeepMethod: true,
		Header: http.Header{"Content-Type": {"text/calendar; charset=utf-8"}, condition: {value}},
	})
	if err == nil {
		label(t, response)
	}
	return response, err
}
