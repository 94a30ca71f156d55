package imap

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
)

// twoSides plays a source with three messages in its INBOX, of which the first is big, and a target that refuses that one. It
// returns them and what was appended, and how often something was refused. looked is called when the source is listed.
func twoSides(t *testing.T, looked func()) (target, source probe.Target, come func() (appended []string, refusals int)) {
	bodies := []string{"Message-ID: <0@y>\r\n\r\nbig", "hi", "ho"}
	source = script(t, func(c net.Conn, command func() (string, string)) {
		io.WriteString(c, hello)
		for {
			tag, rest := command()
			switch {
			case tag == "":
				return
			case strings.HasPrefix(rest, "LIST"):
				io.WriteString(c, "* LIST () \"/\" INBOX\r\n")
			case strings.HasPrefix(rest, "EXAMINE"):
				io.WriteString(c, strings.ReplaceAll(threeMessages, "\n", "\r\n")+"\r\n")
			case strings.HasPrefix(rest, "UID FETCH 1:*"):
				looked()
				for i := range bodies {
					io.WriteString(c, strings.Replace(headerOf(i+1, i+1, 10, "a"), "<x@y>", fmt.Sprintf("<%d@y>", i), 1)+"\r\n")
				}
			case strings.HasPrefix(rest, "UID FETCH"):
				var uid int
				fmt.Sscanf(rest, "UID FETCH %d", &uid)
				body := bodies[uid-1]
				fmt.Fprintf(c, "* %d FETCH (UID %d FLAGS () INTERNALDATE \"02-Mar-2026 08:00:00 +0000\" BODY[] {%d}\r\n%s)\r\n", uid, uid, len(body), body)
			}
			fmt.Fprintf(c, "%s OK done\r\n", tag)
		}
	})
	source.Name = "imap.source"
	var mu sync.Mutex
	var appended []string
	refusals := 0
	target = script(t, func(c net.Conn, command func() (string, string)) {
		io.WriteString(c, hello)
		for {
			tag, rest := command()
			switch {
			case tag == "":
				return
			case strings.HasPrefix(rest, "LIST"):
				io.WriteString(c, "* LIST () \"/\" INBOX\r\n")
			case strings.HasPrefix(rest, "EXAMINE"):
				io.WriteString(c, "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n")
			case strings.HasPrefix(rest, "APPEND") && strings.HasSuffix(rest, fmt.Sprintf("{%d}", len(bodies[0]))):
				mu.Lock()
				refusals++
				mu.Unlock()
				fmt.Fprintf(c, "%s NO [TOOBIG] message too large\r\n", tag)
				continue
			case strings.HasPrefix(rest, "APPEND"):
				io.WriteString(c, "+ go\r\n")
				text, _ := command()
				mu.Lock()
				appended = append(appended, text)
				mu.Unlock()
			}
			fmt.Fprintf(c, "%s OK done\r\n", tag)
		}
	})
	return target, source, func() ([]string, int) {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(appended), refusals
	}
}

// A message that the target refuses does not keep those behind it from being copied; it is counted, and tried again at later looks,
// but not for ever.
func TestRefusedMessageIsPutAside(t *testing.T) {
	target, source, come := twoSides(t, func() {})
	together := &shared{passes: newRegistry()}
	target.Shared = together
	h := probetest.NewHost(Protocol(), account, target, source)
	defer h.Close()
	for i, want := range []struct {
		class  probe.Class
		answer string
	}{{probe.Limited, `{"left":2,"refused":0}`}, {probe.OK, `{"left":1,"refused":1}`}, {probe.OK, `{"left":0,"refused":1}`}, {probe.OK, `{"left":0,"refused":1}`}} {
		if r := do(t, h, "migrate", ""); r.Class != want.class || string(h.Answer) != want.answer {
			t.Errorf("action %d: %v, %s, want %v, %s", i+1, r.Err, h.Answer, want.class, want.answer)
		}
	}
	if appended, refusals := come(); !slices.Equal(appended, []string{"hi", "ho"}) || refusals != 1 {
		t.Errorf("%q were appended, %d refused", appended, refusals)
	}
	if n := len(h.Copies); n == 0 || !h.Copies[n-1].Uncompared || h.Copies[n-1].Refused != 1 {
		t.Errorf("told %+v", h.Copies)
	}
	r := do(t, h, "verify_copy", "") // this target forgets what it was given
	if r.Class != probe.Content || !strings.Contains(fmt.Sprint(r.Err), "(1 were refused)") {
		t.Error(r.Err)
	}
	told := h.Copies[len(h.Copies)-1]
	if told.Uncompared || told.Missing != 3 || told.Copied != 2 || told.Refused != 1 || len(told.Refusals) != 1 {
		t.Fatalf("told %+v", told)
	}
	no := told.Refusals[0]
	if no.Mailbox != inbox || no.UID != 1 || no.MessageID != "<0@y>" || no.Tries != 1 || !strings.Contains(no.Reason, "message too large") {
		t.Errorf("told %+v", no)
	}
	what := new(migration)
	if err := what.decode(func(any) error { return nil }); err != nil {
		t.Fatal(err)
	}
	p := together.passes.of(account.Login, *what)
	for range 2 * mostRefusals {
		p.mu.Lock()
		p.loaded = time.Time{}
		p.mu.Unlock()
		do(t, h, "migrate", "")
	}
	if _, refusals := come(); refusals != mostRefusals {
		t.Errorf("tried %d times", refusals)
	}
	if told := h.Copies[len(h.Copies)-1]; told.Refused != 1 || told.Refusals[0].Tries != mostRefusals {
		t.Errorf("told %+v", told)
	}
	p.settle(&job{flight: flight{inbox, 1}, to: inbox}, copied) // it had room in the end
	do(t, h, "migrate", "")
	if told := h.Copies[len(h.Copies)-1]; told.Refused != 0 || len(told.Refusals) != 0 {
		t.Errorf("told %+v", told)
	}
}

// A connection that waits for another one's look has no latency from it, keeps its session, and does not say that all is copied.
// Nobody waits to settle what it has.
func TestWaitForAnotherLook(t *testing.T) {
	target, source, _ := twoSides(t, func() {})
	together := &shared{passes: newRegistry()}
	target.Shared = together
	h := probetest.NewHost(Protocol(), account, target, source)
	defer h.Close()
	what := new(migration)
	if err := what.decode(func(any) error { return nil }); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"imap", "imap.source"} {
		if r := h.Open(t.Context(), name); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	p := together.passes.of(account.Login, *what)
	p.looking <- struct{}{}
	step, err := probetest.Bind(Protocol(), "migrate", "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	time.AfterFunc(300*time.Millisecond, func() { <-p.looking })
	if r := h.Do(ctx, step); r.Class != probe.Limited { // it went on to the message that is refused
		t.Error(r.Err)
	}
	// All that is left is claimed, and another connection looks for longer than there is time.
	p.mu.Lock()
	p.boxes, p.left = nil, 0
	p.mu.Unlock()
	p.looking <- struct{}{}
	short, end := context.WithTimeout(t.Context(), 6*time.Second)
	defer end()
	from := time.Now()
	r := h.Do(short, step)
	if r.Err != nil || !strings.HasPrefix(string(h.Answer), `{"left":1,`) || time.Since(from)-r.Elapsed < time.Second/2 {
		t.Errorf("%v of %v were latency, %s: %v", r.Elapsed, time.Since(from), h.Answer, r.Err)
	}
	j := &job{flight: flight{inbox, 9}, to: inbox}
	p.settle(j, copied)
	<-p.looking
	if p.counted().copied != 1 {
		t.Error("what was copied during a look is not counted")
	}
}

// What is copied by another connection while both sides are looked through is not copied again, though the look may have missed it.
func TestCopiedDuringLook(t *testing.T) {
	var p *passWork
	other := &job{flight: flight{inbox, 2}, to: inbox}
	target, source, come := twoSides(t, func() { p.settle(other, copied) })
	together := &shared{passes: newRegistry()}
	target.Shared = together
	h := probetest.NewHost(Protocol(), account, target, source)
	defer h.Close()
	what := new(migration)
	if err := what.decode(func(any) error { return nil }); err != nil {
		t.Fatal(err)
	}
	p = together.passes.of(account.Login, *what)
	p.flying[other.flight] = true
	for range 3 {
		do(t, h, "migrate", "")
	}
	if appended, _ := come(); !slices.Equal(appended, []string{"ho"}) || p.counted().copied != 2 {
		t.Errorf("%q were appended", appended)
	}
}
