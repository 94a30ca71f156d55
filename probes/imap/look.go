package imap

import (
	"time"

	"pegel/internal/corpus"
	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// lookBack is how old a message may be for look to find it: no run takes longer, and a search among a few days' messages
// is all that a large mailbox allows.
const lookBack = 8 * 24 * time.Hour

// look is the action of looking for the mail of this run: EXAMINE, a search for it, and the envelopes of what was found,
// all of which the ledger of mail is told. With "*" it looks into every mailbox of the account. It changes nothing.
func look(decode func(any) error) (probe.Step, error) {
	params := struct {
		Mailbox string `yaml:"mailbox"`
	}{inbox}
	if err := decode(&params); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.authenticate(t); err != nil {
			return err
		}
		s.first()
		mailboxes := []string{params.Mailbox}
		if params.Mailbox == "*" {
			var err error
			if mailboxes, err = s.listAll(); err != nil {
				return err
			}
		}
		for _, mailbox := range mailboxes {
			if err := s.lookInto(t, mailbox); err != nil {
				return err
			}
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// lookInto looks for the run's mail in one mailbox.
func (s *session) lookInto(t *probe.Turn, mailbox string) error {
	if err := s.choose(mailbox, true, false); err != nil {
		return err
	}
	uids, err := s.conn.Search(client.Criteria{Since: time.Now().Add(-lookBack), Header: [][2]string{{corpus.RunField, t.RunID()}}})
	if err != nil {
		return s.fail("search the run's messages in "+mailbox, err)
	}
	if len(uids) == 0 {
		return nil
	}
	for _, set := range pieces(client.Set(uids...), mostOfSet) {
		if _, err = s.receive(t, "look for mail in "+mailbox, &client.Fetch{UIDs: true, Set: set, Items: "(ENVELOPE)"}); err != nil {
			return err
		}
	}
	return nil
}
