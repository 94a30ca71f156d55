package testenv

import (
	"bytes"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	gomessage "github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"
)

// search answers SEARCH: the messages, among those the client knows, that meet the criteria (RFC 9051 section 6.4.4).
func (v *boxView) search(criteria *imap.SearchCriteria) []seqItem {
	known := v.known()
	if len(known) == 0 {
		return nil
	}
	m := matcher{last: known[len(known)-1], saved: v.saved}
	var found []seqItem
	for _, item := range known {
		if m.match(item, criteria) {
			found = append(found, item)
		}
	}
	return found
}

type matcher struct {
	last  seqItem
	saved imap.UIDSet
}

func (m matcher) match(item seqItem, c *imap.SearchCriteria) bool {
	return m.matchNumbers(item, c) && matchFlags(item, c) && matchMeta(item, c) && matchText(item, c) && m.matchLogic(item, c)
}

func (m matcher) matchNumbers(item seqItem, c *imap.SearchCriteria) bool {
	for _, set := range c.SeqNum {
		if !contained(set, m.last)(item) {
			return false
		}
	}
	for _, set := range c.UID {
		if imap.IsSearchRes(set) {
			set = m.saved
		}
		if !contained(set, m.last)(item) {
			return false
		}
	}
	return true
}

func matchFlags(item seqItem, c *imap.SearchCriteria) bool {
	for _, flag := range c.Flag {
		if !item.flags.has(flag) {
			return false
		}
	}
	for _, flag := range c.NotFlag {
		if item.flags.has(flag) {
			return false
		}
	}
	return true
}

func matchMeta(item seqItem, c *imap.SearchCriteria) bool {
	size := int64(len(item.content.raw))
	if c.Larger != 0 && size <= c.Larger || c.Smaller != 0 && size >= c.Smaller {
		return false
	}
	if !within(item.date, c.Since, c.Before) {
		return false
	}
	if c.SentSince.IsZero() && c.SentBefore.IsZero() {
		return true
	}
	item.content.parse()
	return within(item.content.envelope.Date, c.SentSince, c.SentBefore)
}

// within compares dates without regard to time and zone, as RFC 9051 demands.
func within(t, since, before time.Time) bool {
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	return (since.IsZero() || !day.Before(since)) && (before.IsZero() || day.Before(before))
}

func matchText(item seqItem, c *imap.SearchCriteria) bool {
	if len(c.Header) > 0 {
		header := mail.Header{Header: item.content.entity().Header}
		for _, field := range c.Header {
			if !anyField(header.FieldsByKey(field.Key), field.Value) {
				return false
			}
		}
	}
	for _, text := range c.Text {
		if !anyPart(item.content.entity(), text, true) {
			return false
		}
	}
	for _, text := range c.Body {
		if !anyPart(item.content.entity(), text, false) {
			return false
		}
	}
	return true
}

func (m matcher) matchLogic(item seqItem, c *imap.SearchCriteria) bool {
	for i := range c.Not {
		if m.match(item, &c.Not[i]) {
			return false
		}
	}
	for i := range c.Or {
		if !m.match(item, &c.Or[i][0]) && !m.match(item, &c.Or[i][1]) {
			return false
		}
	}
	return true
}

// anyField tells whether one of the header fields contains the text, in any case of letters.
func anyField(fields gomessage.HeaderFields, text string) bool {
	text = strings.ToLower(text)
	for fields.Next() {
		value, err := fields.Text()
		if err != nil {
			value = fields.Value()
		}
		if strings.Contains(strings.ToLower(value), text) {
			return true
		}
	}
	return false
}

// anyPart tells whether a text part, or with headers also a header field, contains the text.
func anyPart(e *gomessage.Entity, text string, headers bool) bool {
	if text == "" || headers && anyField(e.Header.Fields(), text) {
		return true
	}
	if parts := e.MultipartReader(); parts != nil {
		for {
			part, err := parts.NextPart()
			if err != nil {
				return false
			}
			if anyPart(part, text, headers) {
				return true
			}
		}
	}
	kind, _, _ := e.Header.ContentType()
	if kind != "" && !strings.HasPrefix(kind, "text/") && !strings.HasPrefix(kind, "message/") {
		return false
	}
	body, err := io.ReadAll(e.Body)
	return err == nil && bytes.Contains(bytes.ToLower(body), bytes.ToLower([]byte(text)))
}
