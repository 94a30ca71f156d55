package ownership

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
)

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
