package imap

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// selection says which messages of a source are to be copied.
type selection struct {
	Mailbox string `yaml:"mailbox"`
	Days    int    `yaml:"days"`  // only messages that arrived within so many days, 0 for no limit: the core pass
	Older   int    `yaml:"older"` // only messages that arrived more than so many days ago, 0 for no limit: the deferred pass
}

// check refuses what selects nothing.
func (of *selection) check() error {
	switch {
	case of.Days < 0 || of.Older < 0:
		return fmt.Errorf("days and older must not be negative")
	case of.Days > 0 && of.Older >= of.Days:
		return &probe.Advice{
			Text: fmt.Sprintf("older is %d and days is %d: no message is older than %d days and has arrived within %d", of.Older, of.Days, of.Older, of.Days),
			Hint: "write days for the core pass or older for the deferred one; with both, older is the smaller one",
		}
	}
	return nil
}

// copying says what copyMessage copies.
type copying struct {
	Of     selection `yaml:",inline"`
	Source string    `yaml:"source"`
	Into   string    `yaml:"into"`
}

var _ probe.Beside = (*copying)(nil)

// Beside implements probe.Beside. Within one server the copies lie in a mailbox of their own.
func (c *copying) Beside() (string, bool) { return c.Source, false }

// workList is what a migrator has still to do: messages of a source, taken one after the other and then from the start
// again, for the load must not end before the run.
type workList struct {
	of   selection
	uids []uint32
	next int
}

// copyMessage is what a migration tool does with one message: FETCH it from the source with its flags and the time of its
// arrival, and APPEND it to the target, byte for byte. The source is another target of the scenario with the same
// accounts, and is only read.
func copyMessage(decode func(any) error) (probe.Step, error) {
	params := &copying{selection{Mailbox: inbox}, "imap.source", "Migrated"}
	if err := decode(params); err != nil {
		return nil, err
	}
	if err := params.Of.check(); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		doing := "copy from " + params.Source
		opened, err := t.Session(params.Source)
		if err != nil {
			return err
		}
		source, ok := opened.(*session)
		if !ok || source == s {
			return probe.Failf(probe.Content, doing, "source must be another target of protocol imap")
		}
		if err := s.authenticate(t); err != nil {
			return err
		}
		err = source.begin(t)
		var message *original
		if err == nil {
			message, err = source.take(t, params.Of)
		}
		err = source.verdict(t, err)
		source.end(t, err)
		if err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		if _, err := s.put(params.Into, message.bytes, strings.Join(message.flags, " "), message.arrived, false); err != nil {
			return err
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// original is a message as it lies in the source.
type original struct {
	bytes   []byte
	flags   []string
	arrived time.Time
}

// take fetches the next message of a selection.
func (s *session) take(t *probe.Turn, of selection) (*original, error) {
	if err := s.use(t, of.Mailbox, true); err != nil {
		return nil, err
	}
	doing := "fetch from " + of.Mailbox
	if s.work == nil || s.work.of != of {
		work, err := s.plan(of)
		if err != nil {
			return nil, err
		}
		if len(work.uids) == 0 {
			return nil, probe.Failf(probe.Content, doing, "there is no message to copy")
		}
		work.next = int(t.Draw(0) % uint64(len(work.uids)))
		s.work = work
	}
	uid := s.work.uids[s.work.next%len(s.work.uids)]
	s.work.next++

	message, err := s.original(doing, uid)
	if err != nil {
		return nil, err
	}
	if message == nil {
		s.work.uids = slices.DeleteFunc(s.work.uids, func(u uint32) bool { return u == uid })
		if len(s.work.uids) == 0 {
			s.work = nil
		}
		return nil, probe.Failf(probe.Content, doing, "message %d is gone", uid)
	}
	return message, nil
}

// original fetches a message of the selected mailbox; nil: it is gone.
func (s *session) original(doing string, uid uint32) (*original, error) {
	var message *original
	var body bytes.Buffer
	s.first()
	err := s.conn.Fetch(&client.Fetch{
		UIDs: true, Set: client.Set(uid), Items: "(FLAGS INTERNALDATE BODY.PEEK[])", Body: &body,
		Each: func(m *client.Message) error {
			if m.UID != uid || !m.More {
				return nil // news of others
			}
			message = &original{arrived: m.Arrived}
			for _, flag := range strings.Fields(string(m.Flags)) {
				if !strings.EqualFold(flag, `\Recent`) { // belongs to the session, not to the message (RFC 3501, section 2.3.2)
					message.flags = append(message.flags, flag)
				}
			}
			return nil
		},
	})
	if err != nil {
		return nil, s.fail(doing, err)
	}
	if message != nil {
		message.bytes = body.Bytes()
	}
	return message, nil
}

// plan finds the messages of a selection.
func (s *session) plan(of selection) (*workList, error) {
	var what client.Criteria
	if of.Days > 0 {
		what.Since = time.Now().AddDate(0, 0, -of.Days)
	}
	if of.Older > 0 {
		what.Before = time.Now().AddDate(0, 0, -of.Older)
	}
	found, err := s.conn.Search(what)
	if err != nil {
		return nil, s.fail("search "+s.mailbox, err)
	}
	return &workList{of: of, uids: found}, nil
}
