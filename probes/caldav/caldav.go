// Package caldav is a calendar client: it finds a user's calendars, keeps them in step with the server, asks what is in a span of
// days, and creates, changes and deletes events (RFC 4791), with the conditions on entity tags that keep clients from overwriting
// one another. Where the server schedules (RFC 6638) it invites, asks who is busy, and reads and answers invitations.
//
// Of what it finds on a platform it only ever changes events that pegel has made. A session discovers its calendar once; where an
// action needs it before discover was called, the discovery is part of that action. What calendars share with contacts is package
// dav.
package caldav

import (
	"pegel/probes/probe"
	"pegel/probes/probe/dav"
)

// kind is what a session is.
var kind = func() *dav.Kind {
	k := dav.Calendars()
	k.Agent = "pegel (CalDAV)"
	k.FindOwn = eventsWhere(`<c:prop-filter name="UID"><c:text-match collation="i;ascii-casemap">` + dav.OwnUID() + `</c:text-match></c:prop-filter>`)
	k.Create = func(t *probe.Turn, s *dav.Session) error { return createEvent(t, s, createParams{}) }
	k.Old = oldEvent
	return &k
}()

// Protocol returns the protocol caldav.
func Protocol() probe.Protocol {
	return kind.Protocol(map[string]probe.Action{"query": query, "create": create, "freebusy": freebusy, "answer": answer})
}
