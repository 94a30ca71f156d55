package client

// Observer is shown what happens on a connection, in order. Byte slices and the Message are valid during the call only.
// While a connection rests, the lookout's goroutine calls.
type Observer interface {
	// Sent is shown a command as it was written, without its line end; what proves the user's identity is replaced, and of
	// a literal there is only the size.
	Sent(line []byte)
	// Received is shown a response without its line end, at most its first 256 bytes; of literals there is only the size. The
	// user's secrets are replaced.
	Received(line []byte)
	// Selected is told what SELECT or EXAMINE came to.
	Selected(box Box)
	// Exists is told how many messages the selected mailbox has now.
	Exists(messages uint32)
	// Expunged is told the sequence number of a message that has gone.
	Expunged(number uint32)
	// Vanished is told UIDs that have gone, as a set of RFC 9051 ("1:3,7"); earlier: before the mailbox was selected.
	Vanished(set []byte, earlier bool)
	// Fetched is told each FETCH response, whether asked for or not.
	Fetched(m *Message)
}

// mostShown is how much of a response an observer is shown, in bytes.
const mostShown = 256

// show hands a line over.
func (c *Conn) show(line []byte, sent bool) {
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	if sent {
		c.observer.Sent(line)
		return
	}
	if c.redact != nil {
		line = []byte(c.redact(string(line)))
	}
	c.observer.Received(line)
}
