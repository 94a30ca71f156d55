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
}

// Above attachFrom bytes a message has an attachment, and its letter shrinks to letterSize.
const (
	attachFrom = 24 << 10
	letterSize = 3 << 10
)

// Message makes a complete message (RFC 5322, MIME, lines ending in CRLF, 7 bit only).
func Message(spec MessageSpec) []byte {
	r := stream(spec.Run, spec.Key)
	l := &languages[r.IntN(len(languages))]
	b := make([]byte, 0, spec.Size+2<<10)

	field := func(name, value string) {
		b = append(b, name...)
		b = append(b, ": "...)
		b = append(b, value...)
		b = append(b, "\r\n"...)
	}
	field("Date", spec.Date.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	field("From", "<"+line(spec.From)+">")
	if len(spec.To) > 0 {
		// One address a line keeps every line far below the limit of 998 characters.
		field("To", "<"+strings.ReplaceAll(line(strings.Join(spec.To, "\x1f")), "\x1f", ">,\r\n <")+">")
	}
	field("Subject", mime.QEncoding.Encode("utf-8", l.subjects[r.IntN(len(l.subjects))]))
	field("Message-ID", MessageID(spec.Run, spec.Key))
	field(RunField, line(spec.Run))
	if spec.Owner != "" {
		field(OwnerField, line(spec.Owner))
	}
	field("MIME-Version", "1.0")

	if spec.Carries != CarriesNothing {
		return spec.Carries.carrying(b, l, r, spec.Size)
	}
	if spec.Size <= attachFrom {
		b = append(b, textHead...)
		return l.body(b, r, spec.Size-len(b))
	}
	boundary := "=_pegel_" + strconv.FormatUint(r.Uint64(), 36)
	field("Content-Type", `multipart/mixed; boundary="`+boundary+`"`)
	b = append(b, "\r\n--"+boundary+"\r\n"...)
	b = append(b, textHead...)
	b = l.body(b, r, letterSize)
	b = append(b, "\r\n--"+boundary+"\r\n"...)
	b = append(b, fileHead...)
	end := "--" + boundary + "--\r\n"
	b = attachment(b, r, spec.Size-len(b)-len(end))
	return append(b, end...)
}

const (
	textHead = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	fileHead = "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n" +
		"Content-Disposition: attachment; filename=\"anlage.bin\"\r\n\r\n"
)

// attachment appends about size bytes of base64 lines. The bytes in them are random, because real attachments are
// mostly compressed already and a platform must not be able to shrink them.
func attachment(b []byte, r *rand.Rand, size int) []byte {
	const raw, coded = 57, 76 // a full line
	var block [raw + 7]byte
	for ; size > 0; size -= coded + 2 {
		for i := 0; i < raw; i += 8 {
			binary.LittleEndian.PutUint64(block[i:], r.Uint64())
		}
		b = base64.StdEncoding.AppendEncode(b, block[:raw])
		b = append(b, "\r\n"...)
	}
	return b
}
