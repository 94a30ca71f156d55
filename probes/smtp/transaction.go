package smtp

import (
	"errors"
	"strconv"
	"time"

	"pegel/internal/corpus"
	"pegel/probes/probe"
)

// groupSize is how many recipients are sent before their answers are read, so that neither side fills its send buffer while
// nobody reads (RFC 2920, section 3.1).
const groupSize = 100

// transaction is one mail on its way: MAIL, RCPT for each recipient, DATA.
type transaction struct {
	from    string
	to      []string
	message *corpus.Content
	rest    bool // recipients may be refused: the mail then goes to the others, as mail servers do it
	piped   bool // send commands in groups where the server offers it

	answer time.Duration // how long the answer to the final dot is waited for; 0: as long as the action may take

	unheard []string  // recipients of tries whose answer never came, over all tries
	refused []refusal // of recipients
	taken   bool      // the server has taken the message for all others
}

// refusal is what became of a recipient.
type refusal struct {
	to    int // index
	reply *reply
}

// doing words, which begin a failure's text.
const (
	doingReset = "reset"
	doingMail  = "mail from"
	doingRcpt  = "rcpt to"
	doingData  = "data"
	doingSend  = "send the message"
)

// transmit does one transaction. A refusal leaves the session usable: the next transaction begins with RSET. That recipients
// were refused is in m.refused and no error; whether the mail went to the others is m.taken.
func (s *session) transmit(t *probe.Turn, m *transaction) error {
	m.refused, m.taken = m.refused[:0], false
	piped := m.piped && s.offers.pipelining
	// Without further recipients to wait for, DATA goes along with RCPT: if that one is refused, DATA is too.
	withData := piped && (m.rest || len(m.to) == 1)
	s.out = s.out[:0]
	opening := 0 // replies to RSET and MAIL to be read: the bits 1 and 2
	if s.dirty {
		s.out = append(s.out, "RSET\r\n"...)
		opening = 1
		if !piped {
			if err := s.opened(t, opening); err != nil {
				return err
			}
			opening = 0
		}
	}
	s.putMail(m)
	opening |= 2
	if !piped {
		if err := s.opened(t, opening); err != nil {
			return err
		}
		opening = 0
	}
	var (
		failed error // of RSET or MAIL in a group whose other answers are to be read nevertheless
		asked  int   // recipients whose answer has been read
	)
	for i, to := range m.to {
		s.out = append(append(append(s.out, "RCPT TO:<"...), to...), ">\r\n"...)
		last := i == len(m.to)-1
		if last && withData {
			s.out = append(s.out, "DATA\r\n"...)
		}
		if piped && !last && (i+1)%groupSize != 0 {
			continue
		}
		if opening != 0 {
			failed = s.opened(t, opening)
			opening = 0
			if failed != nil && !refusedOnly(failed) {
				return failed
			}
		} else if err := s.flush(); err != nil {
			return s.fail(doingRcpt, err)
		}
		for ; asked <= i; asked++ {
			var refused *reply
			switch err := s.read(accepted, nil); {
			case err == nil:
			case errors.As(err, &refused) && refused.code != 421:
				if failed == nil {
					m.refused = append(m.refused, refusal{asked, refused})
				}
			default:
				return s.fail(doingRcpt, err)
			}
		}
		if failed != nil && !(last && withData) {
			return failed
		}
	}
	none := failed != nil || len(m.refused) == len(m.to) || len(m.refused) > 0 && !m.rest
	if withData {
		err := s.read(goAhead, nil)
		if none && err == nil {
			// RFC 2920, section 3.1: the server waits for a message that is not to be sent; an empty one is refused.
			s.out = append(s.out[:0], ".\r\n"...)
			if err = s.flush(); err == nil {
				err = s.read(done, nil)
			}
		}
		switch {
		case none && err != nil && !refusedOnly(s.fail(doingData, err)):
			return s.fail(doingData, err)
		case failed != nil:
			return failed
		case none:
			return nil
		case err != nil:
			return s.fail(doingData, err)
		}
	} else {
		if none {
			return failed
		}
		if err := s.ask("DATA", goAhead); err != nil {
			return s.fail(doingData, err)
		}
	}
	return s.hand(m)
}

// opened sends the group and reads the answers to RSET (1) and MAIL (2).
func (s *session) opened(t *probe.Turn, which int) error {
	if err := s.flush(); err != nil {
		return s.fail(doingMail, err)
	}
	if which&1 != 0 {
		if err := s.read(done, nil); err != nil {
			return s.fail(doingReset, err)
		}
		s.dirty = false
	}
	if which&2 != 0 {
		if err := s.read(done, nil); err != nil {
			return s.fail(doingMail, err)
		}
		s.dirty = true // until the transaction has been completed
		t.Mark(probe.PhaseFirstByte)
	}
	return nil
}

// refusedOnly tells whether a failure is a refusal after which the connection lives on.
func refusedOnly(err error) bool {
	var refused *reply
	return errors.As(err, &refused) && refused.code != 421
}

func (s *session) putMail(m *transaction) {
	s.out = append(append(append(s.out, "MAIL FROM:<"...), m.from...), '>')
	if s.offers.size {
		s.out = strconv.AppendInt(append(s.out, " SIZE="...), m.message.Size(), 10)
	}
	s.out = append(s.out, "\r\n"...)
}

// hand sends the message and reads whether the server has taken it.
func (s *session) hand(m *transaction) error {
	if err := s.stuff(m.message); err != nil {
		return s.fail(doingSend, err) // the dot, which is last, cannot have arrived
	}
	err := s.closingWord(m.answer)
	var refused *reply
	if err == nil || errors.As(err, &refused) && refused.code >= 400 {
		s.dirty, m.taken = false, err == nil
		return s.fail(doingSend, err)
	}
	return s.unheard(doingSend, err)
}

// closingWord reads the answer to the final dot, for at most so long where a limit is given. A client that gives up then closes the
// connection: a word that came later would be taken for the answer to something else.
func (s *session) closingWord(limit time.Duration) error {
	if limit == 0 {
		return s.read(done, nil)
	}
	s.wire.SetReadDeadline(time.Now().Add(limit))
	err := s.read(done, nil)
	until := time.Time{}
	if s.timed {
		until = time.Now().Add(patience)
	}
	s.wire.SetReadDeadline(until)
	return err
}
