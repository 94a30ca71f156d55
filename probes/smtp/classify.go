package smtp

import (
	"strings"

	"pegel/probes/probe"
)

// rule is one line of the table of refusals: the first that fits gives the class. Zero and "" fit everything, a code of one digit
// fits all that begin with it.
type rule struct {
	code            int
	subject, detail int    // of the enhanced status code; -1: whatever it is, even none
	text            string // lower case, part of the reply's text
	class           probe.Class
}

const whatever = -1

// rules say what a refusal means, most telling first: what a server's own wording says beyond its code, then the enhanced status
// code (RFC 3463 and its registry), then the code (RFC 5321, section 4.2.3; RFC 4954, section 6). A limit on rate, connections,
// size or space for one user is limited; a server that cannot now is overload; "you may not" is denied.
var rules = []rule{
	// Postfix smtpd(8): "421 4.4.2 HOST Error: timeout exceeded" is no limit that load meets.
	{421, 4, 2, "timeout exceeded", probe.Overload},
	// Postfix smtpd(8): "421 4.7.0 HOST Error: too many connections from ADDRESS", "too many errors", "450 4.7.1 Error: too
	// much mail from", "too many recipients from"; Exim smtp_in.c: "421 Too many concurrent SMTP connections"; Amazon SES the same.
	{4, whatever, whatever, "too many", probe.Limited},
	{4, whatever, whatever, "too much mail", probe.Limited},
	// Exchange: "421 4.3.2 The maximum number of concurrent connections … has exceeded a limit", "421 4.4.2 Message submission
	// rate for this client has exceeded the configured limit", "432 4.3.2 … sender thread limit exceeded"; Sendmail: "421 4.3.2
	// Connection rate limit exceeded".
	{4, whatever, whatever, "exceed", probe.Limited},
	// Google: "450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents …"; "421 4.7.28 … unusual rate"
	{4, whatever, whatever, " rate", probe.Limited},
	// postscreen(8): "421 4.3.2 All server ports are busy"
	{4, whatever, whatever, "ports are busy", probe.Limited},
	// Greylisting: Postgrey "450 4.2.0 … Greylisted", rspamd "451 4.7.1 Greylisted"
	{4, whatever, whatever, "greylist", probe.Limited},
	// Postfix: "454 4.7.0 Temporary authentication failure: Connection lost to authentication server"; RFC 4954, section 4.7.0
	{454, whatever, whatever, "", probe.Overload},
	{4, 2, 2, "", probe.Limited}, // mailbox full, "452 4.2.2" of Dovecot's LMTP through Postfix
	{4, 5, 3, "", probe.Limited}, // too many recipients: RFC 3463, Postfix smtpd_recipient_limit "452 4.5.3"
	{4, 7, whatever, "", probe.Limited},
	{4, whatever, whatever, "", probe.Overload}, // "452 4.3.1 Insufficient system storage" or "resources" (Postfix, Exchange), "451 4.3.0"

	{530, whatever, whatever, "", probe.Auth}, // authentication required, "530 5.7.0 Must issue a STARTTLS command first"
	{534, whatever, whatever, "", probe.Auth},
	{535, whatever, whatever, "", probe.Auth},
	{538, whatever, whatever, "", probe.Auth},
	{5, 7, 8, "", probe.Auth},
	{5, 7, 57, "", probe.Auth},                   // Exchange: "Client was not authenticated to send anonymous mail"
	{552, whatever, whatever, "", probe.Limited}, // size or space
	{5, 2, 2, "", probe.Limited},                 // mailbox full
	{5, 2, 3, "", probe.Limited},                 // message longer than the mailbox's limit
	{5, 3, 4, "", probe.Limited},                 // message too big for the system
	{5, whatever, whatever, "quota", probe.Limited},
	{5, 7, whatever, "", probe.Denied},
	{5, 1, whatever, "", probe.Content}, // an address is wrong
	{5, 4, whatever, "", probe.Content}, // no way to the address
	{5, 6, whatever, "", probe.Content}, // the message itself is refused
	{555, whatever, whatever, "", probe.BadProtocol},
	{500, whatever, whatever, "", probe.BadProtocol},
	{501, whatever, whatever, "", probe.BadProtocol},
	{502, whatever, whatever, "", probe.BadProtocol},
	{503, whatever, whatever, "", probe.BadProtocol},
	{504, whatever, whatever, "", probe.BadProtocol},
	{554, whatever, whatever, "", probe.Denied}, // "no SMTP service here", "Transaction failed"
	{5, whatever, whatever, "", probe.Content},
}

func (r rule) fits(refused *reply, text string) bool {
	if r.code != refused.code && r.code != refused.code/100 {
		return false
	}
	if r.subject != whatever && (refused.status == (status{}) || r.subject != refused.status[1]) ||
		r.detail != whatever && r.detail != refused.status[2] {
		return false
	}
	return strings.Contains(text, r.text)
}

// classOf says what a refusal means. What is neither 4xx nor 5xx is out of turn.
func classOf(refused *reply) probe.Class {
	text := strings.ToLower(refused.text)
	for _, r := range rules {
		if r.fits(refused, text) {
			return r.class
		}
	}
	return probe.BadProtocol
}
