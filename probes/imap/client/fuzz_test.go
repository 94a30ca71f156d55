package client

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// feed is the network of a connection whose server has said all it will say; it arrives in pieces.
type feed struct {
	rest  []byte
	piece int
}

func (f *feed) Read(p []byte) (int, error) {
	if len(f.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, f.rest[:min(len(f.rest), f.piece)])
	f.rest = f.rest[n:]
	return n, nil
}

func (f *feed) Write(p []byte) (int, error)    { return len(p), nil }
func (*feed) Close() error                     { return nil }
func (*feed) LocalAddr() net.Addr              { return nil }
func (*feed) RemoteAddr() net.Addr             { return nil }
func (*feed) SetDeadline(time.Time) error      { return nil }
func (*feed) SetReadDeadline(time.Time) error  { return nil }
func (*feed) SetWriteDeadline(time.Time) error { return nil }

// notes is an observer that writes down what it is shown.
type notes struct{ bytes.Buffer }

func (n *notes) Sent(line []byte)                  { fmt.Fprintf(n, "> %s\n", line) }
func (n *notes) Received(line []byte)              { fmt.Fprintf(n, "< %s\n", line) }
func (n *notes) Selected(box Box)                  { fmt.Fprintf(n, "selected %+v\n", box) }
func (n *notes) Exists(messages uint32)            { fmt.Fprintf(n, "exists %d\n", messages) }
func (n *notes) Expunged(number uint32)            { fmt.Fprintf(n, "expunged %d\n", number) }
func (n *notes) Vanished(set []byte, earlier bool) { fmt.Fprintf(n, "vanished %s %v\n", set, earlier) }
func (n *notes) Fetched(m *Message) {
	fmt.Fprintf(n, "fetched %d uid %d size %d modseq %d flags %q id %q headline %q envelope %x body %d more %v %v\n",
		m.Number, m.UID, m.Size, m.ModSeq, m.Flags, m.ID, m.Headline, m.Envelope, m.Body, m.More, m.Arrived.Unix())
}

// hear has a connection read all that a server says, with somebody waiting for every kind of answer.
func hear(text []byte, piece int) (events string, kept int, failure error) {
	shown := new(notes)
	c := New(&feed{text, piece}, shown, nil)
	c.command("NOOP")
	ask := &c.desk.ask
	ask.listed = func(box *Listed) {
		fmt.Fprintf(shown, "listed %q %v %q\n", box.Mailbox, box.Selectable, box.Attributes)
	}
	ask.message = func(*Message) error { return nil }
	ask.spaces = new(Namespaces)
	body := new(bytes.Buffer)
	ask.body, ask.headline = body, true
	for failure == nil {
		var got reply
		var st Status
		got, st, failure = c.response()
		fmt.Fprintf(shown, "%d %s %s\n", got, st.Kind, st.Code)
	}
	fmt.Fprintf(shown, "%v %q %d %+v %v %q", ask.found, ask.rights, ask.uid, ask.spaces, c.Box, body)
	return shown.String(), cap(c.desk.text) + cap(c.desk.flags) + cap(c.desk.id) + cap(c.desk.headline) + 4*cap(ask.found), failure
}

// However what a server says falls into pieces, the same is understood, and no more is kept than what was sent.
func FuzzResponses(f *testing.F) {
	for _, seed := range []string{
		"* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\np1 OK done\r\n",
		"* 3 EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen \\Deleted)\r\n* OK [UIDVALIDITY 7] x\r\n* OK [HIGHESTMODSEQ 99] x\r\np1 OK [READ-WRITE] x\r\n",
		"* 3 FETCH (UID 9 FLAGS (\\Seen $Work) RFC822.SIZE 44 MODSEQ (12) BODY[HEADER.FIELDS (From \"a]b\")]<0> {5}\r\nhello)\r\n",
		"* 1 FETCH (UID 1 ENVELOPE (\"date\" {3}\r\na\"b ((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL \"\" \"<1@x>\") INTERNALDATE \" 1-Jan-2025 00:00:00 +0000\" BODY[] \"x\\\"y\")\r\n",
		"* 1 FETCH (BODYSTRUCTURE ((\"text\" \"plain\" NIL) \"mixed\") UID 5 RFC822 NIL X-OTHER (a (b c)))\r\n",
		"* LIST (\\HasNoChildren \\Sent) \"/\" \"Gel&APY-scht\"\r\n* LIST () NIL {5}\r\nINBOX\r\n* LIST (\\NoSelect) \"/\" [Gmail]\r\n",
		"* SEARCH 1 2 3 (MODSEQ 5)\r\n* SEARCH\r\n* ESEARCH (TAG \"p1\") UID COUNT 4 ALL 1:3,7\r\n",
		"* NAMESPACE ((\"\" \"/\")) NIL ((\"shared/\" \"/\" \"X\" (\"y\")))\r\n* MYRIGHTS INBOX lrs\r\n* ACL INBOX u lrs\r\n",
		"* VANISHED (EARLIER) 1:5,9\r\n* VANISHED 3\r\n* 5 EXPUNGE\r\n* XUNKNOWN (a \"b\" {2}\r\nxy)\r\n+ idling\r\n* BYE gone\r\n",
		"* 1 FETCH (UID 1 BODY[] {99999999999999999999999}\r\n", "* GIBBERISH (\r\n", "* LIST () \"/\" {5000000000}\r\n", "T99 OK x\r\n",
	} {
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, text []byte, piece uint8) {
		whole, kept, wholeErr := hear(text, len(text)+1)
		parts, _, partsErr := hear(text, 1+int(piece))
		if whole != parts {
			t.Errorf("whole:\n%s\nin pieces:\n%s", whole, parts)
		}
		if wholeErr == nil || partsErr == nil || wholeErr.Error() != partsErr.Error() {
			t.Errorf("whole %v, in pieces %v", wholeErr, partsErr)
		}
		// A range of a search stands for more than it has bytes.
		if limit := 64*len(text) + 1<<20; kept > limit && !bytes.Contains(bytes.ToUpper(text), []byte("ESEARCH")) {
			t.Errorf("%d bytes are kept of %d", kept, len(text))
		}
	})
}

// Names survive the way there and back, and what is no name does not break anything.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{"INBOX", "Gelöscht & weg", "日本語", "&-", "&AP", "a\x00b", "\xff", "😀/x", "&2D0-"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		_ = decodeName([]byte(name))
		encoded := encodeName(name)
		for i := range len(encoded) {
			if encoded[i] < ' ' || encoded[i] > '~' {
				t.Fatalf("%q became %q", name, encoded)
			}
		}
		if got, want := decodeName([]byte(encoded)), string([]rune(name)); got != want {
			t.Errorf("%q became %q and then %q", name, encoded, got)
		}
	})
}
