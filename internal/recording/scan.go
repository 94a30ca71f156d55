package recording

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// deepest is how deep a HAR file may be nested; real ones have some 20 levels.
const deepest = 200

// scanner reads JSON as it comes, of which it keeps nothing but what it is asked for: a file of any size needs the memory of
// its longest wanted text.
type scanner struct {
	from  *bufio.Reader
	at    int64 // bytes read
	depth int
}

// errTruncated is the end of a file in the middle of a value.
var errTruncated = errors.New("the file ends in the middle")

func newScanner(r io.Reader) *scanner { return &scanner{from: bufio.NewReaderSize(r, 64<<10)} }

func (s *scanner) next() (byte, error) {
	c, err := s.from.ReadByte()
	if err == io.EOF {
		return 0, errTruncated
	}
	if err != nil {
		return 0, err
	}
	s.at++
	return c, nil
}

func (s *scanner) back() {
	s.at--
	_ = s.from.UnreadByte() // follows a read
}

// begin skips white space and returns the first byte of what follows.
func (s *scanner) begin() (byte, error) {
	for {
		c, err := s.next()
		if err != nil {
			return 0, err
		}
		switch c {
		case ' ', '\t', '\n', '\r':
		default:
			return c, nil
		}
	}
}

// peek is begin without taking the byte.
func (s *scanner) peek() (byte, error) {
	c, err := s.begin()
	if err == nil {
		s.back()
	}
	return c, err
}

func (s *scanner) odd(c byte, wanted string) error {
	return fmt.Errorf("byte %d is %q instead of %s", s.at, c, wanted)
}

// object calls each for every key; each must read the value. Anything but an object is skipped.
func (s *scanner) object(each func(key string) error) error {
	return s.inside('{', '}', func() error {
		key, _, err := s.text(256)
		if err != nil {
			return err
		}
		c, err := s.begin()
		if err != nil {
			return err
		}
		if c != ':' {
			return s.odd(c, "a colon")
		}
		return each(key)
	})
}

// list calls each for every element; each must read it. Anything but a list is skipped.
func (s *scanner) list(each func() error) error { return s.inside('[', ']', each) }

func (s *scanner) inside(open, end byte, each func() error) error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	if c != open {
		return s.skip()
	}
	if s.depth++; s.depth > deepest {
		return fmt.Errorf("byte %d: nested deeper than %d levels", s.at, deepest)
	}
	defer func() { s.depth-- }()
	if _, err := s.begin(); err != nil {
		return err
	}
	for n := 0; ; n++ {
		c, err := s.begin()
		if err != nil {
			return err
		}
		switch {
		case c == end:
			return nil
		case n > 0 && c != ',':
			return s.odd(c, "a comma")
		case n == 0:
			s.back()
		default:
			if c, err = s.peek(); err != nil {
				return err
			}
			if c == end { // one comma too many
				continue
			}
		}
		if err := each(); err != nil {
			return err
		}
	}
}

// skip passes over a value.
func (s *scanner) skip() error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	switch c {
	case '{':
		return s.object(func(string) error { return s.skip() })
	case '[':
		return s.list(s.skip)
	case '"':
		_, _, err := s.text(0)
		return err
	}
	_, err = s.word()
	return err
}

// word reads a number, true, false or null.
func (s *scanner) word() (string, error) {
	var b []byte
	if _, err := s.peek(); err != nil {
		return "", err
	}
	for {
		c, err := s.next()
		if err != nil {
			return "", err
		}
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == 'E' || c == '+' || c == '-' || c == '.' {
			if len(b) < 64 {
				b = append(b, c)
			}
			continue
		}
		if len(b) == 0 {
			return "", s.odd(c, "a value")
		}
		s.back()
		if word := string(b); b[0] >= 'a' && word != "true" && word != "false" && word != "null" {
			return "", fmt.Errorf("byte %d: %q is no value of JSON", s.at, word)
		}
		return string(b), nil
	}
}

// number reads a number; whatever else there is counts as 0.
func (s *scanner) number() (float64, error) {
	c, err := s.peek()
	if err != nil {
		return 0, err
	}
	if c != '-' && (c < '0' || c > '9') {
		return 0, s.skip()
	}
	word, err := s.word()
	if err != nil {
		return 0, err
	}
	x, err := strconv.ParseFloat(word, 64)
	if err != nil {
		return 0, nil // out of range: no use to anybody
	}
	return x, nil
}

// text reads a text, of which at most so many bytes are kept; cut says that there were more. Whatever else there is counts
// as an empty text.
func (s *scanner) text(most int) (text string, cut bool, err error) {
	c, err := s.peek()
	if err != nil {
		return "", false, err
	}
	if c != '"' {
		return "", false, s.skip()
	}
	if _, err := s.begin(); err != nil {
		return "", false, err
	}
	var b []byte
	add := func(r rune, size int) {
		if len(b)+size > most {
			cut = true
		} else if !cut {
			b = utf8.AppendRune(b, r)
		}
	}
	for {
		c, err := s.next()
		switch {
		case err != nil:
			return "", false, err
		case c == '"':
			return string(b), cut, nil
		case c != '\\':
			if len(b) >= most {
				cut = true
			} else if !cut {
				b = append(b, c)
			}
			continue
		}
		r, err := s.escaped()
		if err != nil {
			return "", false, err
		}
		add(r, utf8.RuneLen(r))
	}
}

func (s *scanner) escaped() (rune, error) {
	c, err := s.next()
	if err != nil {
		return 0, err
	}
	switch c {
	case 'n':
		return '\n', nil
	case 't':
		return '\t', nil
	case 'r':
		return '\r', nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case '"', '\\', '/':
		return rune(c), nil
	case 'u':
	default:
		return 0, s.odd(c, "an escape")
	}
	first, err := s.hex()
	if err != nil || !utf16.IsSurrogate(first) {
		return first, err
	}
	ahead, err := s.from.Peek(2)
	if err != nil || ahead[0] != '\\' || ahead[1] != 'u' {
		return utf8.RuneError, nil // half of a pair
	}
	for range 2 {
		if _, err := s.next(); err != nil {
			return 0, err
		}
	}
	second, err := s.hex()
	return utf16.DecodeRune(first, second), err
}

func (s *scanner) hex() (rune, error) {
	var r rune
	for range 4 {
		c, err := s.next()
		if err != nil {
			return 0, err
		}
		d, err := strconv.ParseUint(string(rune(c)), 16, 8)
		if err != nil {
			return 0, s.odd(c, "a hexadecimal digit")
		}
		r = r<<4 | rune(d)
	}
	return r, nil
}
