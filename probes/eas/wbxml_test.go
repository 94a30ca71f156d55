package eas

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// events reads a document as text: path=text of each element, in the order of their ends.
func events(t testing.TB, data []byte) ([]string, error) {
	t.Helper()
	var list []string
	err := decode(bytes.NewReader(data), func(e *element) error {
		var path []string
		for _, p := range e.path {
			path = append(path, p.String())
		}
		list = append(list, strings.Join(path, "/")+"="+string(e.text))
		return nil
	})
	return list, err
}

// The example of MS-ASWBXML, section 3.
const exampleSync = "03 01 6A 00 45 5C 4F 50 03 43 6F 6E 74 61 63 74 73 00 01 4B 03 32 00 01 52 03 32 00 01 4E 03 31 00 01 56 47 4D 03 32 3A 31 00 01 " +
	"5D 00 11 4A 46 03 31 00 01 4C 03 30 00 01 4D 03 31 00 01 01 00 01 5E 03 46 75 6E 6B 2C 20 44 6F 6E 00 01 5F 03 44 6F 6E 00 01 " +
	"69 03 46 75 6E 6B 00 01 00 11 56 03 31 00 01 01 01 01 01 01 01"

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReadsThePublishedExample(t *testing.T) {
	got, err := events(t, unhex(t, exampleSync))
	if err != nil {
		t.Fatal(err)
	}
	const collection, data = "00:05/00:1C/00:0F", "00:05/00:1C/00:0F/00:16/00:07/00:1D"
	want := []string{
		collection + "/00:10=Contacts", collection + "/00:0B=2", collection + "/00:12=2", collection + "/00:0E=1",
		collection + "/00:16/00:07/00:0D=2:1",
		data + "/11:0A/11:06=1", data + "/11:0A/11:0C=0", data + "/11:0A/11:0D=1", data + "/11:0A=",
		data + "/01:1E=Funk, Don", data + "/01:1F=Don", data + "/01:29=Funk", data + "/11:16=1", data + "=",
		collection + "/00:16/00:07=", collection + "/00:16=", collection + "=", "00:05/00:1C=", "00:05=",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("read\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWritesThePublishedExample(t *testing.T) {
	d := newDocument()
	d.open(airSync).open(airCollections).open(airCollection)
	d.text(airClass, "Contacts").text(airSyncKey, "2").text(airCollectionID, "2").text(airStatus, "1")
	d.open(airCommands).open(airAdd).text(airServerID, "2:1").open(airApplicationData)
	d.open(0x110A).text(baseType, "1").text(0x110C, "0").text(0x110D, "1").end()
	d.text(0x011E, "Funk, Don").text(0x011F, "Don").text(0x0129, "Funk").text(0x1116, "1")
	d.end().end().end().end().end().end()
	if want := unhex(t, exampleSync); !bytes.Equal(d.bytes, want) {
		t.Errorf("wrote\n% X\nwant\n% X", d.bytes, want)
	}
}

// What is written is read again, whatever its length.
func TestRoundTrip(t *testing.T) {
	for _, size := range []int{0, 1, 127, 128, 4095, 4096, 4097, 16383, 16384, 100_000} {
		text := strings.Repeat("ä", size/2)
		d := newDocument()
		d.open(composeSendMail).text(composeClientID, text).opaque(composeMime, []byte(text+"\x00\x01")).empty(composeSaveInSent).end()
		got, err := events(t, d.bytes)
		if err != nil {
			t.Fatalf("%d: %v", size, err)
		}
		want := []string{"15:05/15:11=" + text, "15:05/15:10=" + text + "\x00\x01", "15:05/15:08=", "15:05="}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("a text of %d bytes comes back otherwise", size)
		}
	}
}

// Unknown pages and tags are read over, and so are the string table and entities.
func TestReadsWhatNobodyKnows(t *testing.T) {
	got, err := events(t, unhex(t, "03 01 6A 04 61 62 63 00 00 FE 7F 00 00 45 83 01 02 81 24 03 64 00 01 00 07 08 01"))
	want := []string{"FE:3F/00:05=bc" + string(rune(0xA4)) + "d", "FE:3F/07:08=", "FE:3F="}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

func TestBrokenDocuments(t *testing.T) {
	whole := unhex(t, exampleSync)
	for n := range whole {
		if _, err := events(t, whole[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are taken for a document", n, len(whole))
		}
	}
	for _, c := range []struct{ name, hex, says string }{
		{"a page of a web server", "3c 68 74 6d 6c 3e", "not WBXML"},
		{"another charset", "03 01 04 00 45 01", "not UTF-8"},
		{"something after the end", "03 01 6A 00 45 01 00", "follows the end"},
		{"an end before the beginning", "03 01 6A 00 01", "no element"},
		{"text before the beginning", "03 01 6A 00 03 41 00", "no element"},
		{"attributes", "03 01 6A 00 45 C6 01 01", "attributes"},
		{"an extension", "03 01 6A 00 45 40 41 00 01", "not part of ActiveSync"},
		{"a long string table", "03 01 6A 84 80 01", "string table"},
		{"a place outside the string table", "03 01 6A 00 45 83 05 01", "no place"},
		{"a string of the table without an end", "03 01 6A 01 41 45 83 00 01", "no end"},
		{"an opaque length beyond all bounds", "03 01 6A 00 45 C3 8F FF FF FF 7F 41", "above"},
		{"a number without an end", "03 01 6A 00 45 02 FF FF FF FF FF FF FF FF", "above"},
		{"depth", "03 01 6A 00 " + strings.Repeat("45 ", maxDepth+1), "deep"},
	} {
		if _, err := events(t, unhex(t, c.hex)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
	long := append(unhex(t, "03 01 6A 00 45 03"), bytes.Repeat([]byte("a"), maxText+8192)...)
	if _, err := events(t, long); err == nil || !strings.Contains(err.Error(), "longer") {
		t.Errorf("an endless text: %v", err)
	}
}

// endless is a document that never ends: one empty element after the other.
type endless struct{ begun bool }

func (e *endless) Read(p []byte) (int, error) {
	if !e.begun {
		e.begun = true
		return copy(p, "\x03\x01\x6a\x00\x45"), nil
	}
	for i := range p {
		p[i] = 0x06
	}
	return len(p), nil
}

func TestEndlessDocument(t *testing.T) {
	if err := decode(&endless{}, func(*element) error { return nil }); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("an endless document: %v", err)
	}
}

func FuzzWBXML(f *testing.F) {
	f.Add(unhex(f, exampleSync))
	f.Add(unhex(f, "03 01 6A 04 61 62 63 00 00 FE 7F 00 00 45 83 01 02 81 24 03 64 00 01 00 07 08 01"))
	f.Add(unhex(f, "03 01 6A 00 00 0D 45 47 03 32 00 01 49 4A 03 31 00 01 01 01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		// Whatever is a document is one again when it is written from what was read.
		again := newDocument()
		var open []tag
		elements := 0
		err := decode(bytes.NewReader(data), func(e *element) error {
			if elements++; len(e.path) > maxDepth || len(e.text) > len(data)*4 {
				t.Fatalf("depth %d, %d bytes of text from %d", len(e.path), len(e.text), len(data))
			}
			for len(open) >= len(e.path) {
				open = open[:len(open)-1]
			}
			again.opaque(e.path[len(e.path)-1], e.text)
			return nil
		})
		if err != nil {
			return
		}
		if elements == 0 {
			t.Fatal("a document without an element")
		}
		wrapped := newDocument().open(airSync)
		wrapped.bytes = append(wrapped.bytes, again.bytes[4:]...)
		count := 0
		if err := decode(bytes.NewReader(append(wrapped.bytes, tokenEnd)), func(*element) error { count++; return nil }); err != nil || count != elements+1 {
			t.Fatalf("%d elements, written again %d: %v", elements, count, err)
		}
	})
}
