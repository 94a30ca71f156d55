package learn

import (
	"strings"
	"time"
)

// newCombined reads the combined log format of Apache and nginx, the common format without referer and agent, and the
// variant with the virtual host before it:
//
//	192.0.2.7 - - [02/Mar/2026:08:00:01 +0100] "GET /a?b=c HTTP/1.1" 200 512 "-" "Mozilla/5.0 …"
//
// What stands after the agent is not read.
func newCombined(s setting) parser {
	return parserFunc(func(line string) (entry, error) {
		e := entry{exact: time.Second}
		head, rest, ok := strings.Cut(line, " [")
		if !ok {
			return e, errShape
		}
		stamp, rest, ok := strings.Cut(rest, "] \"")
		if !ok {
			return e, errShape
		}
		var err error
		if e.at, err = combinedTime(stamp); err != nil {
			return e, err
		}
		address, ident := field(head)
		if _, port, found := strings.Cut(address, ":"); found && strings.Count(ident, " ") >= 2 {
			if _, isPort := number(port); isPort { // the virtual host comes first
				address, ident = field(ident)
			}
		}
		_, user := field(ident)
		if address == "" || user == "" {
			return e, errShape
		}
		wanted, rest, ok := quoted(rest)
		if !ok {
			return e, errShape
		}
		code, rest := field(rest)
		status, ok := number(code)
		if !ok || len(code) != 3 {
			return e, errShape
		}
		_, rest = field(rest) // bytes
		agent := ""
		if _, after, found := strings.Cut(rest, "\""); found {
			if _, after, found = quoted(after); found { // referer
				if _, after, found = strings.Cut(after, "\""); found {
					agent, _, _ = quoted(after)
				}
			}
		}
		method, target := field(wanted)
		target, _ = field(target)
		s.names.classify(&e, request{method: method, target: target, status: int(status), user: user, address: address, agent: agent})
		return e, nil
	})
}

// quoted cuts s at the quotation mark that no backslash stands before.
func quoted(s string) (text, rest string, ok bool) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[:i], s[i+1:], true
		}
	}
	return "", s, false
}

// combinedTime reads 02/Mar/2026:08:00:01 +0100.
func combinedTime(s string) (time.Time, error) {
	if len(s) != 26 || s[2] != '/' || s[6] != '/' || s[11] != ':' || s[20] != ' ' || s[21] != '+' && s[21] != '-' {
		return time.Time{}, errTime
	}
	day, ok1 := number(s[:2])
	year, ok2 := number(s[7:11])
	hour, minute, second, ok3 := clock(s[12:20])
	zh, ok4 := number(s[22:24])
	zm, ok5 := number(s[24:])
	if !(ok1 && ok2 && ok3 && ok4 && ok5) || zh > 14 || zm > 59 {
		return time.Time{}, errTime
	}
	t, err := date(int(year), months[s[3:6]], int(day), hour, minute, second, 0, time.UTC)
	offset := time.Duration(zh)*time.Hour + time.Duration(zm)*time.Minute
	if s[21] == '-' {
		offset = -offset
	}
	return t.Add(-offset), err
}
