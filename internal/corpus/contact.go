package corpus

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ContactSpec says what contact to make.
type ContactSpec struct {
	Run    string
	Key    uint64    // which contact of the run: decides its UID and who it is
	Stamp  time.Time // of creation or last change
	Owner  string    // address of the account that it belongs to; "" leaves the property out
	Secret Secret    // signs its mark; the zero value leaves the property out
}

var (
	givenNames = strings.Fields(`Anna Ben Carla David Elif Finn Greta Hannah Ibrahim Jana Karl Lena Mats Nele Ole Paula Quirin Rosa
		Sören Thea Ulrike Viktor Wiebke Xenia Yusuf Zoe`)
	familyNames = strings.Fields(`Ahlers Bruhn Carstensen Detlefsen Ehlers Friedrichsen Gosch Hansen Ingwersen Jessen Kruse Lorenzen
		Matthiesen Nissen Otto Petersen Quast Rohwer Schmidt Thomsen Uhlig Voss Wulff Yılmaz Zander Ålund Łukasik`)
)

// PersonName is the name of the person that a key stands for; there are 702, which repeat.
func PersonName(key uint64) (given, family string) {
	key ^= key >> 32
	return givenNames[key%uint64(len(givenNames))], familyNames[key/uint64(len(givenNames))%uint64(len(familyNames))]
}

// Contact makes a vCard 3.0 (RFC 2426), the version that every address book takes; lines are folded at 75 octets and end in CRLF.
func Contact(spec ContactSpec) []byte {
	r := stream(spec.Run, spec.Key)
	given, family := PersonName(spec.Key)
	uid := EventUID(spec.Run, spec.Key)

	b := make([]byte, 0, 512)
	prop := func(text string) { b = fold(b, text) }
	prop("BEGIN:VCARD")
	prop("VERSION:3.0")
	prop("PRODID:-//pegel//corpus//EN")
	prop("UID:" + uid)
	prop("REV:" + spec.Stamp.UTC().Format("20060102T150405Z"))
	prop("FN:" + escape(given+" "+family))
	prop("N:" + escape(family) + ";" + escape(given) + ";;;")
	prop(fmt.Sprintf("EMAIL;TYPE=INTERNET:%016x@%s", spec.Key, domain))
	prop("TEL;TYPE=WORK:+49 431 " + strconv.Itoa(1_000_000+r.IntN(9_000_000)))
	prop("ORG:" + escape(languages[r.IntN(len(languages))].events[0]))
	prop(RunProp + ":" + escape(spec.Run))
	if spec.Owner != "" {
		prop(OwnerProp + ":" + escape(spec.Owner))
	}
	if sign := spec.Secret.Sign(Mark{Run: spec.Run, Owner: spec.Owner, ID: uid}); sign != "" {
		prop(SignProp + ":" + sign)
	}
	prop("END:VCARD")
	return b
}
