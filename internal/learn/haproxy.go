package learn

import (
	"strings"
	"time"
)

// haproxy reads HAProxy's HTTP log:
//
//	10.0.1.2:33317 [02/Mar/2026:08:00:01.655] front~ back/server 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {…} "GET / HTTP/1.1"
//
// Its stamps are those of acceptance, in local time without a zone. Captured headers are not read.
type haproxy struct{ setting }

func (h haproxy) parse(line string) (entry, error) {
	e := entry{exact: time.Millisecond, kind: ignored, what: "messages of HAProxy itself"}
	client, rest := field(line)
	port := strings.LastIndexByte(client, ':')
	if !strings.HasPrefix(rest, "[") || port < 0 {
		return e, nil
	}
	if _, ok := number(client[port+1:]); !ok {
		return e, nil
	}
	stamp, rest, ok := strings.Cut(rest[1:], "] ")
	if !ok {
		return e, errShape
	}
	at, err := h.time(stamp)
	if err != nil {
		return e, err
	}
	e.at = at
	_, rest = field(rest) // frontend
	_, rest = field(rest) // backend and server
	timers, rest := field(rest)
	code, rest := field(rest)
	if n := strings.Count(timers, "/"); n == 2 {
		e.what = "connections without HTTP"
		return e, nil
	} else if n != 4 {
		return e, errShape
	}
	status, ok := number(code)
	if code == "-1" { // the client or the server was gone
		status, ok = 499, true
	}
	_, wanted, found := strings.Cut(rest, " \"")
	if !ok || !found {
		return e, errShape
	}
	wanted = strings.TrimSuffix(wanted, "\"") // missing where the line was cut off
	if total, ok := number(strings.TrimPrefix(timers[strings.LastIndexByte(timers, '/')+1:], "+")); ok {
		e.took = time.Duration(min(total, 1e9)) * time.Millisecond
	}
	method, target := field(wanted)
	target, _ = field(target)
	if strings.HasPrefix(method, "<BADREQ>") {
		e.what = "bad requests"
		return e, nil
	}
	e.what = ""
	h.names.classify(&e, request{method: method, target: target, status: int(status), address: client[:port]})
	return e, nil
}

// time reads 02/Mar/2026:08:00:01.655.
func (h haproxy) time(s string) (time.Time, error) {
	if len(s) != 24 || s[2] != '/' || s[6] != '/' || s[11] != ':' || s[20] != '.' {
		return time.Time{}, errTime
	}
	day, ok1 := number(s[:2])
	year, ok2 := number(s[7:11])
	hour, minute, second, ok3 := clock(s[12:20])
	milli, ok4 := number(s[21:])
	if !(ok1 && ok2 && ok3 && ok4) {
		return time.Time{}, errTime
	}
	return date(int(year), months[s[3:6]], int(day), hour, minute, second, int(milli)*1e6, h.zone)
}
