package imap

import (
	"bytes"
	"strconv"
	"sync/atomic"

	"pegel/probes/probe"
)

// What a server may send, so that one that has lost its mind, or wants to do harm, costs a failed action and no memory.
const (
	maxResponse = 12 << 20  // bytes of one response outside literals: a SEARCH that finds a million messages has some 8 MiB
	maxLiteral  = 1 << 20   // bytes of a literal that is no message text, such as a mailbox's name
	maxBody     = 256 << 20 // bytes of a message; the large providers take at most 150 MiB
	maxAnswer   = 16 << 20  // bytes outside message texts within one action, or for each message that was asked for
)

// literalEnd is how much of the end of a line is kept to find the size of a literal: "BODY[1.2.3]<0> {268435456+}".
const literalEnd = 64

// bounds follows the structure of what arrives (lines, and literals after lines that end with their size) and refuses what is
// larger than any honest answer. Only the reader of the connection scans; spent may be set back by others.
type bounds struct {
	literal int64 // of the literal that is arriving, so many bytes are still to come
	line    int64 // bytes of the response so far, outside literals
	end     []byte
	spent   atomic.Int64
}

// fresh tells whether the next byte begins a line.
func (b *bounds) fresh() bool { return b.literal == 0 && b.line == 0 && len(b.end) == 0 }

// scan takes note of what has arrived.
func (b *bounds) scan(p []byte) error {
	for len(p) > 0 {
		if b.literal > 0 {
			n := min(b.literal, int64(len(p)))
			b.literal -= n
			p = p[n:]
			continue
		}
		i := bytes.IndexByte(p, '\n')
		part := p
		if i >= 0 {
			part = p[:i+1]
		}
		p = p[len(part):]
		b.line += int64(len(part))
		if b.line > maxResponse {
			return probe.Failf(probe.BadProtocol, "read an answer", "a response has more than %d bytes", maxResponse)
		}
		if b.spent.Add(int64(len(part))) > maxAnswer {
			return probe.Failf(probe.BadProtocol, "read an answer", "the server answers without end: more than %d bytes", maxAnswer)
		}
		b.keep(part)
		if i < 0 {
			return nil
		}
		size, body, announced := literalSize(b.end)
		b.end = b.end[:0]
		if !announced {
			b.line = 0
			continue
		}
		limit := int64(maxLiteral)
		if body {
			limit = maxBody
		} else {
			b.spent.Add(min(size, maxAnswer))
		}
		if size > limit {
			return probe.Failf(probe.BadProtocol, "read an answer", "a literal of %d bytes is announced", size)
		}
		b.literal = size
	}
	return nil
}

// keep remembers the end of a line.
func (b *bounds) keep(part []byte) {
	if len(part) >= literalEnd {
		b.end = append(b.end[:0], part[len(part)-literalEnd:]...)
		return
	}
	if over := len(b.end) + len(part) - literalEnd; over > 0 {
		b.end = append(b.end[:0], b.end[over:]...)
	}
	b.end = append(b.end, part...)
}

// literalSize reads the size of the literal that follows a line, and whether the literal is (a part of) a message.
func literalSize(line []byte) (size int64, body, ok bool) {
	line = bytes.TrimRight(line, "\r\n")
	if len(line) < 3 || line[len(line)-1] != '}' {
		return 0, false, false
	}
	open := bytes.LastIndexByte(line, '{')
	if open < 0 {
		return 0, false, false
	}
	digits := bytes.TrimSuffix(line[open+1:len(line)-1], []byte("+"))
	number, err := strconv.ParseUint(string(digits), 10, 63)
	if err != nil && len(digits) > 18 && !bytes.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
		number, err = 1<<62, nil // no honest size either
	}
	if err != nil {
		return 0, false, false
	}
	before := bytes.TrimRight(line[:open], "~ ")
	return int64(number), bytes.HasSuffix(before, []byte("]")) || bytes.HasSuffix(before, []byte(">")) || bytes.HasSuffix(before, []byte("RFC822")), true
}
