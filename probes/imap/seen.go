package imap

import (
	"bytes"
	"strings"

	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// tell reports a message of the selected mailbox that has been fetched.
func (s *session) tell(t *probe.Turn, m *client.Message, head *header) {
	id := string(m.ID)
	if id == "" {
		id = head.messageID()
	}
	if id == "" || m.UID == 0 {
		return
	}
	seen := probe.Sighting{ID: id, Mailbox: s.mailbox, Validity: s.conn.Box.Validity, UID: m.UID}
	if strings.EqualFold(s.mailbox, inbox) {
		seen.Visible, seen.Since = s.heard.of(m.Number, s.count())
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
