package imap

import (
	"fmt"
	"testing"
)

// BenchmarkCheck is what a FETCH response with flags and size, and one with an envelope besides, costs: the tracker alone, and with
// reading along on the wire and the transcript. A mailbox of 10,000 messages is fetched again and again.
func BenchmarkCheck(b *testing.B) {
	const messages = 10_000
	begin := func() *tracker {
		tr := newTracker(newMemory(1, new(claims)))
		tr.Selecting("INBOX")
		tr.Selected(opened{validity: 7, exists: messages})
		return tr
	}
	b.Run("tracker", func(b *testing.B) {
		tr := begin()
		flags := []string{`\Seen`, `\Flagged`}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			n := uint32(i%messages + 1)
			m := fetchedMessage{seq: n, uid: n * 2, size: 1000, modSeq: uint64(n), envelope: uint64(n), flags: flags, flagsTold: true}
			tr.Fetched(&m)
		}
		if tr.first != nil {
			b.Fatal(*tr.first)
		}
	})
	for name, pattern := range map[string]string{
		"line of flags": "* %d FETCH (UID %d FLAGS (\\Seen \\Flagged) RFC822.SIZE 1000)\r\n",
		"line with envelope": `* %d FETCH (UID %d FLAGS (\Seen) RFC822.SIZE 1000 ENVELOPE ("Mon, 7 Feb 1994 21:52:25 -0800" "The subject of a message of middling length" ` +
			`(("Anna Muster" NIL "anna" "example.test")) (("Anna Muster" NIL "anna" "example.test")) (("Anna Muster" NIL "anna" "example.test")) (("Bert" NIL "bert" "example.test")) NIL NIL NIL "<4711@example.test>"))` + "\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			lines := make([][]byte, messages)
			for i := range lines {
				lines[i] = fmt.Appendf(nil, pattern, i+1, 2*i+2)
			}
			tr := begin()
			l := newListener(tr)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				l.read(lines[i%messages])
			}
			if tr.first != nil {
				b.Fatal(*tr.first)
			}
		})
	}
}
