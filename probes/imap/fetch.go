package imap

import (
	"fmt"

	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// fetchHeaders is the action FETCH of what a message list shows, for the newest messages. People with an empty mailbox exist: their
// programs show an empty list, and ask with NOOP whether anything has come.
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
	return step(func(t *probe.Turn, s *session) error {
		if err := s.use(t, params.Mailbox.In(t), false); err != nil {
			return err
		}
		doing := "fetch headers in " + s.mailbox
		s.first()
		n := s.count()
		if n == 0 {
			if err := s.conn.Noop(); err != nil {
				return s.fail(doing, err)
			}
			if n = s.count(); n == 0 {
				t.Mark(probe.PhaseComplete)
				return nil
			}
		}
		from := uint32(1)
		if n > params.Last {
			from = n - params.Last + 1
		}
		got, err := s.receive(t, doing, &client.Fetch{Set: client.Range(from, n), Items: "(UID FLAGS RFC822.SIZE ENVELOPE)"})
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
	return step(func(t *probe.Turn, s *session) error {
		if err := s.use(t, params.Mailbox.In(t), false); err != nil {
			return err
		}
		n := s.count()
		if n == 0 {
			return probe.Failf(probe.Content, "fetch in "+s.mailbox, "the mailbox is empty")
		}
		which := n
		if params.Which == "random" {
			which = 1 + uint32(t.Draw(0)%uint64(n))
		}
		doing := "fetch a message in " + s.mailbox
		s.first()
		got, err := s.receive(t, doing, &client.Fetch{Set: client.Set(which), Items: "(UID FLAGS BODY.PEEK[])"})
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
	return step(func(t *probe.Turn, s *session) error {
		if err := s.authenticate(t); err != nil {
			return err
		}
		mailbox, err := s.place(params.Mailbox.In(t))
		if err != nil {
			return err
		}
		mailboxes := []string{mailbox}
		s.first()
		if mailbox == "*" {
			if mailboxes, err = s.listAll(); err != nil {
				return err
			}
		}
		for _, mailbox := range mailboxes {
			if err := s.choose(mailbox, false, false); err != nil {
				if len(mailboxes) > 1 && gone(err) {
					continue // removed since it was listed
				}
				return err
			}
			// The count is read anew for each piece, for messages come and go meanwhile.
			for from := uint32(1); from <= s.count(); from += params.Chunk {
				piece := client.Fetch{
					Set: client.Range(from, min(from+params.Chunk-1, s.count())), Items: "(UID FLAGS RFC822.SIZE BODY.PEEK[])",
				}
				if _, err := s.receive(t, "download "+mailbox, &piece); err != nil {
					return err
				}
			}
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// flagsOnly asks for what news have too.
const flagsOnly = "(FLAGS)"

// receive sends a FETCH and reads and discards what it brings. It returns the number of messages.
func (s *session) receive(t *probe.Turn, doing string, f *client.Fetch) (messages int, err error) {
	var head header
	follows, most := t.FollowsMail(), s.expected()
	if follows {
		f.Body = &head
	}
	f.Each = func(m *client.Message) error {
		if m.UID == 0 || !m.More && f.Items != flagsOnly {
			return nil // news of a message that nobody asked for
		}
		if messages++; messages > most {
			// The rest is not read, for it might never end.
			return probe.Failf(probe.BadProtocol, doing, "%d messages came, but the mailbox has %d", messages, s.count())
		}
		if follows {
			s.tell(t, m, &head)
			head.text = head.text[:0]
		}
		return nil
	}
	return messages, s.fail(doing, s.conn.Fetch(f))
}

// expected is how many messages an answer may have: all that the server has told of, and some that come meanwhile.
func (s *session) expected() int { return int(s.count()) + 1000 }
