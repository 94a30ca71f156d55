package dav

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The namespaces of WebDAV, of calendars, of contacts, and of Apple's calendar server, whose CTag others have taken over.
const (
	nsDAV     = "DAV:"
	nsCalDAV  = "urn:ietf:params:xml:ns:caldav"
	nsCardDAV = "urn:ietf:params:xml:ns:carddav"
	nsServer  = "http://calendarserver.org/ns/"
)

// Privilege is what the user may do with a collection (RFC 3744), as far as it is asked for here.
type Privilege uint8

// The privileges. Write stands for all of write-content, bind and unbind, too.
const (
	MayRead Privilege = 1 << iota
	MayWrite
)

// Props are the properties that are asked for here, of one resource. What the server did not have is zero.
type Props struct {
	Calendar, AddressBook bool
	Name                  string // displayname
	Principal             string // current-user-principal
	Home                  string // calendar-home-set or addressbook-home-set: whichever was asked for
	Owner                 string
	Inbox, Outbox         string // of scheduling (RFC 6638)
	Components            []string
	ETag, CTag, Token     string
	Data                  string // calendar-data or address-data
	Syncs                 bool   // supported-report-set has sync-collection
	Privileges            Privilege
	HasPrivileges         bool // the server told them
}

// merge takes over what o has.
func (p *Props) merge(o *Props) {
	text := func(to *string, from string) {
		if *to == "" {
			*to = from
		}
	}
	text(&p.Name, o.Name)
	text(&p.Principal, o.Principal)
	text(&p.Home, o.Home)
	text(&p.Owner, o.Owner)
	text(&p.Inbox, o.Inbox)
	text(&p.Outbox, o.Outbox)
	text(&p.ETag, o.ETag)
	text(&p.CTag, o.CTag)
	text(&p.Token, o.Token)
	text(&p.Data, o.Data)
	p.Calendar = p.Calendar || o.Calendar
	p.AddressBook = p.AddressBook || o.AddressBook
	p.Syncs = p.Syncs || o.Syncs
	p.HasPrivileges = p.HasPrivileges || o.HasPrivileges
	p.Privileges |= o.Privileges
	p.Components = append(p.Components, o.Components...)
}

// Holds tells whether a calendar takes components of a kind; one that does not say takes everything.
func (p *Props) Holds(component string) bool {
	for _, c := range p.Components {
		if strings.EqualFold(c, component) {
			return true
		}
	}
	return len(p.Components) == 0
}

// Response is what a multistatus tells of one resource (RFC 4918, section 14.24). It is reused from one to the next.
type Response struct {
	Href   string
	Status int    // of the resource as a whole; 0 where it is told by property
	Reason string // precondition that failed, such as "number-of-matches-within-limits"
	Props

	hrefs  []string // where one response tells of several resources
	staged Props
}

// Read reads a multistatus and calls each for every resource in it, and returns the new sync-token (RFC 6578), if there is one.
// It holds one resource at a time. An error of each or of r comes back as it is.
func Read(r io.Reader, each func(*Response) error) (token string, err error) {
	p := newParser(r)
	defer p.close()
	var (
		response Response
		count    int
		own      error
	)
	if err = p.root(nsDAV, "multistatus"); err == nil {
		err = p.children(func(start xml.StartElement) error {
			if start.Name.Space != nsDAV {
				return p.skip()
			}
			switch start.Name.Local {
			case "sync-token":
				var err error
				token, err = p.text()
				return err
			case "response":
				if err := p.response(&response); err != nil {
					return err
				}
				for _, href := range response.hrefs {
					if count++; count > MaxHrefs {
						return fmt.Errorf("the answer tells of more than %d resources", MaxHrefs)
					}
					response.Href = href
					if own = each(&response); own != nil {
						return own
					}
				}
				return nil
			}
			return p.skip()
		})
	}
	switch {
	case own != nil:
		return "", own
	case err != nil:
		return "", p.fail(err)
	}
	return token, nil
}

func (p *parser) response(r *Response) error {
	*r = Response{hrefs: r.hrefs[:0]}
	err := p.children(func(start xml.StartElement) (err error) {
		if start.Name.Space != nsDAV {
			return p.skip()
		}
		switch start.Name.Local {
		case "href":
			var href string
			if href, err = p.text(); err == nil && href != "" {
				if len(r.hrefs) == MaxHrefs {
					return fmt.Errorf("one response tells of more than %d resources", MaxHrefs)
				}
				r.hrefs = append(r.hrefs, href)
			}
			return err
		case "status":
			r.Status, err = p.status()
			return err
		case "error":
			return p.names(func(name xml.Name) { r.Reason = name.Local })
		case "propstat":
			return p.propstat(r)
		}
		return p.skip()
	})
	if err == nil && len(r.hrefs) == 0 {
		return errors.New("a response names no resource")
	}
	return err
}

// propstat takes over the properties that the server had, those with a 2xx.
func (p *parser) propstat(r *Response) error {
	r.staged = Props{}
	status := 0
	err := p.children(func(start xml.StartElement) (err error) {
		switch {
		case start.Name.Space == nsDAV && start.Name.Local == "status":
			status, err = p.status()
			return err
		case start.Name.Space == nsDAV && start.Name.Local == "prop":
			return p.children(func(start xml.StartElement) error { return p.property(start, &r.staged) })
		}
		return p.skip()
	})
	if err == nil && status/100 == 2 {
		r.Props.merge(&r.staged)
	}
	return err
}

func (p *parser) property(start xml.StartElement, into *Props) (err error) {
	switch start.Name {
	case xml.Name{Space: nsDAV, Local: "resourcetype"}:
		return p.names(func(name xml.Name) {
			into.Calendar = into.Calendar || name == xml.Name{Space: nsCalDAV, Local: "calendar"}
			into.AddressBook = into.AddressBook || name == xml.Name{Space: nsCardDAV, Local: "addressbook"}
		})
	case xml.Name{Space: nsDAV, Local: "displayname"}:
		into.Name, err = p.text()
	case xml.Name{Space: nsDAV, Local: "getetag"}:
		into.ETag, err = p.text()
	case xml.Name{Space: nsDAV, Local: "sync-token"}:
		into.Token, err = p.text()
	case xml.Name{Space: nsServer, Local: "getctag"}:
		into.CTag, err = p.text()
	case xml.Name{Space: nsCalDAV, Local: "calendar-data"}, xml.Name{Space: nsCardDAV, Local: "address-data"}:
		into.Data, err = p.text()
	case xml.Name{Space: nsDAV, Local: "current-user-principal"}:
		into.Principal, err = p.href()
	case xml.Name{Space: nsCalDAV, Local: "calendar-home-set"}, xml.Name{Space: nsCardDAV, Local: "addressbook-home-set"}:
		into.Home, err = p.href()
	case xml.Name{Space: nsDAV, Local: "owner"}:
		into.Owner, err = p.href()
	case xml.Name{Space: nsCalDAV, Local: "schedule-inbox-URL"}:
		into.Inbox, err = p.href()
	case xml.Name{Space: nsCalDAV, Local: "schedule-outbox-URL"}:
		into.Outbox, err = p.href()
	case xml.Name{Space: nsCalDAV, Local: "supported-calendar-component-set"}:
		err = p.children(func(start xml.StartElement) error {
			for _, a := range start.Attr {
				if a.Name.Local == "name" && len(into.Components) < 32 {
					into.Components = append(into.Components, a.Value)
				}
			}
			return p.skip()
		})
	case xml.Name{Space: nsDAV, Local: "supported-report-set"}:
		err = p.inside(func(name xml.Name) {
			into.Syncs = into.Syncs || name == xml.Name{Space: nsDAV, Local: "sync-collection"}
		})
	case xml.Name{Space: nsDAV, Local: "current-user-privilege-set"}:
		into.HasPrivileges = true
		err = p.inside(func(name xml.Name) { into.Privileges |= privileges[name.Local] })
	default:
		err = p.skip()
	}
	return err
}

// privileges are those of RFC 3744, section 3, that matter here, and what they allow.
var privileges = map[string]Privilege{
	"all": MayRead | MayWrite, "read": MayRead, "write": MayWrite, "write-content": MayWrite, "bind": MayWrite,
}

// inside reads the names of all elements inside the one that was just begun, at whatever depth.
func (p *parser) inside(each func(xml.Name)) error {
	for depth := p.depth; p.depth >= depth; {
		token, err := p.next()
		if err != nil {
			return err
		}
		if start, ok := token.(xml.StartElement); ok {
			each(start.Name)
		}
	}
	return nil
}

// status reads "HTTP/1.1 200 OK".
func (p *parser) status() (int, error) {
	line, err := p.text()
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return 0, fmt.Errorf("%q is no status", clip(line))
	}
	code, err := strconv.Atoi(fields[1])
	if err != nil || code < 100 || code > 599 {
		return 0, fmt.Errorf("%q is no status", clip(line))
	}
	return code, nil
}

// clip shortens what a server said for an error text.
func clip(text string) string {
	const most = 120
	if runes := []rune(text[:min(len(text), 4*most)]); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
