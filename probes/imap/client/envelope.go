package client

import (
	"bytes"
	"hash/maphash"
)

// simpleEnvelope finds the end of an envelope that lies whole in p, from its opening parenthesis on, and the Message-ID in it, nil for
// NIL. It is what message lists consist of, so it looks at most bytes in bulk; byte by byte as readEnvelope goes, a list of 20 costs more
// than all else of its FETCH together. ok is false for anything that is not simple, and nothing is said about that: a literal, an
// escaped character, a control character, an end that has not arrived, too many parentheses. readEnvelope then reads it from its beginning.
// sum is its digest where that is wanted.
func simpleEnvelope(p []byte, summed bool) (end int, id []byte, sum digest, ok bool) {
	depth, field := 1, 0
	for i := 1; i < len(p); i++ {
		var text []byte
		b := p[i]
		switch b {
		case ' ':
			continue
		case '(':
			sum = sum.and('(')
			if depth++; depth > maxDepth {
				return 0, nil, 0, false
			}
			continue
		case ')':
			sum = sum.and(')')
			if depth--; depth == 0 {
				return i + 1, id, max(sum, 1), true
			}
		case '"':
			n := bytes.IndexByte(p[i+1:], '"')
			if n < 0 {
				return 0, nil, 0, false
			}
			text = p[i+1 : i+1+n]
			if bytes.IndexByte(text, '\\') >= 0 || bytes.IndexByte(text, '\n') >= 0 {
				return 0, nil, 0, false
			}
			i += n + 1
		default:
			from := i
			for i < len(p) && !separates(p[i]) {
				i++
			}
			if i == from || i-from > maxToken {
				return 0, nil, 0, false
			}
			if text = p[from:i]; isNil(text) {
				text = nil
			}
			i-- // the byte that ended it is looked at next; where there is none the envelope has not ended
		}
		if summed && b != ')' {
			part := uint64(0)
			if text != nil {
				part = maphash.Bytes(digestSeed, text)
			}
			sum = sum.and(part)
		}
		if depth == 1 {
			if field == messageIDField && len(text) <= maxToken {
				id = text
			}
			field++
		}
	}
	return 0, nil, 0, false
}
