package dav

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pegel/internal/corpus"
)

// revision is which version of an object a text is: how often pegel has changed it, and a number of the change's own. Who writes
// under a condition counts up by one from what it has read, so two changes with the same count mean that one was lost.
type revision struct {
	count uint32
	mark  uint32
}

func (r revision) String() string { return fmt.Sprintf("%d-%08x", r.count, r.mark) }

// parseRevision reads what String writes; anything else is the revision of an object that was never changed.
func parseRevision(text string) revision {
	count, mark, ok := strings.Cut(strings.TrimSpace(text), "-")
	n, err1 := strconv.ParseUint(count, 10, 31)
	m, err2 := strconv.ParseUint(mark, 16, 32)
	if !ok || err1 != nil || err2 != nil {
		return revision{}
	}
	return revision{uint32(n), uint32(m)}
}

// isOwn tells whether pegel has made an object, and which revision it is: only pegel's carry the run's property.
func isOwn(data string) (revision, bool) {
	var (
		r   revision
		own bool
	)
	for line := range contentLines(data) {
		name, value, ok := property(line)
		switch {
		case !ok:
		case strings.EqualFold(name, corpus.RunProp):
			own = true
		case strings.EqualFold(name, corpus.RevisionProp):
			r = parseRevision(value)
		}
	}
	return r, own
}

// contentLines unfolds calendar or contact data (RFC 5545, section 3.1; RFC 6350, section 3.2).
func contentLines(data string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		var folded strings.Builder
		for len(data) > 0 {
			line, rest, _ := strings.Cut(data, "\n")
			line = strings.TrimSuffix(line, "\r")
			for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
				if folded.Len() == 0 {
					folded.WriteString(line)
				}
				line, rest, _ = strings.Cut(rest[1:], "\n")
				folded.WriteString(strings.TrimSuffix(line, "\r"))
			}
			if folded.Len() > 0 {
				line = folded.String()
				folded.Reset()
			}
			if !yield(line) {
				return
			}
			data = rest
		}
	}
}

// property takes the name and the value of a content line apart; parameters, and the group of a contact's property, are skipped.
func property(line string) (name, value string, ok bool) {
	quoted := false
	end := -1
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ';' && end < 0:
			end = i
		case c == ':':
			if end < 0 {
				end = i
			}
			name = line[:end]
			if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
				name = name[dot+1:]
			}
			return name, line[i+1:], true
		}
	}
	return "", "", false
}

// revise is a change of an object as a program makes it: the given revision, stamped now.
func (k *Kind) revise(data string, r revision, now time.Time) ([]byte, error) {
	var (
		out     bytes.Buffer
		open    []string // components
		counted bool
		stamped bool
		objects int
	)
	at := stamp(now)
	depth := 2
	if k.Inner == k.Outer {
		depth = 1
	}
	for line := range contentLines(data) {
		name, value, ok := property(line)
		name = strings.ToUpper(name)
		inside := len(open) == depth && open[depth-1] == k.Inner
		switch {
		case !ok:
		case name == "BEGIN":
			open = append(open, strings.ToUpper(strings.TrimSpace(value)))
			if len(open) > maxDepth {
				return nil, fmt.Errorf("components lie deeper than %d in one another", maxDepth)
			}
			if len(open) == depth && open[depth-1] == k.Inner {
				counted, stamped = false, false
				objects++
			}
		case name == "END":
			if len(open) == 0 || open[len(open)-1] != strings.ToUpper(strings.TrimSpace(value)) {
				return nil, fmt.Errorf("END:%s closes nothing", clip(value))
			}
			if inside {
				fold(&out, corpus.RevisionProp+":"+r.String())
				if !counted && k.Counter != "" {
					fold(&out, k.Counter+":1")
				}
				if !stamped && k.Counter == "" {
					fold(&out, k.Stamp+":"+at)
				}
			}
			open = open[:len(open)-1]
		case inside && name == corpus.RevisionProp:
			continue
		case inside && name == k.Counter:
			n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
			if err != nil {
				return nil, fmt.Errorf("%s is no number", k.Counter)
			}
			line, counted = k.Counter+":"+strconv.FormatUint(n+1, 10), true
		case inside && name == k.Stamp:
			line, stamped = k.Stamp+":"+at, true
		}
		fold(&out, line)
	}
	if len(open) != 0 || objects == 0 {
		return nil, fmt.Errorf("%d components of the kind %s, %d left open", objects, k.Inner, len(open))
	}
	return out.Bytes(), nil
}

// fold writes a content line, broken after at most 75 octets.
func fold(b *bytes.Buffer, line string) {
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
