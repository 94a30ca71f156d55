package testenv

import (
	"context"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-webdav/caldav"
)

// calendarServer answers CalDAV with HTTP basic authentication. What a request is charged as follows from its method and
// conditions alone, before anything is looked up.
type calendarServer struct {
	store   *calendarStore
	charge  charger
	handler caldav.Handler
}

var _ http.Handler = (*calendarServer)(nil)

func newCalendarServer(store *calendarStore, charge charger) *calendarServer {
	return &calendarServer{store: store, charge: charge, handler: caldav.Handler{Backend: calendarBackend{store}}}
}

func (s *calendarServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	account, ok := s.store.mail.request(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="calendar", charset="UTF-8"`)
		writeError(w, http.StatusUnauthorized, "UNAUTHORIZED", "wrong user or password")
		return
	}
	exists := s.exists(account, r.URL.Path)
	if op := calendarOperation(r, account, exists); op != "" {
		if err := s.charge(w, r, op, account); err != nil {
			writeDown(w, err)
			return
		}
	}
	if r.Method == "PROPFIND" || r.Method == "REPORT" {
		body, ok := readDAV(w, r)
		if !ok || s.sync(w, r, account, body) {
			return
		}
	}
	if r.Method == http.MethodDelete && exists && !s.unchanged(account, r) {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	if r.Method == http.MethodPut && exists {
		w = replaceWriter{w}
	}
	s.handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), accountKey{}, account)))
}

func (s *calendarServer) exists(account int, p string) bool {
	collection, file, err := split(account, p)
	if err != nil {
		return false
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	c := s.store.of(account)[collection]
	if c == nil {
		return false
	}
	_, ok := c.objects[file]
	return ok
}

// sync answers what the library does not: sync-collection, and the properties by which a calendar is kept in step.
func (s *calendarServer) sync(w http.ResponseWriter, r *http.Request, account int, body *davBody) bool {
	collection, file, err := split(account, r.URL.Path)
	if err != nil || file != "" {
		return false
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	c := s.store.of(account)[collection]
	href := homePath(account) + collection + "/"
	switch {
	case c == nil:
		return false
	case r.Method == "PROPFIND" && r.Header.Get("Depth") == "0" && body.asks("sync-token"):
		c.log.versions(w, href)
	case r.Method == "REPORT" && body.XMLName.Local == "sync-collection":
		c.log.sync(w, href, body,
			func() []string { return slices.Collect(maps.Keys(c.objects)) },
			func(name string) string { return c.objects[name].ETag })
	default:
		return false
	}
	return true
}

// unchanged checks If-Match of a DELETE, which the library does not pass on.
func (s *calendarServer) unchanged(account int, r *http.Request) bool {
	want := r.Header.Get("If-Match")
	if want == "" {
		return true
	}
	collection, file, err := split(account, r.URL.Path)
	if err != nil {
		return true
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	c := s.store.of(account)[collection]
	return c == nil || strconv.Quote(c.objects[file].ETag) == want
}

// calendarOperation names what a request costs; "" is free. Of the requests of a discovery only the one that asks for the
// principal's or the home's own properties is charged, so that one discovery costs one visit.
func calendarOperation(r *http.Request, account int, exists bool) string {
	collection, _, _ := split(account, r.URL.Path)
	switch r.Method {
	case "PROPFIND":
		at := path.Clean(r.URL.Path) + "/"
		if r.Header.Get("Depth") == "0" && (at == principalPath(account) || at == homePath(account)) {
			return "caldav.discover"
		}
	case "REPORT":
		return "caldav.query"
	case http.MethodGet, http.MethodHead:
		if !strings.HasPrefix(r.URL.Path, "/.well-known/") {
			return "caldav.get"
		}
	case http.MethodDelete:
		return "caldav.delete"
	case http.MethodPut:
		switch {
		case strings.EqualFold(collection, copyTarget):
			return "caldav.copy"
		case r.Header.Get("If-None-Match") == "*":
			return "caldav.create"
		case r.Header.Get("If-Match") != "" || exists:
			return "caldav.update"
		}
		return "caldav.create"
	}
	return ""
}

// replaceWriter answers 204 instead of 201 where an existing event was replaced (RFC 9110 section 9.3.4), which the
// library does not tell apart.
type replaceWriter struct{ http.ResponseWriter }

func (w replaceWriter) WriteHeader(code int) {
	if code == http.StatusCreated {
		code = http.StatusNoContent
	}
	w.ResponseWriter.WriteHeader(code)
}
