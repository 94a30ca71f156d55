package imap

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// A checkpoint compares what two connections of one account are told of a mailbox. Nothing stands still for it: mail may come, and
// other programs of the user are not pegel's to stop. So it looks for a moment at which nothing changed by itself: the first
// connection lists, then the second, then, after a NOOP, the first again, and only where the first has been told the same twice does
// the second count. The NOOP is needed, for a server may keep what has gone to itself until then (RFC 3501, section 7.4.1). One that differs may be late (a replica, a notice under way), so it is asked again, after a NOOP and a pause; what still
// differs is a violation.
const (
	checkpointRounds = 5 // at most; a mailbox that never stands still is no failure
	checkpointPause  = 250 * time.Millisecond
)

// checkpoint is the action that does so for the newest messages of a mailbox: number, UIDs, sizes, flags but \Recent, and MODSEQ
// where the mailbox has them. The second connection is made for it and closed afterwards, which is part of the action.
func checkpoint(decode func(any) error) (probe.Step, error) {
	params := struct {
		Mailbox probe.Text `yaml:"mailbox"`
		Last    uint32     `yaml:"last"`
	}{probe.Literal(inbox), 1000}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if err := usable(params.Mailbox); err != nil {
		return nil, err
	}
	if params.Last == 0 || params.Last > 10_000 {
		return nil, fmt.Errorf("last is %d, but must be from 1 to 10000", params.Last)
	}
	return step(func(t *probe.Turn, s *session) (err error) {
		if err := s.authenticate(t); err != nil {
			return err
		}
		mailbox, err := s.place(params.Mailbox.In(t))
		if err != nil {
			return err
		}
		// Anew, so that both have the server's word of about the same time.
		if err := s.choose(mailbox, true, false); err != nil {
			return err
		}
		twin := newSession(t, s.target, s.account)
		twin.second = true
		defer func() {
			err = twin.verdict(t, err)
			twin.end(t, err)
			twin.Close()
		}()
		if err := twin.connect(t); err != nil {
			return err
		}
		if err := twin.authenticate(t); err != nil {
			return err
		}
		if err := twin.choose(mailbox, true, false); err != nil {
			return err
		}
		if err := s.agree(t, twin, params.Last); err != nil {
			return err
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// agree compares the two connections until they agree, or have disagreed twice.
func (s *session) agree(t *probe.Turn, twin *session, last uint32) error {
	differed := false
	for round := range checkpointRounds {
		if round > 0 {
			pause := time.NewTimer(checkpointPause)
			from := time.Now()
			select {
			case <-pause.C:
				t.Awaited(time.Since(from))
			case <-s.ctx.Done():
				pause.Stop()
				return probe.Fail(probe.ClassOf(s.ctx.Err()), "checkpoint in "+s.mailbox, s.ctx.Err())
			}
			for _, each := range []*session{s, twin} {
				if err := each.conn.Noop(); err != nil {
					return each.fail("checkpoint in "+s.mailbox, err)
				}
			}
		}
		var lists [3][]listed
		changes := s.numbered() && twin.numbered()
		for i, each := range []*session{s, twin, s} {
			if i == 2 {
				if err := s.conn.Noop(); err != nil {
					return s.fail("checkpoint in "+s.mailbox, err)
				}
			}
			var err error
			if lists[i], err = each.listing(last, changes); err != nil {
				return err
			}
		}
		if difference(lists[0], lists[2]) != "" {
			differed = false // something has changed meanwhile
			continue
		}
		wrong := difference(lists[0], lists[1])
		if wrong == "" {
			return nil
		}
		if differed {
			return s.disagree(t, wrong, twin)
		}
		differed = true
	}
	return nil
}

// disagree reports that the two connections were told different things.
func (s *session) disagree(t *probe.Turn, wrong string, twin *session) error {
	v := violation{rule: ruleCheckpoint, mailbox: s.mailbox, expected: "two connections to be told the same", came: wrong}
	report := &probe.Violation{Rule: v.rule, Mailbox: v.mailbox, Expected: v.expected, Came: s.scrub(v.came)}
	for i, each := range []*session{s, twin} {
		if each.tracker == nil {
			continue
		}
		each.tracker.mu.Lock()
		report.Transcript += fmt.Sprintf("connection %d\n%s", i+1, each.tracker.lines.text(each.account))
		each.tracker.mu.Unlock()
	}
	t.Violated(*report)
	return probe.Failf(probe.Content, "checkpoint", "%s", report.Text())
}

// listed is one message as a listing has it.
type listed struct {
	uid    uint32
	size   int64
	modSeq uint64
	flags  string // sorted, lower case
}

// numbered tells whether the messages of the selected mailbox have a MODSEQ. Of one without them none may be asked for, though the
// server offers CONDSTORE (RFC 7162, section 3.1.2.2).
func (s *session) numbered() bool { return s.conn.Can.Has(client.CondStore) && s.conn.Box.ModSeq > 0 }

// listing asks for the newest messages of the selected mailbox, by rising UID; changes asks for their MODSEQ.
func (s *session) listing(last uint32, changes bool) ([]listed, error) {
	n := s.count()
	if n == 0 {
		return nil, nil
	}
	items := "(UID FLAGS RFC822.SIZE)"
	if changes {
		items = "(UID FLAGS RFC822.SIZE MODSEQ)"
	}
	most := int(min(n, last)) + 1000
	var list []listed
	err := s.conn.Fetch(&client.Fetch{Set: client.Range(n-min(n, last)+1, n), Items: items, Each: func(m *client.Message) error {
		if m.UID == 0 || !m.More {
			return nil // news of a message that nobody asked for
		}
		if len(list) == most {
			return probe.Failf(probe.BadProtocol, "list "+s.mailbox, "more messages came than the mailbox has")
		}
		flags := slices.DeleteFunc(strings.Fields(strings.ToLower(string(m.Flags))), func(flag string) bool { return flag == `\recent` })
		slices.Sort(flags)
		list = append(list, listed{m.UID, m.Size, m.ModSeq, strings.Join(flags, " ")})
		return nil
	}})
	if err != nil {
		return nil, s.fail("list "+s.mailbox, err)
	}
	slices.SortFunc(list, func(a, b listed) int { return cmp.Compare(a.uid, b.uid) })
	return list, nil
}

// difference is the first thing in which two listings differ, "" where they agree.
func difference(a, b []listed) string {
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		switch {
		case x.uid != y.uid:
			return fmt.Sprintf("a message with UID %d here, %d there", x.uid, y.uid)
		case x.size != y.size:
			return fmt.Sprintf("UID %d with %d bytes here, %d there", x.uid, x.size, y.size)
		case x.flags != y.flags:
			return fmt.Sprintf("UID %d with flags (%s) here, (%s) there", x.uid, x.flags, y.flags)
		case x.modSeq != y.modSeq:
			return fmt.Sprintf("UID %d with MODSEQ %d here, %d there", x.uid, x.modSeq, y.modSeq)
		}
	}
	if len(a) != len(b) {
		return fmt.Sprintf("%d messages here, %d there", len(a), len(b))
	}
	return ""
}
