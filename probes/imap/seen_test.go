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
	var a announced
	a.begin(10)
	a.since = begun
	a.exists(12)
	a.expunged(3)
	a.exists(13)
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
		a.exists(14)
	}
	if len(a.counts) != mostAnnounced {
		t.Errorf("%d announcements kept", len(a.counts))
	}
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte("Message-ID: <1@x>\r\n"))
	f.Add([]byte(":\n "))
	f.Fuzz(func(t *testing.T, line []byte) {
		var h header
		_, _ = h.Write(line)
		_ = h.messageID()
	})
}
