package probe

// Violation is something that a platform must never answer, given what it had answered before.
type Violation struct {
	Rule       string // of a small closed set of the protocol's, e.g. "uidvalidity"
	Mailbox    string // "" where it concerns none
	Expected   string
	Came       string
	Transcript string // the last lines of the connection, without secrets and without texts of messages
}

// Text says in one sentence what was wrong.
func (v *Violation) Text() string {
	where := ""
	if v.Mailbox != "" {
		where = " in " + v.Mailbox
	}
	return v.Rule + where + ": expected " + v.Expected + ", came " + v.Came
}

// inspector is a Host whose users hold what the platform answers against what it answered before.
type inspector interface {
	// Checks tells whether that is done for this user's account.
	Checks() bool
	// Inspected tells whether that is done for any account of the run.
	Inspected() bool
	// Kept returns what the run keeps under a key, which make makes the first time. It is safe for concurrent use.
	Kept(key any, make func() any) any
	// Violated is told of each violation.
	Violated(v Violation)
}

// Checks tells whether the answers to this user are held against former ones. Where it is false a probe saves itself the work.
func (t *Turn) Checks() bool {
	host, ok := t.host.(inspector)
	return ok && host.Checks()
}

// Inspected tells whether the run holds anybody's answers against former ones, so that a probe notes what this user does to those.
func (t *Turn) Inspected() bool {
	host, ok := t.host.(inspector)
	return ok && host.Inspected()
}

// Kept returns a value that lives as long as the run and is shared by all its users, made by make the first time that
// anybody asks for key. Keys are of a type of the caller's own package. Nothing is kept where Inspected is false: then it is
// what make makes.
func (t *Turn) Kept(key any, make func() any) any {
	if host, ok := t.host.(inspector); ok && host.Inspected() {
		return host.Kept(key, make)
	}
	return make()
}

// Violated reports a violation. The action that found it fails with class Content besides.
func (t *Turn) Violated(v Violation) {
	if host, ok := t.host.(inspector); ok {
		host.Violated(v)
	}
}
