package imap

import (
	"bytes"
	"testing"
	"time"

	"pegel/internal/corpus"
	"pegel/probes/probetest"
)

// Only pegel's own messages are moved and removed, by MOVE and as before there was MOVE.
func TestMove(t *testing.T) {
	for _, by := range []string{"move", "copy"} {
		address, user := serve(t, nil, false, 3)
		put(t, user, "INBOX", []byte("From: b@example.test\r\nSubject: private\r\n\r\nText\r\n"), time.Now())
		h := probetest.NewHost(Protocol(), account, probetest.Target(t, "imap", "imap://"+address))
		defer h.Close()
		for range 3 {
			if r := do(t, h, "move", "into: Done\nby: "+by); r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		if r := do(t, h, "move", "into: Done\nby: "+by); r.Err == nil {
			t.Errorf("by %s: a fourth message was moved", by)
		}
		if left := contents(t, address, "INBOX"); len(left) != 1 || bytes.Contains(left[0].bytes, []byte(corpus.RunField)) {
			t.Errorf("by %s: %d messages are left", by, len(left))
		}
		if r := do(t, h, "expunge", "mailbox: Done\nmost: 2"); r.Err != nil {
			t.Fatal(r.Err)
		}
		if left := contents(t, address, "Done"); len(left) != 1 {
			t.Errorf("by %s: %d messages are left in Done, want 1", by, len(left))
		}
		if r := do(t, h, "expunge", "mailbox: INBOX"); r.Err != nil {
			t.Fatal(r.Err)
		}
		if left := contents(t, address, "INBOX"); len(left) != 1 {
			t.Errorf("by %s: somebody's mail was removed", by)
		}
	}
}
