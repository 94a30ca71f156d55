package observe

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// longestLine bounds a line of a page, in bytes.
const longestLine = 256 << 10

// label is one label of the series being read. Value is unescaped.
type label struct{ name, value []byte }

// scan reads a page in the Prometheus text format and takes in the series that are wanted. Lines of other metrics are passed
// over by their names alone, because a balancer's page has thousands of them and is read each second. A line of a wanted metric
// that does not follow the format makes the whole page an error: a sum without it would be wrong.
func (t *table) scan(page io.Reader) error {
	in := bufio.NewReaderSize(page, 64<<10)
	var long []byte
	for number := 1; ; number++ {
		line, err := in.ReadSlice('\n')
		for long = long[:0]; err == bufio.ErrBufferFull; line, err = in.ReadSlice('\n') {
			if long = append(long, line...); len(long) > longestLine {
				return fmt.Errorf("line %d of the page is longer than %d KiB", number, longestLine>>10)
			}
		}
		if err == io.EOF {
			if len(line)+len(long) > 0 {
				return errors.New("the page is cut off within a line")
			}
			return nil
		}
		if err != nil {
			return err
		}
		if len(long) > 0 {
			long = append(long, line...)
			line = long
		}
		if err := t.line(line[:len(line)-1]); err != nil {
			return fmt.Errorf("line %d of the page: %w", number, err)
		}
	}
}

// line reads one line of a page.
func (t *table) line(line []byte) error {
	line = bytes.TrimLeft(line, " \t")
	if len(line) == 0 || line[0] == '#' {
		return nil
	}
	i := 0
	for i < len(line) && isNameByte(line[i], false, true) {
		i++
	}
	family := t.families[string(line[:i])]
	if family == nil {
		return nil
	}
	return t.readSeries(line[i:], family)
}

// readSeries reads what follows a wanted metric's name: labels, value, perhaps a timestamp.
func (t *table) readSeries(rest []byte, family []int) error {
	t.row = t.row[:0]
	rest = bytes.TrimLeft(rest, " \t")
	if len(rest) > 0 && rest[0] == '{' {
		var err error
		if rest, err = t.readLabels(rest[1:]); err != nil {
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
	t.series(family, t.row, v)
	return nil
}

// readLabels reads a series' labels up to the closing brace and returns what follows it.
func (t *table) readLabels(rest []byte) ([]byte, error) {
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
		t.row = append(t.row, label{name, value})
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
