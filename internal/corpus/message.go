package corpus

import (
	"encoding/base64"
	"encoding/binary"
	"math/rand/v2"
	"mime"
	"strconv"
	"strings"
	"time"
)

// MessageSpec says what message to make.
type MessageSpec struct {
	Run   string    // the run it belongs to
	Key   uint64    // which message of the run: decides its Message-ID, language and text
	From  string    // mail address
	To    []string  // mail addresses
	Owner string    // address of the account in whose mailbox it will lie; "" leaves the field out
	Date  time.Time // of writing
	Size  int       // bytes in all; met within a few percent from about 1 KB up

	Carries Carried // what a filter is to find; such messages have no other attachment

	FromName string   // the writer's name, "" for none
	Thread   uint64   // key of the thread's first message, whose language and subject it shares; 0: it is the first itself
	Replies  []string // Message-IDs that it follows, the thread's first one first, the one it answers last
	Varied   bool     // it may have an HTML alternative and several named attachments of several types, as the key decides
	Invites  bool     // it invites to an event (iTIP REQUEST, RFC 5546); it has no other attachment then
	Secret   Secret   // signs its mark; the zero value leaves the field out

	// Memory is what the text is put into as far as its capacity goes, so that who sends many messages need not allocate; the
	// message is good until it is used again. nil: memory of its own.
	Memory []byte
}

// Above attachFrom bytes a message has an attachment, and its letter shrinks to letterSize.
const (
	attachFrom = 24 << 10
	letterSize = 3 << 10
)

// Message makes a complete message (RFC 5322, MIME, lines ending in CRLF, 7 bit only).
func Message(spec MessageSpec) []byte {
	c := Compose(spec)
	b := make([]byte, 0, c.Size())
	pcg := c.state
	r := rand.New(&pcg)
	for _, p := range c.pieces {
		b = attachment(append(b, p.text...), r, p.lines)
	}
	return b
}

// Compose prepares a message: all but its attachments, which are made while it is read. A message takes some 30 KiB, whatever its
// size.
func Compose(spec MessageSpec) *Content {
	pcg := source(spec.Run, spec.Key)
	r := rand.New(pcg)
	l := &languages[r.IntN(len(languages))]
	subject := l.subjects[r.IntN(len(l.subjects))]
	if spec.Thread != 0 {
		first := rand.New(source(spec.Run, spec.Thread))
		l = &languages[first.IntN(len(languages))]
		subject = l.subjects[first.IntN(len(l.subjects))]
	}
	c := new(Content)
	b := spec.header(spec.memory(), l, subject)
	switch {
	case spec.Carries != CarriesNothing:
		c.text(spec.Carries.carrying(b, l, r, spec.Size))
	case spec.Invites:
		c.text(spec.invitation(b, l, r))
	case spec.Varied:
		spec.varied(c, b, l, r)
	case spec.Size <= attachFrom:
		b = append(b, textHead...)
		c.text(l.body(b, r, spec.Size-len(b)))
	default:
		boundary := newBoundary(r)
		b = append(b, "Content-Type: multipart/mixed; boundary=\""+boundary+"\"\r\n\r\n--"+boundary+"\r\n"...)
		b = append(b, textHead...)
		b = l.body(b, r, letterSize)
		b = append(b, "\r\n--"+boundary+"\r\n"...)
		b = append(b, fileHead...)
		end := "--" + boundary + "--\r\n"
		c.file(b, spec.Size-len(b)-len(end))
		c.text([]byte(end))
	}
	c.state = *pcg
	return c
}

// memory is where the text goes.
func (spec *MessageSpec) memory() []byte {
	if spec.Memory != nil {
		return spec.Memory[:0]
	}
	return make([]byte, 0, min(spec.Size, attachFrom)+4<<10)
}

// header appends the fields that every message has.
func (spec *MessageSpec) header(b []byte, l *encoded, subject string) []byte {
	field := func(name, value string) {
		b = append(b, name...)
		b = append(b, ": "...)
		b = append(b, value...)
		b = append(b, "\r\n"...)
	}
	id := MessageID(spec.Run, spec.Key)
	b = spec.Date.AppendFormat(append(b, "Date: "...), "Mon, 02 Jan 2006 15:04:05 -0700")
	b = append(b, "\r\n"...)
	from := "<" + line(spec.From) + ">"
	if spec.FromName != "" {
		from = mime.QEncoding.Encode("utf-8", line(spec.FromName)) + "\r\n " + from
	}
	field("From", from)
	switch len(spec.To) {
	case 0:
	case 1:
		field("To", "<"+line(spec.To[0])+">")
	default:
		// One address a line keeps every line far below the limit of 998 characters.
		field("To", "<"+strings.ReplaceAll(line(strings.Join(spec.To, "\x1f")), "\x1f", ">,\r\n <")+">")
	}
	subject = mime.QEncoding.Encode("utf-8", subject)
	if len(spec.Replies) > 0 {
		subject = l.reply + subject
	}
	field("Subject", subject)
	field("Message-ID", id)
	if n := len(spec.Replies); n > 0 {
		field("In-Reply-To", line(spec.Replies[n-1]))
		field("References", strings.ReplaceAll(line(strings.Join(spec.Replies, "\x1f")), "\x1f", "\r\n "))
	}
	field(RunField, line(spec.Run))
	if spec.Owner != "" {
		field(OwnerField, line(spec.Owner))
	}
	if sign := spec.Secret.Sign(Mark{Run: line(spec.Run), Owner: line(spec.Owner), ID: id}); sign != "" {
		field(SignField, sign)
	}
	field("MIME-Version", "1.0")
	return b
}

func newBoundary(r *rand.Rand) string { return "=_pegel_" + strconv.FormatUint(r.Uint64(), 36) }

const (
	textHead = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	fileHead = "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n" +
		"Content-Disposition: attachment; filename=\"anlage.bin\"\r\n\r\n"
)

// A full line of an attachment: rawLine bytes make codedLine characters and CRLF.
const rawLine, codedLine = 57, 76

// attachment appends so many lines of base64. The bytes in them are random, because real attachments are mostly compressed
// already and a platform must not be able to shrink them.
func attachment(b []byte, r *rand.Rand, lines int) []byte {
	var block [rawLine + 7]byte
	for range lines {
		for i := 0; i < rawLine; i += 8 {
			binary.LittleEndian.PutUint64(block[i:], r.Uint64())
		}
		b = base64.StdEncoding.AppendEncode(b, block[:rawLine])
		b = append(b, "\r\n"...)
	}
	return b
}
