package imap

import (
	"bytes"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"pegel/probes/probe"
)

// sight gathers of one message in the answer to a FETCH what a ledger of mail wants to know.
type sight struct {
	uid  imap.UID
	id   string
	head header
}

// item takes in what is not a body.
func (x *sight) item(item imapclient.FetchItemData) {
	switch item := item.(type) {
	case imapclient.FetchItemDataUID:
		x.uid = item.UID
	case imapclient.FetchItemDataEnvelope:
		if item.Envelope != nil {
			x.id = item.Envelope.MessageID
		}
	}
}

// tell reports a message of the selected mailbox that has been fetched.
func (s *session) tell(t *probe.Turn, x *sight, number uint32) {
	id := x.id
	if id == "" {
		id = x.head.messageID()
	}
	if id == "" || x.uid == 0 {
		return
	}
	seen := probe.Sighting{ID: id, Mailbox: s.mailbox, Validity: s.state.validity, UID: uint32(x.uid)}
	if strings.EqualFold(s.mailbox, inbox) {
		seen.Visible, seen.Since = s.heard.of(number, s.count())
	}
	t.Seen(seen)
}

// header keeps the beginning of a message that is written to it, in which the Message-ID is looked for.
type header struct{ text []byte }

// mostHeader is how much of a message is looked through.
const mostHeader = 16 << 10

// Write implements io.Writer; it never fails.
func (h *header) Write(p []byte) (int, error) {
	if room := mostHeader - len(h.text); room > 0 {
		h.text = append(h.text, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

// messageID is the value of the field, "" where the header has none on one line.
func (h *header) messageID() string {
	for rest := h.text; len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		rest = after
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 {
			return "" // the body begins
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found || line[0] == ' ' || line[0] == '\t' || !strings.EqualFold(string(bytes.TrimSpace(name)), "Message-ID") {
			continue
		}
		if text := strings.TrimSpace(string(value)); text != "" {
			return text
		}
		next, _, _ := bytes.Cut(rest, []byte("\n")) // folded after the colon
		if len(next) > 0 && (next[0] == ' ' || next[0] == '\t') {
			return strings.TrimSpace(string(next))
		}
	}
	return ""
}
