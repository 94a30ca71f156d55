package imap

import (
	"errors"
	"fmt"
	"strings"

	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// rights is the action MYRIGHTS (RFC 4314), and GETACL with acl: true. Rights that the scenario needs and the user lacks are
// a failure of the class denied: a mailbox whose rights were lost is neither slow nor down.
func rights(decode func(any) error) (probe.Step, error) {
	params := struct {
		Mailbox probe.Text `yaml:"mailbox"`
		Need    string     `yaml:"need"` // letters of RFC 4314: l lookup, r read, s seen, w write, i insert, …
		ACL     bool       `yaml:"acl"`
		Offered bool       `yaml:"where_offered"` // nothing is asked where the server offers no ACL, as mail programs have it
	}{Mailbox: probe.Literal(inbox)}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if err := usable(params.Mailbox); err != nil {
		return nil, err
	}
	const known = "lrswipkxteacd0123456789"
	if i := strings.IndexFunc(params.Need, func(r rune) bool { return !strings.ContainsRune(known, r) }); i >= 0 {
		return nil, fmt.Errorf("need is %q, but %q is no right of RFC 4314; there are l r s w i p k x t e a", params.Need, params.Need[i:i+1])
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.authenticate(t); err != nil {
			return err
		}
		mailbox, err := s.place(params.Mailbox.In(t))
		if err != nil {
			return err
		}
		doing := "rights to " + mailbox
		if !s.conn.Can.Has(client.ACL) {
			if params.Offered {
				t.Mark(probe.PhaseComplete)
				return nil
			}
			return probe.Failf(probe.Content, doing, "the server offers no ACL")
		}
		s.first()
		mine, err := s.conn.MyRights(mailbox)
		if err != nil {
			return s.hidden(mailbox, s.fail(doing, err))
		}
		for _, right := range params.Need {
			if !strings.ContainsRune(mine, right) {
				return probe.Failf(probe.Denied, doing, "the user has %q and needs %q", mine, params.Need)
			}
		}
		if params.ACL {
			if err := s.conn.GetACL(mailbox); err != nil {
				return s.fail(doing, err)
			}
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// hidden makes a failure of the class denied of one that says that a mailbox of others does not exist: whoever may not look
// it up is answered like that (RFC 4314, section 6), and the scenario says that it is there. Other failures stay what they are.
func (s *session) hidden(mailbox string, err error) error {
	var own *probe.Error
	if !errors.As(err, &own) || own.Class != probe.Content || s.broken() {
		return err
	}
	if s.spaces == nil && s.conn.Can.Has(client.Namespace) && s.namespaces() != nil {
		return err
	}
	if !s.foreign(mailbox) {
		return err
	}
	return probe.Fail(probe.Denied, own.Doing, own.Err)
}
