package corpus

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"
)

// The samples are those that filters know: eicar.org publishes the file's MD5.
func TestSamplesAreTheKnownOnes(t *testing.T) {
	if got := fmt.Sprintf("%x", md5.Sum([]byte(CarriesEICAR.sample()))); got != "44d88612fea8a8f36de82e1278abb02f" {
		t.Errorf("the EICAR file has the MD5 %s", got)
	}
	if n := len(CarriesGTUBE.sample()); n != 68 {
		t.Errorf("GTUBE has %d characters, want 68", n)
	}
	if _, err := ParseCarried("virus"); err == nil {
		t.Error("what is no harmless sample is accepted")
	}
}

func TestMessagesCarryTheirSample(t *testing.T) {
	for _, size := range []int{2000, 4000, 200_000} {
		s := spec
		s.Size, s.Carries = size, CarriesEICAR
		m, err := mail.ReadMessage(bytes.NewReader(Message(s)))
		if err != nil {
			t.Fatal(err)
		}
		_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		parts, last := multipart.NewReader(m.Body, params["boundary"]), ""
		n := 0
		for p, err := parts.NextPart(); err == nil; p, err = parts.NextPart() {
			raw, err := io.ReadAll(p)
			if err != nil {
				t.Fatal(err)
			}
			last = string(raw)
			n++
		}
		file, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(last, "\r\n", ""))
		if err != nil || string(file) != CarriesEICAR.sample() || n != 2 {
			t.Errorf("%d bytes: %d parts, the last one is %q (%v)", size, n, file, err)
		}
		s.Carries = CarriesGTUBE
		if !strings.Contains(string(Message(s)), "\r\n"+CarriesGTUBE.sample()+"\r\n") {
			t.Errorf("%d bytes: the text has no line with GTUBE", size)
		}
		if got := len(Message(s)); got < size*9/10 || got > size*11/10+500 {
			t.Errorf("a message of %d bytes has %d", size, got)
		}
	}
}
