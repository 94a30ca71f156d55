package caldav

import (
	"fmt"
	"time"

	"pegel/internal/corpus"
	"pegel/probes/probe"
	"pegel/probes/probe/dav"
)

// createParams are the parameters of create.
type createParams struct {
	Guests     int    `yaml:"guests"`     // invited accounts of the scenario, 0 to 100; default 0. Servers that schedule send them mail.
	Repeat     bool   `yaml:"repeat"`     // weekly, ten times
	Exceptions int    `yaml:"exceptions"` // occurrences that lie an hour later than the rule says, 0 to 9; they need repeat
	Alarm      bool   `yaml:"alarm"`      // a reminder 15 minutes before
	Attach     string `yaml:"attach"`     // a file in the event, its size such as 50KB, or a distribution; default none
	Share      int    `yaml:"attached"`   // percentage of the events that have the file, 0 to 100; default 100
}

// The random numbers of the actions that write.
const (
	drawKey = iota
	drawDay
	drawHour
	drawSize
	drawShare
	drawGuest // and the following
)

const maxAttach = 1 << 20 // bytes: what servers commonly take as an object, with room for base64

// create puts a new event into the calendar, in the next 30 days within working hours (UTC).
func create(decode func(any) error) (probe.Step, error) {
	params := createParams{Share: 100}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if params.Guests < 0 || params.Guests > 100 {
		return nil, fmt.Errorf("guests %d: must lie between 0 and 100", params.Guests)
	}
	if params.Exceptions < 0 || params.Exceptions > 9 || params.Exceptions > 0 && !params.Repeat {
		return nil, fmt.Errorf("exceptions %d: must lie between 0 and 9, and need repeat: true", params.Exceptions)
	}
	if params.Share < 0 || params.Share > 100 {
		return nil, fmt.Errorf("attached %d: must lie between 0 and 100 percent", params.Share)
	}
	if params.Attach != "" {
		if _, err := corpus.ParseSizes(params.Attach); err != nil {
			return nil, fmt.Errorf("attach: %w", err)
		}
	}
	return dav.Step(func(t *probe.Turn, s *dav.Session) error {
		if err := s.Ready(t); err != nil {
			return err
		}
		return createEvent(t, s, params)
	}), nil
}

// createEvent needs a session with a known calendar.
func createEvent(t *probe.Turn, s *dav.Session, params createParams) error {
	now := time.Now().UTC()
	spec := corpus.EventSpec{
		Run: t.RunID(), Key: t.Draw(drawKey), Stamp: now, Duration: time.Hour,
		Start: now.Truncate(24*time.Hour).AddDate(0, 0, int(t.Draw(drawDay)%30)).Add(workingHour(t)),
	}
	if params.Repeat {
		spec.Recurs = "FREQ=WEEKLY;COUNT=10"
		spec.Moved = params.Exceptions
	}
	if params.Alarm {
		spec.Alarm = 15 * time.Minute
	}
	if params.Attach != "" && int(t.Draw(drawShare)%100) < params.Share {
		sizes, err := corpus.ParseSizes(params.Attach)
		if err != nil {
			return err
		}
		spec.Attach = min(sizes.Draw(t.Draw(drawSize)), maxAttach)
	}
	if params.Guests > 0 {
		spec.Organizer = t.Account().Address
		for k := range params.Guests {
			spec.Attendees = append(spec.Attendees, t.Peer(drawGuest+k).Address)
		}
	}
	return s.Create(t, "create an event", nil, corpus.EventUID(spec.Run, spec.Key), corpus.Event(spec), true)
}

// oldEvent is one of the last two years.
func oldEvent(t *probe.Turn) (uid string, data []byte) {
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1-int(t.Draw(drawDay)%730))
	spec := corpus.EventSpec{Run: t.RunID(), Key: t.Draw(drawKey), Start: day.Add(workingHour(t)), Duration: time.Hour}
	return corpus.EventUID(spec.Run, spec.Key), corpus.Event(spec)
}

// workingHour is a time of day between 8 and 17 in steps of half an hour.
func workingHour(t *probe.Turn) time.Duration {
	return 8*time.Hour + time.Duration(t.Draw(drawHour)%18)*30*time.Minute
}
