package imap

import (
	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// inMailbox are the parameters of actions that only need to know where.
type inMailbox struct {
	Mailbox probe.Text `yaml:"mailbox"`
}

// selectMailbox is the action SELECT. It is sent even if the mailbox is selected already, which makes the server look
// at it anew.
func selectMailbox(decode func(any) error) (probe.Step, error) {
	params := inMailbox{Mailbox: probe.Literal(inbox)}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if err := usable(params.Mailbox); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.authenticate(t); err != nil {
			return err
		}
		mailbox, err := s.place(params.Mailbox.In(t))
		if err != nil {
			return err
		}
		s.first()
		if err := s.choose(mailbox, false, false); err != nil {
			return err
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// status is the action STATUS: what a mail program asks about mailboxes that it has not opened.
func status(decode func(any) error) (probe.Step, error) {
	params := inMailbox{Mailbox: probe.Literal(inbox)}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if err := usable(params.Mailbox); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.authenticate(t); err != nil {
			return err
		}
		mailbox, err := s.place(params.Mailbox.In(t))
		if err != nil {
			return err
		}
		s.first()
		if err := s.conn.Status(mailbox, "MESSAGES UIDNEXT UIDVALIDITY UNSEEN"); err != nil {
			return s.hidden(mailbox, s.fail("status "+mailbox, err))
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// listAll returns the names of the mailboxes that can be selected, in the server's order.
func (s *session) listAll() ([]string, error) {
	var names []string
	err := s.visit("list", "*", false, func(box *client.Listed) {
		if box.Selectable {
			names = append(names, box.Mailbox)
			s.remember(box.Mailbox)
		}
	})
	return names, err
}

// use logs in and selects a mailbox where that is not so already: the named one, or for "" the one selected last, or
// INBOX. A mailbox that is selected for writing also serves for reading.
func (s *session) use(t *probe.Turn, mailbox string, readOnly bool) error {
	if err := s.authenticate(t); err != nil {
		return err
	}
	mailbox, err := s.place(mailbox)
	if err != nil {
		return err
	}
	if mailbox == "" {
		mailbox = s.last
	}
	if mailbox == "" {
		mailbox = inbox
	}
	if s.mailbox != "" && s.mailbox == mailbox && (readOnly || !s.conn.Box.ReadOnly) {
		return nil
	}
	return s.choose(mailbox, readOnly, false)
}

// choose sends SELECT, or EXAMINE for reading only; changes asks for them to be numbered (CONDSTORE).
func (s *session) choose(mailbox string, readOnly, changes bool) error {
	s.unselect()
	if s.tracker != nil {
		s.tracker.Selecting(mailbox)
	}
	if err := s.conn.Select(mailbox, readOnly, changes); err != nil {
		if s.tracker != nil {
			s.tracker.Unselected()
		}
		return s.hidden(mailbox, s.fail("select "+mailbox, err))
	}
	s.mailbox, s.last = mailbox, mailbox
	s.remember(mailbox)
	return nil
}

// count is the number of messages in the selected mailbox, as far as the server has told.
func (s *session) count() uint32 { return s.conn.Box.Exists }

func (s *session) remember(mailbox string) {
	if s.exists == nil {
		s.exists = make(map[string]bool)
	}
	s.exists[mailbox] = true
}
