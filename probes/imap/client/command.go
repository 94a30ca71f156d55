package client

import (
	"strconv"
	"unicode/utf8"
)

// command begins a command: its tag and its name.
func (c *Conn) command(name string) {
	d := c.work()
	c.tag++
	d.ask.caps = false
	d.out, d.plain, d.breaks = d.out[:0], d.plain[:0], d.breaks[:0]
	d.out = c.appendTag(d.out)
	if c.observer != nil {
		d.plain = append(d.plain, d.out...)
	}
	c.put(name)
}

func (c *Conn) appendTag(out []byte) []byte {
	return strconv.AppendUint(append(out, 'p'), uint64(c.tag), 10)
}

// put adds words as they are.
func (c *Conn) put(words string) {
	d := c.desk
	d.out = append(append(d.out, ' '), words...)
	if c.observer != nil {
		d.plain = append(append(d.plain, ' '), words...)
	}
}

// putString adds a string: quoted, or as a literal where that must be.
func (c *Conn) putString(text string) { c.putText(text, false) }

// putSecret is putString for what no observer may see.
func (c *Conn) putSecret(text string) { c.putText(text, true) }

func (c *Conn) putText(text string, secret bool) {
	d := c.desk
	from := len(d.out)
	d.out = append(d.out, ' ')
	literal := !quotable(text)
	if literal {
		c.putLiteral(len(text))
		d.out = append(d.out, text...)
	} else {
		d.out = append(d.out, '"')
		for i := range len(text) {
			if text[i] == '"' || text[i] == '\\' {
				d.out = append(d.out, '\\')
			}
			d.out = append(d.out, text[i])
		}
		d.out = append(d.out, '"')
	}
	switch {
	case c.observer == nil:
	case secret:
		d.plain = append(d.plain, " (secret)"...)
	case literal:
		d.plain = strconv.AppendInt(append(d.plain, " {"...), int64(len(text)), 10)
		d.plain = append(d.plain, '}')
	default:
		d.plain = append(d.plain, d.out[from:]...)
	}
}

// putLiteral announces a literal. Where the server must allow it first, the command breaks there.
func (c *Conn) putLiteral(size int) {
	d := c.desk
	d.out = strconv.AppendInt(append(d.out, '{'), int64(size), 10)
	free := c.Can.Has(LiteralPlus) || c.Can.Has(LiteralMinus) && size <= 4096
	if free {
		d.out = append(d.out, '+')
	}
	d.out = append(d.out, "}\r\n"...)
	if !free {
		d.breaks = append(d.breaks, len(d.out))
	}
}

// quotable tells whether a text may stand in quotes.
func quotable(text string) bool {
	for i := range len(text) {
		if b := text[i]; b < ' ' || b >= 0x7f {
			return false
		}
	}
	return len(text) <= 1000
}

// ascii tells whether a text needs no other character set.
func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// run sends the command that has been put together and reads its answers.
func (c *Conn) run() error {
	c.desk.out = append(c.desk.out, "\r\n"...)
	return c.answer()
}

// answer is run for a command whose end is there already, or is sent later.
func (c *Conn) answer() error {
	if err := c.flush(); err != nil {
		return err
	}
	return c.finish()
}

// flush sends the command, and waits wherever the server must allow a literal.
func (c *Conn) flush() error {
	d := c.desk
	if c.err != nil {
		return c.ending(c.err)
	}
	if c.observer != nil {
		c.show(d.plain, true)
	}
	from := 0
	for _, at := range d.breaks {
		if err := c.send(d.out[from:at]); err != nil {
			return err
		}
		if err := c.await(permit); err != nil {
			return err
		}
		from = at
	}
	if from == len(d.out) {
		return nil
	}
	return c.send(d.out[from:])
}

// finish reads responses up to the answer to the command.
func (c *Conn) finish() error { return c.await(done) }

// await reads responses until one of the given kind. An answer to the command ends the wait in any case.
func (c *Conn) await(what reply) error {
	for {
		got, st, err := c.response()
		switch {
		case err != nil:
			return err
		case c.bye.Kind != "":
			err := &Farewell{c.bye}
			return c.lost(err)
		case got == done && st.Kind != "OK":
			return &Refused{st}
		case got == what:
			return nil
		case got == done:
			return c.garbled("the command was answered before it had ended")
		case got == permit && what == done:
			// Some servers say it once more; nobody waits.
		}
	}
}

// simple runs a command without arguments that wants nothing but its status.
func (c *Conn) simple(name string) error {
	c.command(name)
	return c.run()
}

// Noop is NOOP.
func (c *Conn) Noop() error { return c.simple("NOOP") }
