package imap

import (
	"crypto/sha256"
	"fmt"
	"mime"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// identity is the same for a message and its copies: a hash of the Message-ID, or where there is none of date, sender, subject and
// size.
type identity [16]byte

// content is the same for messages that are alike: a hash of the size, or of the whole message.
type content [16]byte

// entry is one message of a mailbox as a comparison needs it: some 64 bytes, so that a mailbox of a million fits.
type entry struct {
	uid      uint32
	arrived  int64 // INTERNALDATE, seconds
	identity identity
	content  content
	flags    [8]byte // hash of those that a copy keeps
}

// inventory lists the messages of a mailbox that belong to a selection, all of them where that is nil. digest is "" for the
// identities alone, size or body.
func (s *session) inventory(mailbox string, of *selection, digest string) ([]entry, error) {
	if err := s.choose(mailbox, true, false); err != nil {
		return nil, err
	}
	sets := []string{client.Range(1, 0)}
	f := client.Fetch{UIDs: true, Headline: true, Items: "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"}
	if of != nil && of.Days+of.Older > 0 {
		work, err := s.plan(*of)
		if err != nil || len(work.uids) == 0 {
			return nil, err
		}
		sets = pieces(client.Set(work.uids...), mostOfSet)
	} else if s.count() == 0 {
		return nil, nil
	}
	text := sha256.New()
	if digest == "body" {
		f.Items, f.Body = strings.TrimSuffix(f.Items, ")")+" BODY.PEEK[])", text
	}
	var list []entry
	doing, most := "list "+mailbox, s.expected()
	f.Each = func(m *client.Message) error {
		if m.UID == 0 || !m.More {
			return nil // news of a message that nobody asked for
		}
		if len(list) >= most {
			return probe.Failf(probe.BadProtocol, doing, "%d messages came, but the mailbox has %d", len(list), s.count())
		}
		e := readEntry(m)
		switch {
		case digest == "body" && m.Body > 0:
			e.content = content(text.Sum(nil)[:16])
		default:
			e.content = content(short(digest, m.Size))
		}
		text.Reset()
		list = append(list, e)
		return nil
	}
	for _, f.Set = range sets {
		if err := s.conn.Fetch(&f); err != nil {
			return nil, s.fail(doing, err)
		}
	}
	return list, nil
}

// mostOfSet is how long a set in one command may be, in bytes: RFC 7162, section 4, wants clients to keep to lines of some 8192,
// and Dovecot reads up to 64 KiB.
const mostOfSet = 8000

// pieces takes a set apart into such of at most so many bytes each, but for what is longer by itself.
func pieces(set string, most int) []string {
	var list []string
	for len(set) > most {
		at := strings.LastIndexByte(set[:most+1], ',')
		if at < 0 {
			if at = strings.IndexByte(set, ','); at < 0 {
				break
			}
		}
		list, set = append(list, set[:at]), set[at+1:]
	}
	return append(list, set)
}

// inventoryIfAny is inventory of the target's side of a pair; nothing where the mailbox does not exist.
func (s *session) inventoryIfAny(pair mailboxPair, digest string) ([]entry, error) {
	if !pair.there && !s.exists[pair.to] {
		return nil, nil
	}
	return s.inventory(pair.to, nil, digest)
}

// readEntry takes over what the answer to FETCH has of one message, but for its content.
func readEntry(m *client.Message) entry {
	e := entry{uid: m.UID, arrived: m.Arrived.Unix(), flags: hashFlags(m.Flags)}
	if len(m.ID) > 0 {
		e.identity = short("id", string(m.ID))
		return e
	}
	date, rest, _ := strings.Cut(string(m.Headline), "\x00")
	subject, from, _ := strings.Cut(rest, "\x00")
	if at, err := mail.ParseDate(date); err == nil { // one server writes it as the message does, another in its own way
		date = strconv.FormatInt(at.Unix(), 10)
	}
	if plain, err := new(mime.WordDecoder).DecodeHeader(subject); err == nil {
		subject = plain
	}
	e.identity = short("none", date, from, strings.Join(strings.Fields(subject), " "), m.Size)
	return e
}

func short(parts ...any) identity {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%v\x00", p)
	}
	return identity(h.Sum(nil)[:16])
}

// hashFlags leaves \Recent out, which belongs to the session (RFC 3501, section 2.3.2), and does not depend on order or case.
func hashFlags(flags []byte) (sum [8]byte) {
	kept := slices.DeleteFunc(strings.Fields(strings.ToLower(string(flags))), func(flag string) bool { return flag == `\recent` })
	slices.Sort(kept)
	id := short(strings.Join(kept, " "))
	return [8]byte(id[:8])
}
