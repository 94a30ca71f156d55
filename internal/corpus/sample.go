package corpus

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strconv"
)

// Carried says what a filter is to find in a message. Both samples are harmless by design, and the only ones that pegel has.
type Carried string

// What a message can carry: nothing, the EICAR anti-malware test file as an attachment (eicar.org), or the generic test for
// unsolicited bulk email as a line of its text (GTUBE, of SpamAssassin).
const (
	CarriesNothing Carried = ""
	CarriesEICAR   Carried = "eicar"
	CarriesGTUBE   Carried = "gtube"
)

// ParseCarried reads "eicar", "gtube", or nothing.
func ParseCarried(text string) (Carried, error) {
	switch c := Carried(text); c {
	case CarriesNothing, CarriesEICAR, CarriesGTUBE:
		return c, nil
	}
	return "", fmt.Errorf("a mail carries eicar or gtube, not %q", text)
}

// sample is the 68 characters that filters know. It is put together here, so that the program and its source are not taken for
// what they test for.
func (c Carried) sample() string {
	if c == CarriesEICAR {
		return `X5O!P%@AP[4\PZX54(P^)7CC)7}` + "$EICAR-STANDARD-" + "ANTIVIRUS-TEST-FILE!$H+H*"
	}
	return "XJS*C4JDBQADN1.NSBN3" + "*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
}

// carrying appends the rest of a message, from its content type on, that has a sample in it.
func (c Carried) carrying(b []byte, l *encoded, r *rand.Rand, size int) []byte {
	if c == CarriesGTUBE {
		b = append(b, textHead...)
		b = append(b, c.sample()+"\r\n"...)
		return l.body(b, r, size-len(b))
	}
	boundary := "=_pegel_" + strconv.FormatUint(r.Uint64(), 36)
	end := "\r\n--" + boundary + "\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n" +
		"Content-Disposition: attachment; filename=\"eicar.com\"\r\n\r\n" +
		base64.StdEncoding.EncodeToString([]byte(c.sample())[:57]) + "\r\n" + base64.StdEncoding.EncodeToString([]byte(c.sample())[57:]) +
		"\r\n--" + boundary + "--\r\n"
	b = append(b, `Content-Type: multipart/mixed; boundary="`+boundary+"\"\r\n\r\n--"+boundary+"\r\n"...)
	b = append(b, textHead...)
	b = l.body(b, r, size-len(b)-len(end))
	return append(b, end...)
}
