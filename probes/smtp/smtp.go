// Package smtp is the protocol SMTP, as mail programs speak it to submit mail (RFC 6409) and mail servers to bring it (RFC 5321).
//
// A session is one connection that is used for one mail after the other. Opening it ends with the answer to EHLO, after
// TLS where the target has it; the user logs in with the first mail, or by the action login. Commands go in groups where the
// server offers PIPELINING (RFC 2920), each group in one write; replies are read by lines into a buffer of fixed size. Servers close a connection
// that has been silent for a while; a step that meets this connects again by itself, and its phases show it.
package smtp

import (
	"pegel/probes/probe"
)

// Protocol is SMTP. Its targets have URLs with the scheme smtp (port 587 by default) or smtps (465).
func Protocol() probe.Protocol {
	return probe.Protocol{
		Name: "smtp", Schemes: []string{"smtp", "smtps"},
		Open: open,
		Actions: map[string]probe.Action{
			"login": login,
			"send":  send,
			"noop":  noop,
			"quit":  quit,
		},
	}
}

// step makes a step of what is to be done on the user's session with the step's own target. A connection that the server
// turns out to have closed since the last action is replaced once: that is its right, and no failure.
func step(do func(t *probe.Turn, s *session) error) probe.Step {
	return func(t *probe.Turn) error {
		s, err := probe.SessionAs[*session](t)
		if err != nil {
			return err
		}
		err = s.begin(t)
		if err == nil {
			err = do(t, s)
		}
		if err != nil && s.stale(err) {
			if err = s.connect(t); err == nil {
				err = do(t, s)
			}
		}
		s.end(t, err)
		return err
	}
}
