package ownership

import (
	"bytes"
	"crypto/hmac"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"pegel/internal/corpus"
)

// Kind is a kind of item that canaries are planted as.
type Kind string

// The kinds, in the order in which they are worked on.
const (
	Mail     Kind = "mail"
	Events   Kind = "events"
	Contacts Kind = "contacts"
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{Mail, Events, Contacts} }

// Platform is one of the two platforms: a side for each kind of item that is looked after there.
type Platform map[Kind]Side

// object is a canary that is a calendar event or a contact. Which object it is follows from its identifier, a keyed hash that
// stands in several of its properties; its mark, a property of its own, also says whose it is to whoever does not know the batch.
// It does not carry the run's property, so that no run takes it for one of its events.
type object struct {
	kind       Kind
	run, owner string
	number     int
}

// objectsOf are the events or contacts of one owner: an event to come and one long past, or one contact.
func objectsOf(kind Kind, run, owner string) []object {
	owner = canonical(owner)
	switch kind {
	case Events:
		return []object{{kind, run, owner, 1}, {kind, run, owner, 2}}
	case Contacts:
		return []object{{kind, run, owner, 1}}
	}
	return nil
}

// id is the UID under which the object is planted.
func (o object) id(key Key) string {
	sum := key.sum("canary-object-id", string(o.kind), o.run, o.owner, strconv.Itoa(o.number))
	return corpus.EventUID(o.run, binary.BigEndian.Uint64(sum))
}

func (o object) signature(key Key) string {
	return hex.EncodeToString(key.sum("canary-object", string(o.kind), o.run, o.owner, strconv.Itoa(o.number), o.id(key))[:16])
}

// objectTitle begins what people see, and is what servers are asked for.
const objectTitle = "pegel-canary"

// markProp is the property with kind, number, run, owner and signature; the names are escaped as in URLs, since blanks part them.
const markProp = "X-PEGEL-CANARY"

// Events to come lie that far ahead, those past beyond the limit of the passes.
const (
	eventAhead = 30 * 24 * time.Hour
	eventBack  = 400 * 24 * time.Hour
)

// data is the object as it is planted. Events take no time from anybody: they are transparent and without alarm.
func (o object) data(key Key, now time.Time, limit time.Duration) []byte {
	mark := fmt.Sprintf("%s:%s %d %s %s %s", markProp, o.kind, o.number, url.QueryEscape(o.run), url.QueryEscape(o.owner), o.signature(key))
	id, note := o.id(key), "Control item of a migration, please ignore. Kontrolleintrag eines Umzugs."
	const utc = "20060102T150405Z"
	var lines []string
	if o.kind == Contacts {
		lines = []string{"BEGIN:VCARD", "VERSION:3.0", "PRODID:-//pegel//canary//EN", "UID:" + id, "FN:" + objectTitle, "N:" + objectTitle + ";;;;",
			"EMAIL;TYPE=INTERNET:" + id, "NOTE:" + strings.ReplaceAll(note, ",", `\,`), "REV:" + now.UTC().Format(utc), mark, "END:VCARD"}
	} else {
		start := now.Add(eventAhead)
		if o.number > 1 {
			start = now.Add(-limit - eventBack)
		}
		start = start.UTC().Truncate(24 * time.Hour).Add(3 * time.Hour)
		lines = []string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//pegel//canary//EN", "BEGIN:VEVENT", "UID:" + id, "DTSTAMP:" + now.UTC().Format(utc),
			"DTSTART:" + start.Format(utc), "DTEND:" + start.Add(15*time.Minute).Format(utc), "SUMMARY:" + objectTitle,
			"DESCRIPTION:" + strings.ReplaceAll(note, ",", `\,`) + " " + id, "TRANSP:TRANSPARENT", mark, "END:VEVENT", "END:VCALENDAR"}
	}
	var b bytes.Buffer
	for _, line := range lines {
		for room := 75; len(line) > room; room = 74 { // RFC 5545 and 6350, sections 3.1 and 3.2
			cut := room
			for !utf8.RuneStart(line[cut]) {
				cut--
			}
			b.WriteString(line[:cut] + "\r\n ")
			line = line[cut:]
		}
		b.WriteString(line + "\r\n")
	}
	return b.Bytes()
}

var objectID = regexp.MustCompile(`[0-9a-f]{16}\.[0-9A-Za-z_-]{1,200}@pegel\.invalid`)

// readObject tells which canary an event or a contact is: by its mark, where the signature is right, else by an identifier of the
// batch, because servers drop properties that they do not know and give out UIDs of their own. sure tells whether mark or UID say
// so, and not just a text in it; ok is false for all that is no canary.
func readObject(key Key, kind Kind, data string, batch map[string]object) (o object, sure, ok bool) {
	data = unfold(data)
	for line := range strings.Lines(data) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		name, _, _ = strings.Cut(name, ";")
		switch {
		case strings.EqualFold(name, markProp):
			if marked, right := readMark(key, kind, value); right {
				return marked, true, true
			}
		case strings.EqualFold(name, "UID"):
			if known, there := batch[strings.TrimSpace(value)]; there && known.kind == kind {
				o, sure, ok = known, true, true
			}
		}
	}
	if ok {
		return o, sure, ok
	}
	for _, id := range objectID.FindAllString(data, 20) {
		if known, there := batch[id]; there && known.kind == kind {
			return known, false, true
		}
	}
	return o, false, false
}

// objectClaims tells whether an event or a contact has an identifier of a run, whoever signed it.
func objectClaims(data, run string) bool {
	_, end, _ := strings.Cut(corpus.EventUID(run, 0), ".")
	for _, id := range objectID.FindAllString(unfold(data), 20) {
		if _, its, _ := strings.Cut(id, "."); its == end {
			return true
		}
	}
	return false
}

// unfold takes out the breaks of long lines.
func unfold(data string) string {
	return strings.NewReplacer("\r\n ", "", "\r\n\t", "", "\n ", "", "\n\t", "").Replace(data)
}

func readMark(key Key, kind Kind, value string) (o object, ok bool) {
	words := strings.Fields(value)
	if len(words) != 5 || words[0] != string(kind) {
		return o, false
	}
	run, errRun := url.QueryUnescape(words[2])
	owner, errOwner := url.QueryUnescape(words[3])
	number, errNumber := strconv.Atoi(words[1])
	if errRun != nil || errOwner != nil || errNumber != nil {
		return o, false
	}
	o = object{kind, run, owner, number}
	return o, hmac.Equal([]byte(words[4]), []byte(o.signature(key)))
}

// objectIndex are the events and contacts of a batch by their identifiers.
func (w Work) objectIndex() map[string]object {
	index := map[string]object{}
	for _, m := range w.Moves {
		for _, kind := range Kinds() {
			for _, o := range objectsOf(kind, w.Run, m.Source) {
				index[o.id(w.Key)] = o
			}
		}
	}
	return index
}
