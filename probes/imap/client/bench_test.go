package client

import (
	"bytes"
	"fmt"
	"net"
	"testing"
)

// canned is a connection to a server that has its answers ready: what is left is the client's own work.
type canned struct {
	net.Conn
	answer, rest []byte
	tag          []byte
}

func (c *canned) Write(p []byte) (int, error) {
	tag, _, _ := bytes.Cut(p, []byte(" "))
	c.tag = append(append(c.tag[:0], tag...), " OK done\r\n"...)
	c.rest = c.answer
	return len(p), nil
}

func (c *canned) Read(p []byte) (int, error) {
	if len(c.rest) > 0 {
		n := copy(p, c.rest)
		if c.rest = c.rest[n:]; len(c.rest) == 0 && n+len(c.tag) <= len(p) { // in one piece where it fits
			n += copy(p[n:], c.tag)
			c.tag = c.tag[:0]
		}
		return n, nil
	}
	n := copy(p, c.tag)
	c.tag = c.tag[n:]
	return n, nil
}

func (c *canned) Close() error { return nil }

// BenchmarkAnswers is what the client needs for answers by itself: a message list, a message of 4 KB, a mere OK.
func BenchmarkAnswers(b *testing.B) {
	var headers bytes.Buffer
	for i := range 20 {
		fmt.Fprintf(&headers, "* %d FETCH (UID %d FLAGS (\\Seen) RFC822.SIZE 4321 ENVELOPE (\"Mon, 02 Mar 2026 08:00:%02d +0000\" \"Besprechung am Dienstag und alles Weitere\" "+
			"((\"Anna Beispiel\" NIL \"u00000\" \"example.test\")) ((\"Anna Beispiel\" NIL \"u00000\" \"example.test\")) ((\"Anna Beispiel\" NIL \"u00000\" \"example.test\")) "+
			"((NIL NIL \"u00001\" \"example.test\")) NIL NIL NIL \"<abcdef0123456789.%d@pegel.invalid>\"))\r\n", i+1, i+1, i, i)
	}
	body := bytes.Repeat([]byte("All work and no play makes the mail a dull thing to read, line by line\r\n"), 56)
	message := fmt.Appendf(nil, "* 7 FETCH (UID 7 FLAGS (\\Seen) BODY[] {%d}\r\n%s)\r\n", len(body), body)
	for _, c := range []struct {
		name, items string
		answer      []byte
	}{
		{"headers", "(UID FLAGS RFC822.SIZE ENVELOPE)", headers.Bytes()}, {"message", "(UID FLAGS BODY.PEEK[])", message}, {"noop", "", nil},
	} {
		b.Run(c.name, func(b *testing.B) {
			conn := New(&canned{answer: c.answer}, nil, nil)
			conn.LoggedIn = true
			each := func(*Message) error { return nil }
			b.SetBytes(int64(len(c.answer)))
			b.ReportAllocs()
			for b.Loop() {
				conn.Begin()
				var err error
				if c.items == "" {
					err = conn.Noop()
				} else {
					err = conn.Fetch(&Fetch{Set: "1:20", Items: c.items, Each: each})
				}
				if err != nil {
					b.Fatal(err)
				}
				conn.Rest()
			}
		})
	}
}
