package ownership

import (
	"errors"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// sharedOK is the state of a mailbox that can be opened.
const sharedOK = "ok"

// reach opens the mailboxes of others that the account must reach.
func (v *Verifier) reach(w *watched) error {
	w.shared = nil
	for _, name := range w.move.Shared {
		_, err := w.read.examine(name)
		refused, said := errors.AsType[*imap.Error](err)
		if err != nil && !said {
			return err // the connection is gone
		}
		s := Shared{Mailbox: name, State: sharedOK}
		if err != nil {
			s.State, s.Text = stateOf(refused), w.read.account.Redact(refused.Text)
		}
		w.shared = append(w.shared, s)
	}
	return nil
}

// stateOf tells denied from missing by the response code (RFC 5530), or by the words of Dovecot and Cyrus.
func stateOf(e *imap.Error) string {
	text := strings.ToLower(e.Text)
	switch {
	case e.Code == imap.ResponseCodeNoPerm, strings.Contains(text, "permission denied"):
		return "denied"
	case e.Code == imap.ResponseCodeNonExistent, strings.Contains(text, "doesn't exist"), strings.Contains(text, "does not exist"):
		return "missing" // servers that hide what may not be seen answer so as well
	}
	return "failed"
}
