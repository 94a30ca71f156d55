package imap

import (
	"strings"
	"testing"

	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// What servers really say, at work (* BYE and NO) and at login.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		line string
		when moment
		want probe.Class
	}{
		// Dovecot
		{"NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)", loggingIn, probe.Limited},
		{"NO [UNAVAILABLE] Temporary authentication failure. [mx1:2026-03-02 08:00:00]", loggingIn, probe.Overload},
		{"NO [AUTHENTICATIONFAILED] Authentication failed.", loggingIn, probe.Auth},
		{"NO [AUTHORIZATIONFAILED] Authorization failed", loggingIn, probe.Auth},
		{"NO [UNAVAILABLE] Internal error occurred. Refer to server log for more information.", working, probe.Overload},
		{"NO [SERVERBUG] Internal error occurred. Refer to server log for more information.", working, probe.Overload},
		{"NO [NOPERM] Permission denied", working, probe.Denied},
		{"NO [NONEXISTENT] Mailbox doesn't exist: x", working, probe.Content},
		{"NO [INUSE] Timeout while waiting for lock", working, probe.Overload},
		{"NO [OVERQUOTA] Quota exceeded (mailbox for user is full)", working, probe.Limited},
		{"NO [LIMIT] Maximum number of mailboxes reached", working, probe.Limited},
		{"NO [ALREADYEXISTS] Mailbox already exists", working, probe.Content},
		{"BYE Too many invalid IMAP commands.", working, probe.BadProtocol},
		{"BYE Disconnected for inactivity.", working, probe.Reset},
		{"BYE Server shutting down.", working, probe.Overload},
		{"BYE Auth process broken", loggingIn, probe.Overload},
		{"BYE Logging out", working, probe.Reset},
		// Cyrus
		{"NO Login failed: authentication failure", loggingIn, probe.Auth},
		{"NO Login failed: user not found", loggingIn, probe.Auth},
		{"NO Too many open connections from this host", loggingIn, probe.Limited},
		{"NO Mailbox does not exist", working, probe.Content},
		{"NO Permission denied", working, probe.Denied},
		{"NO Over quota", working, probe.Limited},
		{"NO System I/O error", working, probe.Overload},
		{"BYE Fatal error: can't read mailboxes file", working, probe.Overload},
		{"BYE idle for too long", working, probe.Reset},
		// Exchange
		{"NO LOGIN failed.", loggingIn, probe.Auth},
		{"NO AUTHENTICATE failed.", loggingIn, probe.Auth},
		{"BAD User is authenticated but not connected.", working, probe.Overload},
		{"BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds", working, probe.Limited},
		{"NO Request is throttled. Suggested Backoff Time: 299910 milliseconds", working, probe.Limited},
		{"NO Server Unavailable. 15", working, probe.Overload},
		{"BYE Connection closed. 14", working, probe.Reset},
		{"BAD Command Argument Error. 11", working, probe.BadProtocol},
		// Courier
		{"NO Login failed.", loggingIn, probe.Auth},
		{"BYE [ALERT] Fatal error: Unable to open file", working, probe.Overload},
		{"BYE Temporary problem, please try again later", working, probe.Overload},
		{"BYE Maximum connection limit reached for 192.0.2.7", working, probe.Limited},
		{"NO Access denied for IMAP account", working, probe.Denied},
		{"NO Unable to open this mailbox.", working, probe.Content},
		// Gmail and others
		{"NO [ALERT] Too many simultaneous connections. (Failure)", loggingIn, probe.Limited},
		{"NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)", working, probe.Limited},
		{"NO [ALERT] Please log in via your web browser", loggingIn, probe.Auth},
		{"NO Authentication failed, please try again", loggingIn, probe.Auth},
		{"NO no such user", loggingIn, probe.Auth},
		{"NO permission denied", loggingIn, probe.Auth},
		{"BAD Syntax error in IMAP command", working, probe.BadProtocol},
		{"NO", working, probe.Content},
		{"BYE", working, probe.Reset},
	} {
		if got := classOf(client.ParseStatus("* "+c.line, "*"), c.when); got != c.want {
			t.Errorf("%s: %v, want %v", c.line, got, c.want)
		}
	}
}

// A phrase that a broader one before it contains would never be reached, and one with capitals never found.
func TestWordingsAreReachable(t *testing.T) {
	seen := wordings()
	for i, w := range seen {
		if w.phrase != strings.ToLower(w.phrase) || w.phrase == "" {
			t.Errorf("%q can never occur", w.phrase)
		}
		for _, before := range seen[:i] {
			if strings.Contains(w.phrase, before.phrase) && before.class != w.class {
				t.Errorf("%q (%v) is hidden by %q (%v)", w.phrase, w.class, before.phrase, before.class)
			}
		}
	}
}

func FuzzRefusal(f *testing.F) {
	f.Add("NO [UNAVAILABLE] Maximum number of connections", true)
	f.Add("BYE [", false)
	f.Add("BAD [ALERT] \xff throttled", false)
	f.Fuzz(func(t *testing.T, line string, login bool) {
		when := working
		if login {
			when = loggingIn
		}
		st := client.ParseStatus("* "+line, "*")
		class := classOf(st, when)
		if class == probe.OK || class == probe.Timeout || class == probe.Refused || class == probe.TLS || class == probe.Canceled || class >= probe.NumClasses {
			t.Errorf("%q is %v, which no words of a server can be", line, class)
		}
		if again := classOf(st, when); again != class {
			t.Errorf("%q is %v and then %v", line, class, again)
		}
	})
}
