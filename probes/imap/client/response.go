package client

import "bytes"

// reply is what one response was.
type reply uint8

const (
	data   reply = iota // untagged
	permit              // the server goes on waiting for the rest of a command
	done                // the answer to the command
)

// response reads one response and has it handled. For done it returns the status.
func (c *Conn) response() (reply, Status, error) {
	b, err := c.peek()
	if err != nil {
		return data, Status{}, c.ending(err)
	}
	switch b {
	case '*':
		if err = c.untagged(); err == nil && c.bye.Kind != "" {
			return data, Status{}, nil
		}
		return data, Status{}, c.ending(err)
	case '+':
		_, err := c.restOfLine()
		return permit, Status{}, c.ending(err)
	}
	line, err := c.restOfLine()
	if err != nil {
		return done, Status{}, c.ending(err)
	}
	tag, rest, _ := bytes.Cut(line, []byte(" "))
	word, text, _ := bytes.Cut(rest, []byte(" "))
	kind := kindOf(word)
	var own [16]byte
	if kind == "" || kind == "BYE" || kind == "PREAUTH" || !bytes.Equal(tag, c.appendTag(own[:0])) {
		return done, Status{}, c.garbled("%.60q is no answer to the command", line)
	}
	c.noteCode(text)
	if kind == "OK" {
		return done, Status{Kind: kind}, nil
	}
	return done, status(kind, text), nil
}

// ending makes of the error that ended the connection the farewell before it, where there was one.
func (c *Conn) ending(err error) error {
	if err != nil && c.bye.Kind != "" {
		return &Farewell{c.bye}
	}
	return err
}

// untagged reads a response that begins with an asterisk.
func (c *Conn) untagged() error {
	if err := c.expect('*'); err != nil {
		return err
	}
	if err := c.expect(' '); err != nil {
		return err
	}
	b, err := c.peek()
	if err != nil {
		return err
	}
	if b >= '0' && b <= '9' {
		return c.numbered()
	}
	atom, err := c.atom()
	if err != nil {
		return err
	}
	var upper [12]byte // longer words are none that anybody waits for
	word := upper[:0]
	if len(atom) <= len(upper) {
		word = append(word, bytes.ToUpper(atom)...)
	}
	if kind := kindOf(word); kind != "" {
		return c.statusLine(kind)
	}
	ask := &c.desk.ask
	switch string(word) {
	case "CAPABILITY":
		line, err := c.restOfLine()
		if err == nil {
			c.Can, ask.caps = capsOf(line), true
		}
		return err
	case "LIST":
		if ask.listed != nil {
			return c.readListed()
		}
	case "SEARCH":
		return c.readSearch()
	case "ESEARCH":
		return c.readESearch()
	case "NAMESPACE":
		if ask.spaces != nil {
			return c.readNamespaces()
		}
	case "MYRIGHTS":
		return c.readRights()
	case "VANISHED":
		return c.readVanished()
	}
	return c.skipLine()
}

// statusLine reads the rest of an untagged status response.
func (c *Conn) statusLine(kind string) error {
	text, err := c.restOfLine()
	if err != nil {
		return err
	}
	text = bytes.TrimPrefix(text, []byte(" "))
	if kind == "BYE" {
		c.bye = status(kind, text)
		return nil
	}
	if kind == "PREAUTH" {
		c.LoggedIn = true
	}
	c.noteCode(text)
	return nil
}

// numbered reads what begins with a number: EXISTS, EXPUNGE, FETCH, RECENT.
func (c *Conn) numbered() error {
	n, err := c.number32()
	if err == nil {
		err = c.expect(' ')
	}
	if err != nil {
		return err
	}
	word, err := c.atom()
	if err != nil {
		return err
	}
	if bytes.EqualFold(word, []byte("FETCH")) {
		return c.readFetch(n)
	}
	exists, expunge := bytes.EqualFold(word, []byte("EXISTS")), bytes.EqualFold(word, []byte("EXPUNGE"))
	if err := c.skipLine(); err != nil { // whoever watches is shown the line before he is told what it says
		return err
	}
	switch {
	case exists:
		c.Box.Exists = n
		if c.News != nil {
			c.News.Exists(n)
		}
		if c.observer != nil {
			c.observer.Exists(n)
		}
	case expunge:
		if c.Box.Exists > 0 {
			c.Box.Exists--
		}
		if c.News != nil {
			c.News.Expunged(n)
		}
		if c.observer != nil {
			c.observer.Expunged(n)
		}
	}
	return nil
}

// readVanished reads UIDs that have gone (RFC 7162, section 3.2.10), which nobody has asked for: only an observer is told.
func (c *Conn) readVanished() error {
	line, err := c.restOfLine()
	if err != nil {
		return err
	}
	set := bytes.TrimSpace(line)
	earlier := len(set) > 9 && bytes.EqualFold(set[:9], []byte("(EARLIER)"))
	if earlier {
		set = bytes.TrimSpace(set[9:])
	} else if gone := countSet(set); gone < uint64(c.Box.Exists) {
		c.Box.Exists -= uint32(gone)
	} else {
		c.Box.Exists = 0
	}
	if c.observer != nil {
		c.observer.Vanished(set, earlier)
	}
	return nil
}
