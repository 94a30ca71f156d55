package client

import (
	"bytes"
	"strconv"
	"strings"
)

// Status is a status response (RFC 9051, section 7.1).
type Status struct {
	Kind string // OK NO BAD BYE PREAUTH, "" if it was none
	Code string // response code without its arguments, upper case
	Text string // with the response code
}

// Refused is a command that the server answered with NO or BAD. The connection is as usable as before.
type Refused struct{ Status }

func (r *Refused) Error() string { return "server answered " + r.Kind + " " + r.Text }

// Farewell is the end of a connection that the server announced.
type Farewell struct{ Status }

func (f *Farewell) Error() string { return "server answered " + f.Kind + " " + f.Text }

// ParseStatus reads a status response with the given tag ("*" for untagged).
func ParseStatus(line, tag string) Status {
	rest, tagged := strings.CutPrefix(strings.TrimRight(line, "\r\n"), tag+" ")
	if !tagged {
		return Status{}
	}
	word, text, _ := strings.Cut(rest, " ")
	return status(kindOf([]byte(word)), []byte(text))
}

// kindOf is the kind of a status response, "" for other words.
func kindOf(word []byte) string {
	for _, kind := range [...]string{"OK", "NO", "BAD", "BYE", "PREAUTH"} {
		if len(word) == len(kind) && strings.EqualFold(string(word), kind) {
			return kind
		}
	}
	return ""
}

func status(kind string, text []byte) Status {
	if kind == "" {
		return Status{}
	}
	st := Status{Kind: kind, Text: string(text)}
	if code, _, coded := cutCode(text); coded {
		st.Code = strings.ToUpper(string(code))
	}
	return st
}

// cutCode finds the response code at the beginning of a text.
func cutCode(text []byte) (code, arguments []byte, coded bool) {
	inner, ok := bytes.CutPrefix(text, []byte("["))
	if !ok {
		return nil, nil, false
	}
	if inner, _, ok = bytes.Cut(inner, []byte("]")); !ok {
		return nil, nil, false
	}
	code, arguments, _ = bytes.Cut(inner, []byte(" "))
	return code, arguments, true
}

// noteCode takes over what a response code tells beyond the status.
func (c *Conn) noteCode(text []byte) {
	code, arguments, coded := cutCode(text)
	if !coded {
		return
	}
	var upper [16]byte
	if len(code) > len(upper) {
		return
	}
	word := append(upper[:0], code...)
	for i, b := range word {
		if b >= 'a' && b <= 'z' {
			word[i] = b - 'a' + 'A'
		}
	}
	number := func() uint64 {
		n, err := strconv.ParseUint(string(arguments), 10, 63)
		if err != nil {
			return 0
		}
		return n
	}
	switch string(word) {
	case "CAPABILITY":
		c.Can, c.desk.ask.caps = capsOf(arguments), true
	case "UIDVALIDITY":
		c.Box.Validity = uint32(number())
	case "UIDNEXT":
		c.Box.Next = uint32(number())
	case "HIGHESTMODSEQ":
		c.Box.ModSeq = number()
	case "APPENDUID":
		var uid []byte
		arguments, uid, _ = bytes.Cut(arguments, []byte(" "))
		c.desk.ask.validity = uint32(number())
		arguments = uid
		c.desk.ask.uid = uint32(number())
	case "PERMANENTFLAGS":
		if c.observer != nil {
			c.Box.Permanent = append([]string{}, strings.Fields(string(bytes.Trim(arguments, "() ")))...)
		}
	case "COPYUID":
		_, sets, _ := bytes.Cut(arguments, []byte(" "))
		c.desk.ask.copied = len(sets) > 0
	}
}
