package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
)

// What comes out of the network as it is gets its class: a connection that never came about, one that was lost, one that took
// too long.
func TestClassOf(t *testing.T) {
	dial := func(err error) error {
		return fmt.Errorf("connect: %w", &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", err)})
	}
	for _, c := range []struct {
		err  error
		want Class
	}{
		{nil, OK},
		{dial(syscall.ECONNREFUSED), Refused},
		{dial(syscall.EMFILE), Refused},
		{dial(syscall.EADDRNOTAVAIL), Refused},
		{dial(syscall.ENOBUFS), Refused},
		{dial(syscall.ENETUNREACH), Refused},
		{dial(syscall.EHOSTUNREACH), Refused},
		{&net.DNSError{Err: "no such host", Name: "nowhere.example", IsNotFound: true}, Refused},
		{&net.DNSError{Err: "i/o timeout", Name: "nowhere.example", IsTimeout: true}, Timeout},
		{dial(syscall.ETIMEDOUT), Timeout},
		{context.DeadlineExceeded, Timeout},
		{dial(syscall.ECONNRESET), Reset},
		{fmt.Errorf("read: %w", io.ErrUnexpectedEOF), Reset},
		{context.Canceled, Canceled},
		{fmt.Errorf("dial: %w", ErrNotAllowed), Denied},
		{Fail(Limited, "log in", syscall.EMFILE), Limited},
		{errors.New("what nobody knows"), BadProtocol},
	} {
		if got := ClassOf(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}
