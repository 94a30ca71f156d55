package client

import (
	"pegel/probes/probe"
)

// What a server may send, so that one that has lost its mind, or wants to do harm, costs a failed action and no memory.
const (
	maxResponse = 12 << 20  // bytes of one response outside literals: a SEARCH that finds a million messages has some 8 MiB
	maxLiteral  = 1 << 20   // bytes of a literal that is no message text, such as a mailbox's name
	maxBody     = 256 << 20 // bytes of a message; the large providers take at most 150 MiB
	maxAnswer   = 16 << 20  // bytes outside message texts within one action, or for each message that was asked for
	maxLine     = 16 << 10  // bytes of a status response: a greeting, a refusal; capabilities make some of them long
	maxToken    = 16 << 10  // bytes of a token that is kept and is no literal
	maxDepth    = 100       // parentheses within one another
)

const reading = "read an answer"

// account takes note of what has been used since the last time.
func (c *Conn) account() error {
	d := c.desk
	n := int64(d.r - d.mark)
	if c.observer != nil {
		if room := mostShown - len(d.shown); room > 0 {
			d.shown = append(d.shown, d.in[d.mark:d.mark+min(int(n), room)]...)
		}
	}
	d.mark = d.r
	d.line += n
	d.spent += n
	switch {
	case d.line > maxResponse:
		return c.lost(probe.Failf(probe.BadProtocol, reading, "a response has more than %d bytes", maxResponse))
	case d.spent > maxAnswer:
		return c.lost(probe.Failf(probe.BadProtocol, reading, "the server answers without end: more than %d bytes", maxAnswer))
	}
	return nil
}

// admit checks the size of a literal that is announced.
func (c *Conn) admit(size int64, body bool) error {
	limit := int64(maxLiteral)
	if body {
		limit = maxBody
	} else {
		c.desk.spent += min(size, maxAnswer)
	}
	if size > limit {
		return c.lost(probe.Failf(probe.BadProtocol, reading, "a literal of %d bytes is announced", size))
	}
	return nil
}

// garbled is the failure of an answer that is not IMAP.
func (c *Conn) garbled(format string, args ...any) error {
	return c.lost(probe.Failf(probe.BadProtocol, reading, format, args...))
}
