package client

import (
	"bytes"
	"encoding/base64"
	"strings"

	"pegel/probes/probe"
)

// Greeting reads the server's first word: a Farewell, if that is what it was.
func (c *Conn) Greeting() error {
	c.work().ask.caps = false
	line, err := c.restOfLine()
	if err != nil {
		return c.ending(err)
	}
	rest, untagged := bytes.CutPrefix(line, []byte("* "))
	word, text, _ := bytes.Cut(rest, []byte(" "))
	switch kind := kindOf(word); {
	case !untagged:
	case kind == "OK", kind == "PREAUTH":
		c.LoggedIn = kind == "PREAUTH"
		c.noteCode(text)
		return nil
	case kind == "BYE":
		c.bye = status(kind, text)
		return c.lost(&Farewell{c.bye})
	}
	return c.lost(probe.Failf(probe.BadProtocol, "read the greeting", "%.60q is no greeting", line))
}

// AskStartTLS is STARTTLS; after it comes StartTLS.
func (c *Conn) AskStartTLS() error { return c.simple("STARTTLS") }

// Capability is CAPABILITY. Not to tell what it can is no failure of a server.
func (c *Conn) Capability() error {
	err := c.simple("CAPABILITY")
	if _, refused := err.(*Refused); refused {
		return nil
	}
	return err
}

// Login is LOGIN.
func (c *Conn) Login(user, password string) error {
	c.command("LOGIN")
	c.putString(user)
	c.putSecret(password)
	return c.loggedIn(c.run())
}

// loggedIn takes note of a login.
func (c *Conn) loggedIn(err error) error {
	if err != nil {
		return err
	}
	c.LoggedIn = true
	return nil
}

// Told tells whether the answer to the last command said what the server offers.
func (c *Conn) Told() bool { return c.desk != nil && c.desk.ask.caps }

// AuthPlain is AUTHENTICATE PLAIN (RFC 4616).
func (c *Conn) AuthPlain(user, password string) error {
	return c.authenticate("PLAIN", "\x00"+user+"\x00"+password)
}

// AuthXOAuth2 is AUTHENTICATE XOAUTH2 with an access token.
func (c *Conn) AuthXOAuth2(user, token string) error {
	_, response, err := probe.XOAuth2{Login: user, Token: token}.Start()
	if err != nil {
		return err
	}
	return c.authenticate(probe.MechanismXOAuth2, string(response))
}

// AuthLogin is AUTHENTICATE LOGIN, as old servers have it: user and password, each on demand.
func (c *Conn) AuthLogin(user, password string) error {
	return c.authenticate("LOGIN", "", user, password)
}

// authenticate says what the client has to say: the first at once where the server allows that (SASL-IR, RFC 4959), each
// other when it is asked. Whoever is asked beyond that, after a refusal, says the dummy response of RFC 7628, section 3.2.3.
func (c *Conn) authenticate(mechanism string, says ...string) error {
	c.command("AUTHENTICATE")
	c.put(mechanism)
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	if says[0] == "" {
		says = says[1:]
	} else if c.Can.Has(SASLIR) {
		d := c.desk
		d.out = append(append(d.out, ' '), encode(says[0])...)
		d.plain = append(d.plain, " (secret)"...)
		says = says[1:]
	}
	c.desk.out = append(c.desk.out, "\r\n"...)
	if err := c.flush(); err != nil {
		return err
	}
	for asked := 0; ; {
		got, st, err := c.response()
		switch {
		case err != nil:
			return err
		case c.bye.Kind != "":
			return c.lost(&Farewell{c.bye})
		case got == done && st.Kind != "OK":
			return &Refused{st}
		case got == done:
			return c.loggedIn(nil)
		case got == permit:
			if asked++; asked > 5 {
				return c.garbled("the server asks without end")
			}
			say := "\x01"
			if len(says) > 0 {
				say, says = says[0], says[1:]
			}
			if c.observer != nil {
				c.show([]byte("(secret)"), true)
			}
			if err := c.send([]byte(encode(say) + "\r\n")); err != nil {
				return err
			}
		}
	}
}

// Logout is LOGOUT. A server that says good-bye and hangs up without an answer has done its part. Close comes after it.
func (c *Conn) Logout() error {
	c.command("LOGOUT")
	c.desk.out = append(c.desk.out, "\r\n"...)
	err := c.flush()
	for err == nil {
		var got reply
		var st Status
		if got, st, err = c.response(); err == nil && got == done {
			if st.Kind != "OK" {
				return &Refused{st}
			}
			break
		}
	}
	if c.bye.Kind == "" {
		return err
	}
	return nil
}

// Identify is ID (RFC 2971): the name of the program, in letters.
func (c *Conn) Identify(name string) error {
	c.command("ID")
	c.put(`("name" "` + strings.Map(letter, name) + `")`)
	return c.run()
}

func letter(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return -1
}

// EnableCondStore is ENABLE CONDSTORE (RFC 7162).
func (c *Conn) EnableCondStore() error { return c.simple("ENABLE CONDSTORE") }
