package imap

import (
	"github.com/emersion/go-imap/v2"

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
		mailbox, err := s.place(t, params.Mailbox.In(t))
		if err != nil {
			return err
		}
		if err := s.choose(t, mailbox, &imap.SelectOptions{}); err != nil {
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
	items := &imap.StatusOptions{NumMessages: true, NumUnseen: true, UIDNext: true, UIDValidity: true}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.authenticate(t); err != nil {
			return err
		}
		mailbox, err := s.place(t, params.Mailbox.In(t))
		if err != nil {
			return err
		}
		if _, err := s.client.Status(mailbox, items).Wait(); err != nil {
			return s.hidden(t, mailbox, s.fail("status "+mailbox, err))
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// listAll returns the names of the mailboxes that can be selected, in the server's order.
func (s *session) listAll(t *probe.Turn) ([]string, error) {
	var names []string
	err := s.visit(t, "list", "*", nil, func(box *imap.ListData) {
		if selectable(box) {
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
	mailbox, err := s.place(t, mailbox)
	if err != nil {
		return err
	}
	if mailbox == "" {
		mailbox = s.last
	}
	if mailbox == "" {
		mailbox = inbox
	}
	if s.client.State() == imap.ConnStateSelected && s.mailbox == mailbox && (readOnly || !s.readOnly) {
		return nil
	}
	return s.choose(t, mailbox, &imap.SelectOptions{ReadOnly: readOnly})
}

// choose sends SELECT, or EXAMINE for reading only.
func (s *session) choose(t *probe.Turn, mailbox string, options *imap.SelectOptions) error {
	s.mailbox, s.own, s.searched, s.state = "", nil, false, synced{}
	s.heard = announced{}
	before := s.client.Mailbox()
	if s.tracker != nil {
		s.tracker.Selecting(mailbox)
	}
	data, err := s.client.Select(mailbox, options).Wait()
	if err != nil {
		return s.hidden(t, mailbox, s.fail("select "+mailbox, err))
	}
	s.settle(func() bool { box := s.client.Mailbox(); return box != nil && box != before })
	s.mailbox, s.last, s.readOnly = mailbox, mailbox, options.ReadOnly
	s.state = synced{validity: data.UIDValidity, modSeq: data.HighestModSeq}
	s.remember(mailbox)
	return nil
}

// count is the number of messages in the selected mailbox, as far as the server has told.
func (s *session) count() uint32 {
	if box := s.client.Mailbox(); box != nil {
		return box.NumMessages
	}
	return 0
}

func (s *session) remember(mailbox string) {
	if s.exists == nil {
		s.exists = make(map[string]bool)
	}
	s.exists[mailbox] = true
}
