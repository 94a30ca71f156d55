// Package imap is the protocol IMAP4rev1 and rev2, as mail programs and migration tools speak it (RFC 3501, RFC 9051).
//
// A session is one connection. Opening it ends with the greeting; logging in is an action of its own, because the two
// are slow for different reasons. A step that needs a login or a selected mailbox and finds none does that first, as a
// mail program does after it has lost its connection; the phases then show it.
//
// A connection that breaks between two actions is reported once, by the action that finds it broken. After any failure
// that has been reported, and after logout, the next step connects again by itself if the engine has not done so.
//
// Steps that work in a mailbox take the one that was selected last, or INBOX, unless they name another.
//
// Reading changes no message (BODY.PEEK), and the source of a copy is only examined. Only messages that pegel made are
// ever changed.
package imap

import (
	"pegel/probes/probe"
)

// Protocol is IMAP. Its targets have URLs with the scheme imap (port 143 by default) or imaps (993).
func Protocol() probe.Protocol {
	return probe.Protocol{
		Name: "imap", Schemes: []string{"imap", "imaps"},
		Prepare: prepare, Open: open,
		Answers: []string{"migrate"},
		Actions: map[string]probe.Action{
			"login":         login,
			"logout":        logout,
			"noop":          noop,
			"select":        selectMailbox,
			"list":          list,
			"status":        status,
			"fetch_headers": fetchHeaders,
			"fetch":         fetch,
			"sync":          download,
			"search":        search,
			"append":        appendMessage,
			"store":         store,
			"copy":          copyMessage,
			"migrate":       migrate,
			"verify_copy":   verifyCopy,
			"idle":          idle,
			"look":          look,
			"discover":      discover,
			"namespace":     namespace,
			"rights":        rights,
			"check":         check,
			"resync":        resync,
			"move":          move,
			"expunge":       expunge,
			"checkpoint":    checkpoint,
		},
	}
}

// step makes a step of what is to be done on the user's session with the step's own target.
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
		err = s.verdict(t, err)
		s.end(t, err)
		return err
	}
}

// inbox is the mailbox that every account has.
const inbox = "INBOX"
