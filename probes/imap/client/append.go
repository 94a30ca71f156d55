package client

import (
	"strconv"
	"time"
)

// atOnce is up to which size a message goes out in one piece with its command, in bytes.
const atOnce = 12 << 10

// Append is APPEND of a message with its flags, separated by spaces, and the time of its arrival, zero for now. It returns UIDVALIDITY and UID, 0
// where the server does not tell (UIDPLUS).
func (c *Conn) Append(mailbox, flags string, arrived time.Time, message []byte) (validity, uid uint32, err error) {
	c.named("APPEND", mailbox)
	c.put("(" + flags + ")")
	if !arrived.IsZero() {
		c.put(arrived.Format(`"_2-Jan-2006 15:04:05 -0700"`))
	}
	d := c.desk
	d.out = append(d.out, ' ')
	c.putLiteral(len(message))
	if c.observer != nil {
		d.plain = strconv.AppendInt(append(d.plain, " {"...), int64(len(message)), 10)
		d.plain = append(d.plain, '}')
	}
	d.ask.validity, d.ask.uid = 0, 0
	if len(message) <= atOnce {
		d.out = append(d.out, message...)
		err = c.run()
		return d.ask.validity, d.ask.uid, err
	}
	if err := c.flush(); err != nil {
		return 0, 0, err
	}
	if err := c.send(message); err != nil {
		return 0, 0, err
	}
	if err := c.send([]byte("\r\n")); err != nil {
		return 0, 0, err
	}
	err = c.finish()
	return d.ask.validity, d.ask.uid, err
}
