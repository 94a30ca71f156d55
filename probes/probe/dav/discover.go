package dav

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"pegel/probes/probe"
)

// Ready returns the user's session with a known collection, discovering it where needed.
func (s *Session) Ready(t *probe.Turn) error {
	if s.place != nil {
		return nil
	}
	return s.Discover(t)
}

// Discover follows RFC 6764: from the well-known address (or the target's own path) to the principal, to its home, to a
// collection. It takes pegel's own, else the first in the server's order that takes the kind's objects, is the user's and is not
// where copied objects go, and makes one where there is none.
func (s *Session) Discover(t *probe.Turn) error {
	doing := "discover the " + s.kind.Place
	s.principal, s.home, s.place, s.places, s.inbox, s.outbox = "", nil, nil, nil, nil, nil
	props, at, err := s.entry(t)
	if err != nil {
		return err
	}
	if s.kind.is(props) {
		s.place = at
		s.home = at.JoinPath("..", "/")
		return nil
	}
	if props.Home == "" {
		if props.Principal == "" {
			return probe.Failf(probe.Content, doing, "%s tells neither principal nor home", at.Path)
		}
		principal, err := at.Parse(props.Principal)
		if err != nil {
			return probe.Fail(probe.Content, doing, fmt.Errorf("principal: %w", err))
		}
		if props, at, err = s.properties(t, principal); err != nil {
			return err
		}
		if props.Home == "" {
			return probe.Failf(probe.Content, doing, "the principal %s tells no %s", at.Path, s.kind.HomeSet)
		}
		s.principal = principal.Path
	}
	if props.Principal != "" {
		if principal, err := at.Parse(props.Principal); err == nil {
			s.principal = principal.Path
		}
	}
	home, err := at.Parse(props.Home)
	if err != nil {
		return probe.Fail(probe.Content, doing, fmt.Errorf("home: %w", err))
	}
	if props.Inbox != "" {
		s.inbox, _ = at.Parse(props.Inbox) // an address that is none is as good as not offered
	}
	if props.Outbox != "" {
		s.outbox, _ = at.Parse(props.Outbox)
	}
	if err := s.list(t, home); err != nil {
		return err
	}
	if c, ok := s.known(s.kind.Own); ok {
		s.place = c
		return nil
	}
	for _, shared := range []bool{false, true} {
		for _, c := range s.places {
			if c.Shared == shared && !c.is(s.kind.CopyInto) {
				s.place = c.URL
				return nil
			}
		}
	}
	s.place, err = s.Make(t, s.kind.Own)
	return err
}

// entry asks where everything begins. A server without a well-known address is asked at its root.
func (s *Session) entry(t *probe.Turn) (*Props, *url.URL, error) {
	base := s.client.Base()
	if base.Path != "/" {
		return s.properties(t, base)
	}
	props, at, err := s.properties(t, base.JoinPath("/.well-known/"+s.kind.Service))
	if err == nil && (props.Principal != "" || props.Home != "") {
		return props, at, nil
	}
	var own *probe.Error
	if errors.As(err, &own) && own.Class != probe.Content && own.Class != probe.BadProtocol && own.Class != probe.Denied || t.Context().Err() != nil {
		return nil, nil, err
	}
	return s.properties(t, base)
}

// properties asks one resource for what leads to the collections.
func (s *Session) properties(t *probe.Turn, u *url.URL) (*Props, *url.URL, error) {
	ask := "<resourcetype/><current-user-principal/><c:" + s.kind.HomeSet + "/>"
	if s.kind.Namespace == nsCalDAV {
		ask += "<c:schedule-inbox-URL/><c:schedule-outbox-URL/>"
	}
	return s.ask0(t, "ask "+u.Path+" for the "+s.kind.Place+"s", u, ask)
}

// ask0 asks one resource for properties of its own.
func (s *Session) ask0(t *probe.Turn, doing string, u *url.URL, props string) (*Props, *url.URL, error) {
	var (
		found Props
		any   bool
	)
	result, err := s.Ask(t, doing, "PROPFIND", u, "0", s.kind.propfind(props), func(r *Response, _ *url.URL) error {
		if any {
			return nil
		}
		any = true
		found = r.Props
		return r.failed(doing)
	})
	return &found, result.URL, err
}

// list reads the collections of the home.
func (s *Session) list(t *probe.Turn, home *url.URL) error {
	doing := "list the " + s.kind.Place + "s"
	ask := "<resourcetype/><displayname/><owner/>"
	if s.kind.Namespace == nsCalDAV {
		ask += "<c:supported-calendar-component-set/>"
	}
	s.places = nil
	result, err := s.Ask(t, doing, "PROPFIND", home, "1", s.kind.propfind(ask), func(r *Response, at *url.URL) error {
		if !s.kind.is(&r.Props) {
			return nil
		}
		u, err := at.Parse(r.Href)
		if err != nil {
			return probe.Fail(probe.Content, doing, err)
		}
		if len(s.places) == maxPlaces {
			return probe.Failf(probe.Content, doing, "the home holds more than %d", maxPlaces)
		}
		s.places = append(s.places, Place{Name: r.Name, URL: u, Shared: s.foreign(at, r.Owner)})
		return nil
	})
	s.home = result.URL
	return err
}

// maxPlaces is how many collections one user may have.
const maxPlaces = 1000

// foreign tells whether an owner is somebody else than the user.
func (s *Session) foreign(at *url.URL, owner string) bool {
	if owner == "" || s.principal == "" {
		return false
	}
	u, err := at.Parse(owner)
	return err == nil && strings.TrimSuffix(u.Path, "/") != strings.TrimSuffix(s.principal, "/")
}

func (s *Session) known(name string) (*url.URL, bool) {
	i := slices.IndexFunc(s.places, func(c Place) bool { return c.is(name) })
	if i < 0 {
		return nil, false
	}
	return s.places[i].URL, true
}

// Find returns the collection that a scenario names: "" for the one in use, a path from the server's root on, which may be
// somebody else's, or a name among the user's collections.
func (s *Session) Find(t *probe.Turn, name string) (*url.URL, error) {
	if strings.HasPrefix(name, "/") {
		u, err := s.client.Base().Parse(name)
		if err != nil || u.Host != s.client.Base().Host {
			return nil, probe.Failf(probe.Content, "find the "+s.kind.Place, "%q is no path", clip(name))
		}
		return u, nil
	}
	if err := s.Ready(t); err != nil {
		return nil, err
	}
	if name == "" {
		return s.place, nil
	}
	if u, ok := s.known(name); ok {
		return u, nil
	}
	return nil, probe.Failf(probe.Content, "find the "+s.kind.Place, "the user has none that is called %q", clip(name))
}

// FindOrMake is Find for a name in the home, made where it is missing.
func (s *Session) FindOrMake(t *probe.Turn, name string) (*url.URL, error) {
	if err := s.Ready(t); err != nil {
		return nil, err
	}
	if u, ok := s.known(name); ok {
		return u, nil
	}
	return s.Make(t, name)
}

// Make creates a collection in the home: by MKCALENDAR, by extended MKCOL (RFC 5689) where the server or the kind has only that.
// If another session has just made it, that is as good. Where the server forbids it, that is a failure of the class denied.
func (s *Session) Make(t *probe.Turn, name string) (*url.URL, error) {
	u := s.home.JoinPath(url.PathEscape(name), "/")
	doing := "make the " + s.kind.Place + " " + name
	method := s.kind.Make
	set := "<set><prop>%s<displayname>" + escape(name) + "</displayname></prop></set>"
	names := ` xmlns="DAV:" xmlns:c="` + s.kind.Namespace + `">`
	collection := "<mkcol" + names + fmt.Sprintf(set, "<resourcetype><collection/><c:"+s.kind.Collection+"/></resourcetype>") + "</mkcol>"
	body := "<c:mkcalendar" + names + fmt.Sprintf(set, "") + "</c:mkcalendar>"
	if method == "" {
		method, body = "MKCOL", collection
	}
	response, err := s.Request(t, method, u, "", body)
	if err != nil {
		return nil, err
	}
	if method != "MKCOL" && (response.Status == http.StatusMethodNotAllowed || response.Status == http.StatusNotImplemented) {
		if response, err = s.Request(t, "MKCOL", u, "", collection); err != nil {
			return nil, err
		}
	}
	if failed := Check(response, doing); failed != nil {
		switch response.Status {
		case http.StatusMethodNotAllowed, http.StatusConflict, http.StatusForbidden:
		default:
			return nil, failed
		}
		if err := s.list(t, s.home); err != nil {
			return nil, err
		}
		if existing, ok := s.known(name); ok {
			return existing, nil
		}
		return nil, failed
	}
	s.places = append(s.places, Place{Name: name, URL: u})
	return u, nil
}

// Outbox is the user's scheduling outbox and Inbox the inbox (RFC 6638); nil where the server offers none.
func (s *Session) Outbox() *url.URL { return s.outbox }

// Inbox is the user's scheduling inbox; nil where the server offers none.
func (s *Session) Inbox() *url.URL { return s.inbox }

// Rights checks that a collection is there and that the user has the privileges. What is missing is content, what the server
// denies, or does not grant, is denied. A server without access control (RFC 3744) grants what it answers to.
func (s *Session) Rights(t *probe.Turn, u *url.URL, need Privilege) error {
	doing := "ask for the rights to " + u.Path
	props, _, err := s.ask0(t, doing, u, "<resourcetype/><current-user-privilege-set/>")
	if err != nil {
		return err
	}
	if props.HasPrivileges && props.Privileges&need != need {
		return probe.Failf(probe.Denied, doing, "the user may %s and needs to %s", props.Privileges, need)
	}
	return nil
}

func (p Privilege) String() string {
	switch p {
	case MayRead:
		return "read"
	case MayWrite:
		return "write"
	case MayRead | MayWrite:
		return "read and write"
	}
	return "do nothing"
}
