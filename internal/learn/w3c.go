package learn

import (
	"strings"
	"time"
)

// iis reads the W3C extended format of IIS, with its #Fields. Times are UTC.
type iis struct {
	names *pseudonyms
	fields
}

func newIIS(s setting) parser { return &iis{names: s.names, fields: fields{none: "-"}} }

func (p *iis) parse(line string) (entry, error) {
	e := entry{exact: time.Second, kind: ignored, what: "comments"}
	if strings.HasPrefix(line, "#") {
		if names, ok := strings.CutPrefix(line, "#Fields: "); ok {
			return e, p.head(strings.Fields(names), "date", "time", "cs-method", "cs-uri-stem", "sc-status")
		}
		return e, nil
	}
	if p.at == nil {
		return e, errNoHead
	}
	p.values = p.values[:0]
	for v := range strings.SplitSeq(line, " ") {
		if len(p.values) == p.n {
			return e, errFields
		}
		p.values = append(p.values, v)
	}
	if len(p.values) != p.n {
		return e, errFields
	}
	var err error
	if e.at, err = isoTime(p.get("date"), p.get("time")); err != nil {
		return e, err
	}
	status, ok := number(p.get("sc-status"))
	if !ok {
		return e, errShape
	}
	if took, ok := number(p.get("time-taken")); ok {
		e.took = time.Duration(min(took, 1e9)) * time.Millisecond
		e.at = e.at.Add(-e.took) // the line is written at the end
	}
	target := p.get("cs-uri-stem")
	if q := p.get("cs-uri-query"); q != "-" {
		target += "?" + q
	}
	p.names.classify(&e, request{method: p.get("cs-method"), target: target, status: int(status), user: p.get("cs-username"),
		address: p.get("c-ip"), agent: p.get("cs(User-Agent)")})
	return e, nil
}

// isoTime reads 2026-03-02 and 08:00:01, UTC.
func isoTime(day, hour string) (time.Time, error) {
	if len(day) != 10 || day[4] != '-' || day[7] != '-' {
		return time.Time{}, errTime
	}
	y, ok1 := number(day[:4])
	m, ok2 := number(day[5:7])
	d, ok3 := number(day[8:])
	hh, mm, ss, ok4 := clock(hour)
	if !(ok1 && ok2 && ok3 && ok4) {
		return time.Time{}, errTime
	}
	return date(int(y), time.Month(m), int(d), hh, mm, ss, 0, time.UTC)
}
