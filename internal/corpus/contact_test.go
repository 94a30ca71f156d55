package corpus

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"
)

func TestContact(t *testing.T) {
	spec := ContactSpec{Run: "r1", Key: 7, Stamp: time.Date(2025, 4, 14, 8, 0, 0, 0, time.UTC), Owner: "u1@example.test", Secret: NewSecret("s", 1)}
	text := string(Contact(spec))
	if !bytes.Equal(Contact(spec), []byte(text)) {
		t.Error("a contact is not the same twice")
	}
	unfolded := strings.ReplaceAll(text, "\r\n ", "")
	given, family := PersonName(7)
	for _, want := range []string{
		"BEGIN:VCARD\r\nVERSION:3.0\r\n", "\r\nUID:" + EventUID("r1", 7) + "\r\n", "\r\nFN:" + given + " " + family + "\r\n",
		"\r\nN:" + family + ";" + given + ";;;\r\n", "\r\nREV:20250414T080000Z\r\n", "\r\n" + RunProp + ":r1\r\n",
		"\r\n" + OwnerProp + ":u1@example.test\r\n", "\r\n" + SignProp + ":1:", "@pegel.invalid\r\n",
	} {
		if !strings.Contains(unfolded, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if !strings.HasSuffix(text, "END:VCARD\r\n") {
		t.Errorf("the end of %q", text)
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		if len(line) > 75 {
			t.Errorf("a line of %d octets", len(line))
		}
	}
	names := map[string]bool{}
	for key := range uint64(2000) {
		given, family := PersonName(key)
		names[given+" "+family] = true
	}
	if len(names) != len(givenNames)*len(familyNames) {
		t.Errorf("%d names, want %d", len(names), len(givenNames)*len(familyNames))
	}
}

// A series with exceptions, a reminder and a file is what another implementation reads.
func TestEventOfManyParts(t *testing.T) {
	start := time.Date(2025, 4, 14, 8, 0, 0, 0, time.UTC)
	raw := Event(EventSpec{Run: "r", Key: 1, Start: start, Duration: time.Hour, Recurs: "FREQ=WEEKLY;COUNT=10", Moved: 2, Alarm: 15 * time.Minute, Attach: 5000})
	c, err := ical.NewDecoder(bytes.NewReader(raw)).Decode()
	if err != nil {
		t.Fatal(err)
	}
	events := c.Events()
	if len(events) != 3 || len(events[0].Children) != 1 || events[0].Children[0].Name != ical.CompAlarm {
		t.Fatalf("%d events, the first with %d parts", len(events), len(events[0].Children))
	}
	if data, err := base64.StdEncoding.DecodeString(events[0].Props.Get(ical.PropAttach).Value); err != nil || len(data) != 5000 {
		t.Errorf("a file of %d bytes: %v", len(data), err)
	}
	rule, err := events[0].RecurrenceSet(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	for k, e := range events[1:] {
		at, err := e.Props.DateTime(ical.PropRecurrenceID, time.UTC)
		if err != nil || !at.Equal(rule.All()[k+1]) {
			t.Errorf("exception %d stands for %v (%v), want %v", k, at, err, rule.All()[k+1])
		}
		if moved, err := e.DateTimeStart(time.UTC); err != nil || moved.Sub(at) != time.Hour {
			t.Errorf("exception %d is at %v: %v", k, moved, err)
		}
	}
}
