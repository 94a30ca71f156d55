package ownership

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"

	"pegel/probes/probe"
)

// davKind is what CalDAV (RFC 4791) and CardDAV (RFC 6352) have differently.
type davKind struct {
	kind                           Kind
	wellKnown, namespace, homeProp string
	mime, suffix                   string
	query                          string // REPORT for objects by their title
	make                           string // resource type for an extended MKCOL (RFC 5689)
}

var davKinds = map[Kind]*davKind{
	Events: {
		kind: Events, wellKnown: "/.well-known/caldav", namespace: "urn:ietf:params:xml:ns:caldav", homeProp: "calendar-home-set",
		mime: "text/calendar; charset=utf-8", suffix: ".ics", make: "calendar",
		query: `<c:calendar-query xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><getetag/><c:calendar-data/></prop><c:filter>` +
			`<c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT"><c:prop-filter name="SUMMARY"><c:text-match>` + objectTitle +
			`</c:text-match></c:prop-filter></c:comp-filter></c:comp-filter></c:filter></c:calendar-query>`,
	},
	Contacts: {
		kind: Contacts, wellKnown: "/.well-known/carddav", namespace: "urn:ietf:params:xml:ns:carddav", homeProp: "addressbook-home-set",
		mime: "text/vcard; charset=utf-8", suffix: ".vcf", make: "addressbook",
		query: `<c:addressbook-query xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:carddav"><prop><getetag/><c:address-data/></prop><c:filter>` +
			`<c:prop-filter name="FN"><c:text-match>` + objectTitle + `</c:text-match></c:prop-filter></c:filter></c:addressbook-query>`,
	},
}

// Bounds of what a server may answer.
const (
	mostAnswer      = 32 << 20 // bytes
	mostRedirects   = 5
	mostCollections = 2000
)

// dav is one account's calendars or address books. It belongs to one goroutine at a time.
type dav struct {
	*davKind
	client     *http.Client
	base, home *url.URL
	principal  string // path
	auth, name string
	account    probe.Account
}

// collection is a calendar or an address book of the account's own.
type collection struct {
	url *url.URL
	tag string // changes with any change in it; "" where the server does not say
}

// openDAV finds an account's home. The connections end with close.
func (s Side) openDAV(ctx context.Context, kind Kind, name string) (*dav, error) {
	account, err := s.Account(name)
	if err != nil {
		return nil, err
	}
	if scheme := s.Target.URL.Scheme; scheme != "http" && scheme != "https" {
		return nil, fmt.Errorf("%s on %s: scheme %s is not http or https", name, s.Target.Name, scheme)
	}
	base := *s.Target.URL
	base.User, base.Path = nil, cmp.Or(base.Path, "/")
	d := &dav{davKind: davKinds[kind], base: &base, account: account, name: fmt.Sprintf("%s on %s", name, s.Target.Name)}
	d.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(account.Login+":"+account.Secret()))
	if account.Token != "" {
		d.auth = "Bearer " + account.Token
	}
	d.client = &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return s.Target.DialContext(ctx, network, address)
			},
			TLSClientConfig: s.Target.TLS.Clone(), ForceAttemptHTTP2: true, MaxConnsPerHost: 1, MaxResponseHeaderBytes: 1 << 20,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	err = s.Guard.login(ctx, s.Target.Name, func() error {
		if err := d.discover(ctx); err != nil {
			return &AccessError{name, s.Target.Name, interrupted(ctx, &cutError{account.Redact(err.Error()), err}, err)}
		}
		return nil
	})
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *dav) close() { d.client.CloseIdleConnections() }

// fail names account and target, without secrets.
func (d *dav) fail(ctx context.Context, err error) error {
	return fmt.Errorf("%s: %w", d.name, interrupted(ctx, &cutError{d.account.Redact(err.Error()), err}, err))
}

var errRefused = probe.Fail(probe.Auth, "", errors.New("the login was refused"))

// titled are the objects of a collection whose title is that of canaries. A server that does not know the filter answers with all;
// nothing of those is kept.
func (d *dav) titled(ctx context.Context, c collection, visit func(at *url.URL, etag, data string)) error {
	found, err := d.ask(ctx, "look for canaries", "REPORT", c.url, "1", d.query)
	if err != nil {
		return err
	}
	for _, r := range found {
		if data := cmp.Or(r.props.Calendar, r.props.Card); data != "" {
			visit(r.url, r.props.ETag, data)
		}
	}
	return nil
}

// own is the name of the collection that create makes. Calendars and address books may have one home.
func (d *dav) own() string { return objectTitle + "-" + d.make }

// create makes a calendar or an address book for canaries in a home without one.
func (d *dav) create(ctx context.Context) (collection, error) {
	u := d.home.JoinPath(d.own(), "/")
	doing := "make a " + d.make
	xmlHeader := http.Header{"Content-Type": {"application/xml; charset=utf-8"}}
	method, body := "MKCALENDAR", `<c:mkcalendar xmlns="DAV:" xmlns:c="`+d.namespace+`"><set><prop><displayname>`+d.own()+`</displayname></prop></set></c:mkcalendar>`
	extended := `<mkcol xmlns="DAV:" xmlns:c="` + d.namespace + `"><set><prop><resourcetype><collection/><c:` + d.make + `/></resourcetype><displayname>` +
		d.own() + `</displayname></prop></set></mkcol>`
	if d.kind == Contacts {
		method, body = "MKCOL", extended
	}
	got, err := d.request(ctx, method, u, xmlHeader, []byte(xml.Header+body))
	if err == nil && d.kind == Events && (got.status == http.StatusMethodNotAllowed || got.status == http.StatusNotImplemented) {
		got, err = d.request(ctx, "MKCOL", u, xmlHeader, []byte(xml.Header+extended))
	}
	if err != nil {
		return collection{}, err
	}
	return collection{url: u}, got.check(doing, http.StatusCreated, http.StatusOK)
}

// put writes a new object; one that is there already is left alone.
func (d *dav) put(ctx context.Context, c collection, id string, data []byte) error {
	got, err := d.request(ctx, http.MethodPut, c.url.JoinPath(id+d.suffix), http.Header{"Content-Type": {d.mime}, "If-None-Match": {"*"}}, data)
	if err != nil {
		return err
	}
	return got.check("put a canary", http.StatusCreated, http.StatusNoContent, http.StatusOK)
}

// remove deletes an object as it was seen: one that has changed since is left alone.
func (d *dav) remove(ctx context.Context, at *url.URL, etag string) error {
	header := http.Header{}
	if etag != "" && !strings.HasPrefix(etag, "W/") {
		header.Set("If-Match", etag)
	}
	got, err := d.request(ctx, http.MethodDelete, at, header, nil)
	if err != nil {
		return err
	}
	return got.check("remove a canary", http.StatusNoContent, http.StatusOK, http.StatusNotFound, http.StatusGone)
}

// removeEmpty deletes the collection that create made, if nothing is in it.
func (d *dav) removeEmpty(ctx context.Context, c collection) error {
	if path.Base(c.url.Path) != d.own() {
		return nil
	}
	inside, err := d.ask(ctx, "look into the collection of canaries", "PROPFIND", c.url, "1", `<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>`)
	if err != nil {
		return err
	}
	for _, r := range inside {
		if path.Clean(r.url.Path) != path.Clean(c.url.Path) {
			return nil
		}
	}
	return d.remove(ctx, c.url, "")
}
