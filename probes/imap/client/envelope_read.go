package client

import "hash/maphash"

// Places of fields in an envelope, from 0, and of parts in an address.
const (
	dateField, subjectField, fromField, messageIDField = 0, 1, 2, 9
	mailboxPart, hostPart                              = 2, 3
)

// mostHeadline bounds the headline of a message, in bytes.
const mostHeadline = 4 << 10

// readEnvelope reads an envelope, of which only the Message-ID is kept, and the headline where it is wanted.
func (c *Conn) readEnvelope(m *Message) error {
	if b, err := c.peek(); err != nil || b != '(' {
		if err != nil {
			return err
		}
		return c.skipValue() // NIL
	}
	if d := c.desk; !d.ask.headline {
		if end, id, sum, ok := simpleEnvelope(d.in[d.r:d.w], c.observer != nil); ok {
			if id != nil {
				m.ID = append(m.ID[:0], id...)
			}
			if c.observer != nil {
				m.Envelope = uint64(sum)
			}
			d.r += end
			return nil
		}
	}
	c.desk.r++
	sum := digest(0)
	headline := c.desk.ask.headline
	addresses, part := 0, 0 // of the field, and of the address
	for depth, field := 1, 0; depth > 0; {
		b, err := c.peek()
		if err != nil {
			return err
		}
		switch b {
		case ' ':
			c.desk.r++
			continue
		case '(':
			c.desk.r++
			if depth++; depth > maxDepth {
				return c.garbled("more than %d parentheses within one another", maxDepth)
			}
			if depth == 3 {
				addresses, part = addresses+1, 0
			}
			sum = sum.and(uint64(b))
			continue
		case ')':
			c.desk.r++
			depth--
			sum = sum.and(uint64(b))
		case '\r', '\n':
			return c.garbled("the response ended within an envelope")
		default:
			wanted := depth == 1 && field == messageIDField
			heads := headline && (depth == 1 && (field == dateField || field == subjectField) ||
				depth == 3 && field == fromField && addresses == 1 && (part == mailboxPart || part == hostPart))
			if depth == 3 {
				part++
			}
			if c.observer == nil && !wanted && !heads {
				if b == '"' { // by far the most
					_, err = c.quoted(nil)
				} else {
					err = c.skipString()
				}
				if err != nil {
					return err
				}
				break
			}
			if b == '"' && !wanted && !heads {
				c.desk.said.Reset()
				if _, err := c.quoted(&c.desk.said); err != nil {
					return err
				}
				sum = sum.and(c.desk.said.Sum64())
				break
			}
			text, present, err := c.str()
			if err != nil {
				return err
			}
			if wanted && present && len(text) <= maxToken {
				m.ID = append(m.ID[:0], text...)
			}
			if heads {
				if present {
					m.Headline = append(m.Headline, text[:min(len(text), mostHeadline)]...)
				}
				m.Headline = append(m.Headline, 0)
			}
			if present {
				sum = sum.and(maphash.Bytes(digestSeed, text))
			} else {
				sum = sum.and(0)
			}
		}
		if depth == 1 {
			field++
			addresses = 0
		}
	}
	if c.observer != nil {
		m.Envelope = uint64(max(sum, 1))
	}
	return nil
}

// skipString uses a literal or an atom.
func (c *Conn) skipString() error {
	_, _, err := c.str()
	return err
}

// digest stands for what an envelope says, whatever way its strings were written. It holds within this process only.
type digest uint64

var digestSeed = maphash.MakeSeed()

// and adds a part: the digest of a string, 0 for NIL, or a parenthesis.
func (d digest) and(part uint64) digest { return (d ^ digest(part)) * 0x9e3779b97f4a7c15 }
