package client

import (
	"bytes"

	"pegel/probes/probe"
)

// Idle is IDLE (RFC 2177), up to the server's consent. What comes after it is to be Rest, or Done.
func (c *Conn) Idle() error {
	c.command("IDLE")
	c.desk.out = append(c.desk.out, "\r\n"...)
	err := c.flush()
	if err == nil {
		err = c.await(permit)
	}
	c.idling = err == nil
	return err
}

// Done ends an IDLE and reads the server's answer to it.
func (c *Conn) Done() error {
	c.work()
	c.idling = false
	if c.err != nil {
		return c.ending(c.err)
	}
	if c.observer != nil {
		c.show([]byte("DONE"), true)
	}
	if err := c.send([]byte("DONE\r\n")); err != nil {
		return err
	}
	return c.finish()
}

// Watch is Rest for a connection in IDLE whose News shall be told when they come: the lookout reads what the server says
// until Wake. A nil lookout watches nothing, and none a compressed connection; then news are found when somebody reads again.
func (c *Conn) Watch(l *Lookout) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l != nil && c.watch == nil && !c.Compressed() {
		c.watch = l.admit(c)
	}
	c.resting = c.watch != nil && !c.Compressed()
	c.drain()
}

// Watchable tells whether a lookout can watch the connection: nil cannot, and none one that is compressed or no socket of the system.
func (c *Conn) Watchable(l *Lookout) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l != nil && c.watch == nil && !c.Compressed() {
		c.watch = l.admit(c)
	}
	return c.watch != nil && !c.Compressed()
}

// Wake takes the connection back from the lookout. It does nothing on one that is not watched.
func (c *Conn) Wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resting = false
}

// Watched tells whether news are heard when they come.
func (c *Conn) Watched() bool { return c.watch != nil }

// look is called by the lookout when there is something to read.
func (c *Conn) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.resting {
		c.drain()
	}
}

// drain handles the responses that have arrived whole, and waits for nothing. c.mu is held.
func (c *Conn) drain() {
	d := c.work()
	for c.err == nil {
		if err := c.handleWhole(); err != nil {
			c.resting = false
			break
		}
		if !c.resting {
			break
		}
		if d.r > 0 {
			d.w = copy(d.in, d.in[d.r:d.w])
			d.r, d.mark = 0, 0
		}
		if d.w == len(d.in) {
			c.resting = false // a long line: whoever comes next reads it
			break
		}
		c.poll = true
		n, err := c.arrive(d.in[d.w:])
		c.poll = false
		d.w += n
		if n == 0 && err != nil {
			if err != errNothingYet {
				_ = c.handleWhole()
				c.lost(err)
			}
			break
		}
	}
	if c.resting && c.err == nil {
		c.watch.rearm()
	}
	c.release()
}

// handleWhole handles the lines that lie on the desk, up to one that is not whole or ends with a literal. Anything but an
// untagged response must not come now.
func (c *Conn) handleWhole() error {
	d := c.desk
	for {
		i := bytes.IndexByte(d.in[d.r:d.w], '\n')
		if i < 0 {
			return nil
		}
		line := bytes.TrimRight(d.in[d.r:d.r+i], "\r\n")
		if len(line) > 0 && line[len(line)-1] == '}' {
			c.resting = false
			return nil
		}
		if len(line) == 0 || line[0] != '*' {
			return c.lost(probe.Failf(probe.BadProtocol, "idle", "%.60q came while nobody had asked", line))
		}
		if _, _, err := c.response(); err != nil {
			return err
		}
	}
}
