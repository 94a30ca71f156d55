package imap

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"pegel/probes/imap/client"
	"pegel/probes/probe"
	"pegel/probes/probetest"
)

// What a server used only as a source forgets is told, too.
func TestSourceIsChecked(t *testing.T) {
	const list = `* LIST () "/" INBOX`
	target := answering(t, map[string][]string{"LIST": {list}, "EXAMINE": {threeMessages}})
	source := answering(t, map[string][]string{"LIST": {list}, "EXAMINE": {threeMessages, strings.Replace(threeMessages, "7", "8", 1)}})
	source.Name = "imap.source"
	h := probetest.NewHost(Protocol(), account, target, source)
	h.Inspect = new(probetest.Inspector)
	defer h.Close()
	if r := do(t, h, "verify_copy", ""); r.Err != nil {
		t.Fatal(r.Err)
	}
	if r := do(t, h, "verify_copy", ""); r.Class != probe.Content {
		t.Errorf("%v: %v", r.Class, r.Err)
	}
	if found := h.Inspect.Violations(); len(found) != 1 || found[0].Rule != ruleUIDValidity {
		t.Errorf("found %+v", found)
	}
}

// A selection of many messages that are no neighbours is asked for in lines that every server reads.
func TestLongSelectionIsAskedForInPieces(t *testing.T) {
	const messages = 15_000
	longest := 0
	address := script(t, func(c net.Conn, command func() (string, string)) {
		io.WriteString(c, hello)
		for {
			tag, rest := command()
			verb, set, _ := strings.Cut(strings.TrimPrefix(rest, "UID "), " ")
			switch {
			case tag == "":
				return
			case verb == "EXAMINE":
				fmt.Fprintf(c, "* %d EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n", messages)
			case verb == "SEARCH":
				io.WriteString(c, "* SEARCH")
				for i := range messages {
					fmt.Fprintf(c, " %d", 2*i+100_001)
				}
				io.WriteString(c, "\r\n")
			case verb == "FETCH":
				longest = max(longest, len(rest))
				var text strings.Builder
				set, _, _ = strings.Cut(set, " ")
				for uid := range strings.SplitSeq(set, ",") {
					fmt.Fprintf(&text, "* 1 FETCH (UID %s FLAGS () RFC822.SIZE 10)\r\n", uid)
				}
				io.WriteString(c, text.String())
			}
			fmt.Fprintf(c, "%s OK done\r\n", tag)
		}
	})
	h := probetest.NewHost(Protocol(), account, address)
	defer h.Close()
	var list []entry
	r := h.Do(t.Context(), step(func(t *probe.Turn, s *session) (err error) {
		if err := s.authenticate(t); err != nil {
			return err
		}
		list, err = s.inventory(inbox, &selection{Days: 7}, "")
		return err
	}))
	if r.Err != nil || len(list) != messages || list[messages-1].uid != 2*messages+99_999 {
		t.Errorf("%d messages: %v", len(list), r.Err)
	}
	if longest == 0 || longest > mostOfSet+100 {
		t.Errorf("a line of %d bytes", longest)
	}
}

func TestPieces(t *testing.T) {
	for set, want := range map[string]string{
		"":                    "",
		"1":                   "1",
		"1:20":                "1:20",
		"1,2":                 "1,2",
		"10,20,30,40":         "10,20|30,40",
		"10:14,20,123456789":  "10:14|20|123456789",
		"1,3,5,7,9,11,13":     "1,3,5|7,9|11,13",
		client.Set(1, 2, 3):   "1:3",
		client.Set(9, 11, 13): "9,11|13",
	} {
		if got := strings.Join(pieces(set, 5), "|"); got != want {
			t.Errorf("%q: %q, want %q", set, got, want)
		}
	}
}
