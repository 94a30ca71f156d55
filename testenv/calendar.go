package testenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-ical"
	"github.com/emersion/go-webdav"
	"github.com/emersion/go-webdav/caldav"
)

// calendarStore holds the calendars of all accounts: the collection "personal", filled on first touch, and others as they
// are made. Event data are never changed in place, so accounts share the seeded ones.
type calendarStore struct {
	mail *mailStore // whose accounts they are
	pool []caldav.CalendarObject

	mu       sync.Mutex
	accounts map[int]map[string]*calendar // by collection name
	etag     int
}

// calendar is one collection; the store's lock guards it.
type calendar struct {
	title   string
	objects map[string]caldav.CalendarObject // by file name
	log     journal
}

func newCalendarStore(mail *mailStore, now time.Time) (*calendarStore, error) {
	s := &calendarStore{mail: mail, accounts: make(map[int]map[string]*calendar)}
	for _, event := range seedCalendar(mail.seed, mail.domain, now) {
		object, err := s.object(event, now)
		if err != nil {
			return nil, err
		}
		s.pool = append(s.pool, object)
	}
	return s, nil
}

// object encodes the event once, for its length, and gives it a new entity tag. The caller holds the lock or is alone.
func (s *calendarStore) object(event *ical.Calendar, now time.Time) (caldav.CalendarObject, error) {
	var encoded bytes.Buffer
	if err := ical.NewEncoder(&encoded).Encode(event); err != nil {
		return caldav.CalendarObject{}, fmt.Errorf("encoding a calendar object: %w", err)
	}
	s.etag++
	return caldav.CalendarObject{
		ModTime:       now,
		ContentLength: int64(encoded.Len()),
		ETag:          fmt.Sprintf("e%d", s.etag),
		Data:          event,
	}, nil
}

// of returns the calendars of an account, making them on first touch. The caller holds the lock.
func (s *calendarStore) of(account int) map[string]*calendar {
	calendars := s.accounts[account]
	if calendars == nil {
		personal := &calendar{title: "Personal", objects: make(map[string]caldav.CalendarObject)}
		for k, object := range s.pool {
			if (k+account)%2 == 0 {
				personal.objects[fmt.Sprintf("seeded-%02d.ics", k)] = object
			}
		}
		calendars = map[string]*calendar{
			"personal":                  personal,
			strings.ToLower(copyTarget): {title: copyTarget, objects: make(map[string]caldav.CalendarObject)},
		}
		s.accounts[account] = calendars
	}
	return calendars
}

// accountKey is the context key of the account that a request has logged in as.
type accountKey struct{}

func accountOf(ctx context.Context) int {
	account, _ := ctx.Value(accountKey{}).(int)
	return account
}

func principalPath(account int) string { return fmt.Sprintf("/u%05d/", account) }
func homePath(account int) string      { return principalPath(account) + "calendars/" }

// split takes the path of a collection or object of the account apart.
func split(account int, p string) (collection, file string, err error) {
	rest, ok := strings.CutPrefix(path.Clean(p)+"/", homePath(account))
	collection, file, _ = strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	if !ok || collection == "" || strings.Contains(file, "/") {
		return "", "", webdav.NewHTTPError(http.StatusNotFound, errors.New("no such resource"))
	}
	return collection, file, nil
}

// calendarBackend answers go-webdav's handler for the account of the request's context.
type calendarBackend struct{ store *calendarStore }

var _ caldav.Backend = calendarBackend{}

func (b calendarBackend) CurrentUserPrincipal(ctx context.Context) (string, error) {
	return principalPath(accountOf(ctx)), nil
}

func (b calendarBackend) CalendarHomeSetPath(ctx context.Context) (string, error) {
	return homePath(accountOf(ctx)), nil
}

func (b calendarBackend) CreateCalendar(ctx context.Context, c *caldav.Calendar) error {
	account := accountOf(ctx)
	name, file, err := split(account, c.Path)
	if err != nil || file != "" {
		return webdav.NewHTTPError(http.StatusForbidden, errors.New("calendars are made in the home collection"))
	}
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	calendars := b.store.of(account)
	if calendars[name] != nil {
		return webdav.NewHTTPError(http.StatusMethodNotAllowed, errors.New("calendar exists"))
	}
	calendars[name] = &calendar{title: c.Name, objects: make(map[string]caldav.CalendarObject)}
	return nil
}

func describe(account int, name string, c *calendar) caldav.Calendar {
	return caldav.Calendar{
		Path:                  homePath(account) + name + "/",
		Name:                  c.title,
		SupportedComponentSet: []string{ical.CompEvent, ical.CompToDo},
	}
}

func (b calendarBackend) ListCalendars(ctx context.Context) ([]caldav.Calendar, error) {
	account := accountOf(ctx)
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	var list []caldav.Calendar
	for name, c := range b.store.of(account) {
		list = append(list, describe(account, name, c))
	}
	// The personal calendar first: many clients take the first one.
	slices.SortFunc(list, func(x, y caldav.Calendar) int {
		personal := homePath(account) + "personal/"
		switch {
		case x.Path == personal:
			return -1
		case y.Path == personal:
			return 1
		}
		return strings.Compare(x.Path, y.Path)
	})
	return list, nil
}

// open finds a collection. The caller holds the lock.
func (b calendarBackend) open(account int, p string) (c *calendar, name, file string, err error) {
	name, file, err = split(account, p)
	if err != nil {
		return nil, "", "", err
	}
	c = b.store.of(account)[name]
	if c == nil {
		return nil, "", "", webdav.NewHTTPError(http.StatusNotFound, errors.New("no such calendar"))
	}
	return c, name, file, nil
}

func (b calendarBackend) GetCalendar(ctx context.Context, p string) (*caldav.Calendar, error) {
	account := accountOf(ctx)
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	c, name, _, err := b.open(account, p)
	if err != nil {
		return nil, err
	}
	description := describe(account, name, c)
	return &description, nil
}

func (b calendarBackend) GetCalendarObject(ctx context.Context, p string, _ *caldav.CalendarCompRequest) (*caldav.CalendarObject, error) {
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	c, name, file, err := b.open(accountOf(ctx), p)
	if err != nil {
		return nil, err
	}
	object, ok := c.objects[file]
	if !ok {
		return nil, webdav.NewHTTPError(http.StatusNotFound, errors.New("no such event"))
	}
	object.Path = homePath(accountOf(ctx)) + name + "/" + file
	return &object, nil
}

func (b calendarBackend) ListCalendarObjects(ctx context.Context, p string, _ *caldav.CalendarCompRequest) ([]caldav.CalendarObject, error) {
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	c, name, _, err := b.open(accountOf(ctx), p)
	if err != nil {
		return nil, err
	}
	list := make([]caldav.CalendarObject, 0, len(c.objects))
	for file, object := range c.objects {
		object.Path = homePath(accountOf(ctx)) + name + "/" + file
		list = append(list, object)
	}
	slices.SortFunc(list, func(x, y caldav.CalendarObject) int { return strings.Compare(x.Path, y.Path) })
	return list, nil
}

func (b calendarBackend) QueryCalendarObjects(ctx context.Context, p string, query *caldav.CalendarQuery) ([]caldav.CalendarObject, error) {
	all, err := b.ListCalendarObjects(ctx, p, nil)
	if err != nil {
		return nil, err
	}
	return caldav.Filter(query, all)
}

// PutCalendarObject stores an event if the conditions of the request hold, else 412 (RFC 9110 section 13.1).
func (b calendarBackend) PutCalendarObject(ctx context.Context, p string, event *ical.Calendar, options *caldav.PutCalendarObjectOptions) (*caldav.CalendarObject, error) {
	if _, _, err := caldav.ValidateCalendarObject(event); err != nil {
		return nil, caldav.NewPreconditionError(caldav.PreconditionValidCalendarObjectResource)
	}
	account := accountOf(ctx)
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	c, name, file, err := b.open(account, p)
	if err != nil {
		return nil, err
	}
	if file == "" {
		return nil, webdav.NewHTTPError(http.StatusMethodNotAllowed, errors.New("an event needs a name"))
	}
	current := c.objects[file] // without an entity tag if there is none
	if options.IfMatch.IsSet() {
		if ok, err := options.IfMatch.MatchETag(current.ETag); err != nil || !ok {
			return nil, webdav.NewHTTPError(http.StatusPreconditionFailed, errors.New("the event has changed or is gone"))
		}
	}
	if options.IfNoneMatch.IsSet() {
		if ok, err := options.IfNoneMatch.MatchETag(current.ETag); err != nil || ok {
			return nil, webdav.NewHTTPError(http.StatusPreconditionFailed, errors.New("the event exists"))
		}
	}
	object, err := b.store.object(event, time.Now())
	if err != nil {
		return nil, caldav.NewPreconditionError(caldav.PreconditionValidCalendarData)
	}
	c.objects[file] = object
	c.log.note(file)
	object.Path = homePath(account) + name + "/" + file
	return &object, nil
}

// DeleteCalendarObject removes an event, or a whole calendar.
func (b calendarBackend) DeleteCalendarObject(ctx context.Context, p string) error {
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	c, name, file, err := b.open(accountOf(ctx), p)
	if err != nil {
		return err
	}
	if file == "" {
		delete(b.store.of(accountOf(ctx)), name)
		return nil
	}
	if _, ok := c.objects[file]; !ok {
		return webdav.NewHTTPError(http.StatusNotFound, errors.New("no such event"))
	}
	delete(c.objects, file)
	c.log.note(file)
	return nil
}
