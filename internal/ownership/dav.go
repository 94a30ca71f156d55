package ownership

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
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

// answer is what a server said.
type answer struct {
	status int
	body   []byte
	at     *url.URL // after redirects
}

func (a *answer) check(doing string, want ...int) error {
	for _, status := range want {
		if a.status == status {
			return nil
		}
	}
	if a.status == http.StatusUnauthorized {
		return fmt.Errorf("%s: %w", doing, errRefused)
	}
	return fmt.Errorf("%s: the server answers %d %s", doing, a.status, http.StatusText(a.status))
}

// request sends one request; redirects are followed on the same server only, for the password is meant for it alone.
func (d *dav) request(ctx context.Context, method string, u *url.URL, header http.Header, body []byte) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, stalled)
	defer cancel()
	for range mostRedirects {
		// Whatever the server names as its own: the password goes to the host that it is meant for, by the way that was asked for.
		if u.Host != d.base.Host {
			return nil, fmt.Errorf("the server names an address elsewhere: %s", u.Host)
		}
		if u.Scheme != d.base.Scheme { // a proxy that does not know of its TLS
			same := *u
			same.Scheme = d.base.Scheme
			u = &same
		}
		r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		for name, values := range header {
			r.Header[name] = values
		}
		r.Header.Set("Authorization", d.auth)
		r.Header.Set("User-Agent", "pegel")
		got, err := d.client.Do(r)
		if err != nil {
			return nil, err
		}
		raw, err := io.ReadAll(io.LimitReader(got.Body, mostAnswer+1))
		got.Body.Close()
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", method, err)
		case len(raw) > mostAnswer:
			return nil, fmt.Errorf("%s: the answer is larger than %d MiB", method, mostAnswer>>20)
		}
		if to := got.Header.Get("Location"); got.StatusCode/100 == 3 && to != "" {
			next, err := u.Parse(to)
			if err != nil || next.Host != d.base.Host {
				return nil, fmt.Errorf("%s: the server redirects to another one", method)
			}
			u = next
			continue
		}
		return &answer{got.StatusCode, raw, u}, nil
	}
	return nil, fmt.Errorf("%s: more than %d redirects", method, mostRedirects)
}

// multistatus is the answer to PROPFIND and REPORT (RFC 4918, section 14.16), as far as it is of use here.
type multistatus struct {
	Responses []struct {
		Href      string `xml:"DAV: href"`
		Propstats []struct {
			Status string   `xml:"DAV: status"`
			Prop   davProps `xml:"DAV: prop"`
		} `xml:"DAV: propstat"`
	} `xml:"DAV: response"`
}

type davProps struct {
	Type struct {
		Calendar    *struct{} `xml:"urn:ietf:params:xml:ns:caldav calendar"`
		AddressBook *struct{} `xml:"urn:ietf:params:xml:ns:carddav addressbook"`
	} `xml:"DAV: resourcetype"`
	Principal davHref `xml:"DAV: current-user-principal"`
	Owner     davHref `xml:"DAV: owner"`
	Calendars davHref `xml:"urn:ietf:params:xml:ns:caldav calendar-home-set"`
	Books     davHref `xml:"urn:ietf:params:xml:ns:carddav addressbook-home-set"`
	Tag       string  `xml:"http://calendarserver.org/ns/ getctag"`
	Token     string  `xml:"DAV: sync-token"`
	ETag      string  `xml:"DAV: getetag"`
	Calendar  string  `xml:"urn:ietf:params:xml:ns:caldav calendar-data"`
	Card      string  `xml:"urn:ietf:params:xml:ns:carddav address-data"`
	Holds     *struct {
		List []struct {
			Name string `xml:"name,attr"`
		} `xml:"urn:ietf:params:xml:ns:caldav comp"`
	} `xml:"urn:ietf:params:xml:ns:caldav supported-calendar-component-set"`
}

type davHref struct {
	Href string `xml:"DAV: href"`
}

// holdsEvents tells whether a calendar takes events; one that does not say takes everything.
func (p *davProps) holdsEvents() bool {
	if p.Holds == nil {
		return true
	}
	for _, c := range p.Holds.List {
		if strings.EqualFold(c.Name, "VEVENT") {
			return true
		}
	}
	return false
}

func (p *davProps) homeOf(kind Kind) string {
	if kind == Events {
		return p.Calendars.Href
	}
	return p.Books.Href
}

// resource is one of a multistatus, with the properties that the server had.
type resource struct {
	url   *url.URL
	props davProps
}

// ask sends PROPFIND or REPORT.
func (d *dav) ask(ctx context.Context, doing, method string, u *url.URL, depth, body string) ([]resource, error) {
	header := http.Header{"Content-Type": {"application/xml; charset=utf-8"}, "Depth": {depth}}
	got, err := d.request(ctx, method, u, header, []byte(xml.Header+body))
	if err != nil {
		return nil, err
	}
	if err := got.check(doing, http.StatusMultiStatus); err != nil {
		return nil, err
	}
	var m multistatus
	if err := xml.Unmarshal(got.body, &m); err != nil {
		return nil, fmt.Errorf("%s: the answer is not a multistatus: %w", doing, err)
	}
	var list []resource
	for _, r := range m.Responses {
		at, err := got.at.Parse(r.Href)
		if err != nil || at.Host != d.base.Host {
			continue
		}
		for _, p := range r.Propstats {
			if fields := strings.Fields(p.Status); len(fields) > 1 && strings.HasPrefix(fields[1], "2") {
				list = append(list, resource{at, p.Prop})
				break
			}
		}
	}
	return list, nil
}

// discover follows RFC 6764: from the well-known address, or the target's own path, over the principal to the home.
func (d *dav) discover(ctx context.Context) error {
	body := `<propfind xmlns="DAV:" xmlns:c="` + d.namespace + `"><prop><resourcetype/><current-user-principal/><c:` + d.homeProp + `/></prop></propfind>`
	at := d.base
	if at.Path == "/" {
		at = d.base.JoinPath(d.wellKnown)
	}
	look := func(at *url.URL) (davProps, *url.URL, error) {
		list, err := d.ask(ctx, "ask for the "+d.make+" home", "PROPFIND", at, "0", body)
		if err != nil || len(list) == 0 {
			return davProps{}, at, err
		}
		return list[0].props, list[0].url, nil
	}
	props, from, err := look(at)
	if at != d.base && ctx.Err() == nil && !errors.Is(err, errRefused) && (err != nil || props.Principal.Href == "" && props.homeOf(d.kind) == "") {
		props, from, err = look(d.base) // a server without the well-known address
	}
	if err != nil {
		return err
	}
	d.principal = props.Principal.Href
	if home := props.homeOf(d.kind); home == "" {
		if d.principal == "" {
			return errors.New("the server tells neither principal nor home")
		}
		principal, err := from.Parse(d.principal)
		if err != nil {
			return fmt.Errorf("principal: %w", err)
		}
		if props, from, err = look(principal); err != nil {
			return err
		}
		if props.homeOf(d.kind) == "" {
			return fmt.Errorf("the principal tells no %s", d.homeProp)
		}
	}
	d.home, err = from.Parse(props.homeOf(d.kind))
	if err != nil {
		return fmt.Errorf("home: %w", err)
	}
	if !strings.HasSuffix(d.home.Path, "/") {
		d.home = d.home.JoinPath("/")
	}
	return nil
}

// collections are the account's own calendars that take events, or address books. Those of others that the server shows in the same place, because
// they are shared, are left out: their content has owners of its own.
func (d *dav) collections(ctx context.Context) ([]collection, error) {
	found, err := d.ask(ctx, "list the "+d.make+"s", "PROPFIND", d.home, "1", `<propfind xmlns="DAV:" xmlns:c="`+d.namespace+`" xmlns:s="http://calendarserver.org/ns/"><prop>`+
		`<resourcetype/><owner/><s:getctag/><sync-token/><c:supported-calendar-component-set/></prop></propfind>`)
	if err != nil {
		return nil, err
	}
	var list []collection
	for _, r := range found {
		right := r.props.Type.Calendar != nil && r.props.holdsEvents()
		if d.kind == Contacts {
			right = r.props.Type.AddressBook != nil
		}
		if !right || d.others(r.props.Owner.Href) {
			continue
		}
		if len(list) == mostCollections {
			return nil, fmt.Errorf("the account has more than %d %ss", mostCollections, d.make)
		}
		list = append(list, collection{r.url, cmp.Or(r.props.Tag, r.props.Token)})
	}
	return list, nil
}

// others tells whether the owner of a collection is somebody else than the account's principal.
func (d *dav) others(owner string) bool {
	clean := func(href string) string {
		if u, err := url.Parse(href); err == nil {
			href = u.Path
		}
		return path.Clean(href)
	}
	return owner != "" && d.principal != "" && clean(owner) != clean(d.principal)
}

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
