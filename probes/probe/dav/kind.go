package dav

import (
	"strings"
	"time"

	"pegel/probes/probe"
)

// Kind is what tells calendars from contacts.
type Kind struct {
	Service   string // name of the well-known address: caldav, carddav
	Agent     string // User-Agent
	Noun      string // "event": one object, in error texts
	Place     string // "calendar": one collection, in error texts
	Own       string // name of the collection that is made in a home without one
	CopyInto  string // name of the collection that copy traffic goes to, which discovery does not choose
	MediaType string
	Extension string // of file names, with its dot

	Namespace  string // of the following names
	HomeSet    string // property with the home
	Collection string // resource type of a collection
	DataName   string // property with an object's text
	Multiget   string // report
	Make       string // method that makes a collection; "" for extended MKCOL alone (RFC 5689)

	Outer     string // outermost component: VCALENDAR, VCARD
	Inner     string // component with the object's own properties; the same as Outer for contacts
	Stamp     string // property with the time of the last change, as in "20060102T150405Z"
	Counter   string // property that counts revisions, "" for none
	Component string // component that a collection must take, "" for any

	// Create puts a new object of pegel's into the collection in use, for an action that needs one and finds none.
	Create func(t *probe.Turn, s *Session) error
	// Old draws an object as a migration copies it, with its identifier.
	Old func(t *probe.Turn) (uid string, data []byte)
	// FindOwn is the query for the objects that pegel has made, as a REPORT body.
	FindOwn string
}

// Calendars is the kind of CalDAV (RFC 4791), without Agent, Create, Old and FindOwn.
func Calendars() Kind {
	return Kind{
		Service: "caldav", Noun: "event", Place: "calendar", Own: "pegel", CopyInto: "Migrated",
		MediaType: "text/calendar", Extension: ".ics",
		Namespace: nsCalDAV, HomeSet: "calendar-home-set", Collection: "calendar", DataName: "calendar-data",
		Multiget: "calendar-multiget", Make: "MKCALENDAR",
		Outer: "VCALENDAR", Inner: "VEVENT", Stamp: "DTSTAMP", Counter: "SEQUENCE", Component: "VEVENT",
	}
}

// Contacts is the kind of CardDAV (RFC 6352), without Agent, Create, Old and FindOwn.
func Contacts() Kind {
	return Kind{
		Service: "carddav", Noun: "contact", Place: "address book",
		// Not the names of the calendars: some servers, such as Radicale, keep both in one home.
		Own: "pegel-contacts", CopyInto: "Migrated-contacts",
		MediaType: "text/vcard", Extension: ".vcf",
		Namespace: nsCardDAV, HomeSet: "addressbook-home-set", Collection: "addressbook", DataName: "address-data",
		Multiget: "addressbook-multiget",
		Outer:    "VCARD", Inner: "VCARD", Stamp: "REV",
	}
}

// is tells whether a resource is a collection of this kind that takes its objects.
func (k *Kind) is(p *Props) bool {
	if k.Namespace == nsCalDAV {
		return p.Calendar && p.Holds(k.Component)
	}
	return p.AddressBook
}

// one is one object, in error texts.
func (k *Kind) one() string {
	if strings.HasPrefix(k.Noun, "e") {
		return "an " + k.Noun
	}
	return "a " + k.Noun
}

// whole tells whether a text is one object from its beginning to its end.
func (k *Kind) whole(data string) bool {
	data = strings.TrimSpace(data)
	return hasPrefixFold(data, "BEGIN:"+k.Outer) && hasPrefixFold(data[max(0, len(data)-len("END:")-len(k.Outer)):], "END:"+k.Outer)
}

func hasPrefixFold(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

// stamp is a moment as both formats write it in UTC.
func stamp(at time.Time) string { return at.UTC().Format("20060102T150405Z") }

// propfind is the body that asks for these properties, written with the prefixes d (the default), c and s.
func (k *Kind) propfind(props string) string {
	return `<propfind xmlns="DAV:" xmlns:c="` + k.Namespace + `" xmlns:s="` + nsServer + `"><prop>` + props + `</prop></propfind>`
}
