package imap

import (
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"

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
		into, err := s.place(t, params.Into.In(t))
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
		byMove := params.By == "move" && s.client.Caps().Has(imap.CapMove)
		for try := range goneTries {
			uid, err := s.ownMessage(t.Draw(try))
			if err != nil {
				return err
			}
			if uid == 0 {
				break
			}
			var moved bool
			if byMove {
				data, err := s.client.Move(imap.UIDSetNum(uid), into).Wait()
				if err != nil {
					return s.fail(doing, err)
				}
				// Without UIDPLUS nobody says what was moved.
				moved = data.SourceUIDs != nil || !s.client.Caps().Has(imap.CapUIDPlus)
			} else if moved, err = s.copyAway(t, doing, uid, into); err != nil {
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
func (s *session) copyAway(t *probe.Turn, doing string, uid imap.UID, into string) (bool, error) {
	data, err := s.client.Copy(imap.UIDSetNum(uid), into).Wait()
	if err != nil {
		return false, s.fail(doing, err)
	}
	t.Mark(probe.PhaseFirstByte)
	if data.SourceUIDs == nil && s.client.Caps().Has(imap.CapUIDPlus) {
		return false, nil
	}
	return true, s.remove(doing, []imap.UID{uid})
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
		if _, err := s.ownMessage(0); err != nil {
			return err
		}
		t.Mark(probe.PhaseFirstByte)
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
func (s *session) remove(doing string, uids []imap.UID) error {
	set := imap.UIDSetNum(uids...)
	if err := s.client.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		return s.fail(doing, err)
	}
	if caps := s.client.Caps(); caps.Has(imap.CapUIDPlus) || caps.Has(imap.CapIMAP4rev2) {
		return s.fail(doing, s.client.UIDExpunge(set).Close())
	}
	marked, err := s.client.UIDSearch(&imap.SearchCriteria{Flag: []imap.Flag{imap.FlagDeleted}}, nil).Wait()
	if err != nil {
		return s.fail(doing, err)
	}
	for _, uid := range marked.AllUIDs() {
		if !slices.Contains(uids, uid) {
			return probe.Failf(probe.Content, doing, "the server cannot expunge by UID, and the mailbox has messages of others marked as deleted")
		}
	}
	return s.fail(doing, s.client.Expunge().Close())
}

// disown forgets messages that are no longer in the selected mailbox.
func (s *session) disown(uids ...imap.UID) {
	s.own = slices.DeleteFunc(s.own, func(uid imap.UID) bool { return slices.Contains(uids, uid) })
}
