package corpus

import (
	"bytes"
	"encoding/base64"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-ical"
)

var spec = MessageSpec{
	Run: "2025-10-02 kiel", Key: 7, From: "a@example.test", To: []string{"b@example.test", "c@example.test"},
	Owner: "b@example.test", Date: time.Date(2025, 10, 2, 9, 30, 0, 0, time.UTC), Size: 4000,
}

func TestMessageIsPure(t *testing.T) {
	if !bytes.Equal(Message(spec), Message(spec)) {
		t.Error("the same specification gave two different messages")
	}
	other := spec
	other.Key++
	if bytes.Equal(Message(spec), Message(other)) {
		t.Error("two keys gave the same message")
	}
	other = spec
	other.Run = "another"
	if bytes.Equal(Message(spec)[2000:], Message(other)[2000:]) {
		t.Error("two runs gave the same text")
	}
}

func TestMessageSizesAndStructure(t *testing.T) {
	for _, size := range []int{1000, 4000, 20000, 24 << 10, 30000, 200000, 3 << 20} {
		for key := range uint64(min(20, 1+400000/size)) {
			s := spec
			s.Size, s.Key = size, key
			raw := Message(s)
			if off := math.Abs(float64(len(raw)-size)) / float64(size); off > 0.08 || size >= 4000 && off > 0.03 {
				t.Errorf("size %d, key %d: got %d bytes", size, key, len(raw))
			}
			checkMessage(t, s, raw)
		}
	}
}

func checkMessage(t *testing.T, s MessageSpec, raw []byte) {
	t.Helper()
	for l := range bytes.SplitSeq(raw, []byte("\r\n")) {
		if len(l) > 78 || bytes.ContainsAny(l, "\r\n") || bytes.ContainsFunc(l, func(r rune) bool { return r > 126 }) {
			t.Fatalf("line of %d bytes is too long or not 7 bit: %q", len(l), l)
		}
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if d, err := m.Header.Date(); err != nil || !d.Equal(s.Date) {
		t.Errorf("Date is %v, %v", d, err)
	}
	to, err := m.Header.AddressList("To")
	if err != nil || len(to) != len(s.To) || to[1].Address != s.To[1] {
		t.Errorf("To is %v, %v", to, err)
	}
	if got := m.Header.Get(RunField); got != s.Run {
		t.Errorf("%s is %q", RunField, got)
	}
	if got := m.Header.Get(OwnerField); got != s.Owner {
		t.Errorf("%s is %q", OwnerField, got)
	}
	if got := m.Header.Get("Message-ID"); got != MessageID(s.Run, s.Key) {
		t.Errorf("Message-ID is %q", got)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject == "" {
		t.Errorf("Subject is %q, %v", subject, err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if kind == "text/plain" {
		checkText(t, quotedprintable.NewReader(m.Body))
		return
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	text, err := parts.NextPart() // which decodes quoted-printable by itself
	if err != nil {
		t.Fatal(err)
	}
	checkText(t, text)
	file, err := parts.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, file))
	if err != nil || len(content) < s.Size/2 {
		t.Errorf("attachment has %d bytes, %v", len(content), err)
	}
	if _, err := parts.NextPart(); err != io.EOF {
		t.Errorf("after the attachment: %v", err)
	}
}

func checkText(t *testing.T, r io.Reader) {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil || !utf8.Valid(text) || len(text) < 20 {
		t.Errorf("text %q, %v", text, err)
	}
}

func TestSizeMix(t *testing.T) {
	const n = 20000
	var large int
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = Size(uint64(i) * (math.MaxUint64 / n))
		if sizes[i] > attachFrom {
			large++
		}
	}
	slices.Sort(sizes)
	if sizes[0] < mixMin || sizes[n-1] > mixMax {
		t.Errorf("sizes reach from %d to %d", sizes[0], sizes[n-1])
	}
	// 17 % have attachments, of which some are small; some letters are long.
	if share := float64(large) / n; share < 0.14 || share > 0.23 {
		t.Errorf("%.3f of the messages are large", share)
	}
	if median := sizes[n/2]; median < 4<<10 || median > 9<<10 {
		t.Errorf("median of the mix is %d", median)
	}
}

func TestParseSizes(t *testing.T) {
	for text, want := range map[string]int{"4KB": 4000, "4 KiB": 4096, "900B": 900, "2MB": 2000000, "1.5kb": 1500, "512": 512} {
		if s, err := ParseSizes(text); err != nil || s.Draw(1) != want {
			t.Errorf("ParseSizes(%q).Draw = %d, %v, want %d", text, s.Draw(1), err, want)
		}
	}
	for _, text := range []string{"", "mix"} {
		if s, err := ParseSizes(text); err != nil || s.Draw(1<<63) != Size(1<<63) {
			t.Errorf("ParseSizes(%q) is not the mix: %v", text, err)
		}
	}
	for _, text := range []string{"large", "4XB", "-1KB", "0", "4GB", "200MB", "NaN", "KB", "4K B"} {
		if s, err := ParseSizes(text); err == nil {
			t.Errorf("ParseSizes(%q) gave %v", text, s)
		}
	}
}

func TestEvent(t *testing.T) {
	s := EventSpec{
		Run: "run, with; odd\nletters", Key: 3, Start: time.Date(2025, 10, 6, 8, 0, 0, 0, time.UTC), Duration: 90 * time.Minute,
		Summary: strings.Repeat("Prüfung, Übergabe; ", 12), Organizer: "a@example.test",
		Attendees: []string{"b@example.test", "c@example.test"}, Recurs: "FREQ=WEEKLY;COUNT=10",
	}
	raw := Event(s)
	if !bytes.Equal(raw, Event(s)) {
		t.Error("the same specification gave two different events")
	}
	for l := range bytes.SplitSeq(raw, []byte("\r\n")) {
		if len(l) > 75 || !utf8.Valid(l) {
			t.Errorf("line of %d bytes: %q", len(l), l)
		}
	}
	cal, err := ical.NewDecoder(bytes.NewReader(raw)).Decode()
	if err != nil {
		t.Fatal(err)
	}
	events := cal.Events()
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	e := events[0]
	if got, _ := e.Props.Text(ical.PropSummary); got != s.Summary {
		t.Errorf("summary %q", got)
	}
	if got, _ := e.Props.Text(ical.PropUID); got != EventUID(s.Run, s.Key) {
		t.Errorf("UID %q", got)
	}
	if got, _ := e.Props.Text(RunProp); got != s.Run {
		t.Errorf("run %q", got)
	}
	start, err := e.DateTimeStart(nil)
	if err != nil || !start.Equal(s.Start) {
		t.Errorf("start %v, %v", start, err)
	}
	end, err := e.DateTimeEnd(nil)
	if err != nil || end.Sub(start) != s.Duration {
		t.Errorf("end %v, %v", end, err)
	}
	if n := len(e.Props.Values(ical.PropAttendee)); n != 2 {
		t.Errorf("%d attendees", n)
	}
	if rule, err := e.Props.RecurrenceRule(); err != nil || rule == nil {
		t.Errorf("recurrence %v, %v", rule, err)
	}
}

func FuzzParseSizes(f *testing.F) {
	for _, s := range []string{"mix", "4KB", "1e9MB", "0.1B", "½KB", "infKB"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSizes(text)
		if n := s.Draw(1 << 40); err == nil && (n < 1 || n > MaxSize) {
			t.Errorf("ParseSizes(%q).Draw = %d", text, n)
		}
	})
}

func BenchmarkMessage(b *testing.B) {
	for _, size := range []int{4000, 1 << 20} {
		b.Run(Sizes{family: "fixed", a: float64(size)}.String(), func(b *testing.B) {
			s := spec
			s.Size = size
			b.SetBytes(int64(size))
			for b.Loop() {
				s.Key++
				Message(s)
			}
		})
	}
}
