package corpus

import (
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
	Organizer string   // mail address; "" for an event without guests
	Attendees []string // mail addresses
	Recurs    string   // an RRULE value such as "FREQ=WEEKLY;COUNT=10", or ""

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
	prop(RunProp + ":" + escape(spec.Run))
	if spec.Owner != "" {
		prop(OwnerProp + ":" + escape(spec.Owner))
	}
	if sign := spec.Secret.Sign(Mark{Run: spec.Run, Owner: spec.Owner, ID: EventUID(spec.Run, spec.Key)}); sign != "" {
		prop(SignProp + ":" + sign)
	}
	prop("END:VEVENT")
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
