package caldav

import (
	"bytes"
	"fmt"
	"strings"

	"pegel/internal/corpus"
	"pegel/probes/probe"
)

// pick returns the index of one of pegel's own events, drawn. Where the session remembers none it looks for those of
// earlier sessions, and where there are none either it creates one, so that a journey need not begin with create.
func (s *Session) pick(t *probe.Turn) (int, error) {
	if len(s.own) == 0 {
		_, suffix, _ := strings.Cut(corpus.EventUID("", 0), "@")
		mark := fmt.Sprintf(`<c:prop-filter name="UID"><c:text-match collation="i;ascii-casemap">@%s</c:text-match></c:prop-filter>`, suffix)
		list, err := s.events(t, "look for own events", mark)
		if err != nil {
			return 0, err
		}
		for _, f := range list {
			if isOwn(f.data) {
				s.remember(f.event)
			}
		}
	}
	if len(s.own) == 0 {
		if err := s.create(t, createParams{}); err != nil {
			return 0, err
		}
	}
	return int(t.Draw(drawEvent) % uint64(len(s.own))), nil
}

// isOwn tells whether pegel has made an event: only those carry the run's property.
func isOwn(data []byte) bool {
	for _, line := range lines(data) {
		name, _, ok := property(line)
		if ok && strings.EqualFold(name, corpus.RunProp) {
			return true
		}
	}
	return false
}

// lines unfolds calendar data (RFC 5545, section 3.1).
func lines(data []byte) []string {
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	text = strings.NewReplacer("\n ", "", "\n\t", "").Replace(text)
	return strings.Split(strings.TrimRight(text, "\n"), "\n")
}

// property takes the name and the value of a content line apart; parameters are skipped.
func property(line string) (name, value string, ok bool) {
	quoted := false
	end := -1
	for i, r := range line {
		switch {
		case r == '"':
			quoted = !quoted
		case quoted:
		case r == ';' && end < 0:
			end = i
		case r == ':':
			if end < 0 {
				end = i
			}
			return line[:end], line[i+1:], true
		}
	}
	return "", "", false
}

// join is the inverse of lines: folded at 75 octets, each line ending in CRLF.
func join(list []string) []byte {
	var b bytes.Buffer
	for _, line := range list {
		for room := 75; len(line) > room; room = 74 {
			cut := room
			for cut > 1 && line[cut]&0xc0 == 0x80 { // not inside a character
				cut--
			}
			b.WriteString(line[:cut])
			b.WriteString("\r\n ")
			line = line[cut:]
		}
		b.WriteString(line)
		b.WriteString("\r\n")
	}
	return b.Bytes()
}
