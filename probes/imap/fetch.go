package imap

import (
	"fmt"
	"io"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"pegel/probes/probe"
)

// body asks for a whole message without marking it as read.
func body() []*imap.FetchItemBodySection { return []*imap.FetchItemBodySection{{Peek: true}} }

// fetchHeaders is the action FETCH of what a message list shows, for the newest messages.
func fetchHeaders(decode func(any) error) (probe.Step, error) {
	params := struct {
		Mailbox probe.Text `yaml:"mailbox"`
		Last    uint32     `yaml:"last"`
	}{probe.Text{}, 50}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if params.Last == 0 {
		return nil, fmt.Errorf("last must be at least 1")
	}
	items := &imap.FetchOptions{UID: true, Envelope: true, Flags: true, RFC822Size: true}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.use(t, params.Mailbox.In(t), false); err != nil {
			return err
		}
		n := s.count()
		if n == 0 {
			return s.empty()
		}
		from := uint32(1)
		if n > params.Last {
			from = n - params.Last + 1
		}
		var set imap.SeqSet
		set.AddRange(from, n)
		doing := "fetch headers in " + s.mailbox
		got, err := s.receive(t, doing, s.client.Fetch(set, items), true)
		if err != nil {
			return err
		}
		if got == 0 {
			return probe.Failf(probe.Content, doing, "none of %d messages came", n-from+1)
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// fetch is the action FETCH of one whole message: the newest, or one drawn among all.
func fetch(decode func(any) error) (probe.Step, error) {
	params := struct {
		Mailbox probe.Text `yaml:"mailbox"`
		Which   string     `yaml:"which"`
	}{probe.Text{}, "random"}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if params.Which != "random" && params.Which != "newest" {
		return nil, fmt.Errorf("which is %q, but must be random or newest", params.Which)
	}
	items := &imap.FetchOptions{UID: true, Flags: true, BodySection: body()}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.use(t, params.Mailbox.In(t), false); err != nil {
			return err
		}
		n := s.count()
		if n == 0 {
			return s.empty()
		}
		which := n
		if params.Which == "random" {
			which = 1 + uint32(t.Draw(0)%uint64(n))
		}
		doing := "fetch a message in " + s.mailbox
		got, err := s.receive(t, doing, s.client.Fetch(imap.SeqSetNum(which), items), true)
		if err != nil {
			return err
		}
		if got == 0 {
			return probe.Failf(probe.Content, doing, "message %d of %d did not come", which, n)
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// download is the action sync, what the program of a fresh account does: it downloads the whole mailbox, in pieces, with all bodies. With
// "*" it downloads every mailbox of the account.
func download(decode func(any) error) (probe.Step, error) {
	params := struct {
		Mailbox probe.Text `yaml:"mailbox"`
		Chunk   uint32     `yaml:"chunk"` // messages asked for at once
	}{probe.Literal(inbox), 50}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if params.Chunk == 0 {
		return nil, fmt.Errorf("chunk must be at least 1")
	}
	items := &imap.FetchOptions{UID: true, Flags: true, RFC822Size: true, BodySection: body()}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.authenticate(t); err != nil {
			return err
		}
		mailbox, err := s.place(t, params.Mailbox.In(t))
		if err != nil {
			return err
		}
		mailboxes, first := []string{mailbox}, true
		if mailbox == "*" {
			if mailboxes, err = s.listAll(t); err != nil {
				return err
			}
			first = false
		}
		for _, mailbox := range mailboxes {
			if err := s.choose(t, mailbox, &imap.SelectOptions{}); err != nil {
				if len(mailboxes) > 1 && gone(err) {
					continue // removed since it was listed
				}
				return err
			}
			// The count is read anew for each piece, for messages come and go meanwhile.
			for from := uint32(1); from <= s.count(); from += params.Chunk {
				var set imap.SeqSet
				set.AddRange(from, min(from+params.Chunk-1, s.count()))
				if _, err := s.receive(t, "download "+mailbox, s.client.Fetch(set, items), first); err != nil {
					return err
				}
				first = false
			}
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// receive reads and discards what a FETCH brings, and returns the number of messages. It marks the first byte if told to.
// A message that was shorter than announced is an error of content.
func (s *session) receive(t *probe.Turn, doing string, cmd *imapclient.FetchCommand, mark bool) (messages int, err error) {
	short, follows := false, t.FollowsMail()
	var found sight
	for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
		if messages == 0 && mark {
			t.Mark(probe.PhaseFirstByte)
		}
		messages++
		if messages > s.expected() {
			// Not read to its end, which might never come: the library's reader is let go by closing what it reads from.
			s.wire.Close()
			_ = cmd.Close()
			return messages, probe.Failf(probe.BadProtocol, doing, "%d messages came, but the mailbox has %d", messages, s.count())
		}
		s.wire.bounds.spent.Store(0)
		found = sight{head: header{found.head.text[:0]}}
		for item := msg.Next(); item != nil; item = msg.Next() {
			section, ok := item.(imapclient.FetchItemDataBodySection)
			if !ok || section.Literal == nil {
				found.item(item)
				continue
			}
			into := io.Discard
			if follows {
				into = &found.head
			}
			n, err := io.Copy(into, section.Literal)
			short = short || err != nil || n != section.Literal.Size()
		}
		if follows {
			s.tell(t, &found, msg.SeqNum)
		}
	}
	if err := cmd.Close(); err != nil {
		return messages, s.fail(doing, err)
	}
	if short {
		return messages, probe.Failf(probe.Content, doing, "a message was shorter than announced")
	}
	return messages, nil
}

// expected is how many messages an answer may have: all that the server has told of, and some that come meanwhile.
func (s *session) expected() int { return int(s.count()) + 1000 }

func (s *session) empty() error {
	return probe.Failf(probe.Content, "fetch in "+s.mailbox, "the mailbox is empty")
}
