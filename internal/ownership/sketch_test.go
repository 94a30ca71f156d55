package ownership

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pegel/internal/corpus"
	"time"
)

func testKey(t testing.TB) Key {
	t.Helper()
	key, err := NewKey("sixteen-or-more-characters")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// A sketch keeps the smallest hashes, each once, and is sure of all up to its largest.
func TestSketch(t *testing.T) {
	h := testKey(t).hasher()
	s := newSample(100)
	var all []uint64
	for i := range 1000 {
		x := h.hash(fmt.Sprint(i))
		all = append(all, x)
		s.add(x, young)
		s.add(x, young)
	}
	slices.Sort(all)
	got := s.sketch()
	if got.Complete || !slices.Equal(got.Hashes, all[:100]) {
		t.Errorf("complete %v, %d kept", got.Complete, len(got.Hashes))
	}
	if !got.covers(all[99]) || !got.covers(all[5]+1) || got.covers(all[100]) {
		t.Error("covers the wrong hashes")
	}
	few := newSample(100)
	few.add(7, young)
	few.add(7, old)
	few.add(9, old)
	if got := few.sketch(); !got.Complete || !slices.Equal(got.Hashes, []uint64{7, 9}) || !slices.Equal(got.Ages, []age{either, old}) || !got.covers(^uint64(0)) {
		t.Errorf("%+v", got)
	}
}

func TestFingerprintFile(t *testing.T) {
	key := testKey(t)
	prints := &Fingerprints{Made: time.Unix(1764000000, 0).UTC(), Limit: 7 * 24 * time.Hour, Sketches: map[string]*Sketch{
		key.label("a@x.test"): {Hashes: []uint64{1, 5, 1 << 63}, Ages: []age{young, either, old}, Complete: true},
		key.label("b@x.test"): {},
	}}
	var file bytes.Buffer
	if err := WriteFingerprints(&file, key, prints); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(file.String(), "x.test") {
		t.Error("the file names accounts")
	}
	back, err := ReadFingerprints("f", bytes.NewReader(file.Bytes()), key)
	if err != nil {
		t.Fatal(err)
	}
	s, ok := back.Of(key, "A@x.test")
	if !ok || !slices.Equal(s.Hashes, []uint64{1, 5, 1 << 63}) || !slices.Equal(s.Ages, []age{young, either, old}) || !s.Complete || back.Limit != prints.Limit || !back.Made.Equal(prints.Made) {
		t.Errorf("%+v %+v", back, s)
	}
	other, _ := NewKey("another-key-of-enough-length")
	if _, err := ReadFingerprints("f", bytes.NewReader(file.Bytes()), other); !errors.Is(err, ErrOtherKey) {
		t.Errorf("another key: %v", err)
	}
	lines := strings.SplitAfter(file.String(), "\n")
	for name, text := range map[string]string{
		"cut off":        strings.Join(lines[:3], ""),
		"an account out": lines[0] + lines[1] + lines[3],
		"complete":       strings.Replace(file.String(), `"complete":true`, `"complete":false`, 1),
		"more behind":    file.String() + "{}\n",
		"empty":          "",
		"other":          "{}\n",
	} {
		if _, err := ReadFingerprints("f", strings.NewReader(text), key); err == nil || !strings.HasPrefix(err.Error(), "f:") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadFingerprints(f *testing.F) {
	key := testKey(f)
	var file bytes.Buffer
	if err := WriteFingerprints(&file, key, &Fingerprints{Limit: time.Hour, Sketches: map[string]*Sketch{"a": {Hashes: []uint64{3, 4}, Ages: []age{0, 2}}}}); err != nil {
		f.Fatal(err)
	}
	f.Add(file.String())
	f.Add(strings.SplitAfter(file.String(), "\n")[0] + `{"account":"x","hashes":"AAAAAAAAAAE=","ages":"AA=="}` + "\n")
	f.Add(`{"format":1,"kind":"pegel fingerprints"}`)
	f.Fuzz(func(t *testing.T, text string) {
		back, err := ReadFingerprints("f", strings.NewReader(text), key)
		if err == nil && back.Limit <= 0 {
			t.Errorf("%+v", back)
		}
	})
}

// A canary is known by its signature only: any change of what it says makes it nobody's.
func TestCanarySignature(t *testing.T) {
	key, now := testKey(t), time.Now()
	for _, c := range canariesOf("canary-b", "Anke@x.test", 7*24*time.Hour) {
		raw := c.message(key, now)
		head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
		got, ok := readCanary(key, head)
		if !ok || got.owner != "anke@x.test" || got.run != "canary-b" || got.pass != c.pass || got.number != c.number {
			t.Fatalf("%+v %v from\n%s", got, ok, head)
		}
		for _, change := range [][2]string{{"anke@", "berta@"}, {"canary-b", "canary-c"}, {corpus.CanaryField + ": " + string(c.pass), corpus.CanaryField + ": x" + string(c.pass)}, {"<", "<0"}} {
			if _, ok := readCanary(key, []byte(strings.ReplaceAll(string(head), change[0], change[1]))); ok {
				t.Errorf("%q for %q is believed", change[1], change[0])
			}
		}
	}
	if _, ok := readCanary(key, nil); ok {
		t.Error("nothing is a canary")
	}
	for _, id := range [][2]string{{"Message-ID: <a@b>\r\n\r\n", "a@b"}, {"Message-Id:\r\n <a@b>\r\n\r\n", "a@b"}, {"Message-ID: plain \r\n\r\n", "plain"}, {"\r\n", ""}} {
		if got := messageIDOf([]byte(id[0])); got != id[1] {
			t.Errorf("%q: %q", id[0], got)
		}
	}
}
