package testenv

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// journal is what a collection knows of its changes, for sync-collection (RFC 6578). The store's lock guards it.
type journal struct {
	first int      // changes that were forgotten
	names []string // of what was changed or removed since, oldest first
}

// journalLength is how many changes a collection remembers; a sync-token from before is refused, and the client lists anew.
const journalLength = 1000

const tokenPrefix = "urn:pegel:sync:"

func (j *journal) note(name string) {
	if len(j.names) >= 2*journalLength {
		drop := len(j.names) - journalLength
		j.first += drop
		j.names = append([]string(nil), j.names[drop:]...)
	}
	j.names = append(j.names, name)
}

// token stands for the state after all changes so far; it serves as CTag too.
func (j *journal) token() string { return tokenPrefix + strconv.Itoa(j.first+len(j.names)) }

// since returns the names that were changed after a token, at most so many changes (0: all), and the token after them. ok is false
// for a token that is none or that was forgotten.
func (j *journal) since(token string, most int) (names []string, after string, ok bool) {
	n, err := strconv.Atoi(strings.TrimPrefix(token, tokenPrefix))
	if err != nil || !strings.HasPrefix(token, tokenPrefix) || n < j.first || n > j.first+len(j.names) {
		return nil, "", false
	}
	names = j.names[n-j.first:]
	if most > 0 && len(names) > most {
		names = names[:most]
	}
	after = tokenPrefix + strconv.Itoa(n+len(names))
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names), after, true
}

// davBody is what is read of a request's body.
type davBody struct {
	XMLName xml.Name
	Token   string   `xml:"DAV: sync-token"`
	Page    int      `xml:"DAV: limit>nresults"`
	Hrefs   []string `xml:"DAV: href"`
	Prop    struct {
		Any []struct {
			XMLName xml.Name
		} `xml:",any"`
	} `xml:"DAV: prop"`
	Filter struct {
		Props []struct {
			Matches []struct {
				Type string `xml:"match-type,attr"`
				Text string `xml:",chardata"`
			} `xml:"urn:ietf:params:xml:ns:carddav text-match"`
		} `xml:"urn:ietf:params:xml:ns:carddav prop-filter"`
	} `xml:"urn:ietf:params:xml:ns:carddav filter"`
	Most int `xml:"urn:ietf:params:xml:ns:carddav limit>nresults"`
}

// asks tells whether the body asks for a property.
func (b *davBody) asks(local string) bool {
	for _, p := range b.Prop.Any {
		if p.XMLName.Local == local {
			return true
		}
	}
	return false
}

// maxDAV is the largest request body with XML, in bytes.
const maxDAV = 1 << 20

// readDAV reads the body of a PROPFIND, REPORT or MKCOL and puts it back for another handler.
func readDAV(w http.ResponseWriter, r *http.Request) (*davBody, bool) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDAV))
	var body davBody
	if err == nil && len(bytes.TrimSpace(raw)) > 0 {
		err = xml.Unmarshal(raw, &body)
	}
	if err != nil {
		http.Error(w, "the body is not XML", http.StatusBadRequest)
		return nil, false
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	return &body, true
}

// multistatus builds the answer to PROPFIND and REPORT.
type multistatus struct{ strings.Builder }

func (m *multistatus) text(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

// found tells of a resource with properties, written as XML.
func (m *multistatus) found(href, props string) {
	fmt.Fprintf(m, "<response><href>%s</href><propstat><prop>%s</prop><status>HTTP/1.1 200 OK</status></propstat></response>", m.text(href), props)
}

// failed tells of a resource that has no properties to tell.
func (m *multistatus) failed(href string, status int) {
	fmt.Fprintf(m, "<response><href>%s</href><status>HTTP/1.1 %d %s</status></response>", m.text(href), status, http.StatusText(status))
}

func (m *multistatus) send(w http.ResponseWriter, token string) {
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.WriteHeader(http.StatusMultiStatus)
	if token != "" {
		token = "<sync-token>" + m.text(token) + "</sync-token>"
	}
	// A client that has gone away is the only thing that can fail here.
	_, _ = io.WriteString(w, xml.Header+`<multistatus xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:a="urn:ietf:params:xml:ns:carddav" `+
		`xmlns:s="http://calendarserver.org/ns/">`+m.String()+token+"</multistatus>")
}

// sendError refuses a request by the name of a precondition.
func sendError(w http.ResponseWriter, status int, precondition string) {
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, xml.Header+`<error xmlns="DAV:"><`+precondition+`/></error>`)
}

// etagProp is an entity tag as a property.
func (m *multistatus) etagProp(etag string) string {
	return "<getetag>" + m.text(strconv.Quote(etag)) + "</getetag>"
}

// sync answers sync-collection for the collection at href; etag tells an object's entity tag, "" for none, and all names those that
// there are. The caller holds the store's lock.
func (j *journal) sync(w http.ResponseWriter, href string, body *davBody, all func() []string, etag func(name string) string) {
	var m multistatus
	token := body.Token
	var names []string
	if token == "" {
		names, token = all(), j.token()
		slices.Sort(names)
	} else {
		var ok bool
		if names, token, ok = j.since(token, body.Page); !ok {
			sendError(w, http.StatusForbidden, "valid-sync-token")
			return
		}
		if token != j.token() {
			m.failed(href, http.StatusInsufficientStorage)
		}
	}
	for _, name := range names {
		if tag := etag(name); tag != "" {
			m.found(href+name, m.etagProp(tag))
		} else if body.Token != "" {
			m.failed(href+name, http.StatusNotFound)
		}
	}
	m.send(w, token)
}

// versions tells a collection's sync-token and CTag.
func (j *journal) versions(w http.ResponseWriter, href string) {
	var m multistatus
	token := m.text(j.token())
	m.found(href, "<sync-token>"+token+"</sync-token><s:getctag>"+token+"</s:getctag>"+
		"<supported-report-set><supported-report><report><sync-collection/></report></supported-report></supported-report-set>")
	m.send(w, "")
}
