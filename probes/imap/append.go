package imap

import (
	"errors"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"pegel/internal/corpus"
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
		mailbox, err := s.place(t, params.Mailbox.In(t))
		if err != nil {
			return err
		}
		uid, err := s.put(t, mailbox, message, &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen}, Time: now})
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

// put appends a message to a mailbox, which it makes where needed, and returns the UID if the server tells it.
//
// It makes sure beforehand, once per user and mailbox, that the mailbox exists: a refusal of the announced literal
// (TRYCREATE) would make the client library give up the connection.
func (s *session) put(t *probe.Turn, mailbox string, message []byte, options *imap.AppendOptions) (imap.UID, error) {
	if err := s.ensure(mailbox); err != nil {
		return 0, err
	}
	// Only a literal that the server must allow first has an answer before it is sent (RFC 7888).
	asks := len(message) > 4096 || !s.client.Caps().Has(imap.CapLiteralMinus)
	cmd := s.client.Append(mailbox, int64(len(message)), options)
	if asks {
		t.Mark(probe.PhaseFirstByte)
	}
	// What fails here shows in the answer too, or in its absence, and there with the server's reason.
	_, _ = cmd.Write(message)
	_ = cmd.Close()
	data, err := cmd.Wait()
	if err != nil {
		var refused *imap.Error
		if errors.As(err, &refused) && refused.Code == imap.ResponseCodeTryCreate {
			delete(s.exists, mailbox) // somebody has removed it
		}
		return 0, s.fail("append to "+mailbox, err)
	}
	if s.tracker != nil {
		s.tracker.appended(mailbox, data.UIDValidity, uint32(data.UID), names(options.Flags))
	}
	return data.UID, nil
}

// ensure makes a mailbox where it does not exist.
func (s *session) ensure(mailbox string) error {
	if s.exists[mailbox] || strings.EqualFold(mailbox, inbox) {
		return nil
	}
	found, err := s.client.List("", mailbox, nil).Collect()
	if err != nil {
		return s.fail("list "+mailbox, err)
	}
	if len(found) == 0 {
		err := s.client.Create(mailbox, nil).Wait()
		var refused *imap.Error
		if errors.As(err, &refused) && (refused.Code == imap.ResponseCodeAlreadyExists || strings.Contains(strings.ToLower(refused.Text), "exists")) {
			err = nil // another connection of the same account was faster
		}
		if err != nil {
			return s.fail("create "+mailbox, err)
		}
	}
	if len(found) == 0 && s.memory != nil {
		s.memory.created(mailbox)
	}
	s.remember(mailbox)
	return nil
}
