// Package carddav is a client of address books: it finds a user's books, keeps them in step with the server, completes names
// while somebody types, and creates, changes and deletes contacts (RFC 6352), with the conditions on entity tags that keep clients
// from overwriting one another.
//
// Of what it finds on a platform it only ever changes contacts that pegel has made. A session discovers its address book once;
// where an action needs it before discover was called, the discovery is part of that action. What contacts share with calendars
// is package dav.
package carddav

import (
	"time"

	"pegel/internal/corpus"
	"pegel/probes/probe"
	"pegel/probes/probe/dav"
)

// kind is what a session is.
var kind = func() *dav.Kind {
	k := dav.Contacts()
	k.Agent = "pegel (CardDAV)"
	k.FindOwn = contactsWhere(`<c:prop-filter name="UID"><c:text-match>`+dav.OwnUID()+`</c:text-match></c:prop-filter>`, "<c:address-data/>", 0)
	k.Create = createContact
	k.Old = oldContact
	return &k
}()

// Protocol returns the protocol carddav.
func Protocol() probe.Protocol {
	return kind.Protocol(map[string]probe.Action{"query": query, "create": create})
}

const drawKey = iota

// create puts a new contact into the address book.
func create(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return dav.Step(func(t *probe.Turn, s *dav.Session) error {
		if err := s.Ready(t); err != nil {
			return err
		}
		return createContact(t, s)
	}), nil
}

// createContact needs a session with a known address book.
func createContact(t *probe.Turn, s *dav.Session) error {
	spec := corpus.ContactSpec{Run: t.RunID(), Key: t.Draw(drawKey), Stamp: time.Now()}
	return s.Create(t, "create a contact", nil, corpus.EventUID(spec.Run, spec.Key), corpus.Contact(spec), true)
}

// oldContact was changed last a year ago.
func oldContact(t *probe.Turn) (uid string, data []byte) {
	spec := corpus.ContactSpec{Run: t.RunID(), Key: t.Draw(drawKey), Stamp: time.Now().AddDate(-1, 0, 0)}
	return corpus.EventUID(spec.Run, spec.Key), corpus.Contact(spec)
}
