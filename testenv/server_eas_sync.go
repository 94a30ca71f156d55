package testenv

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	gomessage "github.com/emersion/go-message"
)

// sync answers for one collection. The inbox's key is the UID from which on a phone does not know the messages, so a request that is
// sent twice has the same answer; those of other folders are 1.
func (s *phoneServer) sync(w http.ResponseWriter, r *http.Request, q *phoneRequest) {
	key, id := q.root.value(0x000B), q.root.value(0x0012)
	answer := func(status, key string, more ...node) {
		head := []node{txt(0x000B, key), txt(0x0012, id), txt(0x000E, status)}
		s.answer(w, el(0x0005, el(0x001C, el(0x000F, append(head, more...)...))))
	}
	if !s.pay(w, r, "eas.sync", q.account) {
		return
	}
	from, err := strconv.ParseUint(key, 10, 32)
	switch {
	case err != nil || id == phoneInbox && imap.UID(from) > s.inbox(q.account).upTo() || id != phoneInbox && from > 1:
		answer("3", "0")
		return
	case from == 0:
		s.tell(q.phone, id, 1)
		answer("1", "1")
		return
	case id != phoneInbox:
		return // nothing ever changes: an answer without a body
	}
	window, err := strconv.Atoi(q.root.value(0x0015))
	if err != nil || window < 1 || window > 512 {
		window = 100
	}
	most, err := strconv.Atoi(q.root.value(0x1107))
	if err != nil {
		most = 1024
	}
	items, more := s.inbox(q.account).since(imap.UID(from), after(q.root.value(0x0018)), window)
	if len(items) == 0 {
		s.tell(q.phone, id, imap.UID(from))
		return
	}
	var commands []node
	for i := range items {
		commands = append(commands, el(0x0007, txt(0x000D, phoneInbox+":"+strconv.Itoa(int(items[i].uid))), el(0x001D, phoneMail(&items[i], most)...)))
	}
	next := items[len(items)-1].uid + 1
	s.tell(q.phone, id, next)
	list := []node{el(0x0016, commands...)}
	if more {
		list = append([]node{el(0x0014)}, list...)
	}
	answer("1", strconv.Itoa(int(next)), list...)
}

// tell notes from which message on the phone knows none.
func (s *phoneServer) tell(p phone, folder string, next imap.UID) {
	if folder != phoneInbox {
		return
	}
	s.mu.Lock()
	s.known[p] = next
	s.mu.Unlock()
}

// after is the time before which mail is left out, by the filter type; the zero time for all mail.
func after(filter string) time.Time {
	days := map[string]int{"1": 1, "2": 3, "3": 7, "4": 14, "5": 31, "6": 92, "7": 183}[filter]
	if days == 0 {
		return time.Time{}
	}
	return time.Now().AddDate(0, 0, -days)
}

// upTo is the UID that the next message will have.
func (b *mailbox) upTo() imap.UID {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.uidNext
}

// since returns up to limit messages from a UID on that came after a time, oldest first, and whether there are more.
func (b *mailbox) since(from imap.UID, after time.Time, limit int) (items []mailItem, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, item := range b.items {
		if item.uid < from || item.date.Before(after) {
			continue
		}
		if len(items) == limit {
			return items, true
		}
		items = append(items, item)
	}
	return items, false
}

// phoneMail is a message as a phone sees it, with the beginning of its text.
func phoneMail(item *mailItem, most int) []node {
	item.content.parse()
	envelope := item.content.envelope
	read := "0"
	if item.flags.bits&bitSeen != 0 {
		read = "1"
	}
	list := []node{
		txt(0x0218, sender(envelope)), txt(0x0214, envelope.Subject), txt(0x020F, item.date.UTC().Format("2006-01-02T15:04:05.000Z")), txt(0x0215, read),
	}
	class := "IPM.Note"
	if uid := invitation(item.content); uid != "" {
		class = "IPM.Schedule.Meeting.Request"
		id := strings.Repeat("\x00", 40) + "vCal-Uid\x01\x00\x00\x00" + uid + "\x00"
		list = append(list, el(0x0222, txt(0x0234, base64.StdEncoding.EncodeToString([]byte(id)))))
	}
	text := item.content.text
	body := []node{txt(0x1106, "1"), txt(0x110C, strconv.Itoa(len(text)))}
	if len(text) > most {
		body = append(body, txt(0x110D, "1"))
		text = strings.ToValidUTF8(text[:most], "")
	}
	return append(list, txt(0x0213, class), el(0x110A, append(body, txt(0x110B, text))...))
}

// invitation is the UID of the event that a message invites to; "" if it does not.
func invitation(content *mailContent) string {
	if !bytes.Contains(content.raw, []byte("text/calendar")) { // most
		return ""
	}
	uid := ""
	// What cannot be read is no invitation.
	_ = content.entity().Walk(func(_ []int, part *gomessage.Entity, err error) error {
		if err != nil {
			return nil
		}
		kind, parameters, _ := part.Header.ContentType()
		if kind != "text/calendar" || !strings.EqualFold(parameters["method"], "REQUEST") {
			return nil
		}
		text, err := io.ReadAll(part.Body)
		if err == nil {
			_, rest, _ := strings.Cut(strings.ReplaceAll(string(text), "\r\n ", ""), "\r\nUID:")
			uid, _, _ = strings.Cut(rest, "\r\n")
		}
		return nil
	})
	return uid
}
