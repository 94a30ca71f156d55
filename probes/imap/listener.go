package imap

import (
	"bytes"
	"sync"
)

// listener tells an observer what goes over the wire: it reads along below the client, which knows nothing of it. What it does
// not understand it leaves to the client to complain about.
type listener struct {
	to observer

	mu   sync.Mutex
	out  gatherer // what is sent
	in   gatherer // what arrives
	tag  []byte   // of the SELECT or EXAMINE under way
	box  opened
	away []byte // tag of the CLOSE, UNSELECT or LOGOUT under way

	names map[string]string // of flags, so that each is one string
	flags []string
}

func newListener(to observer) *listener {
	l := &listener{to: to, names: map[string]string{}}
	l.out.line, l.in.line = l.sent, l.received
	l.in.whole = l.response
	return l
}

// wrote and read are told what has gone over the wire, in any pieces.
func (l *listener) wrote(p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out.take(p)
}

func (l *listener) read(p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.in.take(p)
}

// sent takes in a line of the client.
func (l *listener) sent(line []byte) {
	l.to.Sent(line)
	tag, rest, _ := bytes.Cut(line, []byte(" "))
	verb, _, _ := bytes.Cut(rest, []byte(" "))
	switch {
	case bytes.EqualFold(verb, []byte("SELECT")), bytes.EqualFold(verb, []byte("EXAMINE")):
		l.tag, l.box = append(l.tag[:0], tag...), opened{}
	case bytes.EqualFold(verb, []byte("CLOSE")), bytes.EqualFold(verb, []byte("UNSELECT")), bytes.EqualFold(verb, []byte("LOGOUT")):
		l.away = append(l.away[:0], tag...)
	}
}

// received takes in a line of the server, before the response that it is part of.
func (l *listener) received(line []byte) { l.to.Received(line) }

// response takes in a whole response of the server, with small literals.
func (l *listener) response(text []byte) {
	s := scanner{text: text}
	first := s.word()
	if !bytes.Equal(first, []byte("*")) {
		l.answer(first, s.word())
		return
	}
	word := s.word()
	switch {
	case bytes.EqualFold(word, []byte("OK")):
		if len(l.tag) > 0 {
			l.code(&s)
		}
		return
	case bytes.EqualFold(word, []byte("VANISHED")):
		l.vanished(&s)
		return
	}
	n, ok := number(word, 1<<32-1)
	if !ok {
		return
	}
	switch kind := s.word(); {
	case bytes.EqualFold(kind, []byte("EXISTS")):
		if len(l.tag) > 0 {
			l.box.exists = uint32(n)
		}
		l.to.Exists(uint32(n))
	case bytes.EqualFold(kind, []byte("EXPUNGE")):
		l.to.Expunged(uint32(n))
	case bytes.EqualFold(kind, []byte("FETCH")):
		if m, ok := l.fetched(&s, uint32(n)); ok {
			l.to.Fetched(&m)
		}
	}
}

// answer takes in the answer to a command.
func (l *listener) answer(tag, kind []byte) {
	ok := bytes.EqualFold(kind, []byte("OK"))
	switch {
	case len(l.tag) > 0 && bytes.Equal(tag, l.tag):
		l.tag = l.tag[:0]
		if ok {
			l.to.Selected(l.box)
		} else {
			l.to.Unselected()
		}
	case len(l.away) > 0 && bytes.Equal(tag, l.away):
		l.away = l.away[:0]
		if ok {
			l.to.Unselected()
		}
	}
}

// code takes in a response code of SELECT.
func (l *listener) code(s *scanner) {
	if !s.skip('[') {
		return
	}
	name := s.word()
	switch {
	case bytes.EqualFold(name, []byte("UIDVALIDITY")):
		n, _ := number(s.word(), 1<<32-1)
		l.box.validity = uint32(n)
	case bytes.EqualFold(name, []byte("UIDNEXT")):
		n, _ := number(s.word(), 1<<32-1)
		l.box.uidNext = uint32(n)
	case bytes.EqualFold(name, []byte("HIGHESTMODSEQ")):
		l.box.highestModSeq, _ = number(s.word(), 1<<63-1)
	case bytes.EqualFold(name, []byte("PERMANENTFLAGS")):
		l.box.permanent = append([]string{}, l.list(s)...)
	}
}

// vanished reads "(EARLIER) 1:3,7".
func (l *listener) vanished(s *scanner) {
	earlier := s.skip('(')
	if earlier {
		s.word()
		s.skip(')')
	}
	l.to.Vanished(s.word(), earlier)
}

// fetched reads the list of a FETCH response.
func (l *listener) fetched(s *scanner, seq uint32) (fetchedMessage, bool) {
	m := fetchedMessage{seq: seq, size: -1}
	if !s.skip('(') {
		return m, false
	}
	for !s.skip(')') {
		name := s.item()
		if len(name) == 0 {
			return m, false
		}
		switch {
		case bytes.EqualFold(name, []byte("UID")):
			n, _ := number(s.word(), 1<<32-1)
			m.uid = uint32(n)
		case bytes.EqualFold(name, []byte("RFC822.SIZE")):
			if n, ok := number(s.word(), 1<<62); ok {
				m.size = int64(n)
			}
		case bytes.EqualFold(name, []byte("MODSEQ")):
			if s.skip('(') {
				m.modSeq, _ = number(s.word(), 1<<63-1)
				s.skip(')')
			}
		case bytes.EqualFold(name, []byte("FLAGS")):
			m.flags, m.flagsTold = l.list(s), true
		case bytes.EqualFold(name, []byte("ENVELOPE")):
			m.envelope = s.digest()
		default:
			s.digest()
		}
		if s.bad {
			return m, false
		}
	}
	return m, true
}

// mostNames bounds the names of flags that are remembered.
const mostNames = 256

// list reads a list of words; it is valid until the next one is read.
func (l *listener) list(s *scanner) []string {
	l.flags = l.flags[:0]
	if !s.skip('(') {
		s.bad = true
		return l.flags
	}
	for !s.skip(')') {
		word := s.word()
		if len(word) == 0 {
			s.bad = true
			break
		}
		name, known := l.names[string(word)]
		if !known {
			name = string(word)
			if len(l.names) < mostNames {
				l.names[name] = name
			}
		}
		l.flags = append(l.flags, name)
	}
	return l.flags
}
