package imap

import (
	"errors"
	"fmt"

	"github.com/emersion/go-imap/v2"

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
		mailbox, err := s.place(t, params.Mailbox.In(t))
		if err != nil {
			return err
		}
		mailboxes, all := []string{mailbox}, mailbox == "*"
		if all {
			if mailboxes, err = s.listAll(t); err != nil {
				return err
			}
		}
		for i, mailbox := range mailboxes {
			if err := s.refresh(t, mailbox, params.By == "changes", i == 0 && !all); err != nil {
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
func (s *session) refresh(t *probe.Turn, mailbox string, changes, mark bool) error {
	changes = changes && s.client.Caps().Has(imap.CapCondStore)
	if err := s.choose(t, mailbox, &imap.SelectOptions{CondStore: changes}); err != nil {
		return err
	}
	if s.count() == 0 {
		return nil
	}
	options := &imap.FetchOptions{UID: true, Flags: true}
	if known := s.synced[mailbox]; changes && known.modSeq > 0 && known.validity == s.state.validity {
		options.ChangedSince = known.modSeq
	}
	var all imap.UIDSet
	all.AddRange(1, 0)
	if _, err := s.receive(t, "resynchronise "+mailbox, s.client.Fetch(all, options), mark); err != nil {
		return err
	}
	if s.synced == nil {
		s.synced = make(map[string]synced)
	}
	s.synced[mailbox] = s.state
	return nil
}

// gone tells a refusal because a mailbox does not exist (any more).
func gone(err error) bool {
	var refused *answered
	return errors.As(err, &refused) && refused.code == string(imap.ResponseCodeNonExistent)
}
