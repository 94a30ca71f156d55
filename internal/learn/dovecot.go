package learn

import "strings"

// dovecot reads what Dovecot says of IMAP:
//
//	imap-login: Login: user=<a@b>, method=PLAIN, rip=192.0.2.7, lip=…, mpid=12, TLS, session=<x>
//	imap(a@b)<12><x>: Disconnected: Logged out in=120 out=757 deleted=0 expunged=0 trashed=0 hdr_count=3 hdr_bytes=9 body_count=2 body_bytes=8
//	imap(a@b)<12><x>: save: box=Sent, uid=7, msgid=<…>, size=1234          (plugin mail_log)
//
// It says nothing of SELECT, SEARCH, flags (but for mail_log) and IDLE.
type dovecot struct{ names *pseudonyms }

// isDovecot recognises the name of one of Dovecot's processes where its own log file has no other tag.
func isDovecot(program string) bool {
	for _, p := range []string{"imap-login", "imap(", "lmtp(", "lmtp:", "pop3", "auth", "master", "managesieve", "submission-login", "anvil", "config", "stats", "indexer"} {
		if strings.HasPrefix(program, p) {
			return true
		}
	}
	return false
}

func (d dovecot) message(e *entry, program, text string) {
	for _, level := range []string{"Info: ", "Warning: ", "Error: ", "Debug: "} {
		text = strings.TrimPrefix(text, level)
	}
	e.kind, e.way = ignored, desktop
	switch {
	case program == "imap-login":
		d.login(e, text)
	case strings.HasPrefix(program, "imap("):
		d.session(e, program, text)
	case strings.HasPrefix(program, "lmtp"):
		e.what = "deliveries by LMTP"
	case strings.HasPrefix(program, "pop3"):
		e.what = "lines of POP3"
	default:
		e.what = "messages of Dovecot itself"
	}
}

func (d dovecot) login(e *entry, text string) {
	e.what = "failed or aborted logins"
	if !strings.HasPrefix(text, "Login: ") && !strings.HasPrefix(text, "Logged in: ") {
		return
	}
	user, _ := attribute(text, "user")
	if user == "" {
		return
	}
	address, _ := attribute(text, "rip")
	d.names.person(e, user, address, "")
	e.kind, e.action, e.what = opened, "imap.login", ""
}

func (d dovecot) session(e *entry, program, text string) {
	user := program[len("imap("):]
	i := strings.IndexByte(user, ')')
	if i <= 0 {
		e.what = "messages of Dovecot itself"
		return
	}
	d.names.person(e, user[:i], "", "")
	e.what = ""
	verb, _, _ := strings.Cut(text, ":")
	switch verb {
	case "save", "append":
		e.kind, e.action = act, "imap.append"
	case "flag_change", "delete", "undelete":
		e.kind, e.action = act, "imap.store"
	default:
		sent, ok := attribute(text, "out")
		if _, isNumber := number(sent); !ok || !isNumber { // every way to end a connection tells the bytes
			e.kind = background
			return
		}
		e.kind, e.action = closed, "imap.fetch"
		if bodies, ok := attribute(text, "body_count"); ok {
			n, _ := number(bodies)
			e.times = float64(n)
		}
	}
}
