package dav

import (
	"strings"
	"testing"
	"time"

	"pegel/internal/corpus"
)

const foreign = `BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:real-appointment
SUMMARY:Somebody's own
END:VEVENT
END:VCALENDAR
`

// monday is a moment for revisions.
var monday = time.Date(2025, 10, 6, 9, 0, 0, 0, time.UTC)

var calendars, contacts = Calendars(), Contacts()

func TestRevise(t *testing.T) {
	long := "DESCRIPTION:" + strings.Repeat("für ", 60)
	event := string(corpus.Event(corpus.EventSpec{Run: "r", Key: 1, Sequence: 4}))
	series := string(corpus.Event(corpus.EventSpec{Run: "r", Key: 1, Start: monday, Recurs: "FREQ=WEEKLY;COUNT=10", Moved: 2}))
	card := string(corpus.Contact(corpus.ContactSpec{Run: "r", Key: 1, Stamp: monday.AddDate(0, 0, -1)}))
	tests := map[string]struct {
		kind *Kind
		in   string
		want string
		fail bool
	}{
		"counts up":          {in: event, want: "SEQUENCE:5\r\n"},
		"begins":             {in: foreign, want: "X-PEGEL-REVISION:7-0000002a\r\nSEQUENCE:1\r\nEND:VEVENT"},
		"folds":              {in: strings.Replace(foreign, "SUMMARY:", long+"\nSUMMARY:", 1), want: "\r\n "},
		"no event":           {in: "BEGIN:VCALENDAR\nEND:VCALENDAR\n", fail: true},
		"open":               {in: "BEGIN:VCALENDAR\nBEGIN:VEVENT\n", fail: true},
		"closes too much":    {in: "END:VEVENT\n", fail: true},
		"deep":               {in: strings.Repeat("BEGIN:VCALENDAR\n", 100), fail: true},
		"not a number":       {in: strings.Replace(foreign, "SUMMARY:", "SEQUENCE:x\nSUMMARY:", 1), fail: true},
		"quoted parameters":  {in: strings.Replace(foreign, "SUMMARY:", "SUMMARY;X=\"a:b;c\":", 1), want: "SUMMARY;X=\"a:b;c\":Somebody"},
		"alarm's own fields": {in: strings.Replace(foreign, "END:VEVENT", "BEGIN:VALARM\nSEQUENCE:7\nEND:VALARM\nEND:VEVENT", 1), want: "SEQUENCE:7\r\nEND:VALARM\r\nX-PEGEL-REVISION:7-0000002a\r\nSEQUENCE:1\r\n"},
		"one revision":       {in: strings.Replace(event, "END:VEVENT", "X-PEGEL-REVISION:3-00000001\r\nEND:VEVENT", 1), want: "X-PEGEL-REVISION:7-0000002a\r\n"},
		"exceptions":         {in: series, want: "RECURRENCE-ID:20251013T090000Z"},
		"contact":            {kind: &contacts, in: card, want: "REV:20251006T090000Z\r\n"},
		"contact of a group": {kind: &contacts, in: strings.Replace(card, "REV:", "item1.REV:", 1), want: "REV:20251006T090000Z\r\n"},
		"event is no card":   {kind: &contacts, in: event, fail: true},
	}
	for name, test := range tests {
		k := test.kind
		if k == nil {
			k = &calendars
		}
		got, err := k.revise(test.in, revision{7, 42}, monday)
		if (err != nil) != test.fail || !strings.Contains(string(got), test.want) {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, test.want)
		}
		if r, _ := isOwn(string(got)); err == nil && r != (revision{7, 42}) {
			t.Errorf("%s: the revision is %v", name, r)
		}
		if err == nil && strings.Count(string(got), "REVISION") != strings.Count(string(got), "END:"+k.Inner) {
			t.Errorf("%s: not one revision an object: %s", name, got)
		}
		for line := range strings.SplitSeq(string(got), "\r\n") {
			if len(line) > 75 {
				t.Errorf("%s: a line of %d octets", name, len(line))
			}
		}
	}
}

func TestRevisionSurvivesFolding(t *testing.T) {
	r := revision{12, 0xfeed}
	if got := parseRevision(r.String()); got != r {
		t.Errorf("%v is read as %v", r, got)
	}
	for _, text := range []string{"", "12", "-1", "x-1", "1-x", "99999999999-1"} {
		if got := parseRevision(text); got != (revision{}) {
			t.Errorf("%q is read as %v", text, got)
		}
	}
	if got, own := isOwn("X-PEGEL-RUN:a\r\nX-PEGEL-REVI\r\n SION:3-0000\r\n 0009\r\n"); !own || got != (revision{3, 9}) {
		t.Errorf("folded: %v %v", got, own)
	}
}

func FuzzRevise(f *testing.F) {
	f.Add(string(corpus.Event(corpus.EventSpec{Run: "r", Key: 1, Attendees: []string{"a@b"}, Organizer: "c@d", Recurs: "FREQ=WEEKLY", Moved: 1})), false)
	f.Add(string(corpus.Contact(corpus.ContactSpec{Run: "r", Key: 1})), true)
	f.Add(foreign, false)
	f.Fuzz(func(t *testing.T, data string, card bool) {
		k := &calendars
		if card {
			k = &contacts
		}
		value(data, "UID")
		k.whole(data)
		once, err := k.revise(data, revision{1, 2}, monday)
		if err != nil {
			return
		}
		_, before := isOwn(data)
		r, after := isOwn(string(once))
		if before != after || r != (revision{1, 2}) {
			t.Errorf("a change alters whose the object is, or its revision (%v):\n%q\n%q", r, data, once)
		}
		for line := range strings.SplitSeq(string(once), "\r\n") {
			if len(line) > 80 {
				t.Errorf("a line of %d octets", len(line))
			}
		}
	})
}
