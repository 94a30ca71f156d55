package caldav

import (
	"fmt"
	"strings"
	"time"

	"pegel/internal/corpus"
	"pegel/probes/probe"
)

// copyTarget is where migrated events go unless a scenario says otherwise.
const copyTarget = "Migrated"

// copyParams are the parameters of copy.
type copyParams struct {
	Into string `yaml:"into"` // name of the calendar in the account's home, made where missing; default Migrated
}

// copyEvent writes one event of the last two years as the copy pass of a migration does. What it writes belongs to the
// migration: update and delete do not take it from this session's memory.
func copyEvent(decode func(any) error) (probe.Step, error) {
	params := copyParams{Into: copyTarget}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if params.Into == "" || params.Into == "." || params.Into == ".." || strings.ContainsAny(params.Into, "/<>&%?#") {
		return nil, fmt.Errorf("into %q: must be the name of a calendar, without any of / < > & %% ? #", params.Into)
	}
	return func(t *probe.Turn) error {
		s, err := session(t)
		if err != nil {
			return err
		}
		into, ok := s.known(params.Into)
		if !ok {
			if into, err = s.make(t, params.Into); err != nil {
				return err
			}
		}
		day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1-int(t.Draw(drawDay)%730))
		_, err = s.put(t, "copy an event", into, corpus.EventSpec{
			Run: t.RunID(), Key: t.Draw(drawKey), Start: day.Add(workingHour(t)), Duration: time.Hour,
		})
		return err
	}, nil
}
