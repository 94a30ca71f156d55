package imap

import (
	"fmt"
	"slices"

	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// goneTries is how many of pegel's messages a move looks for, where other connections of the account were faster.
const goneTries = 5

// move is the action MOVE (RFC 6851) of one message that pegel made, drawn among those in the mailbox: by MOVE where the
// server offers it, else, or if so told, by COPY, STORE \Deleted and EXPUNGE. A mailbox without such messages is an error of
// content.
func move(decode func(any) error) (probe.Step, error) {
	params := struct {
		Mailbox probe.Text `yaml:"mailbox"`
		Into    probe.Text `yaml:"into"`
		By      string     `yaml:"by"` // move: where it is offered; copy: COPY, STORE and EXPUNGE
	}{probe.Text{}, probe.Literal(`\Trash`), "move"}
	if err := decode(&params); err != nil {
		return nil, err
	}
	for _, mailbox := range []probe.Text{params.Mailbox, params.Into} {
		if err := usable(mailbox); err != nil {
			return nil, err
		}
	}
	if params.By != "move" && params.By != "copy" {
		return nil, fmt.Errorf("by is %q, but must be move or copy", params.By)
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.use(t, params.Mailbox.In(t), false); err != nil {
			return err
		}
		into, err := s.place(params.Into.In(t))
		if err != nil {
			return err
		}
		doing := "move from " + s.mailbox + " to " + into
		if into == s.mailbox {
			return probe.Failf(probe.Content, doing, "that is where it is")
		}
		if err := s.ensure(into); err != nil {
			return err
		}
		byMove := params.By == "move" && s.conn.Can.Has(client.Move)
		for try := range goneTries {
			uid, err := s.ownMessage(t.Draw(try))
			if err != nil {
				return err
			}
			if uid == 0 {
				break
			}
			var moved bool
			if try == 0 {
				s.first()
			}
			if byMove {
				if moved, err = s.conn.Move([]uint32{uid}, into); err != nil {
					return s.fail(doing, err)
				}
				// Without UIDPLUS nobody says what was moved.
				moved = moved || !s.conn.Can.Has(client.UIDPlus)
			} else if moved, err = s.copyAway(doing, uid, into); err != nil {
				return err
			}
			s.disown(uid)
			if moved {
				t.Mark(probe.PhaseComplete)
				return nil
			}
		}
		return probe.Failf(probe.Content, doing, "the mailbox holds no message that pegel made")
	}), nil
}

// copyAway moves a message as programs did before MOVE. false: it was not there any more.
func (s *session) copyAway(doing string, uid uint32, into string) (bool, error) {
	copied, err := s.conn.Copy([]uint32{uid}, into)
	if err != nil {
		return false, s.fail(doing, err)
	}
	if !copied && s.conn.Can.Has(client.UIDPlus) {
		return false, nil
	}
	return true, s.remove(doing, []uint32{uid})
}

// expunge is the action EXPUNGE: it marks messages that pegel made as deleted and removes them, at most so many of them. That
// there are none is no failure: an empty trash stays empty.
func expunge(decode func(any) error) (probe.Step, error) {
	params := struct {
		Mailbox probe.Text `yaml:"mailbox"`
		Most    int        `yaml:"most"`
	}{probe.Text{}, 50}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if err := usable(params.Mailbox); err != nil {
		return nil, err
	}
	if params.Most < 1 || params.Most > 1000 {
		return nil, fmt.Errorf("most is %d, but must be from 1 to 1000", params.Most)
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.use(t, params.Mailbox.In(t), false); err != nil {
			return err
		}
		s.searched = false
		s.first()
		if _, err := s.ownMessage(0); err != nil {
			return err
		}
		uids := slices.Clone(s.own[:min(len(s.own), params.Most)])
		if len(uids) > 0 {
			if err := s.remove("expunge "+s.mailbox, uids); err != nil {
				return err
			}
			s.disown(uids...)
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// remove marks messages of pegel as deleted and expunges them. Where the server cannot expunge by UID, and other messages
// are marked as well, nothing is expunged: they are not pegel's.
func (s *session) remove(doing string, uids []uint32) error {
	if err := s.conn.Store(uids, "+FLAGS.SILENT", `\Deleted`, nil); err != nil {
		return s.fail(doing, err)
	}
	if s.conn.Can.Has(client.UIDPlus) {
		return s.fail(doing, s.conn.ExpungeUIDs(uids))
	}
	marked, err := s.conn.Search(client.Criteria{Deleted: true})
	if err != nil {
		return s.fail(doing, err)
	}
	for _, uid := range marked {
		if !slices.Contains(uids, uid) {
			return probe.Failf(probe.Content, doing, "the server cannot expunge by UID, and the mailbox has messages of others marked as deleted")
		}
	}
	return s.fail(doing, s.conn.Expunge())
}

// disown forgets messages that are no longer in the selected mailbox.
func (s *session) disown(uids ...uint32) {
	s.own = slices.DeleteFunc(s.own, func(uid uint32) bool { return slices.Contains(uids, uid) })
}
