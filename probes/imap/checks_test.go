package imap

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
)

// answering plays a server that answers each command with what is written for its verb: the n-th time with the n-th text, then
// with the last. A text is what comes before the tagged OK; one that begins with "OK" is the tagged answer itself.
func answering(t *testing.T, texts map[string][]string) probe.Target {
	var mu sync.Mutex
	times := map[string]int{}
	return script(t, func(c net.Conn, command func() (string, string)) {
		io.WriteString(c, "* OK [CAPABILITY IMAP4rev1 UIDPLUS LITERAL+] ready\r\n")
		for {
			tag, rest := command()
			if tag == "" {
				return
			}
			verb, args, _ := strings.Cut(rest, " ")
			if verb == "UID" {
				verb, _, _ = strings.Cut(args, " ")
			}
			if verb == "APPEND" { // up to the end of the message, which is an empty line after its text
				var size int
				fmt.Sscanf(rest[strings.LastIndexByte(rest, '{'):], "{%d", &size)
				for size > 0 {
					head, tail := command()
					size -= len(head) + len(tail) + 2
					if strings.Contains(head, ":") || tail != "" {
						size-- // the blank at which the line was cut in two
					}
				}
				command()
			}
			mu.Lock()
			list, n := texts[verb], times[verb]
			times[verb]++
			mu.Unlock()
			text := ""
			if len(list) > 0 {
				text = list[min(n, len(list)-1)]
			}
			switch {
			case strings.HasPrefix(text, "OK"):
				fmt.Fprintf(c, "%s %s\r\n", tag, text)
			case text == "" && verb == "CAPABILITY":
				fmt.Fprintf(c, "* CAPABILITY IMAP4rev1 UIDPLUS LITERAL+\r\n%s OK done\r\n", tag)
			default:
				if text != "" {
					io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n")+"\r\n")
				}
				fmt.Fprintf(c, "%s OK done\r\n", tag)
			}
		}
	})
}

const threeMessages = "* 3 EXISTS\n* OK [UIDVALIDITY 7] ok\n* OK [UIDNEXT 4] ok"

func headers(lines ...string) string { return strings.Join(lines, "\n") }

func headerOf(seq, uid, size int, subject string) string {
	return fmt.Sprintf(`* %d FETCH (UID %d FLAGS () RFC822.SIZE %d ENVELOPE ("Mon, 7 Feb 1994 21:52:25 -0800" "%s" NIL NIL NIL NIL NIL NIL NIL "<x@y>"))`, seq, uid, size, subject)
}

// Each rule, broken by a server in what a user's actions come across: the action fails with class content, and the violation
// is told with the transcript of the connection.
func TestServersThatForget(t *testing.T) {
	good := headers(headerOf(1, 1, 10, "a"), headerOf(2, 2, 10, "b"), headerOf(3, 3, 10, "c"))
	flagged := func(flags string) string { return "* 3 FETCH (UID 3 FLAGS (" + flags + ") BODY[] {2}\nhi)" }
	for _, bad := range []struct {
		rule  string
		texts map[string][]string
		do    [][2]string // the last one fails, the others do not
	}{
		{ruleExists, map[string][]string{"SELECT": {threeMessages}, "NOOP": {"", "* 2 EXISTS"}}, [][2]string{{"select", ""}, {"noop", ""}, {"noop", ""}}},
		{ruleUIDValidity, map[string][]string{"SELECT": {threeMessages, strings.Replace(threeMessages, "7", "8", 1)}}, [][2]string{{"select", ""}, {"select", ""}}},
		{ruleUIDValidity, map[string][]string{"SELECT": {threeMessages, strings.Replace(threeMessages, "7", "8", 1)}}, [][2]string{{"select", ""}, {"logout", ""}, {"select", ""}}},
		{ruleUIDNext, map[string][]string{"SELECT": {threeMessages, strings.Replace(threeMessages, "NEXT 4", "NEXT 3", 1)}, "FETCH": {good}}, [][2]string{{"fetch_headers", ""}, {"select", ""}}},
		{ruleUIDOrder, map[string][]string{"SELECT": {threeMessages}, "FETCH": {headers(headerOf(1, 2, 10, "a"), headerOf(2, 1, 10, "b"))}}, [][2]string{{"fetch_headers", ""}}},
		{ruleSequence, map[string][]string{"SELECT": {threeMessages}, "FETCH": {headers(headerOf(1, 1, 10, "a"), headerOf(4, 4, 10, "b"))}}, [][2]string{{"fetch_headers", ""}}},
		{ruleExpunge, map[string][]string{"SELECT": {threeMessages}, "FETCH": {headers(headerOf(1, 1, 10, "a"), "* 2 EXPUNGE")}}, [][2]string{{"fetch_headers", ""}}},
		{ruleMessage, map[string][]string{"SELECT": {threeMessages}, "FETCH": {good, strings.Replace(good, "SIZE 10", "SIZE 11", 1)}}, [][2]string{{"fetch_headers", ""}, {"fetch_headers", ""}}},
		{ruleMessage, map[string][]string{"SELECT": {threeMessages}, "FETCH": {good, strings.Replace(good, `"c"`, `"d"`, 1)}}, [][2]string{{"fetch_headers", ""}, {"logout", ""}, {"fetch_headers", ""}}},
		{ruleModSeq, map[string][]string{"SELECT": {threeMessages + "\n* OK [HIGHESTMODSEQ 9] ok", threeMessages + "\n* OK [HIGHESTMODSEQ 8] ok"}}, [][2]string{{"select", ""}, {"select", ""}}},
		{ruleFlags, map[string][]string{"SELECT": {"* 2 EXISTS\n* OK [UIDVALIDITY 7] ok"}, "APPEND": {"OK [APPENDUID 7 3] done"}, "NOOP": {"* 3 EXISTS"}, "FETCH": {flagged(`\Seen`), flagged(``)}},
			[][2]string{{"select", ""}, {"append", "mailbox: INBOX\nsize: 1KB"}, {"noop", ""}, {"fetch", "which: newest"}, {"fetch", "which: newest"}}},
		{ruleCheckpoint, map[string][]string{"EXAMINE": {threeMessages}, "FETCH": {
			flagged(`\Recent`), flagged(``), flagged(``), // agree but for \Recent
			flagged(`x`), flagged(``), flagged(`x`), flagged(`x`), flagged(``), flagged(`x`)}}, [][2]string{{"checkpoint", ""}, {"checkpoint", ""}}},
	} {
		t.Run(bad.rule, func(t *testing.T) {
			t.Parallel()
			h := probetest.NewHost(Protocol(), account, answering(t, bad.texts))
			h.Inspect = new(probetest.Inspector)
			defer h.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			for i, a := range bad.do {
				step, err := probetest.Bind(Protocol(), a[0], a[1])
				if err != nil {
					t.Fatal(err)
				}
				want := probe.OK
				if i == len(bad.do)-1 {
					want = probe.Content
				}
				if r := h.Do(ctx, step); r.Class != want {
					t.Fatalf("%s: %v, want %v: %v", a[0], r.Class, want, r.Err)
				}
			}
			found := h.Inspect.Violations()
			if len(found) != 1 || found[0].Rule != bad.rule {
				t.Fatalf("found %+v", found)
			}
			if text := found[0].Transcript; !strings.Contains(text, "C: ") || !strings.Contains(text, "S: ") || strings.Contains(text, account.Password) {
				t.Errorf("transcript:\n%s", text)
			}
		})
	}
}

// An account whose answers are not checked clears a flag in a mailbox that it shares with one whose answers are, through the same
// target or through one that no checked account has connected to: no violation.
func TestOthersStoreUnchecked(t *testing.T) {
	flagged := func(flags string) string { return "* 3 FETCH (UID 3 FLAGS (" + flags + ") BODY[] {2}\nhi)" }
	for _, name := range []string{"imap", "imap.second", ""} { // through which target; "": it does not
		shares := name != ""
		target := answering(t, map[string][]string{
			"SELECT": {"* 2 EXISTS\n* OK [UIDVALIDITY 7] ok", threeMessages}, "APPEND": {"OK [APPENDUID 7 3] done"}, "NOOP": {"* 3 EXISTS"},
			"FETCH": {flagged(`\Seen`), flagged(``)}, "SEARCH": {"* SEARCH 3"},
		})
		target.Shared = &shared{passes: newRegistry()}
		others := target
		if shares && name != target.Name {
			others.Name, others.Shared = name, &shared{passes: newRegistry()}
		}
		other := account
		other.Index = 1
		checked, unchecked := probetest.NewHost(Protocol(), account, target), probetest.NewHost(Protocol(), other, others)
		checked.Inspect = new(probetest.Inspector)
		unchecked.Inspect, unchecked.Unchecked = checked.Inspect, true
		defer checked.Close()
		defer unchecked.Close()
		for _, a := range [][2]string{{"select", ""}, {"append", "mailbox: INBOX\nsize: 1KB"}, {"noop", ""}, {"fetch", "which: newest"}} {
			if r := do(t, checked, a[0], a[1]); r.Err != nil {
				t.Fatalf("%s: %v", a[0], r.Err)
			}
		}
		if shares {
			if r := do(t, unchecked, "store", "mailbox: INBOX\nset: off"); r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		r := do(t, checked, "fetch", "which: newest")
		if found := checked.Inspect.Violations(); shares != (len(found) == 0) || shares != (r.Err == nil) {
			t.Errorf("the other account stores through %q: %v, found %+v", name, r.Err, found)
		}
	}
}

// Without checks nothing is held against a server, and no action fails.
func TestNoChecks(t *testing.T) {
	h := probetest.NewHost(Protocol(), account, answering(t, map[string][]string{"SELECT": {threeMessages}, "NOOP": {"* 2 EXISTS"}}))
	defer h.Close()
	for _, verb := range []string{"select", "noop"} {
		if r := do(t, h, verb, ""); r.Err != nil {
			t.Error(r.Err)
		}
	}
}

// Whatever a server repeats of the secrets, in whatever form and wherever a line is cut, a transcript does not have them.
func TestTranscriptHasNoSecrets(t *testing.T) {
	a := probe.Account{Login: "anna", Password: `pa"ss\word-of-some-length`, AppPassword: "app-password-42", Token: "ya29.a-token-that-is-long-enough"}
	forms := secretForms(a)
	tr := newTracker(newMemory(1, new(claims)))
	tr.Sent([]byte(`A1 LOGIN "anna" "pa\"ss\\word-of-some-length"`))
	tr.Received([]byte("A1 NO refused"))
	tr.Sent([]byte("A2 AUTHENTICATE XOAUTH2"))
	tr.Received([]byte("+ "))
	tr.Sent([]byte(base64.StdEncoding.EncodeToString([]byte("something that nobody knows"))))
	tr.Received([]byte("A2 NO refused"))
	if text := tr.lines.text(a); strings.Count(text, string(secretLine)) != 3 || strings.Contains(text, "c29tZXRoaW5n") || strings.Contains(text, "pa") {
		t.Errorf("transcript:\n%s", text)
	}
	for _, form := range forms {
		for at := 0; at < mostOfLine+20; at++ {
			tr.lines = transcript{}
			tr.Received([]byte(strings.Repeat("x", at) + form + strings.Repeat("y", 200)))
			text := tr.lines.text(a)
			for n := len(form); n > 3; n-- { // not even a beginning of it
				if strings.Contains(text, form[:n]) {
					t.Fatalf("%q at %d is in %q", form[:n], at, text)
				}
			}
		}
	}
}

// A transcript is bounded, has whole lines only, and ends with the newest.
func TestTranscriptIsBounded(t *testing.T) {
	var r transcript
	for i := range 5000 {
		r.add(time.Duration(i)*time.Millisecond, 'S', fmt.Appendf(nil, "* %d FETCH\r\n9.999 C: forged %s", i, strings.Repeat("ä", i%200)))
	}
	text := r.text(probe.Account{})
	if len(text) > 2*mostTranscript || cap(r.older)+cap(r.newer) != mostTranscript || !strings.Contains(text, "* 4999 FETCH") || len(text) < mostTranscript/4 {
		t.Errorf("%d bytes", len(text))
	}
	for line := range strings.Lines(text) {
		if !strings.Contains(line, " S: * ") {
			t.Errorf("line %q", line)
		}
	}
}
