package client

import (
	"bytes"
	"fmt"
	"testing"
)

// understood is what a connection understands of FETCH responses that arrive in pieces, and what its observer is shown of them.
func understood(text []byte, piece int, watched bool) (messages string, failure error) {
	var out bytes.Buffer
	var observer Observer
	shown := new(notes)
	if watched {
		observer = shown
	}
	c := New(&feed{text, piece}, observer, nil)
	c.command("NOOP")
	c.desk.ask.message = func(m *Message) error {
		fmt.Fprintf(&out, "%d uid %d size %d modseq %d flags %q id %q body %d %v\n", m.Number, m.UID, m.Size, m.ModSeq, m.Flags, m.ID, m.Body, m.More)
		return nil
	}
	for failure == nil {
		_, _, failure = c.response()
	}
	return out.String() + shown.String(), failure
}

// An envelope is understood the same way where it has arrived whole and is read in bulk, and where it comes byte by byte.
func FuzzEnvelopes(f *testing.F) {
	for _, seed := range []string{
		`("Mon, 02 Mar 2026 08:00:00 +0000" "s" ((NIL NIL "a" "b")) NIL NIL ((NIL NIL "c" "d")("x" NIL "e" "f")) NIL NIL NIL "<1@x>")`,
		`("d" "s" NIL NIL NIL NIL NIL NIL NIL NIL)`, `(NIL NIL NIL NIL NIL NIL NIL NIL "<other@x>" atom)`, `("a\"b" "s" NIL NIL NIL NIL NIL NIL NIL "<2@x>")`,
		"({3}\r\na)b NIL NIL NIL NIL NIL NIL NIL NIL \"<3@x>\")", "(\"a\nb\" NIL)", "(\"a\" \tNIL)", "((((\"deep\")))) NIL)", `("a" "b") X`, `(`, `("`, `(a"b"c(d)e)`,
		`(1 2 3 4 5 6 7 8 9 (10) "<11@x>")`, `("a\\" NIL NIL NIL NIL NIL NIL NIL NIL "<4@\\x>")`, "(\"\x00\xff\" NIL NIL NIL NIL NIL NIL NIL NIL {5}\r\n<5@x>)",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, envelope []byte) {
		text := fmt.Appendf(nil, "* 1 FETCH (UID 9 ENVELOPE %s FLAGS (\\Seen))\r\n* 2 FETCH (UID 10)\r\n", envelope)
		for _, watched := range []bool{false, true} {
			whole, wholeErr := understood(text, len(text)+1, watched)
			parts, partsErr := understood(text, 1, watched)
			if whole != parts || wholeErr == nil || partsErr == nil || wholeErr.Error() != partsErr.Error() {
				t.Errorf("whole: %v\n%s\nbyte by byte: %v\n%s", wholeErr, whole, partsErr, parts)
			}
		}
	})
}
