package observe

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// label is one label of the series being read. Value is unescaped.
type label struct{ name, value []byte }

// scan reads a page in the Prometheus text format and adds up the series that are wanted. Lines of other metrics are
// passed over by their names alone, because a balancer's page has thousands of them and is read each second. A line of
// a wanted metric that does not follow the format makes the whole page an error: a sum without it would be wrong.
func (p *page) scan(text []byte) error {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		return errors.New("the page is cut off within a line")
	}
	for number := 1; len(text) > 0; number++ {
		end := bytes.IndexByte(text, '\n')
		line := text[:end]
		text = text[end+1:]
		line = bytes.TrimLeft(line, " \t")
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		i := 0
		for i < len(line) && isNameByte(line[i], false, true) {
			i++
		}
		family := p.families[string(line[:i])]
		if family == nil {
			continue
		}
		if err := p.series(line[i:], family); err != nil {
			return fmt.Errorf("line %d of the page: %w", number, err)
		}
	}
	return nil
}

// series reads what follows a wanted metric's name: labels, value, perhaps a timestamp.
func (p *page) series(rest []byte, family []int) error {
	p.labels = p.labels[:0]
	rest = bytes.TrimLeft(rest, " \t")
	if len(rest) > 0 && rest[0] == '{' {
		var err error
		if rest, err = p.readLabels(rest[1:]); err != nil {
			return err
		}
	}
	number, rest := word(rest)
	v, err := strconv.ParseFloat(string(number), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%q is not a value", clip(number))
	}
	if stamp, _ := word(rest); len(stamp) > 0 && stamp[0] != '#' { // what begins with # is an exemplar
		if _, err := strconv.ParseFloat(string(stamp), 64); err != nil {
			return fmt.Errorf("%q is not a timestamp", clip(stamp))
		}
	}
	for _, i := range family {
		w := &p.wanted[i]
		if !w.selector.matches(p.labels) {
			continue
		}
		w.seen = true
		if finite(v) { // what has no value yet adds nothing
			w.sum += v
			w.found = true
		}
	}
	return nil
}

// readLabels reads a series' labels up to the closing brace and returns what follows it.
func (p *page) readLabels(rest []byte) ([]byte, error) {
	for {
		rest = bytes.TrimLeft(rest, " \t")
		if len(rest) > 0 && rest[0] == '}' {
			return rest[1:], nil
		}
		eq := bytes.IndexByte(rest, '=')
		if eq < 0 {
			return nil, errors.New("a label has no value")
		}
		name := bytes.TrimRight(rest[:eq], " \t")
		if !isLabelName(name) {
			return nil, fmt.Errorf("%q is not a label's name", clip(name))
		}
		rest = bytes.TrimLeft(rest[eq+1:], " \t")
		if len(rest) == 0 || rest[0] != '"' {
			return nil, errors.New("a label's value is not quoted")
		}
		value, n := unquote(rest)
		if n == 0 {
			return nil, errors.New("a label's value does not end")
		}
		p.labels = append(p.labels, label{name, value})
		rest = bytes.TrimLeft(rest[n:], " \t")
		switch {
		case len(rest) > 0 && rest[0] == ',':
			rest = rest[1:]
		case len(rest) > 0 && rest[0] == '}':
		default:
			return nil, errors.New("labels do not end")
		}
	}
}

// unquote returns the content of the quoted string that b begins with, and its length with quotes; 0 where it does not
// end. \\, \" and \n are the escapes of the format, a backslash before anything else stands for itself.
func unquote(b []byte) (value []byte, n int) {
	escaped := false
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			if value = b[1:i]; escaped {
				value = unescape(value)
			}
			return value, i + 1
		}
	}
	return nil, 0
}

func unescape(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			out = append(out, b[i])
			continue
		}
		i++
		switch b[i] {
		case 'n':
			out = append(out, '\n')
		case '"', '\\':
			out = append(out, b[i])
		default:
			out = append(out, '\\', b[i])
		}
	}
	return out
}

// word takes the first word off a line.
func word(b []byte) (first, rest []byte) {
	b = bytes.TrimLeft(b, " \t\r")
	i := 0
	for i < len(b) && b[i] != ' ' && b[i] != '\t' && b[i] != '\r' {
		i++
	}
	return b[:i], b[i:]
}

// clip shortens what is shown of a foreign page.
func clip(b []byte) []byte { return b[:min(len(b), 40)] }
