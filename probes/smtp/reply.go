package smtp

import (
	"errors"
	"fmt"
	"strings"
)

const (
	replyLines = 100 // of one reply; the longest in use is the answer to EHLO with some 15
	replyText  = 300 // bytes of a refusal that are kept for people to read
)

// status is an enhanced status code (RFC 3463): class, subject, detail. Zero: the server gave none.
type status [3]int

// reply is a server's refusal: a reply with another code than the wanted one.
type reply struct {
	code   int
	status status
	text   string // printable, at most replyText bytes
}

func (r *reply) Error() string {
	if r.status != (status{}) {
		return fmt.Sprintf("%d %d.%d.%d %s", r.code, r.status[0], r.status[1], r.status[2], r.text)
	}
	return fmt.Sprintf("%d %s", r.code, r.text)
}

// temporary says whether the same command may succeed later (RFC 5321, section 4.2.1).
func (r *reply) temporary() bool { return r.code >= 400 && r.code < 500 }

var (
	errNoReply   = errors.New("the server sent something that is no SMTP reply")
	errMixed     = errors.New("the server changed the code within one reply")
	errManyLines = errors.New("the server sent a reply of more than 100 lines")
)

// parseLine reads one line of a reply: three digits, a hyphen where more lines follow, text.
func parseLine(line []byte) (code int, more bool, text []byte, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' {
		return 0, false, nil, false
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0, false, nil, false
		}
		code = code*10 + int(c-'0')
	}
	if len(line) == 3 { // RFC 5321, section 4.2: a client must be prepared for a code alone
		return code, false, nil, true
	}
	switch line[3] {
	case ' ':
		return code, false, line[4:], true
	case '-':
		return code, true, line[4:], true
	}
	return 0, false, nil, false
}

// enhanced reads the enhanced status code that a text begins with, and returns the rest. Its class must be that of the reply's
// code (RFC 2034, section 4), or it is a mere number in the text.
func enhanced(code int, text string) (status, string) {
	var s status
	rest := text
	for i := range s {
		digits := 0
		for digits < len(rest) && digits < 3 && rest[digits] >= '0' && rest[digits] <= '9' {
			s[i] = s[i]*10 + int(rest[digits]-'0')
			digits++
		}
		rest = rest[digits:]
		end := "."
		if i == 2 {
			end = " "
		}
		if digits == 0 || !strings.HasPrefix(rest, end) && (i < 2 || rest != "") {
			return status{}, text
		}
		rest = strings.TrimPrefix(rest, end)
	}
	if s[0] != code/100 {
		return status{}, text
	}
	return s, rest
}

// read reads one reply. One whose code is not among those of want is a *reply. each, if set, sees every line of a reply that
// is wanted.
func (s *session) read(want codes, each func(text []byte)) error {
	first := 0
	var refused *reply
	for range replyLines {
		line, err := s.wire.line()
		if err != nil {
			return err
		}
		code, more, text, ok := parseLine(line)
		switch {
		case !ok:
			return errNoReply
		case first != 0 && code != first:
			return errMixed
		}
		if first == 0 {
			s.words++
		}
		if want.has(code) {
			if each != nil {
				each(text)
			}
		} else {
			refused = refused.with(code, text)
		}
		if first = code; more {
			continue
		}
		if refused != nil {
			return refused
		}
		return nil
	}
	return errManyLines
}

// with adds a line to a refusal. Servers repeat the enhanced status code on every line.
func (r *reply) with(code int, text []byte) *reply {
	st, rest := enhanced(code, printable(text))
	if r == nil {
		return &reply{code: code, status: st, text: rest}
	}
	if room := replyText - len(r.text) - 1; room > 0 && rest != "" {
		r.text += " " + rest[:min(room, len(rest))]
	}
	return r
}

// printable makes a text fit for a report: one line of ASCII.
func printable(text []byte) string {
	out := make([]byte, 0, min(len(text), replyText))
	for _, c := range text {
		if len(out) == replyText {
			break
		}
		if c < ' ' || c > '~' {
			c = '?'
		}
		out = append(out, c)
	}
	return string(out)
}

// codes are the replies that are wanted: one code, or with tens every one that begins with its two digits.
type codes struct {
	code int
	tens bool
}

func (c codes) has(code int) bool { return code == c.code || c.tens && code/10 == c.code/10 }

var (
	ready     = codes{code: 220}
	done      = codes{code: 250}
	accepted  = codes{code: 250, tens: true} // 251 and 252 take a recipient too
	loggedIn  = codes{code: 235}
	challenge = codes{code: 334}
	goAhead   = codes{code: 354}
	goodbye   = codes{code: 221}
)
