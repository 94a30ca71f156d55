package learn

import (
	"net/netip"
	"strings"
)

// queue reads Postfix. A mail is several lines that its queue id holds together; one entry comes of them, when it is taken
// into the queue:
//
//	postfix/submission/smtpd[3]: 1DBB4A7FD: client=host[192.0.2.7], sasl_method=PLAIN, sasl_username=a@b
//	postfix/qmgr[4]: 1DBB4A7FD: from=<a@b>, size=1778, nrcpt=1 (queue active)
//
// A mail with a name is a user's, one from a loopback address comes from the machine itself or back from a filter, and the
// rest comes from outside.
type queue struct {
	names   *pseudonyms
	pending map[string]pendingMail
	order   []string // ring of the queue ids, oldest at next
	next    int
}

type pendingMail struct {
	user  uint64
	local bool
}

// mostPending bounds the mails that are between their first line and the second.
const mostPending = 50_000

func newQueue(names *pseudonyms) *queue {
	return &queue{names: names, pending: map[string]pendingMail{}}
}

func (q *queue) message(e *entry, program, text string) {
	e.kind, e.what = ignored, "other lines of Postfix"
	id, rest, ok := strings.Cut(text, ": ")
	daemon := program[strings.LastIndexByte(program, '/')+1:]
	switch {
	case daemon == "smtpd" && strings.HasPrefix(text, "connect from "):
		e.what = "connections to Postfix"
	case daemon == "smtpd" && strings.HasPrefix(text, "NOQUEUE: reject"):
		e.what = "mails refused by Postfix"
	case !ok || len(id) > 40:
	case daemon == "smtpd" && strings.HasPrefix(rest, "client="):
		e.what = "mails begun"
		q.begin(id, rest)
	case daemon == "qmgr" && strings.HasPrefix(rest, "from=<"):
		q.queued(e, id, rest)
	case daemon == "smtp" || daemon == "lmtp" || daemon == "virtual" || daemon == "local" || daemon == "pipe":
		status, _ := attribute(rest, "status")
		if status == "sent" && daemon == "smtp" {
			e.what = "recipients sent on by SMTP"
		} else if status == "sent" {
			e.what = "recipients delivered"
		} else if status != "" {
			e.what = "deliveries deferred or bounced"
		}
	}
}

func (q *queue) begin(id, rest string) {
	id = strings.Clone(id)
	if len(q.order) < mostPending {
		q.order = append(q.order, id)
	} else {
		delete(q.pending, q.order[q.next])
		q.order[q.next] = id
		q.next = (q.next + 1) % mostPending
	}
	var mail pendingMail
	if user, ok := attribute(rest, "sasl_username"); ok && user != "" {
		mail.user = q.names.of("name", strings.ToLower(user))
	}
	client, _ := attribute(rest, "client")
	if i := strings.LastIndexByte(client, '['); i >= 0 {
		address, err := netip.ParseAddr(strings.TrimSuffix(client[i+1:], "]"))
		mail.local = err == nil && address.IsLoopback()
	}
	q.pending[id] = mail
}

func (q *queue) queued(e *entry, id, rest string) {
	mail, ok := q.pending[id]
	if !ok {
		e.what = "mails of the machine itself, or taken up again"
		return
	}
	delete(q.pending, id)
	if mail.local && mail.user == 0 {
		e.what = "mails of the machine itself, or taken up again"
		return
	}
	size, _ := attribute(rest, "size")
	e.bytes, _ = number(size)
	recipients, _ := attribute(rest, "nrcpt")
	n, _ := number(recipients)
	e.recipients = int(min(n, 1e6))
	e.kind, e.what = inbound, ""
	if mail.user != 0 {
		e.kind, e.way, e.action, e.user, e.named = act, desktop, "smtp.send", mail.user, true
	}
}
