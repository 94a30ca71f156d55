package imap

import (
	"errors"
	"strings"
	"time"

	"pegel/internal/corpus"
	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// appendMessage is the action APPEND: what a mail program does with its copy of a sent message. The mailbox is made
// where it does not exist.
func appendMessage(decode func(any) error) (probe.Step, error) {
	params := struct {
		Mailbox probe.Text `yaml:"mailbox"`
		Size    probe.Text `yaml:"size"`
	}{probe.Literal("Sent"), probe.Literal("mix")}
	if err := decode(&params); err != nil {
		return nil, err
	}
	sizes, err := probe.Parsed(params.Size, corpus.ParseSizes)
	if err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		size, err := sizes(t)
		if err != nil {
			return err
		}
		if err := s.authenticate(t); err != nil {
			return err
		}
		now := time.Now()
		message := corpus.Message(corpus.MessageSpec{
			Run: t.RunID(), Key: t.Draw(0), Size: size.Draw(t.Draw(1)), Date: now,
			From: s.account.Address, To: []string{t.Peer(2).Address}, Owner: s.account.Address,
		})
		mailbox, err := s.place(params.Mailbox.In(t))
		if err != nil {
			return err
		}
		uid, err := s.put(mailbox, message, `\Seen`, now, true)
		if err != nil {
			return err
		}
		if uid != 0 && mailbox == s.mailbox {
			s.own = append(s.own, uid)
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// put appends a message to a mailbox, which it makes where needed, and returns the UID if the server tells it. Whether the
// mailbox exists is found out once per user and mailbox.
func (s *session) put(mailbox string, message []byte, flags string, arrived time.Time, mark bool) (uint32, error) {
	if err := s.ensure(mailbox); err != nil {
		return 0, err
	}
	if mark {
		s.first()
	}
	validity, uid, err := s.conn.Append(mailbox, flags, arrived, message)
	if err != nil {
		var refused *client.Refused
		if errors.As(err, &refused) && refused.Code == "TRYCREATE" {
			delete(s.exists, mailbox) // somebody has removed it
		}
		return 0, s.fail("append to "+mailbox, err)
	}
	if s.tracker != nil {
		s.tracker.appended(mailbox, validity, uid, strings.Fields(flags))
	}
	return uid, nil
}

// ensure makes a mailbox where it does not exist.
func (s *session) ensure(mailbox string) error {
	if s.exists[mailbox] || strings.EqualFold(mailbox, inbox) {
		return nil
	}
	found := false
	if err := s.visit("list "+mailbox, mailbox, false, func(*client.Listed) { found = true }); err != nil {
		return err
	}
	if !found {
		err := s.conn.Create(mailbox)
		var refused *client.Refused
		if errors.As(err, &refused) && (refused.Code == "ALREADYEXISTS" || strings.Contains(strings.ToLower(refused.Text), "exists")) {
			err = nil // another connection of the same account was faster
		}
		if err != nil {
			return s.fail("create "+mailbox, err)
		}
	}
	if !found && s.memory != nil {
		s.memory.created(mailbox)
	}
	s.remember(mailbox)
	return nil
}
