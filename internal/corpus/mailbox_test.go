package corpus

import (
	"bytes"
	"encoding/base64"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"net/mail"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"
)

var box = Mailbox{
	Run: "corpus-test-7.20251002", Seed: 7, Owner: "u00001@example.test", Folders: []string{"INBOX", "Sent", "Archiv"},
	Until: time.Date(2025, 10, 2, 23, 59, 59, 0, time.UTC), Secret: NewSecret("operator", 7),
}

// leaves are the content types of a message's parts that have no parts themselves, with their decoded content.
func leaves(t *testing.T, header map[string][]string, body io.Reader, visit func(kind string, params map[string]string, file string, content []byte)) {
	t.Helper()
	h := mail.Header(header)
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		_, disposition, _ := mime.ParseMediaType(h.Get("Content-Disposition"))
		content, err := io.ReadAll(body)
		if strings.EqualFold(h.Get("Content-Transfer-Encoding"), "base64") {
			content, err = base64.StdEncoding.DecodeString(strings.ReplaceAll(string(content), "\r\n", ""))
		}
		if err != nil {
			t.Fatal(err)
		}
		visit(kind, params, disposition["filename"], content)
		return
	}
	for parts := multipart.NewReader(body, params["boundary"]); ; {
		p, err := parts.NextPart()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		leaves(t, p.Header, p, visit)
	}
}

// Every message of a mailbox is well-formed, belongs to its owner, is as large as it says, and keeps to the shares.
func TestMailboxMessages(t *testing.T) {
	const n = 600
	count := map[string]int{}
	ids := map[string]time.Time{}
	for i := range n {
		item := box.Item(i)
		if !reflect.DeepEqual(item, box.Item(i)) {
			t.Fatalf("item %d is not the same twice", i)
		}
		content := Compose(item.Message)
		var raw bytes.Buffer
		if written, err := content.WriteTo(&raw); err != nil || written != content.Size() || int64(raw.Len()) != written {
			t.Fatalf("item %d: %d bytes written, %d there, %d announced, %v", i, written, raw.Len(), content.Size(), err)
		}
		if !bytes.Equal(raw.Bytes(), Message(item.Message)) {
			t.Fatalf("item %d: written otherwise than made", i)
		}
		if size := float64(item.Message.Size); !item.Message.Invites && size > 3000 && math.Abs(float64(raw.Len())/size-1) > 0.08 {
			t.Errorf("item %d: %d bytes instead of %.0f", i, raw.Len(), size)
		}
		for l := range bytes.SplitSeq(raw.Bytes(), []byte("\r\n")) {
			if len(l) > 78 || bytes.ContainsAny(l, "\r\n") || bytes.ContainsFunc(l, func(r rune) bool { return r > 126 }) {
				t.Fatalf("item %d: line of %d bytes is too long or not 7 bit: %q", i, len(l), l)
			}
		}
		m, err := mail.ReadMessage(&raw)
		if err != nil {
			t.Fatal(err)
		}
		mark, err := ParseMark(Message(item.Message))
		if err != nil || !box.Secret.Verify(mark) || mark.Owner != box.Owner || mark.Run != box.Run || mark.ID != box.MessageID(i) {
			t.Errorf("item %d: mark %+v, %v", i, mark, err)
		}
		date, err := m.Header.Date()
		if err != nil || date.After(box.Until) || box.Until.Sub(date) > 3654*24*time.Hour {
			t.Errorf("item %d is of %v, %v", i, date, err)
		}
		if box.Until.Sub(date) < 7*24*time.Hour {
			count["last week"]++
		}
		ids[m.Header.Get("Message-ID")] = date
		if to := m.Header.Get("In-Reply-To"); to != "" {
			count["reply"]++
			before, known := ids[to]
			if !known || date.Before(before) || !strings.HasSuffix(m.Header.Get("References"), to) {
				t.Errorf("item %d of %v answers %s of %v (%v)", i, date, to, before, known)
			}
		}
		from, err := m.Header.AddressList("From")
		if err != nil || (from[0].Address == box.Owner) != (item.Folder == "Sent") {
			t.Errorf("item %d in %s is from %v, %v", i, item.Folder, from, err)
		}
		if strings.ContainsAny(from[0].Name, "äöüßÄÖÜ") {
			count["umlaut"]++
		}
		if s, _ := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); strings.ContainsAny(s, "äöüßÄÖÜ") {
			count["umlaut"]++
		}
		count[item.Folder]++
		for name, on := range map[string]bool{"seen": item.Seen, "answered": item.Answered, "flagged": item.Flagged} {
			if on {
				count[name]++
			}
		}
		files := 0
		leaves(t, m.Header, m.Body, func(kind string, params map[string]string, file string, content []byte) {
			count[kind]++
			switch {
			case file != "":
				files++
				if !strings.Contains(file, ".") || len(content) == 0 {
					t.Errorf("item %d: attachment %q has %d bytes", i, file, len(content))
				}
			case kind == "text/calendar":
				cal, err := ical.NewDecoder(bytes.NewReader(content)).Decode()
				if err != nil || params["method"] != "REQUEST" {
					t.Fatalf("item %d: %v, %v", i, params, err)
				}
				method, _ := cal.Props.Text(ical.PropMethod)
				event := cal.Events()[0]
				uid, _ := event.Props.Text(ical.PropUID)
				run, _ := event.Props.Text(RunProp)
				owner, _ := event.Props.Text(OwnerProp)
				sign, _ := event.Props.Text(SignProp)
				if method != "REQUEST" || event.Props.Get(ical.PropOrganizer) == nil || event.Props.Get(ical.PropAttendee) == nil ||
					!box.Secret.Verify(Mark{Run: run, Owner: owner, ID: uid, Sign: sign}) {
					t.Errorf("item %d: %s", i, content)
				}
			}
		})
		if files > 0 {
			count["with files"]++
		}
		if files > 1 {
			count["with several"]++
		}
	}
	for what, want := range map[string][2]float64{
		"INBOX": {.43, .57}, "Sent": {.2, .3}, "Archiv": {.2, .3}, "reply": {.33, .47}, "text/html": {.5, .7}, "text/calendar": {.02, .09}, "with files": {.1, .24},
		"with several": {.02, .09}, "seen": {.8, .95}, "answered": {.07, .2}, "flagged": {.01, .08}, "last week": {.06, .2}, "umlaut": {.3, 1.5},
	} {
		if share := float64(count[what]) / n; share < want[0] || share > want[1] {
			t.Errorf("share of %s is %.3f, want %v", what, share, want)
		}
	}
}

func TestMailboxesDiffer(t *testing.T) {
	other := box
	other.Owner = "u00002@example.test"
	if box.MessageID(0) == other.MessageID(0) {
		t.Error("two owners share a Message-ID")
	}
	if n := box.Count(10 << 20); n < 20 || n > 2000 || box.Count(0) != 1 || box.Count(20<<20) <= n {
		t.Errorf("10 MiB are %d messages", n)
	}
	for _, until := range []time.Time{box.Until, time.Date(2030, 1, 1, 23, 59, 59, 0, time.UTC)} {
		prefix := RunPrefix("kiel, 2025", 9)
		if at, ok := UntilOf(prefix, RunUntil(prefix, until)); !ok || !at.Equal(until) {
			t.Errorf("%v is read as %v, %v", until, at, ok)
		}
	}
}

func TestSignatures(t *testing.T) {
	m := Mark{Run: "r", Owner: "Ann@example.test", ID: "<1@x>"}
	m.Sign = box.Secret.Sign(m)
	if !box.Secret.Verify(m) {
		t.Error("the own signature is refused")
	}
	same := m
	same.Owner = "ann@EXAMPLE.test" // addresses come back in other letters
	if !box.Secret.Verify(same) {
		t.Error("capital letters of the owner count")
	}
	for _, other := range []Mark{
		{"r", "bob@example.test", "<1@x>", m.Sign}, {"s", m.Owner, "<1@x>", m.Sign}, {"r", m.Owner, "<2@x>", m.Sign}, {"rA", "nn@example.test", "<1@x>", m.Sign}, {"r", m.Owner, "<1@x>", ""},
	} {
		if box.Secret.Verify(other) {
			t.Errorf("%+v is taken for signed", other)
		}
	}
	for _, secret := range []Secret{{}, NewSecret("operator", 8), NewSecret("", 7)} {
		if secret.Verify(m) {
			t.Error("another key verifies it")
		}
	}
	if (Secret{}).Verify(Mark{}) {
		t.Error("no key verifies no signature")
	}
	if _, err := ParseMark([]byte("X-Pegel-Run: a\r\nX-Pegel-Run: b\r\n\r\n")); err == nil {
		t.Error("a mark that stands twice is accepted")
	}
	if _, err := ParseMark([]byte("Subject: x\r\n\r\nX-Pegel-Run: a\r\n")); err != ErrNoMark {
		t.Errorf("a mark in the body: %v", err)
	}
	folded, err := ParseMark([]byte("x-pegel-run: a\r\nMESSAGE-ID:\r\n <1@x>\r\n\r\n"))
	if err != nil || folded != (Mark{Run: "a", ID: "<1@x>"}) {
		t.Errorf("%+v, %v", folded, err)
	}
}

func FuzzParseMark(f *testing.F) {
	f.Add([]byte("X-Pegel-Run: a\r\nX-Pegel-Owner: b@c\r\n\tx\r\nX-Pegel-Sign: 1:AA\r\n\r\nbody"))
	f.Add([]byte(" folded first\nX-Pegel-Run:\n\r:\r\n"))
	f.Add(Message(box.Item(0).Message)[:600])
	f.Fuzz(func(t *testing.T, header []byte) {
		m, err := ParseMark(header)
		if err == nil && m.Run == "" {
			t.Errorf("%q: a mark without a run", header)
		}
		if m.Sign != box.Secret.Sign(m) && box.Secret.Verify(m) {
			t.Errorf("%q is taken for signed", header)
		}
	})
}

// The messages of a mailbox as they are sent: MB/s and allocations, which must not grow with size.
func BenchmarkMailbox(b *testing.B) {
	for _, size := range []string{"4KB", "mix", "10MB"} {
		b.Run(size, func(b *testing.B) {
			m := box
			m.Sizes, _ = ParseSizes(size)
			b.ReportAllocs()
			var total int64
			n := 0
			for b.Loop() {
				written, _ := Compose(m.Item(n % 1000).Message).WriteTo(io.Discard)
				total += written
				n++
			}
			b.SetBytes(total / int64(n))
		})
	}
}
