package imap

import (
	"bytes"
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// migration says what a migrator copies: every message of a pass once, from all mailboxes of an account or from one.
type migration struct {
	Of     selection `yaml:",inline"`
	Source string    `yaml:"source"`
	Into   string    `yaml:"into"`   // put before the names of the mailboxes, with the target's delimiter; "": same names
	Digest string    `yaml:"digest"` // verify_copy: size or body
}

func (m *migration) decode(decode func(any) error) error {
	*m = migration{Of: selection{Mailbox: "*"}, Source: "imap.source", Digest: "size"}
	if err := decode(m); err != nil {
		return err
	}
	if err := m.Of.check(); err != nil {
		return err
	}
	if m.Digest != "size" && m.Digest != "body" {
		return fmt.Errorf("digest is %q, but must be size or body", m.Digest)
	}
	return nil
}

var _ probe.Beside = (*migration)(nil)

// Beside implements probe.Beside. A mailbox that is its own copy is always right.
func (m *migration) Beside() (string, bool) { return m.Source, m.Into == "" }

// pass is the name of what is copied.
func (m *migration) pass() string {
	switch {
	case m.Of.Days > 0:
		return "core"
	case m.Of.Older > 0:
		return "deferred"
	}
	return "all"
}

// migrate is what a migration tool does with the next message that is not in the target yet. What is there is found out by looking
// into the target, by Message-ID, so that a tool that was interrupted goes on where it stopped, and that several connections of an
// account share the work. The account's first action looks through both sides. Where nothing is left it asks for news with NOOP, and looks
// again once a minute.
func migrate(decode func(any) error) (probe.Step, error) {
	params := new(migration)
	if err := params.decode(decode); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		return s.beside(t, params.Source, func(source *session) error {
			p := s.passes().of(s.account.Login, *params)
			defer p.tell(t, nil, params.pass())
			job, left, err := p.claim(t, source, s, params)
			if err != nil {
				return err
			}
			t.Answer(probe.Answer{Body: fmt.Appendf(nil, `{"left":%d,"refused":%d}`, left, p.counted().refused)})
			if job == nil {
				source.first()
				if err := source.conn.Noop(); err != nil {
					return source.fail("noop", err)
				}
				t.Mark(probe.PhaseComplete)
				return nil
			}
			fate := uncertain
			defer func() { p.settle(job, fate) }()
			fate, err = s.copyOne(t, source, job)
			var answer *answered
			if fate == uncertain && errors.As(err, &answer) && !s.broken() && !source.broken() {
				fate, job.no = refused, err // a farewell is no answer
				err = &probe.ItemError{Err: err}
			}
			if err == nil {
				t.Mark(probe.PhaseComplete)
			}
			return err
		})
	}), nil
}

// fate is what became of a claimed message.
type fate uint8

const (
	uncertain fate = iota // perhaps in the target, perhaps not: it has to be looked at again
	copied
	vanished // from the source
	refused  // by the source or the target, which is still there: it is not in the target
)

// copyOne copies a claimed message with its flags and date.
func (s *session) copyOne(t *probe.Turn, source *session, job *job) (fate, error) {
	if err := source.use(t, job.from, true); err != nil {
		return uncertain, err
	}
	message, err := source.original("fetch from "+job.from, job.uid)
	if err != nil {
		return uncertain, err
	}
	if message == nil {
		return vanished, probe.Failf(probe.Content, "fetch from "+job.from, "message %d is gone", job.uid)
	}
	job.id = messageID(message.bytes)
	if _, err := s.put(job.to, message.bytes, strings.Join(message.flags, " "), message.arrived, false); err != nil {
		return uncertain, err
	}
	return copied, nil
}

// messageID is that of a message, "" where there is none.
func messageID(message []byte) string {
	m, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		return ""
	}
	id := m.Header.Get("Message-ID")
	return strings.ToValidUTF8(id[:min(len(id), mostReason)], "")
}

// beside does something with the session and that with another target of the same account, both logged in.
func (s *session) beside(t *probe.Turn, other string, do func(source *session) error) error {
	opened, err := t.Session(other)
	if err != nil {
		return err
	}
	source, ok := opened.(*session)
	if !ok || source == s {
		return probe.Failf(probe.Content, "use "+other, "source must be another target of protocol imap")
	}
	if err := s.authenticate(t); err != nil {
		return err
	}
	err = source.begin(t)
	if err == nil {
		if err = source.authenticate(t); err == nil {
			err = do(source)
		}
	}
	err = source.verdict(t, err)
	source.end(t, err)
	if err != nil && source.broken() && !s.broken() {
		return fmt.Errorf("%s: %w", other, err)
	}
	return err
}

// missing looks through both sides: what the source has and the target has not, and how many messages are there already.
func missing(source, target *session, m *migration) (boxes []boxWork, there int, err error) {
	pairs, err := pairMailboxes(source, target, m)
	if err != nil {
		return nil, 0, err
	}
	for _, pair := range pairs {
		want, err := source.inventory(pair.from, &m.Of, "")
		if err != nil {
			return nil, 0, err
		}
		have, err := target.inventoryIfAny(pair, "")
		if err != nil {
			return nil, 0, err
		}
		counts := map[identity]int{}
		for i := range have {
			counts[have[i].identity]++
		}
		b := boxWork{from: pair.from, to: pair.to}
		for i := range want {
			if x := &want[i]; counts[x.identity] > 0 {
				counts[x.identity]--
				there++
			} else {
				b.todo = append(b.todo, x.uid)
			}
		}
		if !pair.there { // the folder itself is part of the account, even an empty one
			if err := target.ensure(pair.to); err != nil {
				return nil, 0, err
			}
		}
		boxes = append(boxes, b)
	}
	return boxes, there, nil
}

// mailboxPair is one mailbox of the source and where it goes.
type mailboxPair struct {
	from, to string
	there    bool // the target has it
}

// pairMailboxes says which mailbox goes where.
func pairMailboxes(source, target *session, m *migration) ([]mailboxPair, error) {
	have, delimiter := map[string]bool{}, "/"
	err := target.visit("list", "*", false, func(box *client.Listed) {
		have[box.Mailbox] = true
		if box.Delimiter != "" {
			delimiter = box.Delimiter
		}
	})
	if err != nil {
		return nil, err
	}
	var pairs []mailboxPair
	err = source.visit("list", "*", false, func(box *client.Listed) {
		if !box.Selectable || m.Of.Mailbox != "*" && !strings.EqualFold(m.Of.Mailbox, box.Mailbox) {
			return
		}
		to := box.Mailbox
		if box.Delimiter != "" && box.Delimiter != delimiter {
			to = strings.ReplaceAll(to, box.Delimiter, delimiter)
		}
		if m.Into != "" {
			to = m.Into + delimiter + to
		}
		pairs = append(pairs, mailboxPair{box.Mailbox, to, have[to] || strings.EqualFold(to, inbox)})
	})
	if err != nil {
		return nil, err
	}
	if len(pairs) == 0 {
		return nil, probe.Failf(probe.Content, "list", "the source has no mailbox %s", m.Of.Mailbox)
	}
	return pairs, nil
}
