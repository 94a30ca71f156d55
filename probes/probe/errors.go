package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

// Class is the kind of a failure. The set is closed, so that it can be a dimension of every result.
type Class uint8

// The classes. OK is not a failure. Refused means that no connection came about: nobody listens there, there is no way there or
// no such name, or this machine has no port, descriptor or memory left (the engine counts these apart). Denied means that the platform answered "you may not" (or the allow-list did),
// limited that a limit of the platform or a rate limit refused, overload that it said it cannot now (503, 4xx mail
// replies, UNAVAILABLE), protocol that the answer was not understood, content that it was understood and wrong.
// Canceled is an action cut off because the run ended; it counts neither as success nor as failure.
const (
	OK Class = iota
	Timeout
	Refused
	Reset
	TLS
	Auth
	Denied
	Limited
	Overload
	BadProtocol
	Content
	Canceled
	NumClasses
)

var classNames = [NumClasses]string{"ok", "timeout", "refused", "reset", "tls", "auth", "denied", "limited", "overload", "protocol", "content", "canceled"}

func (c Class) String() string { return classNames[c] }

// EndsSession tells whether a session cannot be used any more after a failure of this class.
func (c Class) EndsSession() bool {
	switch c {
	case OK, Denied, Limited, Overload, Content:
		return false
	}
	return true
}

// ItemError is a failure that concerns one item alone, such as a message that is too large to be copied: the way in works, and the next
// item may succeed.
type ItemError struct{ Err error }

func (e *ItemError) Error() string { return e.Err.Error() }

// Unwrap gives the failure itself.
func (e *ItemError) Unwrap() error { return e.Err }

// Error is a failure that a probe has classified. Text and Err must not contain secrets.
type Error struct {
	Class Class
	Doing string // what was being done: "select INBOX"
	Err   error
}

func (e *Error) Error() string {
	if e.Doing == "" {
		return fmt.Sprintf("%v (%s)", e.Err, e.Class)
	}
	return fmt.Sprintf("%s: %v (%s)", e.Doing, e.Err, e.Class)
}

func (e *Error) Unwrap() error { return e.Err }

// Fail classifies a failure; err may be nil where a text says all.
func Fail(class Class, doing string, err error) error {
	if err == nil {
		err = errors.New(class.String())
	}
	return &Error{Class: class, Doing: doing, Err: err}
}

// Failf is Fail with a formatted text.
func Failf(class Class, doing, format string, args ...any) error {
	return &Error{Class: class, Doing: doing, Err: fmt.Errorf(format, args...)}
}

// ErrNotAllowed is what the engine's dialer answers for an address outside the scenario's allow-list.
var ErrNotAllowed = errors.New("address is outside the scenario's allow-list")

// ClassOf returns the class of a failure: the one a probe gave it, else what the error of the network, of TLS or of the
// context says. What nothing recognises is Protocol.
func ClassOf(err error) Class {
	if err == nil {
		return OK
	}
	var own *Error
	if errors.As(err, &own) {
		return own.Class
	}
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		verify   *tls.CertificateVerificationError
		header   tls.RecordHeaderError
		alert    tls.AlertError
		timeout  net.Error
		name     *net.DNSError
	)
	switch {
	case errors.Is(err, ErrNotAllowed):
		return Denied
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return Timeout
	case errors.Is(err, context.Canceled):
		return Canceled
	case refused(err):
		return Refused
	case errors.As(err, &unknown), errors.As(err, &hostname), errors.As(err, &invalid), errors.As(err, &verify), errors.As(err, &header), errors.As(err, &alert):
		return TLS
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, syscall.ECONNABORTED):
		return Reset
	case errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	case errors.As(err, &name):
		return Refused
	}
	return BadProtocol
}

// refused tells that no connection came about, whoever is to blame.
func refused(err error) bool {
	for _, why := range []error{syscall.ECONNREFUSED, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, why) {
			return true
		}
	}
	return false
}
