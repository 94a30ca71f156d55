// Package jsonpath finds plain values in JSON by a path: keys of objects, elements of lists counted from 0, * for any of
// them. It reads a text once, builds nothing of it, and checks no more of it than it needs to find its way: a text that is
// cut off or goes wrong further on counts as far as it goes. Values that are objects, lists or null are not found.
package jsonpath

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// deepest is how deep a text may be nested, as far as the path leads into it.
const deepest = 1000

// Values are the values at a path, most of them at most, in the order of the text: texts without their quotes, numbers as
// they are written, true and false.
func Values(text []byte, path []string, most int) []string {
	s := scanner{text: text, most: most}
	s.value(path)
	return s.found
}

// Count is how many values Values would find, without making them.
func Count(text []byte, path []string, most int) int {
	s := scanner{text: text, most: most, counts: true}
	s.value(path)
	return s.count
}

type scanner struct {
	text   []byte
	at     int
	most   int
	depth  int
	counts bool // does not keep what is found
	count  int
	found  []string
}

func (s *scanner) space() bool {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return true
		}
	}
	return false
}

// value reads the value that begins here, of which path is wanted. It reports false where there is nothing to go on with.
func (s *scanner) value(path []string) bool {
	if !s.space() || s.depth > deepest {
		return false
	}
	switch s.text[s.at] {
	case '{':
		return s.inside('}', path, true)
	case '[':
		return s.inside(']', path, false)
	case '"':
		from := s.at
		if !s.quoted() {
			return false
		}
		if len(path) == 0 {
			if s.counts {
				return s.take("")
			}
			return s.take(unquote(s.text[from:s.at]))
		}
		return true
	}
	from := s.at
	for s.at < len(s.text) && !strings.ContainsRune(",]} \t\r\n:", rune(s.text[s.at])) {
		s.at++
	}
	if s.at == from {
		return false
	}
	if word := string(s.text[from:s.at]); len(path) == 0 && word != "null" && plain(word) {
		return s.take(word)
	}
	return true
}

// plain says whether a word is a value of JSON.
func plain(word string) bool {
	if word == "true" || word == "false" {
		return true
	}
	return json.Valid([]byte(word))
}

func (s *scanner) take(value string) bool {
	if s.count++; !s.counts {
		s.found = append(s.found, value)
	}
	return s.count < s.most
}

// inside reads an object or a list.
func (s *scanner) inside(end byte, path []string, object bool) bool {
	s.depth++
	defer func() { s.depth-- }()
	s.at++
	for n := 0; ; n++ {
		if !s.space() {
			return false
		}
		if s.text[s.at] == end {
			s.at++
			return true
		}
		if s.text[s.at] == ',' && n > 0 {
			s.at++
			if !s.space() {
				return false
			}
		}
		wanted, begin := false, s.at
		if object {
			from := s.at
			if s.text[s.at] != '"' || !s.quoted() {
				return false
			}
			name := s.text[from:s.at]
			wanted = len(path) > 0 && (path[0] == "*" || is(name, path[0]))
			if !s.space() || s.text[s.at] != ':' {
				return false
			}
			s.at++
		} else {
			wanted = len(path) > 0 && (path[0] == "*" || len(path[0]) < 10 && path[0] == strconv.Itoa(n))
		}
		switch {
		case wanted:
			if !s.value(path[1:]) {
				return false
			}
		case !s.skip() || s.at == begin: // a bracket of the other kind would be met for ever
			return false
		}
	}
}

// skip passes over a value without looking at what it is made of.
func (s *scanner) skip() bool {
	if !s.space() {
		return false
	}
	open := 0
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case '"':
			if !s.quoted() {
				return false
			}
			if open == 0 {
				return true
			}
			continue
		case '{', '[':
			open++
		case '}', ']':
			if open == 0 {
				return true // a plain value ends where what it stands in ends
			}
			if open--; open == 0 {
				s.at++
				return true
			}
		case ',':
			if open == 0 {
				return true
			}
		}
		s.at++
	}
	return false
}

// quoted passes over a text with its quotes.
func (s *scanner) quoted() bool {
	for s.at++; s.at < len(s.text); {
		end := bytes.IndexByte(s.text[s.at:], '"')
		if end < 0 {
			break
		}
		back := bytes.IndexByte(s.text[s.at:s.at+end], '\\')
		if back < 0 {
			s.at += end + 1
			return true
		}
		s.at += back + 2 // what follows a backslash ends nothing
	}
	s.at = len(s.text)
	return false
}

func is(quoted []byte, name string) bool {
	return string(quoted[1:len(quoted)-1]) == name || strings.Contains(string(quoted), `\`) && unquote(quoted) == name
}

func unquote(quoted []byte) string {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return strings.ToValidUTF8(string(inner), "\ufffd")
	}
	if text, ok := unescape(inner); ok {
		return text
	}
	var text string
	if json.Unmarshal(quoted, &text) != nil {
		return string(inner)
	}
	return text
}

// unescape undoes the escapes of a text of ASCII whose escapes stand for ASCII, as identifiers in JSON mostly are (servers
// write < and > so). It reports false for any other, which is left to encoding/json.
func unescape(inner []byte) (string, bool) {
	var room [128]byte
	text := room[:0]
	for i := 0; i < len(inner); i++ {
		c := inner[i]
		if c < ' ' || c >= utf8.RuneSelf {
			return "", false
		}
		if c != '\\' {
			text = append(text, c)
			continue
		}
		if i++; i == len(inner) {
			return "", false
		}
		switch c = inner[i]; c {
		case '"', '\\', '/':
			text = append(text, c)
		case 'n':
			text = append(text, '\n')
		case 't':
			text = append(text, '\t')
		case 'r':
			text = append(text, '\r')
		case 'u':
			if i+5 > len(inner) {
				return "", false
			}
			n, err := strconv.ParseUint(string(inner[i+1:i+5]), 16, 16)
			if err != nil || n >= utf8.RuneSelf {
				return "", false
			}
			text = append(text, byte(n))
			i += 4
		default:
			return "", false
		}
	}
	return string(text), true
}
