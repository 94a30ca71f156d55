package imap

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"pegel/probes/probe"
)

// identity is the same for a message and its copies: a hash of the Message-ID, or where there is none of date, sender, subject and
// size.
type identity [16]byte

// content is the same for messages that are alike: a hash of the size, or of the whole message.
type content [16]byte

// entry is one message of a mailbox as a comparison needs it: some 64 bytes, so that a mailbox of a million fits.
type entry struct {
	uid      imap.UID
	arrived  int64 // INTERNALDATE, seconds
	identity identity
	content  content
	flags    [8]byte // hash of those that a copy keeps
}

// inventory lists the messages of a mailbox that belong to a selection, all of them where that is nil. digest is "" for the
// identities alone, size or body.
func (s *session) inventory(t *probe.Turn, mailbox string, of *selection, digest string) ([]entry, error) {
	if err := s.choose(t, mailbox, &imap.SelectOptions{ReadOnly: true}); err != nil {
		return nil, err
	}
	var set imap.NumSet = imap.UIDSet{imap.UIDRange{Start: 1}}
	if of != nil && of.Days+of.Older > 0 {
		work, err := s.plan(*of)
		if err != nil || len(work.uids) == 0 {
			return nil, err
		}
		set = imap.UIDSetNum(work.uids...)
	} else if s.count() == 0 {
		return nil, nil
	}
	items := &imap.FetchOptions{UID: true, Envelope: true, RFC822Size: true, InternalDate: true, Flags: true}
	if digest == "body" {
		items.BodySection = body()
	}
	var list []entry
	doing := "list " + mailbox
	cmd := s.client.Fetch(set, items)
	for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
		if len(list) > s.expected() {
			s.wire.Close()
			_ = cmd.Close()
			return nil, probe.Failf(probe.BadProtocol, doing, "%d messages came, but the mailbox has %d", len(list), s.count())
		}
		s.wire.bounds.spent.Store(0)
		e, err := readEntry(msg, digest)
		if err != nil { // shows in Close, with the reason
			break
		}
		if e.uid != 0 {
			list = append(list, e)
		}
	}
	if err := cmd.Close(); err != nil {
		return nil, s.fail(doing, err)
	}
	return list, nil
}

// inventoryIfAny is inventory of the target's side of a pair; nothing where the mailbox does not exist.
func (s *session) inventoryIfAny(t *probe.Turn, pair mailboxPair, digest string) ([]entry, error) {
	if !pair.there && !s.exists[pair.to] {
		return nil, nil
	}
	return s.inventory(t, pair.to, nil, digest)
}

// readEntry reads what the answer to FETCH has of one message.
func readEntry(msg *imapclient.FetchMessageData, digest string) (entry, error) {
	var (
		e        entry
		size     int64
		envelope imap.Envelope
		date     time.Time
		text     hash.Hash
	)
	for item := msg.Next(); item != nil; item = msg.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			e.uid = item.UID
		case imapclient.FetchItemDataRFC822Size:
			size = item.Size
		case imapclient.FetchItemDataInternalDate:
			date = item.Time
		case imapclient.FetchItemDataEnvelope:
			if item.Envelope != nil {
				envelope = *item.Envelope
			}
		case imapclient.FetchItemDataFlags:
			e.flags = hashFlags(item.Flags)
		case imapclient.FetchItemDataBodySection:
			if item.Literal == nil {
				continue
			}
			text = sha256.New()
			if _, err := io.Copy(text, item.Literal); err != nil {
				return e, err
			}
		}
	}
	e.arrived = date.Unix()
	if envelope.MessageID != "" {
		e.identity = short("id", envelope.MessageID)
	} else {
		from := ""
		if len(envelope.From) > 0 {
			from = envelope.From[0].Addr()
		}
		e.identity = short("none", envelope.Date.Unix(), from, envelope.Subject, size)
	}
	switch {
	case digest == "body" && text != nil:
		e.content = content(text.Sum(nil)[:16])
	default:
		e.content = content(short(digest, size))
	}
	return e, nil
}

func short(parts ...any) identity {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%v\x00", p)
	}
	return identity(h.Sum(nil)[:16])
}

// hashFlags leaves \Recent out, which belongs to the session (RFC 3501, section 2.3.2), and does not depend on order or case.
func hashFlags(flags []imap.Flag) (sum [8]byte) {
	var kept []string
	for _, flag := range flags {
		if flag != `\Recent` {
			kept = append(kept, strings.ToLower(string(flag)))
		}
	}
	slices.Sort(kept)
	id := short(strings.Join(kept, " "))
	return [8]byte(id[:8])
}
