package imap

import (
	"fmt"

	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// check is what a mail program does when it looks for new mail: NOOP in the mailbox that is selected, or SELECT of it; the
// headers of what has come since the last look; and STATUS of all other mailboxes where the user has asked for that.
func check(decode func(any) error) (probe.Step, error) {
	params := struct {
		Mailbox probe.Text `yaml:"mailbox"`
		Others  string     `yaml:"others"` // none, status
	}{probe.Text{}, "none"}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if err := usable(params.Mailbox); err != nil {
		return nil, err
	}
	if params.Others != "none" && params.Others != "status" {
		return nil, fmt.Errorf("others is %q, but must be none or status", params.Others)
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.authenticate(t); err != nil {
			return err
		}
		selected := s.mailbox
		s.first()
		if err := s.use(t, params.Mailbox.In(t), false); err != nil {
			return err
		}
		if s.mailbox == selected {
			if err := s.conn.Noop(); err != nil {
				return s.fail("check "+s.mailbox, err)
			}
		}
		if err := s.news(t); err != nil {
			return err
		}
		if params.Others == "status" {
			if err := s.statusOthers(); err != nil {
				return err
			}
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// newsFields are the fields of the header that Thunderbird fetches of new mail (nsImapProtocol.cpp).
const newsFields = "From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To"

// news fetches the headers of what has come into the selected mailbox since the user's program looked last. When it looks
// for the first time it only remembers.
func (s *session) news(t *probe.Turn) error {
	n := s.count()
	before, looked := s.looked[s.mailbox]
	if s.looked == nil {
		s.looked = make(map[string]uint32)
	}
	s.looked[s.mailbox] = n
	if !looked || n <= before {
		return nil
	}
	_, err := s.receive(t, "fetch new headers in "+s.mailbox, &client.Fetch{
		Set: client.Range(before+1, n), Items: "(UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (" + newsFields + ")])",
	})
	return err
}

// statusOthers asks for the STATUS of every mailbox but the selected one.
func (s *session) statusOthers() error {
	if s.boxes == nil {
		boxes, err := s.listAll()
		if err != nil {
			return err
		}
		s.boxes = boxes
	}
	for _, mailbox := range s.boxes {
		if mailbox == s.mailbox {
			continue
		}
		if err := s.conn.Status(mailbox, "MESSAGES UIDNEXT UNSEEN"); err != nil {
			if err := s.fail("status "+mailbox, err); !gone(err) {
				return err
			}
			s.boxes = nil // somebody has removed it; the next check lists anew
		}
	}
	return nil
}
