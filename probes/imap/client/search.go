package client

import (
	"time"
)

// Criteria say what a SEARCH looks for; all that is set must hold.
type Criteria struct {
	Since, Before time.Time   // of arrival, days; zero: any
	Header        [][2]string // names of fields and parts of their content, "" for any content
	NotHeader     string      // name of a field that must be absent
	Text          string      // anywhere in the message
	Deleted       bool        // marked as deleted
}

// Search is UID SEARCH. The result is the caller's.
func (c *Conn) Search(what Criteria) ([]uint32, error) {
	c.command("UID SEARCH")
	text := what.Text
	for _, field := range what.Header {
		text += field[1]
	}
	if !ascii(text) {
		c.put("CHARSET UTF-8")
	}
	any := true
	key := func(words string) { c.put(words); any = false }
	if !what.Since.IsZero() {
		key("SINCE")
		c.put(what.Since.Format("2-Jan-2006"))
	}
	if !what.Before.IsZero() {
		key("BEFORE")
		c.put(what.Before.Format("2-Jan-2006"))
	}
	for _, field := range what.Header {
		key("HEADER")
		c.putString(field[0])
		c.putString(field[1])
	}
	if what.NotHeader != "" {
		key("NOT HEADER")
		c.putString(what.NotHeader)
		c.putString("")
	}
	if what.Text != "" {
		key("TEXT")
		c.putString(what.Text)
	}
	if what.Deleted {
		key("DELETED")
	}
	if any {
		c.put("ALL")
	}
	c.desk.ask.found = nil
	err := c.run()
	found := c.desk.ask.found
	c.desk.ask.found = nil
	return found, err
}

// readSearch reads the numbers of a SEARCH response.
func (c *Conn) readSearch() error {
	for {
		b, err := c.peek()
		if err != nil {
			return err
		}
		switch {
		case b == ' ':
			c.desk.r++
		case b >= '0' && b <= '9':
			n, err := c.number32()
			if err != nil {
				return err
			}
			c.desk.ask.found = append(c.desk.ask.found, n)
		default: // the end, or (MODSEQ 7)
			return c.skipLine()
		}
	}
}

// mostFound bounds what ranges may stand for.
const mostFound = 4 << 20

// readESearch reads the numbers of an ESEARCH response (RFC 4731): (TAG "p1") UID ALL 1:3,7
func (c *Conn) readESearch() error {
	for {
		b, err := c.peek()
		if err != nil {
			return err
		}
		switch b {
		case ' ':
			c.desk.r++
		case '\r', '\n':
			return c.skipLine()
		case '(':
			if err := c.skipValue(); err != nil {
				return err
			}
		default:
			word, err := c.atom()
			if err != nil {
				return err
			}
			switch {
			case len(word) == 3 && word[0]|32 == 'u':
			case len(word) == 3 && word[0]|32 == 'a':
				if err := c.expect(' '); err != nil {
					return err
				}
				if err := c.readSet(); err != nil {
					return err
				}
			default: // COUNT, MIN, MAX: each has a value
				if b, err := c.next(); err != nil || b != ' ' {
					if err == nil {
						err = c.garbled("%q came in a search's result", b)
					}
					return err
				}
				if err := c.skipValue(); err != nil {
					return err
				}
			}
		}
	}
}

// readSet reads a set into what was found.
func (c *Conn) readSet() error {
	for {
		from, err := c.number32()
		if err != nil {
			return err
		}
		to := from
		b, err := c.peek()
		if err == nil && b == ':' {
			c.desk.r++
			if to, err = c.number32(); err == nil {
				b, err = c.peek()
			}
		}
		if err != nil {
			return err
		}
		if from > to {
			from, to = to, from
		}
		if uint64(len(c.desk.ask.found))+uint64(to-from) >= mostFound {
			return c.garbled("more than %d messages were found", mostFound)
		}
		for n := from; ; n++ {
			c.desk.ask.found = append(c.desk.ask.found, n)
			if n == to {
				break
			}
		}
		if b != ',' {
			return nil
		}
		c.desk.r++
	}
}
