package table

import (
	"io"
	"slices"
	"strings"
	"time"
)

// Observation is how the platform did at one time in real use.
type Observation struct {
	Line        int
	At          time.Time // a date alone is the beginning of that day, UTC
	Users       float64   // active users
	Environment string    // "" where the file does not say
	Known       bool      // OK is given; else P95 is
	OK          bool      // every objective held
	P95         float64   // seconds
}

// layouts in which a time may be written, UTC where they have no zone.
var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"}

// ReadObserved reads what was observed: columns date or time, users, and ok (yes or no) or p95; environment may be there.
// Its errors are Read's.
func ReadObserved(file string, r io.Reader) ([]Observation, error) {
	s, err := ReadSheet(file, r, form)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	factor := 1.0
	for i, cell := range s.Head.Cells {
		name := plainName(cell)
		u, ok := understand(cell)
		switch {
		case name == "date" || name == "time" || name == "timestamp":
			name = "time"
		case ok && u.resource == "" && (u.column == Users || u.column == P95):
			name = u.column.String()
			if u.column == P95 {
				factor = u.factor
			}
		}
		if _, twice := at[name]; twice && slices.Contains([]string{"time", "users", "ok", "p95", "environment"}, name) {
			s.wrong(s.Head, i, "leave one of them out", "the column %s stands there twice", name)
		}
		at[name] = i
	}
	for _, name := range []string{"time", "users"} {
		if _, ok := at[name]; !ok {
			s.wrongLine(s.Head.Line, "the head line reads, for example, time,users,ok", "the column %s is missing", name)
		}
	}
	_, ok := at["ok"]
	_, p95 := at["p95"]
	if !ok && !p95 {
		s.wrongLine(s.Head.Line, "the head line reads, for example, time,users,ok", "the column ok or p95 is missing")
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	var list []Observation
	for _, rec := range s.Rows {
		o := Observation{Line: rec.Line, Known: ok}
		o.At = s.time(rec, at["time"])
		o.Users, _ = s.number(rec, at["users"], "users")
		if ok {
			o.OK = s.yes(rec, at["ok"])
		} else {
			v, _ := s.number(rec, at["p95"], "p95")
			o.P95 = v * factor
		}
		if i, given := at["environment"]; given {
			o.Environment = rec.Cells[i]
		}
		list = append(list, o)
	}
	return list, s.Err()
}

func (s *Sheet) time(rec Record, column int) time.Time {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, rec.Cells[column]); err == nil {
			return t
		}
	}
	s.wrong(rec, column, "write 2026-03-02 or 2026-03-02 14:30", "%q is no time", rec.Cells[column])
	return time.Time{}
}

func (s *Sheet) yes(rec Record, column int) bool {
	switch strings.ToLower(rec.Cells[column]) {
	case "yes", "true", "1", "ok", "y":
		return true
	case "no", "false", "0", "n":
		return false
	}
	s.wrong(rec, column, "write yes or no", "ok is neither yes nor no: %q", rec.Cells[column])
	return false
}
