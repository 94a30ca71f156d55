package smtp

import (
	"errors"
	"fmt"
	"time"

	"pegel/probes/probe"
)

// outcome is what became of a mail's recipients over all tries.
type outcome struct {
	taken, refused []string
	first          *reply // the first refusal of a recipient
}

// deliver sends a mail, once as mail programs do, or as a mail server until every recipient has been taken or refused for good,
// or no time is left for another try.
func (p *sending) deliver(t *probe.Turn, s *session, m *transaction) error {
	err := s.transmit(t, m)
	if err == nil && len(m.refused) == 0 {
		return nil
	}
	var sum outcome
	all, tries, wait := len(m.to), 1, p.Backoff
	for {
		again := sum.add(m, err)
		if len(again) == 0 || p.Retry == "none" || !s.pause(t, tries, &wait) {
			return sum.failure(s, m, err, all, tries, again)
		}
		tries++
		m.to = again
		if err = s.connect(t); err == nil {
			err = p.enter(t, s)
		}
		if err == nil {
			err = s.transmit(t, m)
		} else {
			m.refused, m.taken = m.refused[:0], false
		}
	}
}

// add counts one try, and returns the recipients whom another try may reach: those refused for the time being, and those for
// whom the answer to the final dot never came, because a mail server keeps responsibility until it hears that somebody else has
// it (RFC 5321, section 4.2.5). Where the mail was not sent because some were refused, the others come along.
func (o *outcome) add(m *transaction, err error) (again []string) {
	var whole *reply
	unheard := probe.MayBeTaken(err)
	later := unheard || errors.As(err, &whole) && whole.temporary()
	next := 0
	var held []string
	before := len(o.refused)
	for n, to := range m.to {
		var why *reply
		if next < len(m.refused) && m.refused[next].to == n {
			why = m.refused[next].reply
			next++
			if o.first == nil {
				o.first = why
			}
		}
		switch {
		case why != nil && why.temporary(), why == nil && later:
			again = append(again, to)
			if why == nil && unheard {
				m.unheard = append(m.unheard, to)
			}
		case why != nil:
			o.refused = append(o.refused, to)
		case m.taken:
			o.taken = append(o.taken, to)
		case err == nil:
			held = append(held, to)
		}
	}
	switch {
	case err != nil && !later:
		return nil
	case len(held) > 0 && len(o.refused) == before:
		return append(again, held...)
	case len(held) > 0:
		return nil
	}
	return again
}

// failure is what the action came to in the end; nil if the mail was taken for everybody. left are those who are still refused
// for the time being.
func (o *outcome) failure(s *session, m *transaction, err error, all, tries int, left []string) error {
	lost := all - len(o.taken)
	if lost == 0 {
		return nil
	}
	tried := ""
	if tries > 1 {
		tried = fmt.Sprintf(" after %d tries", tries)
	}
	class, doing := probe.ClassOf(err), doingRcpt
	var own *probe.Error
	if errors.As(err, &own) {
		doing, err = own.Doing, own.Err
	} else {
		class = classOf(o.first)
		clean := *o.first
		clean.text = s.scrub(clean.text)
		err = &clean
	}
	if len(o.taken) > 0 {
		refused := append(o.refused, left...)
		return probe.Failf(class, doing, "%d of %d recipients refused%s, the mail was taken for the others: %w",
			lost, all, tried, &probe.Partial{Taken: o.taken, Refused: refused, Err: err})
	}
	switch {
	case own == nil && all > 1:
		refused := len(m.refused)
		return probe.Failf(class, doing, "%d of %d recipients refused%s, the mail was not sent: %w", refused, all, tried, err)
	case tried != "":
		return probe.Failf(class, doing, "%w, given up%s", err, tried)
	}
	return probe.Fail(class, doing, err)
}

// pause is the time that a mail lies in a mail server's queue before the next try, on a new connection; it doubles each time up to
// maxBackoff, and varies by an eighth to either side. false: the action's time would be over first.
func (s *session) pause(t *probe.Turn, tries int, wait *time.Duration) bool {
	drawn := float64(t.Draw(-tries)>>11) / (1 << 53)
	this := *wait - *wait/8 + time.Duration(drawn*float64(*wait/4))
	*wait = min(2**wait, maxBackoff)
	if end, limited := s.ctx.Deadline(); s.ctx.Err() != nil || limited && time.Until(end) < this {
		return false
	}
	if s.wire != nil {
		s.out = append(s.out[:0], "QUIT\r\n"...)
		s.flush() // a courtesy: the answer is not waited for
		s.report(t)
		s.Close()
	}
	timer := time.NewTimer(this)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
		return false
	}
	t.Mark(probe.PhaseComplete) // so that the time in the queue is not that of the connection
	return true
}
