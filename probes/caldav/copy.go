package caldav

import (
	"time"

	"pegel/internal/corpus"
	"pegel/probes/probe"
	"pegel/probes/probe/dav"
)

// copyParams are the parameters of copy.
type copyParams struct {
	Into string `yaml:"into"` // name of the calendar in the account's home, made where missing; default Migrated
}

// copyEvent writes one event of the last two years as the copy pass of a migration does. What it writes belongs to the
// migration: update and delete do not take it from this session's memory.
func copyEvent(decode func(any) error) (probe.Step, error) {
	params := copyParams{Into: kind.CopyInto}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if err := dav.CheckName("into", params.Into); err != nil {
		return nil, err
	}
	return dav.Step(func(t *probe.Turn, s *dav.Session) error {
		into, err := s.FindOrMake(t, params.Into)
		if err != nil {
			return err
		}
		day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1-int(t.Draw(drawDay)%730))
		spec := corpus.EventSpec{Run: t.RunID(), Key: t.Draw(drawKey), Start: day.Add(workingHour(t)), Duration: time.Hour}
		return s.Create(t, "copy an event", into, corpus.EventUID(spec.Run, spec.Key), corpus.Event(spec), false)
	}), nil
}
