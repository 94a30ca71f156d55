package smtp

import (
	"fmt"
	"slices"
	"time"

	"github.com/emersion/go-smtp"

	"pegel/internal/corpus"
	"pegel/probes/probe"
)

// maxRecipients is what every server must accept in one transaction (RFC 5321, section 4.5.3.1.8).
const maxRecipients = 100

// send is the action of sending one mail: MAIL, RCPT for each recipient, DATA. It is over when the server has taken
// responsibility, not when the mail is delivered. Peers are drawn; one drawn twice gets the mail once.
func send(decode func(any) error) (probe.Step, error) {
	params := struct {
		Size       probe.Text `yaml:"size"`
		Recipients int        `yaml:"recipients"`
		To         string     `yaml:"to"`      // peer: other accounts of the scenario; self: the user's own
		Carries    string     `yaml:"carries"` // eicar or gtube: what a filter is to find
	}{Size: probe.Literal("mix"), Recipients: 1, To: "peer"}
	if err := decode(&params); err != nil {
		return nil, err
	}
	sizes, err := probe.Parsed(params.Size, corpus.ParseSizes)
	if err != nil {
		return nil, err
	}
	carries, err := corpus.ParseCarried(params.Carries)
	if err != nil {
		return nil, err
	}
	if params.To != "peer" && params.To != "self" {
		return nil, fmt.Errorf("to is %q, but must be peer or self", params.To)
	}
	if params.Recipients < 1 || params.Recipients > maxRecipients {
		return nil, fmt.Errorf("recipients is %d, but must be 1 to %d", params.Recipients, maxRecipients)
	}
	if params.To == "self" && params.Recipients > 1 {
		return nil, fmt.Errorf("a mail to self has one recipient")
	}
	return step(func(t *probe.Turn, s *session) error {
		size, err := sizes(t)
		if err != nil {
			return err
		}
		to := []string{s.account.Address}
		if params.To == "peer" {
			to = to[:0]
			for i := range params.Recipients {
				if peer := t.Peer(2 + i).Address; !slices.Contains(to, peer) {
					to = append(to, peer)
				}
			}
		}
		spec := corpus.MessageSpec{
			Run: t.RunID(), Key: t.Draw(0), Size: size.Draw(t.Draw(1)), Date: time.Now(), From: s.account.Address, To: to,
			Carries: carries,
		}
		if len(to) == 1 {
			spec.Owner = to[0] // with several recipients the copies in their mailboxes are alike
		}
		// A server that offers no login, such as one that takes mail from outside, is taken as it is.
		if mechanism := s.mechanism(); mechanism != nil && !s.loggedIn && (s.account.Token != "" || s.account.Secret() != "") {
			if err := s.authenticate(t, mechanism); err != nil {
				return err
			}
		}
		if err := s.transmit(t, s.account.Address, to, corpus.Message(spec)); err != nil {
			return err
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// transmit does one mail transaction. A refusal leaves the session usable: the next transaction begins with RSET.
func (s *session) transmit(t *probe.Turn, from string, to []string, message []byte) (err error) {
	if s.refused {
		if err := s.client.Reset(); err != nil {
			return s.fail("reset", err)
		}
		s.refused, s.answered = false, true
	}
	if err := s.client.Mail(from, &smtp.MailOptions{Size: int64(len(message))}); err != nil {
		return s.fail("mail from", err)
	}
	s.refused, s.answered = true, true // until the transaction has been completed
	t.Mark(probe.PhaseFirstByte)
	for _, recipient := range to {
		if err := s.client.Rcpt(recipient, nil); err != nil {
			return s.fail("rcpt to", err)
		}
	}
	data, err := s.client.Data()
	if err != nil {
		return s.fail("data", err)
	}
	if _, err := data.Write(message); err != nil {
		return s.fail("send the message", err)
	}
	if err := data.Close(); err != nil {
		return s.fail("send the message", err)
	}
	s.refused = false
	return nil
}
