package imap

import (
	"fmt"
	"strings"

	"pegel/internal/corpus"
	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// systemFlag is the flag of that name among those that have a backslash in the protocol and none in a
// scenario; "" if there is none.
func systemFlag(name string) string {
	switch strings.ToLower(strings.TrimPrefix(name, `\`)) {
	case "seen":
		return `\Seen`
	case "flagged":
		return `\Flagged`
	case "answered":
		return `\Answered`
	case "draft":
		return `\Draft`
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
		flag = params.Flag
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
		change := "+FLAGS"
		if params.Set == "off" || params.Set == "draw" && t.Draw(1)&1 == 0 {
			change = "-FLAGS"
		}
		s.first()
		s.storing(uid, change == "+FLAGS", []string{flag})
		err = s.conn.Store([]uint32{uid}, change, flag, nil)
		if s.tracker != nil {
			s.tracker.stored(err == nil)
		}
		if err != nil {
			return s.fail(doing, err)
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
func (s *session) ownMessage(draw uint64) (uint32, error) {
	if !s.searched || len(s.own) == 0 {
		found, err := s.conn.Search(client.Criteria{Header: [][2]string{{corpus.RunField, ""}}, NotHeader: corpus.CanaryField})
		if err != nil {
			return 0, s.fail("search pegel's messages in "+s.mailbox, err)
		}
		s.own, s.searched = found, true
	}
	if len(s.own) == 0 {
		return 0, nil
	}
	return s.own[draw%uint64(len(s.own))], nil
}
