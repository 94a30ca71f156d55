package corpus

import (
	"io"
	"math/rand/v2"
)

// Content is a message that is made while it is read: its size is known beforehand, its attachments are never in memory as a
// whole. It may be read several times, also at once, and is the same each time.
type Content struct {
	pieces []piece
	size   int64
	state  rand.PCG // what the attachments are drawn from
}

// piece is some text and then so many lines of an attachment.
type piece struct {
	text  []byte
	lines int
}

var _ io.WriterTo = (*Content)(nil)

func (c *Content) text(b []byte) { c.file(b, 0) }

// file adds text and an attachment of about size bytes behind it.
func (c *Content) file(text []byte, size int) {
	lines := (max(size, 0) + codedLine + 1) / (codedLine + 2)
	c.pieces = append(c.pieces, piece{text, lines})
	c.size += int64(len(text)) + int64(lines)*(codedLine+2)
}

// Size is the exact number of bytes that WriteTo writes.
func (c *Content) Size() int64 { return c.size }

// batchLines is how many lines of an attachment are made at a time: 32 KiB.
const batchLines = (32 << 10) / (codedLine + 2)

// WriteTo writes the message; the error is that of w.
func (c *Content) WriteTo(w io.Writer) (written int64, err error) {
	pcg := c.state
	r := rand.New(&pcg)
	var batch []byte
	write := func(b []byte) bool {
		var n int
		n, err = w.Write(b)
		written += int64(n)
		return err == nil
	}
	for _, p := range c.pieces {
		if !write(p.text) {
			return written, err
		}
		for left := p.lines; left > 0; left -= batchLines {
			if batch == nil {
				batch = make([]byte, 0, min(left, batchLines)*(codedLine+2))
			}
			batch = attachment(batch[:0], r, min(left, batchLines))
			if !write(batch) {
				return written, err
			}
		}
	}
	return written, nil
}
