package caldav

import (
	"strings"
	"testing"
	"time"

	"pegel/internal/corpus"
)

// event0 is a moment for revisions.
var event0 = time.Date(2025, 10, 6, 9, 0, 0, 0, time.UTC)

func FuzzRevise(f *testing.F) {
	f.Add(corpus.Event(corpus.EventSpec{Run: "r", Key: 1, Attendees: []string{"a@b"}, Organizer: "c@d"}))
	f.Add([]byte(foreign))
	f.Fuzz(func(t *testing.T, data []byte) {
		once, err := revise(data, event0)
		if err != nil {
			return
		}
		if isOwn(data) != isOwn(once) {
			t.Errorf("a revision changes whose the event is:\n%q\n%q", data, once)
		}
		for line := range strings.SplitSeq(string(once), "\r\n") {
			if len(line) > 80 {
				t.Errorf("a line of %d octets", len(line))
			}
		}
	})
}

func FuzzMultistatus(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0"?><multistatus xmlns="DAV:"><response><href>/u0/</href><propstat><status>HTTP/1.1 200 OK</status>` +
		`<prop><resourcetype><collection/></resourcetype><getetag>"e"</getetag></prop></propstat></response></multistatus>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parse(data)
		if err != nil {
			return
		}
		for i := range m.Responses {
			m.Responses[i].found().holdsEvents()
			m.Responses[i].failure()
		}
	})
}
