package imap

import (
	"errors"
	"fmt"

	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// synced is what the user's program knows of a mailbox from the last resynchronisation.
type synced struct {
	validity uint32
	modSeq   uint64
}

// resync is how a mail program brings a mailbox it has seen before up to date. By flags it is Thunderbird's default: SELECT
// and UID FETCH 1:* (FLAGS), which is as long as the mailbox. By changes it is what Thunderbird does with CONDSTORE: UID
// FETCH 1:* (FLAGS) (CHANGEDSINCE n), the first time and where the server offers no CONDSTORE as by flags. QRESYNC is never
// enabled. With "*" every mailbox of the account is brought up to date.
func resync(decode func(any) error) (probe.Step, error) {
	params := struct {
		Mailbox probe.Text `yaml:"mailbox"`
		By      string     `yaml:"by"`
	}{probe.Literal(inbox), "flags"}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if err := usable(params.Mailbox); err != nil {
		return nil, err
	}
	if params.By != "flags" && params.By != "changes" {
		return nil, fmt.Errorf("by is %q, but must be flags or changes", params.By)
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.authenticate(t); err != nil {
			return err
		}
		mailbox, err := s.place(params.Mailbox.In(t))
		if err != nil {
			return err
		}
		mailboxes, all := []string{mailbox}, mailbox == "*"
		s.first()
		if all {
			if mailboxes, err = s.listAll(); err != nil {
				return err
			}
		}
		for _, mailbox := range mailboxes {
			if err := s.refresh(t, mailbox, params.By == "changes"); err != nil {
				if all && gone(err) {
					continue
				}
				return err
			}
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// refresh brings one mailbox up to date.
func (s *session) refresh(t *probe.Turn, mailbox string, changes bool) error {
	changes = changes && s.conn.Can.Has(client.CondStore)
	if err := s.choose(mailbox, false, changes); err != nil {
		return err
	}
	if s.count() == 0 {
		return nil
	}
	all := client.Fetch{UIDs: true, Set: client.Range(1, 0), Items: flagsOnly}
	if known := s.synced[mailbox]; changes && known.modSeq > 0 && known.validity == s.conn.Box.Validity {
		all.ChangedSince = known.modSeq
	}
	state := synced{s.conn.Box.Validity, s.conn.Box.ModSeq}
	if _, err := s.receive(t, "resynchronise "+mailbox, &all); err != nil {
		return err
	}
	if s.synced == nil {
		s.synced = make(map[string]synced)
	}
	s.synced[mailbox] = state
	return nil
}

// gone tells a refusal because a mailbox does not exist (any more).
func gone(err error) bool {
	var refused *answered
	return errors.As(err, &refused) && refused.code == "NONEXISTENT"
}
