package corpus

import (
	"encoding/base64"
	"math/rand/v2"
	"time"
)

// Shares of varied messages. Without a published source: placeholders.
const (
	htmlShare   = 0.6 // of the messages have an HTML alternative
	secondShare = 0.3 // of those with an attachment have a second one, and so on up to three
)

// fileKind is a kind of attachment; the name is written as RFC 2231 wants it where it has umlauts.
type fileKind struct{ mime, name string }

// fileKinds are what offices send. Their content is random all the same: nothing here can be opened, or do harm.
var fileKinds = [...]fileKind{
	{"application/pdf", `filename="Bescheid.pdf"`},
	{"application/pdf", `filename*=utf-8''%C3%9Cbersicht.pdf`},
	{"image/jpeg", `filename="photo.jpg"`},
	{"application/vnd.oasis.opendocument.text", `filename*=utf-8''Pr%C3%BCfvermerk.odt`},
	{"application/vnd.oasis.opendocument.spreadsheet", `filename="budget.ods"`},
	{"application/zip", `filename*=utf-8''Anlagen%20gesamt.zip`},
}

func (k fileKind) head() string {
	return "Content-Type: " + k.mime + "\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n " + k.name + "\r\n\r\n"
}

// varied composes the rest of a message, from its content type on, as mail programs write them.
func (spec *MessageSpec) varied(c *Content, b []byte, l *encoded, r *rand.Rand) {
	html := r.Float64() < htmlShare
	if spec.Size <= attachFrom {
		c.text(l.letter(b, r, spec.Size-len(b), html))
		return
	}
	files := 1
	for files < 3 && r.Float64() < secondShare {
		files++
	}
	boundary := newBoundary(r)
	b = append(b, "Content-Type: multipart/mixed; boundary=\""+boundary+"\"\r\n\r\n--"+boundary+"\r\n"...)
	b = l.letter(b, r, letterSize, html)
	end := "\r\n--" + boundary + "--\r\n"
	room := spec.Size - len(b) - len(end)
	for left := files; left > 0; left-- {
		b = append(b, "\r\n--"+boundary+"\r\n"...)
		b = append(b, fileKinds[r.IntN(len(fileKinds))].head()...)
		part := room / left
		c.file(b, part-len(b)*min(1, files-left)) // the first one's text was counted already
		room -= part
		b = nil
	}
	c.text([]byte(end))
}

// letter appends an entity of about size bytes: plain text, or plain text and the same in HTML.
func (l *encoded) letter(b []byte, r *rand.Rand, size int, html bool) []byte {
	from := len(b)
	if !html {
		b = append(b, textHead...)
		return l.body(b, r, size-(len(b)-from))
	}
	boundary := newBoundary(r)
	b = append(b, "Content-Type: multipart/alternative; boundary=\""+boundary+"\"\r\n\r\n--"+boundary+"\r\n"...)
	b = append(b, textHead...)
	b = l.body(b, r, (size-(len(b)-from))/2-100)
	b = append(b, "\r\n--"+boundary+"\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<html><body>\r\n"...)
	end := "</body></html>\r\n--" + boundary + "--\r\n"
	for until := from + size - len(end) - 40; ; {
		b = append(b, "<p>\r\n"...)
		b = append(b, l.lines[r.IntN(len(l.lines))]...)
		b = append(b, "</p>\r\n"...)
		if len(b) >= until {
			return append(b, end...)
		}
	}
}

// invitation appends the rest of a message that invites to an event: a letter and the event as an alternative to it, which is
// the form that mail programs offer to answer (RFC 6047).
func (spec *MessageSpec) invitation(b []byte, l *encoded, r *rand.Rand) []byte {
	boundary := newBoundary(r)
	b = append(b, "Content-Type: multipart/alternative; boundary=\""+boundary+"\"\r\n\r\n--"+boundary+"\r\n"...)
	b = append(b, textHead...)
	b = l.body(b, r, min(max(spec.Size-len(b)-2<<10, 200), letterSize))
	b = append(b, "\r\n--"+boundary+"\r\nContent-Type: text/calendar; charset=utf-8; method=REQUEST\r\nContent-Transfer-Encoding: base64\r\n\r\n"...)
	start := spec.Date.UTC().Truncate(time.Hour).Add(time.Duration(24+r.IntN(14*24)) * time.Hour)
	event := Event(EventSpec{
		Run: spec.Run, Key: spec.Key, Start: start, Duration: time.Duration(1+r.IntN(4)) * 30 * time.Minute, Stamp: spec.Date,
		Summary: l.events[r.IntN(len(l.events))], Organizer: spec.From, Attendees: spec.To, Method: "REQUEST",
		Owner: spec.Owner, Secret: spec.Secret,
	})
	for len(event) > 0 {
		n := min(rawLine, len(event))
		b = base64.StdEncoding.AppendEncode(b, event[:n])
		b = append(b, "\r\n"...)
		event = event[n:]
	}
	return append(b, "--"+boundary+"--\r\n"...)
}
