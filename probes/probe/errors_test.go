package probe

import (
	"errors"
	"fmt"
	"testing"
)

// A failure that was classified on its way more than once says one class, that of the outermost.
func TestErrorSaysItsClassOnce(t *testing.T) {
	long := Failf(Content, "read the answer", "longer than 32 MiB")
	for _, c := range []struct {
		err  error
		want string
	}{
		{long, "read the answer: longer than 32 MiB (content)"},
		{Fail(Content, "GET /big", long), "GET /big: read the answer: longer than 32 MiB (content)"},
		{Fail(BadProtocol, "GET /big", fmt.Errorf("over HTTP/2: %w", long)), "GET /big: over HTTP/2: read the answer: longer than 32 MiB (protocol)"},
		{Fail(Reset, "list", Fail(Content, "", Failf(Content, "", "odd"))), "list: odd (reset)"},
		{Fail(Content, "", errors.New("it ends in (content)")), "it ends in (content) (content)"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
