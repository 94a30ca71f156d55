package caldav

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-ical"
	"github.com/emersion/go-webdav"
	"github.com/emersion/go-webdav/caldav"
)

// memory is a calendar server in memory for one user, u0, over go-webdav's handler: a real peer for the probe.
type memory struct {
	mu        sync.Mutex
	calendars map[string]map[string]caldav.CalendarObject // by path
	etag      int
	handler   *caldav.Handler
	down      bool
	requests  []string // method and path
}

var _ caldav.Backend = (*memory)(nil)

// newMemory starts the server; it has the given calendars.
func newMemory(t *testing.T, names ...string) (*memory, string) {
	m := &memory{calendars: map[string]map[string]caldav.CalendarObject{}}
	m.handler = &caldav.Handler{Backend: m}
	for _, name := range names {
		m.calendars["/u0/calendars/"+name+"/"] = map[string]caldav.CalendarObject{}
	}
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	return m, server.URL
}

func (m *memory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	down := m.down
	m.requests = append(m.requests, r.Method+" "+r.URL.Path)
	m.mu.Unlock()
	if user, password, _ := r.BasicAuth(); user != "u0" || password != "right" {
		w.Header().Set("WWW-Authenticate", `Basic realm="calendar"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.Method == http.MethodDelete && !m.matches(r) {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	m.handler.ServeHTTP(w, r)
}

// matches checks If-Match of a DELETE, which the handler does not pass on.
func (m *memory) matches(r *http.Request) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	object, ok := m.find(r.URL.Path)
	want := webdav.ConditionalMatch(r.Header.Get("If-Match"))
	if !ok || !want.IsSet() {
		return true
	}
	same, err := want.MatchETag(object.ETag)
	return err == nil && same
}

// find looks an object up; the caller holds the lock.
func (m *memory) find(p string) (caldav.CalendarObject, bool) {
	object, ok := m.calendars[path.Dir(p)+"/"][p]
	return object, ok
}

// touch changes every event behind the probe's back.
func (m *memory) touch() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, objects := range m.calendars {
		for p, object := range objects {
			m.etag++
			object.ETag = fmt.Sprint("touched", m.etag)
			objects[p] = object
		}
	}
}

// all returns every object by path, as text.
func (m *memory) all() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := map[string]string{}
	for _, objects := range m.calendars {
		for p, object := range objects {
			var text bytes.Buffer
			ical.NewEncoder(&text).Encode(object.Data)
			list[p] = text.String()
		}
	}
	return list
}

// add puts a foreign event into the first calendar.
func (m *memory) add(t *testing.T, calendar, name, text string) {
	t.Helper()
	parsed, err := ical.NewDecoder(strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n"))).Decode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.PutCalendarObject(t.Context(), calendar+name, parsed, &caldav.PutCalendarObjectOptions{}); err != nil {
		t.Fatal(err)
	}
}

var errMissing = webdav.NewHTTPError(http.StatusNotFound, errors.New("not found"))

func (m *memory) CurrentUserPrincipal(context.Context) (string, error) { return "/u0/", nil }
func (m *memory) CalendarHomeSetPath(context.Context) (string, error)  { return "/u0/calendars/", nil }

func (m *memory) CreateCalendar(_ context.Context, c *caldav.Calendar) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calendars[c.Path] != nil {
		return webdav.NewHTTPError(http.StatusMethodNotAllowed, errors.New("exists"))
	}
	m.calendars[c.Path] = map[string]caldav.CalendarObject{}
	return nil
}

func (m *memory) ListCalendars(context.Context) ([]caldav.Calendar, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []caldav.Calendar
	for p := range m.calendars {
		list = append(list, caldav.Calendar{Path: p, Name: path.Base(p), SupportedComponentSet: []string{"VEVENT"}})
	}
	return list, nil
}

func (m *memory) GetCalendar(_ context.Context, p string) (*caldav.Calendar, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calendars[p] == nil {
		return nil, errMissing
	}
	return &caldav.Calendar{Path: p, Name: path.Base(p), SupportedComponentSet: []string{"VEVENT"}}, nil
}

func (m *memory) GetCalendarObject(_ context.Context, p string, _ *caldav.CalendarCompRequest) (*caldav.CalendarObject, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	object, ok := m.find(p)
	if !ok {
		return nil, errMissing
	}
	return &object, nil
}

func (m *memory) ListCalendarObjects(_ context.Context, p string, _ *caldav.CalendarCompRequest) ([]caldav.CalendarObject, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []caldav.CalendarObject
	for _, object := range m.calendars[p] {
		list = append(list, object)
	}
	return list, nil
}

func (m *memory) QueryCalendarObjects(ctx context.Context, p string, q *caldav.CalendarQuery) ([]caldav.CalendarObject, error) {
	list, _ := m.ListCalendarObjects(ctx, p, nil)
	return caldav.Filter(q, list)
}

func (m *memory) PutCalendarObject(_ context.Context, p string, data *ical.Calendar, o *caldav.PutCalendarObjectOptions) (*caldav.CalendarObject, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	failed := webdav.NewHTTPError(http.StatusPreconditionFailed, errors.New("precondition failed"))
	collection := m.calendars[path.Dir(p)+"/"]
	if collection == nil {
		return nil, webdav.NewHTTPError(http.StatusConflict, errors.New("no such calendar"))
	}
	existing, ok := collection[p]
	if o.IfNoneMatch.IsWildcard() && ok {
		return nil, failed
	}
	if o.IfMatch.IsSet() {
		if same, err := o.IfMatch.MatchETag(existing.ETag); !ok || err != nil || !same {
			return nil, failed
		}
	}
	m.etag++
	object := caldav.CalendarObject{Path: p, Data: data, ETag: fmt.Sprint("e", m.etag)}
	collection[p] = object
	return &object, nil
}

func (m *memory) DeleteCalendarObject(_ context.Context, p string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.find(p); !ok {
		return errMissing
	}
	delete(m.calendars[path.Dir(p)+"/"], p)
	return nil
}
