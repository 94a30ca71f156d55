package client

import "bytes"

// Select is SELECT, or EXAMINE where it is for reading only; condstore asks for changes to be numbered (RFC 7162). What it
// came to is in Box. After a refusal no mailbox is selected.
func (c *Conn) Select(mailbox string, readOnly, condstore bool) error {
	name := "SELECT"
	if readOnly {
		name = "EXAMINE"
	}
	c.named(name, mailbox)
	if condstore {
		c.put("(CONDSTORE)")
	}
	c.Box = Box{}
	err := c.run()
	if err != nil {
		c.Box = Box{}
		return err
	}
	c.Box.Name, c.Box.ReadOnly = mailbox, readOnly
	if c.observer != nil {
		c.observer.Selected(c.Box)
	}
	return nil
}

// named begins a command that has a mailbox as its first argument.
func (c *Conn) named(command, mailbox string) {
	c.command(command)
	c.putString(encodeName(mailbox))
}

// Status is STATUS; items as on the wire ("MESSAGES UNSEEN"). The answer is read and not kept.
func (c *Conn) Status(mailbox, items string) error {
	c.named("STATUS", mailbox)
	c.put("(" + items + ")")
	return c.run()
}

// Create is CREATE.
func (c *Conn) Create(mailbox string) error {
	c.named("CREATE", mailbox)
	return c.run()
}

// Copy is UID COPY. copied is true where the server told that there was something to copy (UIDPLUS).
func (c *Conn) Copy(uids []uint32, mailbox string) (copied bool, err error) {
	return c.transfer("UID COPY", uids, mailbox)
}

// Move is UID MOVE (RFC 6851). moved is true where the server told that there was something to move (UIDPLUS).
func (c *Conn) Move(uids []uint32, mailbox string) (moved bool, err error) {
	return c.transfer("UID MOVE", uids, mailbox)
}

func (c *Conn) transfer(name string, uids []uint32, mailbox string) (told bool, err error) {
	c.command(name)
	c.put(Set(uids...))
	c.putString(encodeName(mailbox))
	c.desk.ask.copied = false
	err = c.run()
	return c.desk.ask.copied, err
}

// Expunge is EXPUNGE: of all that is marked as deleted.
func (c *Conn) Expunge() error { return c.simple("EXPUNGE") }

// ExpungeUIDs is UID EXPUNGE (UIDPLUS): of what is marked as deleted among these.
func (c *Conn) ExpungeUIDs(uids []uint32) error {
	c.command("UID EXPUNGE")
	c.put(Set(uids...))
	return c.run()
}

// Listed is one mailbox of a LIST response.
type Listed struct {
	Mailbox    string
	Selectable bool
	Attributes []string // with their backslashes, in lower case
	Delimiter  string   // between the levels of a name, "" where there are none
}

// List is LIST with a pattern ("*"); uses asks for special uses (RFC 6154).
func (c *Conn) List(pattern string, uses bool, each func(*Listed)) error {
	c.command("LIST")
	c.putString("")
	c.putString(encodeName(pattern))
	if uses {
		c.put("RETURN (SPECIAL-USE)")
	}
	ask := &c.desk.ask
	ask.listed = each
	err := c.run()
	ask.listed = nil
	return err
}

// mostAttributes bounds the attributes of a mailbox.
const mostAttributes = 100

// readListed reads a LIST response: (\HasNoChildren) "/" "Sent", and perhaps more.
func (c *Conn) readListed() error {
	box := Listed{Selectable: true}
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
			c.desk.r++
			break
		}
		if b == ' ' {
			c.desk.r++
			continue
		}
		attribute, err := c.word(')')
		if err != nil {
			return err
		}
		if len(attribute) == 0 || len(box.Attributes) == mostAttributes {
			return c.garbled("attributes of a mailbox that are none, or too many")
		}
		text := string(bytes.ToLower(attribute))
		if text == `\noselect` || text == `\nonexistent` {
			box.Selectable = false
		}
		box.Attributes = append(box.Attributes, text)
	}
	if err := c.expect(' '); err != nil {
		return err
	}
	delimiter, present, err := c.str()
	if err != nil {
		return err
	}
	if present && len(delimiter) <= 4 { // one character
		box.Delimiter = string(delimiter)
	}
	if err := c.expect(' '); err != nil {
		return err
	}
	name, _, err := c.str()
	if err != nil {
		return err
	}
	box.Mailbox = decodeName(name)
	if err := c.skipLine(); err != nil {
		return err
	}
	c.desk.ask.listed(&box)
	return nil
}

// Namespaces are the prefixes of names (RFC 2342): of the user's own mailboxes, of those of others, and of shared ones.
type Namespaces struct{ Personal, Others, Shared []string }

// Namespace is NAMESPACE.
func (c *Conn) Namespace() (*Namespaces, error) {
	c.command("NAMESPACE")
	ask := &c.desk.ask
	found := new(Namespaces)
	ask.spaces = found
	err := c.run()
	ask.spaces = nil
	return found, err
}

// mostNamespaces bounds the namespaces of a kind.
const mostNamespaces = 1000

// readNamespaces reads (("" "/")) NIL (("shared/" "/")).
func (c *Conn) readNamespaces() error {
	spaces := c.desk.ask.spaces
	for _, kind := range []*[]string{&spaces.Personal, &spaces.Others, &spaces.Shared} {
		if err := c.expect(' '); err != nil {
			return err
		}
		b, err := c.peek()
		if err != nil {
			return err
		}
		if b != '(' {
			if err := c.skipValue(); err != nil {
				return err
			}
			continue
		}
		c.desk.r++
		for {
			b, err := c.next()
			if err != nil {
				return err
			}
			if b == ')' {
				break
			}
			if b == ' ' {
				continue
			}
			if b != '(' || len(*kind) == mostNamespaces {
				return c.garbled("%q came in a namespace", b)
			}
			prefix, _, err := c.str()
			if err != nil {
				return err
			}
			*kind = append(*kind, decodeName(prefix))
			for { // the separator, and extensions
				b, err := c.peek()
				if err != nil {
					return err
				}
				if b == ')' {
					c.desk.r++
					break
				}
				if b == ' ' {
					c.desk.r++
					continue
				}
				if err := c.skipValue(); err != nil {
					return err
				}
			}
		}
	}
	return c.skipLine()
}

// MyRights is MYRIGHTS (RFC 4314). It returns the letters.
func (c *Conn) MyRights(mailbox string) (string, error) {
	c.named("MYRIGHTS", mailbox)
	c.desk.ask.rights = ""
	err := c.run()
	return c.desk.ask.rights, err
}

// readRights reads a mailbox and rights.
func (c *Conn) readRights() error {
	if err := c.expect(' '); err != nil {
		return err
	}
	if _, _, err := c.str(); err != nil {
		return err
	}
	if err := c.expect(' '); err != nil {
		return err
	}
	rights, _, err := c.str()
	if err != nil {
		return err
	}
	if len(rights) > maxDepth {
		return c.garbled("%d rights", len(rights))
	}
	c.desk.ask.rights = string(rights)
	return c.skipLine()
}

// GetACL is GETACL (RFC 4314). The answer is read and not kept.
func (c *Conn) GetACL(mailbox string) error {
	c.named("GETACL", mailbox)
	return c.run()
}
