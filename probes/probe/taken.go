package probe

import "errors"

// ErrMayBeTaken is within the failure of an action that handed a mail over and did not hear the server's answer: connection lost
// or time-out after the final dot. The server may have taken the mail, and a second try may be a second copy, which RFC 5321,
// section 4.2.5 and RFC 1047, allow.
var ErrMayBeTaken = errors.New("after the final dot: the mail may have been taken")

// MayBeTaken tells whether a failure leaves it open whether the platform has taken the mail. Every other failure of a mail means
// that it has not been taken, but for the recipients that TakenFor names.
func MayBeTaken(err error) bool { return errors.Is(err, ErrMayBeTaken) }

// Partial is within the failure of a mail that some recipients were refused for while it was handed over for the others.
type Partial struct {
	Taken   []string // addresses that the mail was taken for
	Refused []string // addresses that were refused; the error's class and text are those of the first
	Err     error    // the first refusal
}

func (p *Partial) Error() string { return p.Err.Error() }

func (p *Partial) Unwrap() error { return p.Err }

// TakenFor returns the recipients that a mail was taken for although its action failed; nil where it was taken for none.
func TakenFor(err error) []string {
	var p *Partial
	if errors.As(err, &p) {
		return p.Taken
	}
	return nil
}
