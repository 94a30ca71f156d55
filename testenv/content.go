package testenv

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"sync"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	gomessage "github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-message/textproto"
)

// mailContent is the immutable text of a message. What is derived from it is made once, on first use.
type mailContent struct {
	raw []byte

	once      sync.Once
	envelope  *imap.Envelope
	structure imap.BodyStructure
	text      string
}

func newContent(raw []byte) *mailContent { return &mailContent{raw: raw} }

func (c *mailContent) parse() {
	c.once.Do(func() {
		// A header that cannot be read leaves an empty envelope: a mailbox takes whatever was delivered.
		header, _ := textproto.ReadHeader(bufio.NewReader(bytes.NewReader(c.raw)))
		c.envelope = imapserver.ExtractEnvelope(header)
		c.structure = imapserver.ExtractBodyStructure(bytes.NewReader(c.raw))
		c.text = plainText(c.raw)
	})
}

// entity reads the message as a tree of parts; an unreadable one is an empty part.
func (c *mailContent) entity() *gomessage.Entity {
	e, _ := gomessage.Read(bytes.NewReader(c.raw))
	if e == nil {
		e, _ = gomessage.New(gomessage.Header{}, bytes.NewReader(nil))
	}
	return e
}

// section is what BODY[…] asks for. The whole message is answered without a copy.
func (c *mailContent) section(item *imap.FetchItemBodySection) []byte {
	if len(item.Part) > 0 || item.Specifier != imap.PartSpecifierNone {
		return imapserver.ExtractBodySection(bytes.NewReader(c.raw), item)
	}
	raw := c.raw
	if p := item.Partial; p != nil {
		from := min(max(p.Offset, 0), int64(len(raw)))
		to := min(from+max(p.Size, 0), int64(len(raw)))
		raw = raw[from:to]
	}
	return raw
}

// plainText is the first text part of a message, or nothing.
func plainText(raw []byte) string {
	r, err := mail.CreateReader(bytes.NewReader(raw))
	if err != nil && (r == nil || !gomessage.IsUnknownCharset(err)) {
		return ""
	}
	defer r.Close()
	for {
		part, err := r.NextPart()
		if err != nil && (part == nil || !gomessage.IsUnknownCharset(err)) {
			return ""
		}
		inline, ok := part.Header.(*mail.InlineHeader)
		if !ok {
			continue
		}
		if kind, _, _ := inline.ContentType(); kind != "text/plain" && kind != "" {
			continue
		}
		text, err := io.ReadAll(part.Body)
		if err != nil {
			return ""
		}
		return strings.ReplaceAll(string(text), "\r\n", "\n")
	}
}

// addresses writes a list of addresses as a header would, names first.
func addresses(list []imap.Address) string {
	var out []string
	for _, a := range list {
		if a.Name == "" {
			out = append(out, a.Addr())
		} else {
			out = append(out, a.Name+" <"+a.Addr()+">")
		}
	}
	return strings.Join(out, ", ")
}

// binary is what BINARY[…] asks for: a part with its transfer encoding undone.
func (c *mailContent) binary(item *imap.FetchItemBinarySection) []byte {
	return imapserver.ExtractBinarySection(bytes.NewReader(c.raw), item)
}
