package imap

import (
	"fmt"
	"strings"

	"github.com/emersion/go-imap/v2"

	"pegel/internal/corpus"
	"pegel/probes/probe"
)

// systemFlag is the flag of that name among those that have a backslash in the protocol and none in a
// scenario; "" if there is none.
func systemFlag(name string) imap.Flag {
	switch strings.ToLower(strings.TrimPrefix(name, `\`)) {
	case "seen":
		return imap.FlagSeen
	case "flagged":
		return imap.FlagFlagged
	case "answered":
		return imap.FlagAnswered
	case "draft":
		return imap.FlagDraft
	}
	return ""
}

// store is the action STORE: it sets or clears a flag of one message that pegel made, drawn among those in the mailbox.
// Other people's messages are never touched; a mailbox without any of pegel's is an error of content. Which ones are
// pegel's the user finds out by a SEARCH, within its first store in a mailbox.
func store(decode func(any) error) (probe.Step, error) {
	params := struct {
		Mailbox probe.Text `yaml:"mailbox"`
		Flag    string     `yaml:"flag"` // seen, flagged, answered, draft, or a keyword
		Set     string     `yaml:"set"`  // on, off, or draw: one of both by lot, so that a flag changes now and then
	}{probe.Text{}, "seen", "draw"}
	if err := decode(&params); err != nil {
		return nil, err
	}
	flag := systemFlag(params.Flag)
	if flag == "" {
		if params.Flag == "" || strings.ContainsFunc(params.Flag, notAtom) {
			return nil, fmt.Errorf("flag %q is neither seen, flagged, answered, draft nor a keyword", params.Flag)
		}
		flag = imap.Flag(params.Flag)
	}
	switch params.Set {
	case "on", "off", "draw":
	default:
		return nil, fmt.Errorf("set is %q, but must be on, off or draw", params.Set)
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.use(t, params.Mailbox.In(t), false); err != nil {
			return err
		}
		doing := "store a flag in " + s.mailbox
		uid, err := s.ownMessage(t.Draw(0))
		if err != nil {
			return err
		}
		if uid == 0 {
			return probe.Failf(probe.Content, doing, "the mailbox holds no message that pegel made")
		}
		change := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{flag}}
		if params.Set == "off" || params.Set == "draw" && t.Draw(1)&1 == 0 {
			change.Op = imap.StoreFlagsDel
		}
		if s.tracker != nil {
			s.tracker.storing(uint32(uid), change.Op == imap.StoreFlagsAdd, []string{string(flag)})
		}
		_, err = s.receive(t, doing, s.client.Store(imap.UIDSetNum(uid), change, nil), true)
		if s.tracker != nil {
			s.tracker.stored(err == nil)
		}
		if err != nil {
			return err
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// notAtom tells the characters that a keyword must not have (RFC 9051, atom).
func notAtom(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune(`(){%*"\]`, r)
}

// ownMessage is one of the messages in the selected mailbox that pegel made, chosen by draw; 0 if there is none. Canaries of
// a migration are pegel's too, but have to stay where they are.
func (s *session) ownMessage(draw uint64) (imap.UID, error) {
	if !s.searched || len(s.own) == 0 {
		found, err := s.client.UIDSearch(&imap.SearchCriteria{
			Header: []imap.SearchCriteriaHeaderField{{Key: corpus.RunField}},
			Not:    []imap.SearchCriteria{{Header: []imap.SearchCriteriaHeaderField{{Key: corpus.CanaryField}}}},
		}, nil).Wait()
		if err != nil {
			return 0, s.fail("search pegel's messages in "+s.mailbox, err)
		}
		s.own, s.searched = found.AllUIDs(), true
	}
	if len(s.own) == 0 {
		return 0, nil
	}
	return s.own[draw%uint64(len(s.own))], nil
}
