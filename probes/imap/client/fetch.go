package client

import (
	"bytes"
	"io"
	"strconv"
	"time"
)

// Message is one FETCH response. It is reused for the next; slices are valid until then.
type Message struct {
	Number   uint32 // in the mailbox
	UID      uint32 // 0 where the server did not tell, as in news that nobody asked for
	Size     int64  // RFC822.SIZE
	Sized    bool   // Size was told
	ModSeq   uint64
	Flagged  bool      // Flags were told
	Flags    []byte    // separated by spaces
	Arrived  time.Time // INTERNALDATE
	ID       []byte    // Message-ID of the envelope
	Headline []byte    // date, subject and the first sender's mailbox and host, each ended by 0, where Fetch asks for that
	Envelope uint64    // digest of the envelope, 0 where none was told; it is computed for observers only
	Body     int64     // bytes of all sections together
	More     bool      // more was told than UID, flags and MODSEQ, which are all that news nobody asked for can have
}

// Fetch says what a FETCH asks for.
type Fetch struct {
	UIDs         bool   // Set names UIDs, else sequence numbers
	Set          string // see Range and Set
	Items        string // as on the wire, in parentheses where there are several
	ChangedSince uint64 // only messages changed since (CONDSTORE); 0: all

	// Headline asks for that of each message; ENVELOPE must be among the items.
	Headline bool
	// Body, where it is not nil, gets the content of sections; they are not kept. Its errors are not looked at.
	Body io.Writer
	// Each is called for every response, in order. Its error ends the connection.
	Each func(*Message) error
}

// Fetch is FETCH, or UID FETCH.
func (c *Conn) Fetch(f *Fetch) error {
	if f.UIDs {
		c.command("UID FETCH")
	} else {
		c.command("FETCH")
	}
	c.put(f.Set)
	c.put(f.Items)
	if f.ChangedSince > 0 {
		c.put("(CHANGEDSINCE " + strconv.FormatUint(f.ChangedSince, 10) + ")")
	}
	c.desk.ask.headline, c.desk.ask.much = f.Headline, true
	return c.messages(f.Body, f.Each)
}

// Store is UID STORE of one item ("+FLAGS", "-FLAGS.SILENT") and its flags, separated by spaces.
func (c *Conn) Store(uids []uint32, item, flags string, each func(*Message) error) error {
	c.command("UID STORE")
	c.put(Set(uids...))
	c.put(item)
	c.put("(" + flags + ")")
	return c.messages(nil, each)
}

// messages runs a command whose answer is FETCH responses.
func (c *Conn) messages(body io.Writer, each func(*Message) error) error {
	ask := &c.desk.ask
	ask.body, ask.message = body, each
	err := c.run()
	ask.body, ask.message, ask.headline, ask.much = nil, nil, false, false
	return err
}

// readFetch reads a FETCH response from its opening parenthesis.
func (c *Conn) readFetch(number uint32) error {
	d := c.desk
	m := &d.ask.m
	*m = Message{Number: number, Flags: d.flags[:0], ID: d.id[:0], Headline: d.headline[:0]}
	if err := c.expect(' '); err != nil {
		return err
	}
	if err := c.expect('('); err != nil {
		return err
	}
	for {
		b, err := c.peek()
		if err != nil {
			return err
		}
		if b == ')' {
			d.r++
			break
		}
		if b == ' ' {
			d.r++
			continue
		}
		if err := c.readItem(m); err != nil {
			return err
		}
	}
	d.flags, d.id, d.headline = m.Flags, m.ID, m.Headline
	if err := c.lineEnd(); err != nil {
		return err
	}
	if c.observer != nil {
		c.observer.Fetched(m)
	}
	if d.ask.message == nil {
		return nil
	}
	if m.UID != 0 {
		d.spent = 0 // it was asked for
	}
	if err := d.ask.message(m); err != nil {
		return c.lost(err)
	}
	return nil
}

// readItem reads one name and its value.
func (c *Conn) readItem(m *Message) error {
	name, err := c.word('[')
	if err != nil {
		return err
	}
	var upper [16]byte
	word := upper[:0]
	if len(name) <= len(upper) {
		word = append(word, name...)
		for i, b := range word {
			if b >= 'a' && b <= 'z' {
				word[i] = b - 'a' + 'A'
			}
		}
	}
	if b, err := c.peek(); err != nil {
		return err
	} else if b == '[' {
		m.More = true
		if err := c.skipSection(); err != nil {
			return err
		}
		return c.readBody(m)
	}
	if len(name) == 0 {
		return c.garbled("an item without a name came in FETCH")
	}
	if err := c.expect(' '); err != nil {
		return err
	}
	switch string(word) {
	case "UID", "FLAGS", "MODSEQ":
	default:
		m.More = true
	}
	switch string(word) {
	case "UID":
		m.UID, err = c.number32()
	case "RFC822.SIZE":
		var n uint64
		n, err = c.number()
		m.Size, m.Sized = int64(n), err == nil
	case "FLAGS":
		err = c.readFlags(m)
	case "MODSEQ":
		if err = c.expect('('); err == nil {
			if m.ModSeq, err = c.number(); err == nil {
				err = c.expect(')')
			}
		}
	case "INTERNALDATE":
		var text []byte
		if text, _, err = c.str(); err == nil {
			// A date that cannot be read stays zero.
			m.Arrived, _ = time.Parse("2-Jan-2006 15:04:05 -0700", string(bytes.TrimSpace(text)))
		}
	case "ENVELOPE":
		err = c.readEnvelope(m)
	case "RFC822", "RFC822.HEADER", "RFC822.TEXT":
		err = c.readValue(m)
	default:
		err = c.skipValue()
	}
	return err
}

// skipSection uses the section of a BODY item: "[HEADER.FIELDS (From)]<0>".
func (c *Conn) skipSection() error {
	for {
		b, err := c.peek()
		if err != nil {
			return err
		}
		switch b {
		case '\n':
			return c.garbled("a line ended within the name of a section")
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
		case ']':
			c.desk.r++
			_, err := c.atom() // <0>
			return err
		}
		c.desk.r++
	}
}

// readBody reads the content of a section after its name.
func (c *Conn) readBody(m *Message) error {
	if err := c.expect(' '); err != nil {
		return err
	}
	return c.readValue(m)
}

// readValue reads a string that is (a part of) a message.
func (c *Conn) readValue(m *Message) error {
	b, err := c.peek()
	if err == nil && b == '~' { // BINARY
		c.desk.r++
		b, err = c.peek()
	}
	if err != nil {
		return err
	}
	into := c.desk.ask.body
	switch b {
	case '{':
		n, err := c.literalSize(true)
		if err != nil {
			return err
		}
		m.Body += n
		return c.pass(n, into)
	case '"':
		n, err := c.quoted(into)
		m.Body += n
		return err
	}
	return c.skipValue() // NIL
}

// readFlags reads a list of flags.
func (c *Conn) readFlags(m *Message) error {
	if err := c.expect('('); err != nil {
		return err
	}
	m.Flagged, m.Flags = true, m.Flags[:0]
	for {
		b, err := c.peek()
		if err != nil {
			return err
		}
		switch b {
		case ')':
			c.desk.r++
			return nil
		case ' ':
			c.desk.r++
			continue
		}
		flag, err := c.word(')')
		if err != nil {
			return err
		}
		if len(flag) == 0 || len(m.Flags)+len(flag) > maxToken {
			return c.garbled("flags that are none, or too many")
		}
		if len(m.Flags) > 0 {
			m.Flags = append(m.Flags, ' ')
		}
		m.Flags = append(m.Flags, flag...)
	}
}
