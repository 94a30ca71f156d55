package learn

import (
	"strings"
	"time"
)

// stamps reads what syslog puts before a message, in classic form and by RFC 3339:
//
//	Mar  2 08:00:01 host dovecot[12]: …
//	2026-03-02T08:00:01.123456+01:00 host dovecot: …
//
// Classic stamps have no year: the first gets the latest one that is not in the future, and a December before a January
// makes the next.
type stamps struct {
	setting
	month time.Month
}

// message is a line of syslog: program without number, and text.
type message struct {
	at      time.Time
	exact   time.Duration
	program string
	text    string
}

func (s *stamps) read(line string) (m message, err error) {
	if strings.HasPrefix(line, "<") { // priority, as some collectors keep it
		if i := strings.IndexByte(line, '>'); i > 0 && i < 5 {
			line = line[i+1:]
		}
	}
	if len(line) < 16 {
		return m, errShape
	}
	var rest string
	if digit(line[0]) {
		var stamp string
		stamp, rest, _ = strings.Cut(line, " ")
		if m.at, err = time.Parse(time.RFC3339Nano, stamp); err != nil || m.at.Year() < 1970 {
			return m, errTime
		}
		m.exact = time.Second
		if strings.ContainsAny(stamp, ".,") {
			m.exact = time.Millisecond
		}
	} else if m.at, err = s.classic(line[:15]); err != nil {
		return m, err
	} else {
		rest, m.exact = line[15:], time.Second
		if !strings.HasPrefix(rest, " ") {
			return m, errShape
		}
	}
	rest = strings.TrimLeft(rest, " ")
	first, after, _ := strings.Cut(rest, " ")
	if !strings.HasSuffix(first, ":") && !strings.ContainsAny(first, "(<") { // a host, not yet the program
		rest = strings.TrimLeft(after, " ")
	}
	program, text, ok := strings.Cut(rest, ": ")
	if !ok {
		return m, errShape
	}
	m.program, m.text = program, text
	if i := strings.IndexByte(program, '['); i > 0 && strings.HasSuffix(program, "]") {
		m.program = program[:i]
	}
	return m, nil
}

func (s *stamps) classic(text string) (time.Time, error) {
	month, known := months[text[:3]]
	day, ok1 := number(strings.TrimLeft(text[4:6], " "))
	hour, minute, second, ok2 := clock(text[7:])
	if !known || !ok1 || !ok2 || text[3] != ' ' || text[6] != ' ' {
		return time.Time{}, errTime
	}
	if s.year == 0 {
		s.year = s.now.Year()
		if time.Date(s.year, month, int(day), hour, minute, second, 0, s.zone).After(s.now.Add(24 * time.Hour)) {
			s.year--
		}
	} else if s.month == time.December && month == time.January {
		s.year++
	}
	s.month = month
	return date(s.year, month, int(day), hour, minute, second, 0, s.zone)
}

// newSyslog reads a log in which Dovecot, Postfix and HAProxy stand mixed.
func newSyslog(s setting) parser {
	return &shared{stamps: stamps{setting: s}, dovecot: dovecot{names: s.names}, postfix: newQueue(s.names), haproxy: haproxy{s}, all: true}
}

// newDovecot, newPostfix and newHAProxy read a log for the lines of one program.
func newDovecot(s setting) parser {
	return &shared{stamps: stamps{setting: s}, dovecot: dovecot{names: s.names}, only: "dovecot"}
}

func newPostfix(s setting) parser {
	return &shared{stamps: stamps{setting: s}, postfix: newQueue(s.names), only: "postfix"}
}

func newHAProxy(s setting) parser {
	return &shared{stamps: stamps{setting: s}, haproxy: haproxy{s}, only: "haproxy"}
}

// shared hands the lines of a syslog file to the readers of their programs.
type shared struct {
	stamps  stamps
	dovecot dovecot
	postfix *queue
	haproxy haproxy
	only    string
	all     bool
}

func (s *shared) parse(line string) (entry, error) {
	if s.all || s.only == "haproxy" {
		if line != "" && digit(line[0]) && strings.Contains(line, " [") { // as HAProxy writes to its own output
			if e, err := s.haproxy.parse(line); err == nil {
				return e, nil
			}
		}
	}
	m, err := s.stamps.read(line)
	if err != nil {
		return entry{}, err
	}
	e := entry{at: m.at, exact: m.exact, kind: ignored, what: otherProgram}
	of := func(program string) bool { return s.all || s.only == program }
	switch {
	case of("dovecot") && (m.program == "dovecot" || isDovecot(m.program)):
		if m.program == "dovecot" {
			program, text, ok := strings.Cut(m.text, ": ")
			if !ok {
				e.what = "messages of Dovecot itself"
				return e, nil
			}
			m.program, m.text = program, text
		}
		s.dovecot.message(&e, m.program, m.text)
	case of("postfix") && strings.HasPrefix(m.program, "postfix"):
		s.postfix.message(&e, m.program, m.text)
	case of("haproxy") && strings.HasPrefix(m.program, "haproxy"):
		return s.haproxy.parse(m.text)
	}
	return e, nil
}
