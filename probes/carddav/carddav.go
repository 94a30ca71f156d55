// Package carddav is a client of address books: it finds a user's books, keeps them in step with the server, completes names
// while somebody types, and creates, changes and deletes contacts (RFC 6352), with the conditions on entity tags that keep clients
// from overwriting one another.
//
// Of what it finds on a platform it only ever changes contacts that pegel has made. A session discovers its address book once;
// where an action needs it before discover was called, the discovery is part of that action. What contacts share with calendars
// is package dav.
package carddav

import (
	"strings"
	"time"

	"pegel/internal/corpus"
	"pegel/probes/probe"
	"pegel/probes/probe/dav"
)

// kind is what a session is.
var kind = func() *dav.Kind {
	k := dav.Contacts()
	k.Agent = "pegel (CardDAV)"
	_, domain, _ := strings.Cut(corpus.EventUID("", 0), "@")
	k.FindOwn = contactsWhere(`<c:prop-filter name="UID"><c:text-match>@`+domain+`</c:text-match></c:prop-filter>`, "<c:address-data/>", 0)
	k.Create = createContact
	return &k
}()

// Protocol returns the protocol carddav.
func Protocol() probe.Protocol {
	return probe.Protocol{
		Name: "carddav", Schemes: []string{"http", "https"},
		Open: func(t *probe.Turn, target probe.Target, account probe.Account) (probe.Session, error) {
			s, err := dav.Open(t, kind, target, account)
			if err != nil {
				return nil, err
			}
			return s, nil
		},
		Actions: map[string]probe.Action{
			"discover": dav.Discover,
			"sync":     dav.Sync,
			"verify":   dav.Verify,
			"race":     dav.Race,
			"rights":   dav.Rights,
			"update":   dav.Update,
			"delete":   dav.Delete,
			"query":    query,
			"create":   create,
			"copy":     copyContact,
		},
		Answers: []string{"query", "create", "update"},
	}
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

// copyParams are the parameters of copy.
type copyParams struct {
	Into string `yaml:"into"` // name of the address book in the account's home, made where missing; default Migrated-contacts
}

// copyContact writes one contact as the copy pass of a migration does. What it writes belongs to the migration: update and delete
// do not take it from this session's memory.
func copyContact(decode func(any) error) (probe.Step, error) {
	params := copyParams{Into: kind.CopyInto}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if err := dav.CheckName("into", params.Into); err != nil {
		return nil, err
	}
	return dav.Step(func(t *probe.Turn, s *dav.Session) error {
		into, err := s.FindOrMake(t, params.Into)
		if err != nil {
			return err
		}
		spec := corpus.ContactSpec{Run: t.RunID(), Key: t.Draw(drawKey), Stamp: time.Now().AddDate(-1, 0, 0)}
		return s.Create(t, "copy a contact", into, corpus.EventUID(spec.Run, spec.Key), corpus.Contact(spec), false)
	}), nil
}
