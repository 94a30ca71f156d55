package imap

import (
	"bytes"
	"fmt"
	"net"
	"testing"

	"pegel/probes/imap/client"
)

// BenchmarkCheck is what a FETCH response with flags and size, and one with an envelope besides, costs: the tracker alone, and the
// client with and without it. A mailbox of 10,000 messages is fetched again and again.
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
		for _, checked := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s, checked %v", name, checked), func(b *testing.B) {
				network := new(spoken)
				for i := range messages {
					network.text = fmt.Appendf(network.text, pattern, i+1, 2*i+2)
				}
				tr := begin()
				var observer client.Observer
				if checked {
					observer = newListener(tr)
				}
				conn := client.New(network, observer, nil)
				b.ReportAllocs()
				for left := b.N; left > 0; left -= messages {
					conn.Begin()
					err := conn.Fetch(&client.Fetch{Set: "1:*", Items: "FAST", Each: func(*client.Message) error { return nil }})
					if err != nil {
						b.Fatal(err)
					}
				}
				if tr.first != nil {
					b.Fatal(*tr.first)
				}
			})
		}
	}
}

// spoken is a server that answers each command with the same text.
type spoken struct {
	net.Conn
	text, rest []byte
}

func (s *spoken) Write(p []byte) (int, error) {
	tag, _, _ := bytes.Cut(p, []byte(" "))
	s.rest = fmt.Appendf(append(s.rest[:0], s.text...), "%s OK done\r\n", tag)
	return len(p), nil
}

func (s *spoken) Read(p []byte) (int, error) {
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}
