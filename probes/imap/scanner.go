package imap

import (
	"bytes"
)

// gatherer makes lines and responses of what comes in pieces.
type gatherer struct {
	line  func(line []byte)     // without its end and without literals
	whole func(response []byte) // with small literals; nil: nobody wants them

	part    []byte // of the line that has not come whole
	text    []byte // of the response so far
	literal int64  // bytes of a literal still to come
	keep    bool   // the literal is wanted
	lost    bool   // the response is too long and is left out
}

// What is gathered of one response, and of one literal within: an envelope has some KiB at most.
const (
	mostGathered = 64 << 10
	mostLiteral  = 8 << 10
)

func (g *gatherer) take(p []byte) {
	for len(p) > 0 {
		if g.literal > 0 {
			n := min(g.literal, int64(len(p)))
			if g.keep {
				g.add(p[:n])
			}
			g.literal -= n
			p = p[n:]
			continue
		}
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			if len(g.part)+len(p) <= mostGathered {
				g.part = append(g.part, p...)
			} else {
				g.lost = true
			}
			return
		}
		line := p[:i]
		p = p[i+1:]
		if len(g.part) > 0 {
			g.part = append(g.part, line[:min(len(line), mostGathered)]...)
			line, g.part = g.part, g.part[:0]
		}
		g.end(bytes.TrimSuffix(line, []byte("\r")))
	}
}

// end takes in a line that has come whole.
func (g *gatherer) end(line []byte) {
	g.line(line)
	size, body, literal := literalSize(line)
	if !literal {
		g.add(line)
		if g.whole != nil && !g.lost {
			g.whole(g.text)
		}
		g.text, g.lost = g.text[:0], false
		if cap(g.text) > mostLiteral { // a single long response is no reason to keep so much
			g.text = nil
		}
		return
	}
	g.literal, g.keep = size, !body && size <= mostLiteral
	if g.keep {
		g.add(line)
		g.add([]byte("\r\n"))
		return
	}
	g.add(line[:bytes.LastIndexByte(line, '{')])
	g.add([]byte("NIL"))
}

func (g *gatherer) add(p []byte) {
	if g.whole == nil {
		return
	}
	if len(g.text)+len(p) > mostGathered {
		g.lost = true
		return
	}
	g.text = append(g.text, p...)
}

// scanner reads a response whose literals are within.
type scanner struct {
	text []byte
	bad  bool // it does not follow the grammar
}

func (s *scanner) blanks() {
	for len(s.text) > 0 && s.text[0] == ' ' {
		s.text = s.text[1:]
	}
}

// skip takes one character, where it is next after blanks.
func (s *scanner) skip(c byte) bool {
	s.blanks()
	if len(s.text) == 0 || s.text[0] != c {
		return false
	}
	s.text = s.text[1:]
	return true
}

// word takes an atom: up to a blank, a parenthesis or a closing bracket.
func (s *scanner) word() []byte {
	s.blanks()
	i := bytes.IndexAny(s.text, " ()]")
	if i < 0 {
		i = len(s.text)
	}
	word := s.text[:i]
	s.text = s.text[i:]
	return word
}

// item takes the name of a FETCH item with its section, as in BODY[HEADER.FIELDS (DATE)]<0>.
func (s *scanner) item() []byte {
	s.blanks()
	for i, c := range s.text {
		switch c {
		case '[':
			end := bytes.IndexByte(s.text, ']')
			if end < 0 {
				return nil
			}
			name := s.text[:i]
			s.text = s.text[end+1:]
			if len(s.text) > 0 && s.text[0] == '<' {
				s.word()
			}
			return name
		case ' ', '(', ')':
			name := s.text[:i]
			s.text = s.text[i:]
			return name
		}
	}
	return nil
}

// digest takes one value, a list or a string or an atom, and returns a digest of what it means: FNV-1a, never 0. A string has
// the same one whether it is quoted or a literal.
func (s *scanner) digest() uint64 {
	h := uint64(14695981039346656037)
	add := func(c byte) { h = (h ^ uint64(c)) * 1099511628211 }
	for depth := 0; ; {
		s.blanks()
		if len(s.text) == 0 {
			s.bad = true
			return 0
		}
		switch c := s.text[0]; c {
		case '(':
			depth++
			s.text = s.text[1:]
			add('(')
		case ')':
			if depth--; depth < 0 {
				s.bad = true
				return 0
			}
			s.text = s.text[1:]
			add(')')
		case '"':
			add('"')
			i := 1
			for ; i < len(s.text) && s.text[i] != '"'; i++ {
				if s.text[i] == '\\' && i+1 < len(s.text) {
					i++
				}
				add(s.text[i])
			}
			if i >= len(s.text) {
				s.bad = true
				return 0
			}
			add(0)
			s.text = s.text[i+1:]
		case '{':
			end := bytes.IndexByte(s.text, '\n')
			if end < 0 {
				s.bad = true
				return 0
			}
			size, _, ok := literalSize(s.text[:end])
			if !ok || size > int64(len(s.text)-end-1) {
				s.bad = true
				return 0
			}
			add('"')
			for _, c := range s.text[end+1 : end+1+int(size)] {
				add(c)
			}
			add(0)
			s.text = s.text[end+1+int(size):]
		default:
			word := s.word()
			if len(word) == 0 {
				s.bad = true // a stray bracket
				return 0
			}
			for _, c := range word {
				add(c)
			}
			add(' ')
		}
		if depth == 0 {
			return max(h, 1)
		}
	}
}

// number reads a decimal number of at most limit.
func number(word []byte, limit uint64) (n uint64, ok bool) {
	if len(word) == 0 || len(word) > 19 {
		return 0, false
	}
	for _, c := range word {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, n <= limit
}
