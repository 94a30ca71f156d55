package smtp

import (
	"io"
	"strings"
	"testing"

	"pegel/probes/probe"
)

// Refusals as servers word them.
func TestRefusals(t *testing.T) {
	for line, want := range map[string]probe.Class{
		"421 4.7.0 mx.example.test Error: too many connections from 192.0.2.1":                                             probe.Limited, // Postfix
		"450 4.7.1 Error: too much mail from 192.0.2.1":                                                                    probe.Limited,
		"452 4.5.3 Error: too many recipients":                                                                             probe.Limited,
		"421 4.4.2 mx.example.test Error: timeout exceeded":                                                                probe.Overload,
		"451 4.3.0 <a@b.test>: Temporary lookup failure":                                                                   probe.Overload,
		"452 4.3.1 Insufficient system storage":                                                                            probe.Overload,
		"454 4.7.0 Temporary authentication failure: Connection lost to authentication server":                             probe.Overload,
		"552 5.3.4 Message size exceeds fixed limit":                                                                       probe.Limited,
		"554 5.7.1 <a@b.test>: Relay access denied":                                                                        probe.Denied,
		"553 5.7.1 <a@b.test>: Sender address rejected: not owned by user c":                                               probe.Denied,
		"550 5.1.1 <a@b.test>: Recipient address rejected: User unknown in virtual mailbox table":                          probe.Content,
		"421 Too many concurrent SMTP connections; please try again later.":                                                probe.Limited, // Exim
		"421 mx.example.test: Too much load; please try again later.":                                                      probe.Overload,
		"451 Temporary local problem - please try later":                                                                   probe.Overload,
		"421 4.3.2 The maximum number of concurrent connections has exceeded a limit, closing transmission channel":        probe.Limited, // Exchange
		"421 4.4.2 Message submission rate for this client has exceeded the configured limit":                              probe.Limited,
		"432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded":                                                    probe.Limited,
		"451 4.7.500 Server busy. Please try again later from [192.0.2.1]":                                                 probe.Limited,
		"452 4.3.1 Insufficient system resources":                                                                          probe.Overload,
		"530 5.7.57 Client not authenticated to send mail":                                                                 probe.Auth,
		"550 5.7.57 Client was not authenticated to send anonymous mail during MAIL FROM":                                  probe.Auth,
		"550 5.7.606 Access denied, banned sending IP":                                                                     probe.Denied,
		"450-4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages":       probe.Limited,  // Google
		"450 4.2.1 temporarily separated":                                                                                  probe.Overload, // "rate" within a word
		"421 4.3.2 All server ports are busy":                                                                              probe.Limited,  // postscreen
		"450 4.2.0 <a@b.test>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/b.test.html": probe.Limited,
		"452 4.2.2 <a@b.test> Quota exceeded (mailbox for user is full)":                                                   probe.Limited, // Dovecot
		"554 5.2.2 <a@b.test> Quota exceeded":                                                                              probe.Limited,
		"550 mailbox unavailable":                                                                                          probe.Content,
		"451 2.0.0 a status of another class counts for nothing":                                                           probe.Overload,
		"554 5.6.0 Message content rejected":                                                                               probe.Content,
		"334 ":                                                                                                             probe.BadProtocol,
		"250":                                                                                                              probe.BadProtocol,
	} {
		if got := classOf(refusedBy(t, line)); got != want {
			t.Errorf("%s: %v, want %v", line, got, want)
		}
	}
}

func refusedBy(t *testing.T, line string) *reply {
	t.Helper()
	code, _, text, ok := parseLine([]byte(line))
	if !ok {
		t.Fatalf("%q is no reply", line)
	}
	return (*reply)(nil).with(code, text)
}

func TestEnhanced(t *testing.T) {
	for text, want := range map[string]status{
		"5.1.1 unknown": {5, 1, 1}, "5.7.606 banned": {5, 7, 606}, "5.1.1": {5, 1, 1}, "5.1 no": {}, "5..1 no": {}, "4.1.1 other class": {},
		"5.1.1unknown": {}, "5.1.1234 long": {}, "": {}, "five": {}, "5.1.1.2 address": {},
	} {
		if got, rest := enhanced(550, text); got != want || got == (status{}) && rest != text {
			t.Errorf("%q: %v and %q, want %v", text, got, rest, want)
		}
	}
}

// Whatever a server says has a class and a short printable text.
func FuzzReply(f *testing.F) {
	for _, line := range []string{"421 4.7.0 too many", "250-first", "550", "55x no", "999 no", "550 5.1.1", "451 4.999.9999 x", "550 \x00\xff\r", ""} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		code, _, text, ok := parseLine(line)
		if !ok {
			return
		}
		if code < 200 || code > 599 {
			t.Fatalf("code %d", code)
		}
		r := (*reply)(nil).with(code, text).with(code, text)
		class := classOf(r)
		if class == probe.OK || class >= probe.NumClasses || class == probe.Canceled {
			t.Errorf("%q is %v", line, class)
		}
		if code >= 400 && code < 500 && class != probe.Limited && class != probe.Overload {
			t.Errorf("%q, which is temporary, is %v", line, class)
		}
		if len(r.text) > replyText || strings.ContainsFunc(r.text, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Errorf("text %q", r.text)
		}
	})
}

// What is stuffed and read by the rules of RFC 5321 is the message again, and nothing of it ends it early.
func FuzzStuffed(f *testing.F) {
	for _, m := range []string{"", "a\r\n", ".\r\n", "a\r\n.\r\nb\r\n", "a\r\n..", "a\n.\nb", "no end"} {
		f.Add([]byte(m))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		want := string(message)
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\r\n"
		}
		for _, size := range []int{7, stuffSize} {
			var sent strings.Builder
			w := &stuffer{send: func(p []byte) error { sent.Write(p); return nil }, buf: make([]byte, 0, size), line: true}
			for _, part := range []string{string(message[:len(message)/2]), string(message[len(message)/2:])} {
				if _, err := io.WriteString(w, part); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.end(); err != nil {
				t.Fatal(err)
			}
			unstuff(t, sent.String(), want)
		}
	})
}

func unstuff(t *testing.T, got, want string) {
	t.Helper()
	body, ended := strings.CutSuffix(got, ".\r\n")
	if !ended {
		t.Fatalf("%q does not end in a dot", got)
	}
	var out strings.Builder
	for line := range strings.SplitAfterSeq(body, "\n") {
		if line == ".\r\n" || line == ".\n" {
			t.Fatalf("%q ends early", got)
		}
		out.WriteString(strings.TrimPrefix(line, "."))
	}
	if out.String() != want {
		t.Errorf("%q became %q", want, out.String())
	}
}
