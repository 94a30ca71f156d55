package corpus

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// EventSpec says what calendar event to make.
type EventSpec struct {
	Run       string
	Key       uint64    // which event of the run: decides its UID and, where Summary is empty, its title
	Start     time.Time // written in UTC, to the second
	Duration  time.Duration
	Stamp     time.Time // of creation or last change; Start where zero
	Sequence  int       // revision, from 0
	Summary   string
	Organizer string        // mail address; "" for an event without guests
	Attendees []string      // mail addresses
	Recurs    string        // an RRULE value such as "FREQ=WEEKLY;COUNT=10", or ""
	Moved     int           // exceptions of a weekly rule: the second and the following occurrences, each an hour later
	Alarm     time.Duration // how long before its start a reminder is shown; 0: none
	Attach    int           // size of a file in the event, in bytes; 0: none

	Method string // of iTIP (RFC 5546), such as "REQUEST"; "" for an event that is stored and not sent
	Owner  string // address of the account that it belongs to; "" leaves the property out
	Secret Secret // signs its mark; the zero value leaves the property out
}

// Event makes a calendar object with one VEVENT (RFC 5545, lines folded at 75 octets and ending in CRLF).
func Event(spec EventSpec) []byte {
	r := stream(spec.Run, spec.Key)
	l := &languages[r.IntN(len(languages))]
	if spec.Summary == "" {
		spec.Summary = l.events[r.IntN(len(l.events))]
	}
	if spec.Stamp.IsZero() {
		spec.Stamp = spec.Start
	}
	const utc = "20060102T150405Z"

	b := make([]byte, 0, 1<<10)
	prop := func(text string) { b = fold(b, text) }
	prop("BEGIN:VCALENDAR")
	prop("VERSION:2.0")
	prop("PRODID:-//pegel//corpus//EN")
	if spec.Method != "" {
		prop("METHOD:" + line(spec.Method))
	}
	prop("BEGIN:VEVENT")
	prop("UID:" + EventUID(spec.Run, spec.Key))
	prop("DTSTAMP:" + spec.Stamp.UTC().Format(utc))
	prop("DTSTART:" + spec.Start.UTC().Format(utc))
	prop("DTEND:" + spec.Start.Add(spec.Duration).UTC().Format(utc))
	prop("SEQUENCE:" + strconv.Itoa(spec.Sequence))
	prop("SUMMARY:" + escape(spec.Summary))
	prop("DESCRIPTION:" + escape(l.sentences[r.IntN(len(l.sentences))]))
	if spec.Recurs != "" {
		prop("RRULE:" + line(spec.Recurs))
	}
	if spec.Organizer != "" {
		prop("ORGANIZER:mailto:" + line(spec.Organizer))
	}
	for _, guest := range spec.Attendees {
		prop("ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:" + line(guest))
	}
	if spec.Attach > 0 {
		data := make([]byte, spec.Attach)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		prop("ATTACH;FMTTYPE=application/octet-stream;ENCODING=BASE64;VALUE=BINARY:" + base64.StdEncoding.EncodeToString(data))
	}
	prop(RunProp + ":" + escape(spec.Run))
	if spec.Owner != "" {
		prop(OwnerProp + ":" + escape(spec.Owner))
	}
	if sign := spec.Secret.Sign(Mark{Run: spec.Run, Owner: spec.Owner, ID: EventUID(spec.Run, spec.Key)}); sign != "" {
		prop(SignProp + ":" + sign)
	}
	if spec.Alarm > 0 {
		prop("BEGIN:VALARM")
		prop("ACTION:DISPLAY")
		prop("DESCRIPTION:" + escape(spec.Summary))
		prop("TRIGGER:-PT" + strconv.Itoa(int(spec.Alarm/time.Minute)) + "M")
		prop("END:VALARM")
	}
	prop("END:VEVENT")
	// An exception has the identifier of its series and says which occurrence it stands for (section 3.8.4.4).
	for week := range spec.Moved {
		at := spec.Start.AddDate(0, 0, 7*(week+1))
		prop("BEGIN:VEVENT")
		prop("UID:" + EventUID(spec.Run, spec.Key))
		prop("RECURRENCE-ID:" + at.UTC().Format(utc))
		prop("DTSTAMP:" + spec.Stamp.UTC().Format(utc))
		prop("DTSTART:" + at.Add(time.Hour).UTC().Format(utc))
		prop("DTEND:" + at.Add(time.Hour+spec.Duration).UTC().Format(utc))
		prop("SEQUENCE:" + strconv.Itoa(spec.Sequence))
		prop("SUMMARY:" + escape(spec.Summary))
		prop(RunProp + ":" + escape(spec.Run))
		prop("END:VEVENT")
	}
	prop("END:VCALENDAR")
	return b
}

var textEscaper = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`)

// escape writes a TEXT value (RFC 5545, section 3.3.11).
func escape(s string) string { return textEscaper.Replace(s) }

// fold appends one content line, broken after at most 75 octets without splitting a character (section 3.1).
func fold(b []byte, text string) []byte {
	for room := 75; len(text) > room; room = 74 {
		cut := room
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		b = append(b, text[:cut]...)
		b = append(b, "\r\n "...)
		text = text[cut:]
	}
	b = append(b, text...)
	return append(b, "\r\n"...)
}
