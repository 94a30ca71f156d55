package imap

import "time"

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

// begin takes note that the user begins to wait, in a mailbox of so many messages.
func (a *announced) begin(messages uint32) {
	if len(a.counts) == 0 {
		a.base = messages
	}
	a.since = time.Now()
}

// exists takes note that the server has said how many messages there are.
func (a *announced) exists(messages uint32) {
	if len(a.counts) < mostAnnounced {
		a.counts = append(a.counts, announcement{messages, time.Now(), a.since})
	}
}

// expunged takes note that a message has gone.
func (a *announced) expunged(number uint32) {
	if a.base >= number {
		a.base--
	}
	for i := range a.counts {
		if a.counts[i].messages >= number {
			a.counts[i].messages--
		}
	}
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
