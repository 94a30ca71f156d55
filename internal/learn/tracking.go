package learn

import (
	"strings"
	"time"
)

// tracking reads the message tracking log of Exchange 2007 and later: CSV with #Fields, times in UTC. Mail that users send
// is RECEIVE by STOREDRIVER, mail from outside RECEIVE by SMTP with the directionality Incoming (before Exchange 2013, which
// has no such field: every RECEIVE by SMTP).
type tracking struct {
	names *pseudonyms
	fields
}

func newTracking(s setting) parser { return &tracking{names: s.names} }

func (p *tracking) parse(line string) (entry, error) {
	e := entry{exact: time.Millisecond, kind: ignored, what: "comments"}
	if strings.HasPrefix(line, "#") {
		if names, ok := strings.CutPrefix(line, "#Fields: "); ok {
			return e, p.head(strings.Split(names, ","), "date-time", "source", "event-id", "sender-address")
		}
		return e, nil
	}
	if p.at == nil {
		return e, errNoHead
	}
	if !p.split(line) {
		return e, errFields
	}
	at, err := time.Parse(time.RFC3339Nano, p.get("date-time"))
	if err != nil || at.Year() < 1970 {
		return e, errTime
	}
	e.at = at
	size, _ := number(p.get("total-bytes"))
	recipients, _ := number(p.get("recipient-count"))
	e.bytes, e.recipients = size, int(min(recipients, 1e6))
	source, event, direction := p.get("source"), p.get("event-id"), p.get("directionality")
	switch {
	case event == "RECEIVE" && source == "STOREDRIVER":
		e.kind, e.way, e.action, e.what = act, sender, "smtp.send", ""
		p.names.person(&e, p.get("sender-address"), "", "")
	case event == "RECEIVE" && source == "SMTP" && (direction == "" || direction == "Incoming"):
		e.kind, e.what = inbound, ""
	case event == "DELIVER":
		e.what = "mails delivered into mailboxes"
	case event == "SEND":
		e.what = "mails sent on by SMTP"
	default:
		e.what = "other events of message tracking"
	}
	return e, nil
}

// split cuts a line of CSV; it is false where the number of fields is wrong or a quotation mark is left open.
func (p *tracking) split(line string) bool {
	p.values = p.values[:0]
	for {
		if len(p.values) == p.n {
			return false
		}
		if strings.HasPrefix(line, "\"") {
			end := 1
			for ; end < len(line); end++ {
				if line[end] != '"' {
					continue
				}
				if end+1 == len(line) || line[end+1] != '"' {
					break
				}
				end++ // two stand for one inside the field
			}
			if end >= len(line) {
				return false
			}
			p.values = append(p.values, line[1:end])
			line = line[end+1:]
			if line == "" {
				break
			}
			if line[0] != ',' {
				return false
			}
			line = line[1:]
			continue
		}
		v, rest, more := strings.Cut(line, ",")
		p.values = append(p.values, v)
		if !more {
			break
		}
		line = rest
	}
	return len(p.values) == p.n
}
