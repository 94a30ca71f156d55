package probe

import "time"

// Sighting is one message as a user sees it in a mailbox.
type Sighting struct {
	ID            string // Message-ID, with its angle brackets or without
	Mailbox       string
	Validity, UID uint32 // of the mailbox and in it; a message has another UID where it lies twice

	// Visible is when the server announced the message of its own accord, to a connection that had been waiting for
	// announcements since Since. Zero: the user came across the message, and nobody knows for how long it had been there.
	Visible, Since time.Time
}

// postmaster is a Host that keeps account of the mail that its users send and see.
type postmaster interface {
	// FollowsMail tells whether anybody wants to know.
	FollowsMail() bool
	// Sent is told of each message that the platform has taken, or may have taken.
	Sent(id string, to []string, sure bool)
	// Seen is told of each message that is come across.
	Seen(s Sighting)
}

// FollowsMail tells whether Sent and Seen are listened to. Where it is false a probe may save itself the work of finding
// out what it would tell.
func (t *Turn) FollowsMail() bool {
	host, ok := t.host.(postmaster)
	return ok && host.FollowsMail()
}

// Sent says that the platform has just taken responsibility for a message to these addresses. sure is false where its
// answer to the whole message never came: then it may have taken it or not.
func (t *Turn) Sent(id string, to []string, sure bool) {
	if host, ok := t.host.(postmaster); ok {
		host.Sent(id, to, sure)
	}
}

// Seen says that the user has come across a message in a mailbox of its account. To tell of one again does no harm.
func (t *Turn) Seen(s Sighting) {
	if host, ok := t.host.(postmaster); ok {
		host.Seen(s)
	}
}
