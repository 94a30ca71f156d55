package client

import (
	"bytes"
	"io"
)

// fill reads more, once all that was there is used.
func (c *Conn) fill() error {
	if err := c.account(); err != nil {
		return err
	}
	return c.load()
}

// load is fill without the accounts.
func (c *Conn) load() error {
	d := c.desk
	if c.err != nil {
		return c.err
	}
	d.enlarge()
	d.r, d.w, d.mark = 0, 0, 0
	for range 100 {
		n, err := c.arrive(d.in)
		if n > 0 {
			d.w = n
			if f := d.ask.first; f != nil {
				d.ask.first = nil
				f()
			}
			return nil
		}
		if err != nil {
			return c.lost(err)
		}
	}
	return c.lost(io.ErrNoProgress)
}

// peek returns the next byte without using it.
func (c *Conn) peek() (byte, error) {
	d := c.desk
	if d.r == d.w {
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	return d.in[d.r], nil
}

// next uses one byte.
func (c *Conn) next() (byte, error) {
	b, err := c.peek()
	if err == nil {
		c.desk.r++
	}
	return b, err
}

// expect uses one byte, which must be b.
func (c *Conn) expect(b byte) error {
	got, err := c.next()
	if err == nil && got != b {
		err = c.garbled("%q came where %q belongs", got, b)
	}
	return err
}

// lineEnd uses the end of a response, CRLF or a bare LF.
func (c *Conn) lineEnd() error {
	b, err := c.next()
	for err == nil && (b == '\r' || b == ' ') { // some servers end lines with a space
		b, err = c.next()
	}
	if err == nil && b != '\n' {
		err = c.garbled("%q came where the response should end", b)
	}
	if err != nil {
		return err
	}
	return c.ended()
}

// ended closes the accounts of a response.
func (c *Conn) ended() error {
	err := c.account()
	d := c.desk
	d.line = 0
	if c.observer != nil {
		c.show(d.shown, false)
		d.shown = d.shown[:0]
	}
	return err
}

// restOfLine uses the response up to its end and returns it without that, valid until something is read.
func (c *Conn) restOfLine() ([]byte, error) {
	d := c.desk
	d.text = d.text[:0]
	for {
		if _, err := c.peek(); err != nil {
			return nil, err
		}
		part := d.in[d.r:d.w]
		i := bytes.IndexByte(part, '\n')
		if i >= 0 {
			part = part[:i]
		}
		if len(d.text)+len(part) > maxLine {
			return nil, c.garbled("a line of more than %d bytes", maxLine)
		}
		d.text = append(d.text, part...)
		d.r += len(part)
		if i >= 0 {
			d.r++
			return bytes.TrimSuffix(d.text, []byte{'\r'}), c.ended()
		}
	}
}

// separates tells the bytes that end an atom.
func separates(b byte) bool {
	return b <= ' ' || b == '(' || b == ')' || b == '{' || b == '"'
}

// atom uses an atom and returns it, valid until something is read. It may be empty.
func (c *Conn) atom() ([]byte, error) { return c.word(' ') }

// word uses an atom that a further byte may end.
func (c *Conn) word(stop byte) ([]byte, error) {
	d := c.desk
	if _, err := c.peek(); err != nil {
		return nil, err
	}
	start := d.r
	for d.r < d.w {
		if b := d.in[d.r]; separates(b) || b == stop {
			return d.in[start:d.r], nil
		}
		d.r++
	}
	d.text = append(d.text[:0], d.in[start:d.r]...)
	for {
		b, err := c.peek()
		if err != nil {
			return nil, err
		}
		if separates(b) || b == stop {
			return d.text, nil
		}
		if len(d.text) == maxToken {
			return nil, c.garbled("an atom of more than %d bytes", maxToken)
		}
		d.text = append(d.text, b)
		d.r++
	}
}

// number uses digits. There must be one at least.
func (c *Conn) number() (uint64, error) {
	var n uint64
	for digits := 0; ; digits++ {
		b, err := c.peek()
		if err != nil {
			return 0, err
		}
		if b < '0' || b > '9' {
			if digits == 0 {
				return 0, c.garbled("%q came where a number belongs", b)
			}
			return n, nil
		}
		if digits == 19 {
			return 0, c.garbled("a number of more than 19 digits")
		}
		n = n*10 + uint64(b-'0')
		c.desk.r++
	}
}

// number32 is number for what has at most 32 bits.
func (c *Conn) number32() (uint32, error) {
	n, err := c.number()
	if err == nil && n > 1<<32-1 {
		err = c.garbled("%d is too large a number", n)
	}
	return uint32(n), err
}

// literalSize uses the announcement of a literal, from its brace to the end of the line.
func (c *Conn) literalSize(body bool) (int64, error) {
	if err := c.expect('{'); err != nil {
		return 0, err
	}
	var n int64
	for {
		b, err := c.next()
		if err != nil {
			return 0, err
		}
		switch {
		case b >= '0' && b <= '9':
			if n < 1<<59 {
				n = n*10 + int64(b-'0')
			}
			continue
		case b == '+' || b == '-':
			continue
		case b != '}':
			return 0, c.garbled("%q came in the size of a literal", b)
		}
		break
	}
	b, err := c.next()
	if err == nil && b == '\r' {
		b, err = c.next()
	}
	if err == nil && b != '\n' {
		err = c.garbled("%q came before a literal", b)
	}
	if err == nil {
		err = c.account()
	}
	if err == nil {
		err = c.admit(n, body)
	}
	return n, err
}

// pass uses n bytes of a literal and writes them into w, nil for nowhere. What w returns is not looked at.
func (c *Conn) pass(n int64, w io.Writer) error {
	d := c.desk
	for n > 0 {
		if d.r == d.w {
			if err := c.load(); err != nil {
				return err
			}
		}
		part := d.in[d.r:d.w]
		if int64(len(part)) > n {
			part = part[:n]
		}
		if w != nil {
			_, _ = w.Write(part)
		}
		d.r += len(part)
		d.mark = d.r
		n -= int64(len(part))
	}
	return nil
}

// quoted uses a quoted string and writes it into w, nil for nowhere.
func (c *Conn) quoted(w io.Writer) (n int64, err error) {
	if err := c.expect('"'); err != nil {
		return 0, err
	}
	d := c.desk
	for escaped := false; ; {
		if _, err := c.peek(); err != nil {
			return n, err
		}
		from := d.r
		if escaped {
			d.r++ // whatever it is
			escaped = false
		}
		for d.r < d.w && d.in[d.r] != '"' && d.in[d.r] != '\\' && d.in[d.r] != '\n' {
			d.r++
		}
		n += int64(d.r - from)
		if w != nil && d.r > from {
			_, _ = w.Write(d.in[from:d.r])
		}
		if d.r == d.w {
			continue
		}
		b := d.in[d.r]
		d.r++
		switch b {
		case '"':
			return n, nil
		case '\n':
			return n, c.garbled("a line ended within a quoted string")
		}
		escaped = true
	}
}

// kept collects a string in the desk's scratch space, within bounds.
type kept struct{ d *desk }

func (k kept) Write(p []byte) (int, error) {
	k.d.text = append(k.d.text, p...)
	return len(p), nil
}

// str uses a string, an atom or NIL, and returns it, valid until something is read; present is false for NIL.
func (c *Conn) str() (text []byte, present bool, err error) {
	b, err := c.peek()
	if err != nil {
		return nil, false, err
	}
	d := c.desk
	switch b {
	case '"':
		d.text = d.text[:0]
		_, err = c.quoted(kept{d})
	case '{':
		var n int64
		if n, err = c.literalSize(false); err == nil {
			d.text = d.text[:0]
			err = c.pass(n, kept{d})
		}
	default:
		text, err = c.atom()
		if err == nil && len(text) == 0 {
			err = c.garbled("%q came where a string belongs", b)
		}
		return text, !isNil(text), err
	}
	return d.text, true, err
}

func isNil(text []byte) bool {
	return len(text) == 3 && text[0]|32 == 'n' && text[1]|32 == 'i' && text[2]|32 == 'l'
}

// skipValue uses one value, whatever it is: an atom, a string, or a list of values.
func (c *Conn) skipValue() error {
	for depth := 0; ; {
		b, err := c.peek()
		if err != nil {
			return err
		}
		switch b {
		case '(':
			c.desk.r++
			if depth++; depth > maxDepth {
				return c.garbled("more than %d parentheses within one another", maxDepth)
			}
			continue
		case ')':
			if depth == 0 {
				return c.garbled("a value is missing")
			}
			c.desk.r++
			depth--
		case '"':
			_, err = c.quoted(nil)
		case '{':
			var n int64
			if n, err = c.literalSize(false); err == nil {
				err = c.pass(n, nil)
			}
		case '\r', '\n':
			return c.garbled("the response ended within a value")
		case ' ':
			if depth == 0 {
				return c.garbled("a value is missing")
			}
			c.desk.r++
			continue
		default:
			c.desk.r++
			if b, err = c.peek(); err == nil && !separates(b) {
				continue // within an atom
			}
		}
		if err != nil || depth == 0 {
			return err
		}
	}
}

// skipLine uses a response that nobody wants up to its end, literals included. Parentheses must match.
func (c *Conn) skipLine() error {
	depth := 0
	for {
		b, err := c.peek()
		if err != nil {
			return err
		}
		switch b {
		case '\n':
			if depth != 0 {
				return c.garbled("parentheses do not match")
			}
			c.desk.r++
			return c.ended()
		case '(':
			depth++
		case ')':
			depth--
		case '"':
			if _, err := c.quoted(nil); err != nil {
				return err
			}
			continue
		case '{':
			n, err := c.literalSize(false)
			if err == nil {
				err = c.pass(n, nil)
			}
			if err != nil {
				return err
			}
			continue
		}
		c.desk.r++
	}
}
