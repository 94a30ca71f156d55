package smtp

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"pegel/internal/corpus"
	"pegel/probes/probe"
)

// maxRecipients of one mail: ten times what every server must accept (RFC 5321, section 4.5.3.1.8), and what Postfix accepts by
// default (smtpd_recipient_limit).
const maxRecipients = 1000

// The defaults of a mail server's queue: Postfix's minimal_backoff_time and maximal_backoff_time.
const (
	defaultBackoff = 300 * time.Second
	maxBackoff     = 4000 * time.Second
)

// sending is what a step smtp.send is told.
type sending struct {
	Size       probe.Text    `yaml:"size"`
	Recipients int           `yaml:"recipients"`
	To         string        `yaml:"to"`      // peer: other accounts of the scenario; self: the user's own
	Carries    string        `yaml:"carries"` // eicar or gtube: what a filter is to find
	As         string        `yaml:"as"`      // client: a mail program that submits; mta: a mail server that brings mail from outside
	From       probe.Text    `yaml:"from"`    // the sender; the account's own address where empty
	Pipelining string        `yaml:"pipelining"`
	Refused    string        `yaml:"refused"` // recipients: abort, or send to the rest
	Retry      string        `yaml:"retry"`
	Backoff    time.Duration `yaml:"backoff"`
	Answer     time.Duration `yaml:"answer"` // how long the answer to the final dot is waited for; 0: as long as the action may take

	carries corpus.Carried
}

// send is the action of sending one mail: MAIL, RCPT for each recipient, DATA. It is over when the server has taken
// responsibility, not when the mail is delivered. Peers are drawn; one drawn twice gets the mail once.
func send(decode func(any) error) (probe.Step, error) {
	p := &sending{Size: probe.Literal("mix"), Recipients: 1, To: "peer", As: "client", Pipelining: "auto", Backoff: defaultBackoff}
	if err := decode(p); err != nil {
		return nil, err
	}
	sizes, err := probe.Parsed(p.Size, corpus.ParseSizes)
	if err != nil {
		return nil, err
	}
	sender, err := probe.Parsed(p.From, mailbox)
	if err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		size, err := sizes(t)
		if err != nil {
			return err
		}
		from, err := sender(t)
		if err != nil {
			return err
		}
		if from == "" {
			from = s.account.Address
		}
		to := p.recipients(t, s)
		spec := corpus.MessageSpec{
			Run: t.RunID(), Key: t.Draw(0), Size: size.Draw(t.Draw(1)), Date: time.Now(), From: from, To: to,
			Carries: p.carries,
		}
		if len(to) == 1 {
			spec.Owner = to[0] // with several recipients the copies in their mailboxes are alike
		}
		if err := p.enter(t, s); err != nil {
			return err
		}
		buf := texts.Get().(*[textSize]byte)
		defer texts.Put(buf)
		spec.Memory = buf[:]
		m := &transaction{from: from, to: to, message: corpus.Compose(spec), rest: p.Refused == "rest", piped: p.Pipelining == "auto", answer: p.Answer}
		err = p.deliver(t, s, m)
		p.tell(t, &spec, m.unheard, to, err)
		if err != nil {
			return err
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}

// textSize holds the text of a mail without its attachments; texts lends out so much for each mail under way.
const textSize = 8 << 10

var texts = sync.Pool{New: func() any { return new([textSize]byte) }}

// check completes and checks the parameters, while the plan is being built.
func (p *sending) check() (err error) {
	if p.carries, err = corpus.ParseCarried(p.Carries); err != nil {
		return err
	}
	mta := p.As == "mta"
	if p.Refused == "" {
		p.Refused = map[bool]string{false: "abort", true: "rest"}[mta]
	}
	if p.Retry == "" {
		p.Retry = map[bool]string{false: "none", true: "mta"}[mta]
	}
	for _, c := range []struct{ name, is, one, other string }{
		{"to", p.To, "peer", "self"}, {"as", p.As, "client", "mta"}, {"pipelining", p.Pipelining, "auto", "off"},
		{"refused", p.Refused, "abort", "rest"}, {"retry", p.Retry, "none", "mta"},
	} {
		if c.is != c.one && c.is != c.other {
			return fmt.Errorf("%s is %q, but must be %s or %s", c.name, c.is, c.one, c.other)
		}
	}
	if p.Recipients < 1 || p.Recipients > maxRecipients {
		return fmt.Errorf("recipients is %d, but must be 1 to %d", p.Recipients, maxRecipients)
	}
	if p.To == "self" && p.Recipients > 1 {
		return fmt.Errorf("a mail to self has one recipient")
	}
	if p.Backoff <= 0 || p.Backoff > maxBackoff {
		return fmt.Errorf("backoff is %v, but must be above 0 and at most %v", p.Backoff, maxBackoff)
	}
	if p.Answer < 0 {
		return fmt.Errorf("answer is %v, but must not be negative", p.Answer)
	}
	return nil
}

// recipients of this action's mail.
func (p *sending) recipients(t *probe.Turn, s *session) []string {
	to := []string{s.account.Address}
	if p.To == "peer" {
		to = to[:0]
		for i := range p.Recipients {
			if peer := t.Peer(2 + i).Address; !slices.Contains(to, peer) {
				to = append(to, peer)
			}
		}
	}
	return to
}

// enter logs in where that is due. A mail server from outside does not, and a server that offers no login is taken as it is.
func (p *sending) enter(t *probe.Turn, s *session) error {
	if p.As == "mta" || s.loggedIn || !s.canLogIn() || s.account.Token == "" && s.account.Secret() == "" {
		return nil
	}
	return s.authenticate(t)
}

// mailbox checks an address that is to stand in MAIL FROM.
func mailbox(text string) (string, error) {
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' }) {
		return "", fmt.Errorf("from is %q, but must be one mail address without brackets", text)
	}
	return text, nil
}
