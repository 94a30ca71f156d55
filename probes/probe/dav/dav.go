// Package dav is what calendars and contacts have in common: one user's WebDAV client for collections of small objects.
//
// It discovers where things lie (RFC 6764 from the well-known address on), keeps a collection in step with the server by
// sync-token (RFC 6578), by CTag or by listing, fetches objects by multiget, and writes them under conditions on entity tags, so
// that clients do not overwrite one another. Answers are read as they come, within stated bounds, and nothing of them is kept but
// what a user's program remembers: 16 bytes for each object, and the objects that pegel itself made. Of what it finds it only
// ever changes those.
//
// It checks what it is told: after an acknowledged write, no read and no sync may show an older version (a lost update); a
// collection kept in step must equal a full listing; of two writes under the same entity tag exactly one may win. What fails such
// a check is a failure of class content. SRV records are not looked up: the scenario names the address.
package dav

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// Session is one program of one user, with its connections and with what it remembers.
type Session struct {
	kind    *Kind
	client  *httpconn.Client
	rival   *httpconn.Client // a second program of the same user, for Race; nil before
	target  probe.Target
	account probe.Account

	principal     string
	home          *url.URL // the collection that holds the user's collections
	place         *url.URL // the collection in use; nil before discovery
	places        []Place  // all that are known
	inbox, outbox *url.URL // of scheduling; nil where not offered
	own           []object // made by pegel, oldest first
	adopts        bool     // objects of earlier sessions become own ones when they are seen
	kept          []*kept  // collections that are kept in step
}

// Place is one collection of the user's home.
type Place struct {
	Name   string // displayed name, perhaps empty
	URL    *url.URL
	Shared bool // somebody else's
}

var _ probe.Session = (*Session)(nil)

// Open opens a session of the kind for an account.
func Open(t *probe.Turn, kind *Kind, target probe.Target, account probe.Account) (*Session, error) {
	s := &Session{kind: kind, target: target, account: account}
	var err error
	if s.client, err = s.connect(t); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Session) connect(t *probe.Turn) (*httpconn.Client, error) {
	return httpconn.Open(t, s.target, httpconn.Options{UserAgent: s.kind.Agent, Authorization: authorization(s.account)})
}

// authorization is the header by which an account proves itself: its token as Bearer (RFC 6750), else its app password or
// password as Basic (RFC 7617).
func authorization(a probe.Account) string {
	if a.Token != "" {
		return "Bearer " + a.Token
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(a.Login+":"+a.Secret()))
}

// Close closes the connections.
func (s *Session) Close() error {
	if s.rival != nil {
		s.rival.Close()
	}
	return s.client.Close()
}

// Result is what a multistatus says of itself.
type Result struct {
	Token string   // the new sync-token
	URL   *url.URL // where the answer came from, after redirects
}

// Ask sends PROPFIND or REPORT and calls each for every resource that the answer tells of, while it is being read.
func (s *Session) Ask(t *probe.Turn, doing, method string, u *url.URL, depth, body string, each func(r *Response, at *url.URL) error) (Result, error) {
	var result Result
	response, err := s.send(t, httpconn.Request{
		Method: method, URL: u, Header: xmlHeader(depth), Body: []byte(xml.Header + body), KeepMethod: true,
		Stream: func(response *httpconn.Response, in io.Reader) error {
			if response.Status != http.StatusMultiStatus {
				return nil
			}
			token, err := Read(in, func(r *Response) error { return each(r, response.URL) })
			result.Token = token
			return wrong(doing, err)
		},
	})
	if err != nil {
		return Result{}, err
	}
	if err := Check(response, doing, http.StatusMultiStatus); err != nil {
		return Result{}, err
	}
	result.URL = response.URL
	return result, nil
}

// wrong classifies the error of a document: what neither the connection nor a reader of resources has said is content.
func wrong(doing string, err error) error {
	var own *probe.Error
	if err == nil || errors.As(err, &own) {
		return err
	}
	if class := probe.ClassOf(err); class != probe.BadProtocol {
		return err // of the connection: httpconn classifies it
	}
	return probe.Failf(probe.Content, doing, "the answer is not a multistatus: %w", err)
}

// Request sends a request with an XML body, and reads the whole answer.
func (s *Session) Request(t *probe.Turn, method string, u *url.URL, depth, body string) (*httpconn.Response, error) {
	return s.send(t, httpconn.Request{
		Method: method, URL: u, Header: xmlHeader(depth), Body: []byte(xml.Header + body), KeepMethod: true,
	})
}

// Send sends any request of the user's.
func (s *Session) Send(t *probe.Turn, r httpconn.Request) (*httpconn.Response, error) {
	return s.send(t, r)
}

func (s *Session) send(t *probe.Turn, r httpconn.Request) (*httpconn.Response, error) {
	response, err := s.client.Do(t, r)
	if err == nil {
		// Which backend has answered, where the platform tells.
		if backend := response.Header.Get("X-Backend"); backend != "" {
			t.LabelBackend(backend)
		}
	}
	return response, err
}

func xmlHeader(depth string) http.Header {
	header := http.Header{"Content-Type": {"application/xml; charset=utf-8"}}
	if depth != "" {
		header.Set("Depth", depth)
	}
	return header
}

// escape makes a text safe to stand in an XML body.
func escape(text string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}

// is tells whether a name means this collection: by what is displayed or by the last part of its address.
func (c Place) is(name string) bool {
	return strings.EqualFold(c.Name, name) || strings.EqualFold(path.Base(c.URL.Path), name)
}
