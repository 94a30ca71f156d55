package imap

import (
	"bytes"
	"strconv"
	"time"
)

// announced remembers when the server said, of its own accord, that messages had come: whoever fetches them later can tell
// since when they were to be seen. It belongs to one selected mailbox.
type announced struct {
	since  time.Time // of the IDLE under way
	base   uint32    // messages that had been there before
	counts []announcement
}

// announcement is one EXISTS during an IDLE.
type announcement struct {
	messages  uint32 // how many there were then
	at, since time.Time
}

// mostAnnounced bounds what is remembered between two looks; messages beyond are seen without a known time.
const mostAnnounced = 64

// hear takes note of an untagged line: "* 23 EXISTS" or "* 5 EXPUNGE".
func (a *announced) hear(line []byte) {
	rest, ok := bytes.CutPrefix(line, []byte("* "))
	if !ok {
		return
	}
	number, word, ok := bytes.Cut(bytes.TrimRight(rest, "\r\n"), []byte(" "))
	if !ok || len(number) > 10 {
		return
	}
	exists, expunged := bytes.EqualFold(word, []byte("EXISTS")), bytes.EqualFold(word, []byte("EXPUNGE"))
	if !exists && !expunged {
		return
	}
	n, err := strconv.ParseUint(string(number), 10, 32)
	if err != nil {
		return
	}
	if expunged {
		if a.base >= uint32(n) {
			a.base--
		}
		for i := range a.counts {
			if a.counts[i].messages >= uint32(n) {
				a.counts[i].messages--
			}
		}
		return
	}
	if len(a.counts) < mostAnnounced {
		a.counts = append(a.counts, announcement{uint32(n), time.Now(), a.since})
	}
}

// after takes over what an IDLE that has ended heard.
func (a *announced) after(idle *announced) {
	if len(a.counts) == 0 {
		a.base = idle.base
	}
	room := mostAnnounced - len(a.counts)
	a.counts = append(a.counts, idle.counts[:min(room, len(idle.counts))]...)
}

// of is the announcement of the message with a sequence number, in a mailbox of so many messages. Where some have gone
// since, nothing is known any more.
func (a *announced) of(number, messages uint32) (at, since time.Time) {
	if n := len(a.counts); n == 0 || a.counts[n-1].messages > messages || number <= a.base {
		return time.Time{}, time.Time{}
	}
	for i := range a.counts {
		if number <= a.counts[i].messages {
			return a.counts[i].at, a.counts[i].since
		}
	}
	return time.Time{}, time.Time{}
}
