package httpconn

import (
	"bytes"
	"net/textproto"
	"strings"
)

// Header is an answer's header as it came: lines of name: value. Nothing is taken apart before somebody asks.
type Header struct{ raw []byte }

// each calls f for every field in order until it returns false. Folded lines (obsolete since RFC 7230) count as fields
// without a name and are passed over.
func (h Header) each(f func(name, value []byte) bool) {
	for rest := h.raw; len(rest) > 0; {
		line := rest
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			line, rest = rest[:end], rest[end+1:]
		} else {
			rest = nil
		}
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 {
			continue
		}
		if !f(line[:colon], bytes.TrimSpace(line[colon+1:])) {
			return
		}
	}
}

// Get is the first value of a field, or "". Case does not matter.
func (h Header) Get(name string) string {
	var found []byte
	h.each(func(field, value []byte) bool {
		if !same(field, name) {
			return true
		}
		found = value
		return false
	})
	return string(found)
}

// Values are all values of a field.
func (h Header) Values(name string) []string {
	var found []string
	h.each(func(field, value []byte) bool {
		if same(field, name) {
			found = append(found, string(value))
		}
		return true
	})
	return found
}

// Map is the whole header by canonical names.
func (h Header) Map() map[string][]string {
	all := map[string][]string{}
	h.each(func(field, value []byte) bool {
		name := textproto.CanonicalMIMEHeaderKey(string(field))
		all[name] = append(all[name], string(value))
		return true
	})
	return all
}

// same compares a field's name without regard to case, and without allocating.
func same(field []byte, name string) bool {
	return len(field) == len(name) && strings.EqualFold(string(field), name)
}

// has says whether a comma-separated value lists a word, as Connection: keep-alive, Upgrade does.
func has(value []byte, word string) bool {
	for part := range bytes.SplitSeq(value, []byte{','}) {
		if same(bytes.TrimSpace(part), word) {
			return true
		}
	}
	return false
}
