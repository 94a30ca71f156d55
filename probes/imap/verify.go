package imap

import (
	"slices"

	"pegel/probes/probe"
)

// verifyCopy compares source and target after copying: for each mailbox of the pass how many messages are there, missing, differ in
// digest, date or flags, or are there too often. Anything of that is a failure of the class content. It changes nothing.
func verifyCopy(decode func(any) error) (probe.Step, error) {
	params := new(migration)
	if err := params.decode(decode); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		return s.beside(t, params.Source, func(source *session) error {
			sum, err := compare(source, s, params)
			if err != nil {
				return err
			}
			s.passes().of(s.account.Login, *params).tell(t, &sum, sum.Pass)
			if !sum.Right() {
				return probe.Failf(probe.Content, "verify the "+sum.Pass+" pass", "of %d messages %d are missing (%d were refused), %d differ, %d have other flags; %d are there too often",
					sum.Source, sum.Missing, sum.Refused, sum.Differing, sum.Flags, sum.Twice)
			}
			t.Mark(probe.PhaseComplete)
			return nil
		})
	}), nil
}

// compare looks through both sides.
func compare(source, target *session, m *migration) (sum probe.Copies, err error) {
	sum.Pass = m.pass()
	pairs, err := pairMailboxes(source, target, m)
	if err != nil {
		return sum, err
	}
	for _, pair := range pairs {
		want, err := source.inventory(pair.from, &m.Of, m.Digest)
		if err != nil {
			return sum, err
		}
		have, err := target.inventoryIfAny(pair, m.Digest)
		if err != nil {
			return sum, err
		}
		match(&sum, want, have)
	}
	return sum, nil
}

// match pairs the messages of the source with their copies: of several with one identity those first that are alike. Of what the
// target has besides only surplus copies of these count, for it may be in use already.
func match(sum *probe.Copies, want, have []entry) {
	copies := map[identity][]*entry{}
	for i := range have {
		copies[have[i].identity] = append(copies[have[i].identity], &have[i])
	}
	sum.Source += len(want)
	wanted := map[dated]bool{}
	rest := want
	for closeness := alike; closeness <= related; closeness++ {
		var open []entry
		for _, w := range rest {
			wanted[dated{w.identity, w.arrived}] = true
			list := copies[w.identity]
			i := slices.IndexFunc(list, func(c *entry) bool { return w.closeness(c) <= closeness })
			if i < 0 {
				open = append(open, w)
				continue
			}
			copies[w.identity] = slices.Delete(list, i, i+1)
			switch closeness {
			case alike:
				sum.Alike++
			case flagged:
				sum.Flags++
			default:
				sum.Differing++
			}
		}
		rest = open
	}
	sum.Missing += len(rest)
	for id, list := range copies {
		for _, c := range list {
			if wanted[dated{id, c.arrived}] { // one of another date may belong to another pass
				sum.Twice++
			}
		}
	}
}

// dated is a message by identity and date.
type dated struct {
	identity identity
	arrived  int64
}

// How close a copy is to its original.
const (
	alike   = iota
	flagged // but for its flags
	related // the same message by its identity, with another digest or date
)

func (e *entry) closeness(other *entry) int {
	switch {
	case e.content != other.content || e.arrived != other.arrived:
		return related
	case e.flags != other.flags:
		return flagged
	}
	return alike
}
