package smtp

import (
	"bytes"
	"errors"
)

// offers is what a server's answer to EHLO says that it can do.
type offers struct {
	startTLS, pipelining, size bool
	plain, login, xoauth2      bool // ways to log in
}

// hello introduces the client and learns what the server offers. A server that knows no EHLO is asked again by HELO (RFC 5321,
// section 3.2).
func (s *session) hello() error {
	s.offers = offers{}
	name := hostname(s.wire)
	s.out = append(append(append(s.out[:0], "EHLO "...), name...), "\r\n"...)
	err := s.flush()
	if err == nil {
		err = s.read(done, s.offers.add)
	}
	var refused *reply
	if errors.As(err, &refused) && refused.code >= 500 && refused.code <= 504 {
		err = s.ask("HELO "+name, done)
	}
	return s.fail("say EHLO", err)
}

// add takes one line of the answer. The first one is a greeting, whose first word is the server's name.
func (o *offers) add(line []byte) {
	word, rest, _ := bytes.Cut(line, []byte{' '})
	switch string(bytes.ToUpper(word)) {
	case "STARTTLS":
		o.startTLS = true
	case "PIPELINING":
		o.pipelining = true
	case "SIZE":
		o.size = true
	case "AUTH":
		o.ways(rest)
	default:
		// Before RFC 2554 it was written so, and Postfix still writes it where broken_sasl_auth_clients is on.
		if old, found := bytes.CutPrefix(word, []byte("AUTH=")); found {
			o.ways(old)
			o.ways(rest)
		}
	}
}

func (o *offers) ways(list []byte) {
	for way := range bytes.FieldsSeq(list) {
		switch string(bytes.ToUpper(way)) {
		case "PLAIN":
			o.plain = true
		case "LOGIN":
			o.login = true
		case "XOAUTH2":
			o.xoauth2 = true
		}
	}
}
