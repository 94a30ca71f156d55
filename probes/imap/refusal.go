package imap

import (
	"strings"

	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// moment is when a server refused: the same words mean different things then.
type moment uint8

const (
	working moment = iota
	loggingIn
)

// codeClasses says what response codes mean (RFC 5530, RFC 9051 section 7.1, RFC 4978 and Dovecot's own). Codes that are not
// here, ALERT above all, say nothing about the kind of a failure: the words do.
func codeClasses() map[string]probe.Class {
	return map[string]probe.Class{
		"LIMIT": probe.Limited, "OVERQUOTA": probe.Limited, "TOOBIG": probe.Limited, "TOOMANY": probe.Limited,
		"THROTTLED": probe.Limited, // Gmail
		"INUSE":     probe.Overload, "UNAVAILABLE": probe.Overload, "SERVERBUG": probe.Overload, "CORRUPTION": probe.Overload,
		"AUTHENTICATIONFAILED": probe.Auth, "AUTHORIZATIONFAILED": probe.Auth, "EXPIRED": probe.Auth,
		"NOPERM": probe.Denied, "CONTACTADMIN": probe.Denied, "PRIVACYREQUIRED": probe.Denied, "READ-ONLY": probe.Denied,
		"CLIENTBUG": probe.BadProtocol, "PARSE": probe.BadProtocol, "BADCHARSET": probe.BadProtocol, "UNKNOWN-CTE": probe.BadProtocol,
		"NONEXISTENT": probe.Content, "TRYCREATE": probe.Content, "ALREADYEXISTS": probe.Content, "CANNOT": probe.Content,
		"EXPUNGEISSUED": probe.Content, "HASCHILDREN": probe.Content, "NOTSAVED": probe.Content,
	}
}

// wording is a phrase that a server says for a reason, in lower case.
type wording struct {
	phrase string
	class  probe.Class
}

// wordings are what servers say where they send no code, or one that says too little. The first that occurs counts, so
// what is narrower stands first. A comment names whose words they are.
func wordings() []wording {
	return []wording{
		// Limits. They outweigh a code: Dovecot 2.3 says [UNAVAILABLE] "Maximum number of connections from user+IP exceeded".
		{"maximum number of connections", probe.Limited},     // Dovecot, Zimbra
		{"maximum connection limit", probe.Limited},          // Courier
		{"connection limit", probe.Limited},                  // Kerio, hMailServer
		{"too many simultaneous connections", probe.Limited}, // Gmail, Open-Xchange's proxy
		{"too many connections", probe.Limited},              // Cyrus, Yahoo
		{"too many user connections", probe.Limited},         // Cyrus: maxlogins_per_user
		{"too many open connections", probe.Limited},         // Cyrus: maxlogins_per_host
		{"too many login", probe.Limited},                    // Gmail, Yahoo
		{"too many failed", probe.Limited},
		{"too many users", probe.Limited},
		{"is throttled", probe.Limited}, // Exchange: "Request is throttled. Suggested Backoff Time: …"
		{"throttl", probe.Limited},
		{"rate limit", probe.Limited},
		{"bandwidth limit", probe.Limited}, // Gmail: "Account exceeded command or bandwidth limits."
		{"quota exceeded", probe.Limited},  // Dovecot
		{"over quota", probe.Limited},      // Cyrus
		{"exceeds quota", probe.Limited},
		{"mailbox is full", probe.Limited}, {"mailbox full", probe.Limited},
		{"message too large", probe.Limited}, {"size limit", probe.Limited}, // Exchange, Cyrus

		// The login is wrong, whatever else is said: "Authentication failed, please try again".
		{"authentication failed", probe.Auth}, {"authenticate failed", probe.Auth}, {"login failed", probe.Auth}, // Cyrus, Exchange, Courier
		{"invalid credentials", probe.Auth}, {"invalid login", probe.Auth},

		// What the client said was not understood.
		{"too many invalid", probe.BadProtocol}, // Dovecot: "Too many invalid IMAP commands."
		{"too many bad commands", probe.BadProtocol},
		{"too many protocol errors", probe.BadProtocol},
		{"invalid command", probe.BadProtocol}, {"unknown command", probe.BadProtocol}, {"syntax error", probe.BadProtocol},

		// The platform cannot now.
		{"authenticated but not connected", probe.Overload}, // Exchange: the mailbox's own server does not answer
		{"backend", probe.Overload},
		{"unavailable", probe.Overload}, // Dovecot, Exchange: "Server Unavailable. 15"
		{"temporar", probe.Overload},    // Dovecot: "Temporary authentication failure."; Courier: "Temporary problem"
		{"try again", probe.Overload},
		{"try later", probe.Overload},
		{"server busy", probe.Overload}, {"is busy", probe.Overload}, // Exchange
		{"not responding", probe.Overload},
		{"internal error", probe.Overload},        // Dovecot
		{"internal server error", probe.Overload}, // go-imap, Kolab
		{"server error", probe.Overload},          // Exchange, Gmail: "System Error (Failure)" follows
		{"system error", probe.Overload},
		{"i/o error", probe.Overload},   // Cyrus: "System I/O error"
		{"fatal error", probe.Overload}, // Cyrus, Courier
		{"overload", probe.Overload},
		{"load too high", probe.Overload}, {"load average", probe.Overload},
		{"shutting down", probe.Overload}, // Dovecot, Cyrus
		{"going down", probe.Overload},
		{"maintenance", probe.Overload},
		{"being moved", probe.Overload}, {"is moving", probe.Overload}, {"is being migrated", probe.Overload},
		{"out of memory", probe.Overload},
		{"no space left", probe.Overload},
		{"timed out", probe.Overload}, {"timeout while waiting for lock", probe.Overload}, // Dovecot: a mailbox's lock
		{"mailbox is locked", probe.Overload}, {"in use by another", probe.Overload}, // Cyrus, UW
		{"currently in use", probe.Overload},
		{"auth process", probe.Overload}, // Dovecot: "Auth process broken", "… died too early"
		{"authentication server", probe.Overload},

		// Not this user's, or not there.
		{"permission denied", probe.Denied}, // Dovecot, Cyrus
		{"access denied", probe.Denied},     // Exchange
		{"not permitted", probe.Denied}, {"no permission", probe.Denied}, {"insufficient right", probe.Denied},
		{"not authorized", probe.Denied}, {"not allowed", probe.Denied},
		{"acl does not", probe.Denied},
		{"read-only", probe.Denied}, {"read only", probe.Denied},

		{"does not exist", probe.Content}, {"doesn't exist", probe.Content}, {"no such", probe.Content},
		{"not found", probe.Content}, {"unknown mailbox", probe.Content},
	}
}

// classOf says what a refusal means: a limit's words first, then the response code, then other words.
func classOf(st client.Status, when moment) probe.Class {
	said, worded := wordClass(st.Text)
	if worded && said == probe.Limited {
		return probe.Limited
	}
	if class, known := codeClasses()[st.Code]; known {
		return class
	}
	if worded {
		switch {
		case said == probe.BadProtocol && when == loggingIn && st.Kind == "NO",
			said == probe.Denied && when == loggingIn, said == probe.Content && when == loggingIn:
			// "Permission denied", "no such user": the login was refused.
			return probe.Auth
		case st.Kind == "BAD" && (said == probe.Denied || said == probe.Content):
			return probe.BadProtocol
		}
		if st.Kind != "BYE" || said != probe.Content {
			return said
		}
	}
	switch {
	case st.Kind == "BAD":
		return probe.BadProtocol
	case st.Kind == "BYE":
		return probe.Reset
	case when == loggingIn:
		return probe.Auth
	}
	return probe.Content
}

// mostWords is how much of what a server says is looked at, in bytes.
const mostWords = 16 << 10

// wordClass is the class of the first wording that occurs in a text, outside its response code.
func wordClass(text string) (class probe.Class, found bool) {
	if len(text) > mostWords {
		text = text[:mostWords]
	}
	text = strings.ToLower(text)
	if rest, coded := strings.CutPrefix(text, "["); coded {
		if _, after, closed := strings.Cut(rest, "]"); closed {
			text = after
		}
	}
	for _, w := range wordings() {
		if strings.Contains(text, w.phrase) {
			return w.class, true
		}
	}
	return probe.OK, false
}
