package imap

import (
	"fmt"
	"slices"
	"strings"

	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// discover is what a mail program does after login to find its way about: NAMESPACE where it is offered, and LIST of all
// mailboxes of its own with their special uses (RFC 6154), as Thunderbird does.
func discover(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.authenticate(t); err != nil {
			return err
		}
		s.spaces, s.uses = nil, nil
		s.first()
		if s.conn.Can.Has(client.Namespace) {
			if err := s.namespaces(); err != nil {
				return err
			}
		}
		if err := s.findUses(); err != nil {
			return err
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// namespace is the action NAMESPACE (RFC 2342): where the mailboxes of other users and the shared ones are.
func namespace(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.authenticate(t); err != nil {
			return err
		}
		s.spaces = nil
		s.first()
		if err := s.namespaces(); err != nil {
			return err
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// namespaces asks for the namespaces, once for each connection.
func (s *session) namespaces() error {
	if s.spaces != nil {
		return nil
	}
	if !s.conn.Can.Has(client.Namespace) {
		return probe.Failf(probe.Content, "namespace", "the server offers no NAMESPACE")
	}
	spaces, err := s.conn.Namespace()
	if err != nil {
		return s.fail("namespace", err)
	}
	s.spaces = spaces
	return nil
}

// list is the action LIST: of all mailboxes, or of those of one kind of namespace, each of its prefixes in turn.
func list(decode func(any) error) (probe.Step, error) {
	params := struct {
		Of string `yaml:"of"` // all, others: of other users, shared: of nobody or everybody
	}{"all"}
	if err := decode(&params); err != nil {
		return nil, err
	}
	switch params.Of {
	case "all", "others", "shared":
	default:
		return nil, fmt.Errorf("of is %q, but must be all, others or shared", params.Of)
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.authenticate(t); err != nil {
			return err
		}
		s.first()
		if params.Of == "all" {
			if _, err := s.listAll(); err != nil {
				return err
			}
			t.Mark(probe.PhaseComplete)
			return nil
		}
		if err := s.namespaces(); err != nil {
			return err
		}
		spaces := s.spaces.Others
		if params.Of == "shared" {
			spaces = s.spaces.Shared
		}
		doing := "list mailboxes: " + params.Of
		if len(spaces) == 0 {
			return probe.Failf(probe.Content, doing, "the server has no such namespace")
		}
		for _, prefix := range spaces {
			if err := s.visit(doing, prefix+"*", false, func(box *client.Listed) { s.remember(box.Mailbox) }); err != nil {
				return err
			}
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// visit lists mailboxes one by one.
func (s *session) visit(doing, pattern string, uses bool, each func(box *client.Listed)) error {
	return s.fail(doing, s.conn.List(pattern, uses, each))
}

// findUses finds out which mailboxes have a special use, once for each connection.
func (s *session) findUses() error {
	if s.uses != nil {
		return nil
	}
	uses := make(map[string]string)
	err := s.visit("list special uses", "*", s.conn.Can.Has(client.SpecialUse), func(box *client.Listed) {
		if !box.Selectable {
			return
		}
		s.remember(box.Mailbox)
		for _, use := range box.Attributes {
			if _, taken := uses[use]; !taken && specialUse(use) {
				uses[use] = box.Mailbox
			}
		}
	})
	if err == nil {
		s.uses = uses
	}
	return err
}

// specialUse tells attributes of RFC 6154 (in lower case) from those of other kinds.
func specialUse(attr string) bool {
	switch attr {
	case `\all`, `\archive`, `\drafts`, `\flagged`, `\junk`, `\sent`, `\trash`:
		return true
	}
	return false
}

// place is the name of a mailbox that a scenario may also name by its special use: `\Sent`. A server that knows no such
// mailbox has it under the name of its use, as most programs make it.
func (s *session) place(mailbox string) (string, error) {
	if !strings.HasPrefix(mailbox, `\`) {
		return mailbox, nil
	}
	if err := s.findUses(); err != nil {
		return "", err
	}
	if found := s.uses[strings.ToLower(mailbox)]; found != "" {
		return found, nil
	}
	return mailbox[1:], nil
}

// usable checks the name of a mailbox while the plan is being built: after a backslash there is a special use.
func usable(mailbox probe.Text) error {
	if name := mailbox.String(); mailbox.Fixed() && strings.HasPrefix(name, `\`) && !specialUse(strings.ToLower(name)) {
		return fmt.Errorf(`%s is no special use; there are \All \Archive \Drafts \Flagged \Junk \Sent \Trash`, name)
	}
	return nil
}

// foreign tells whether a mailbox is in a namespace of other users, or in a shared one.
func (s *session) foreign(mailbox string) bool {
	if s.spaces == nil {
		return false
	}
	return slices.ContainsFunc(slices.Concat(s.spaces.Others, s.spaces.Shared), func(prefix string) bool {
		return prefix != "" && strings.HasPrefix(mailbox, prefix)
	})
}
