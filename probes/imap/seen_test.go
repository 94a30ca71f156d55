package imap

import (
	"testing"
	"time"
)

func TestMessageIDOfHeader(t *testing.T) {
	for text, want := range map[string]string{
		"From: a\r\nMessage-ID: <1@x>\r\n\r\nbody":       "<1@x>",
		"message-id:<1@x>\nFrom: a\n\n":                  "<1@x>",
		"Message-ID:\r\n <1@x>\r\n\r\n":                  "<1@x>",
		"Subject: a\r\n Message-ID: <2@x>\r\n\r\n":       "",
		"From: a\r\n\r\nMessage-ID: <in-the-body@x>\r\n": "",
		"Message-ID:\r\n\r\n":                            "",
		"":                                               "",
	} {
		var h header
		for i := range len(text) { // in pieces of one byte
			_, _ = h.Write([]byte{text[i]})
		}
		if got := h.messageID(); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	var h header
	for range 100 {
		_, _ = h.Write(make([]byte, 1<<10))
	}
	if len(h.text) != mostHeader {
		t.Errorf("%d bytes kept", len(h.text))
	}
}

// Who waited knows since when a message was there; who did not, or whose mailbox has shrunk, knows nothing.
func TestAnnounced(t *testing.T) {
	begun := time.Now()
	idle := announced{since: begun, base: 10}
	for _, line := range []string{"* 12 EXISTS\r\n", "* 2 RECENT\r\n", "* OK still here\r\n", "* 3 EXPUNGE\r\n", "* 13 exists\n", "* 99999999999 EXISTS\r\n"} {
		idle.hear([]byte(line))
	}
	var a announced
	a.after(&idle)
	for number, want := range map[uint32]int{9: -1, 10: 0, 11: 0, 12: 1, 13: 1, 14: -1} {
		at, since := a.of(number, 13)
		switch {
		case want < 0 && !at.IsZero():
			t.Errorf("message %d was announced", number)
		case want >= 0 && (!at.Equal(a.counts[want].at) || !since.Equal(begun)):
			t.Errorf("message %d: %v, %v", number, at, since)
		}
	}
	if at, _ := a.of(12, 12); !at.IsZero() {
		t.Error("a message has gone, and the numbers are still believed")
	}
	for range 1000 {
		idle.hear([]byte("* 14 EXISTS\r\n"))
	}
	a.after(&idle)
	if len(idle.counts) != mostAnnounced || len(a.counts) != mostAnnounced {
		t.Errorf("%d and %d announcements kept", len(idle.counts), len(a.counts))
	}
}

func FuzzAnnounced(f *testing.F) {
	f.Add([]byte("* 12 EXISTS\r\n"))
	f.Add([]byte("* 0 EXPUNGE\r\n"))
	f.Add([]byte("* "))
	f.Fuzz(func(t *testing.T, line []byte) {
		a := announced{base: 1}
		a.hear(line)
		a.hear([]byte("* 1 EXPUNGE\r\n"))
		_, _ = a.of(1, 1)
		var h header
		_, _ = h.Write(line)
		_ = h.messageID()
	})
}
