package dav

import (
	"encoding/xml"
	"errors"
	"net/http"
	"strings"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// refusals are the classes of the preconditions by which a server says why it refuses (RFC 3744, 4791, 5689, 6352, 6578, 6638).
// They tell a right that is missing from a report that is not offered and from a limit, which may all have status 403.
var refusals = map[string]probe.Class{
	"need-privileges": probe.Denied,
	"allowed-organizer-scheduling-object-change": probe.Denied,
	"allowed-attendee-scheduling-object-change":  probe.Denied,
	"quota-not-exceeded":                         probe.Limited,
	"sufficient-disk-space":                      probe.Limited,
	"number-of-matches-within-limits":            probe.Limited,
	"max-resource-size":                          probe.Limited,
	"max-instances":                              probe.Limited,
	"max-attendees-per-instance":                 probe.Limited,
	"valid-sync-token":                           probe.Content,
	"supported-report":                           probe.Content,
	"sync-traversal-supported":                   probe.Content,
	"supported-filter":                           probe.Content,
	"supported-collation":                        probe.Content,
	"supported-calendar-data":                    probe.Content,
	"supported-calendar-component":               probe.Content,
	"supported-address-data":                     probe.Content,
	"valid-calendar-data":                        probe.Content,
	"valid-address-data":                         probe.Content,
	"valid-calendar-object-resource":             probe.Content,
	"valid-filter":                               probe.Content,
	"no-uid-conflict":                            probe.Content,
	"resource-must-be-null":                      probe.Content,
	"calendar-collection-location-ok":            probe.Content,
	"addressbook-collection-location-ok":         probe.Content,
	"lock-token-submitted":                       probe.Content,
}

// expiredToken is the precondition of a sync-token that the server has forgotten (RFC 6578, section 3.2).
const expiredToken = "valid-sync-token"

// maxError is how much of a refusal is read for its reason, in bytes.
const maxError = 16 << 10

// reason is the precondition that a refusal names, the name of the first element in DAV:error (RFC 4918, section 16), or "".
func reason(r *httpconn.Response) string {
	if r.Status < 400 || !strings.Contains(r.Header.Get("Content-Type"), "xml") {
		return ""
	}
	p := newParser(strings.NewReader(string(r.Body[:min(len(r.Body), maxError)])))
	defer p.close()
	if p.root(nsDAV, "error") != nil {
		return ""
	}
	name := ""
	for name == "" {
		token, err := p.next()
		if err != nil {
			break
		}
		if start, ok := token.(xml.StartElement); ok {
			name = start.Name.Local
		}
	}
	return clip(name)
}

// Check is nil for the wanted statuses, else the classified failure with the server's reason.
func Check(r *httpconn.Response, doing string, wanted ...int) error {
	err := r.Check(doing, wanted...)
	if err == nil {
		return nil
	}
	why := reason(r)
	switch {
	case why != "":
	case r.Status == http.StatusNotImplemented:
		return probe.Failf(probe.Content, doing, "status %d: %w", r.Status, errNotOffered)
	default:
		return err
	}
	class, known := refusals[why]
	if !known {
		class = probe.ClassOf(err)
	}
	return probe.Failf(class, doing, "status %d %s: %w", r.Status, http.StatusText(r.Status), refusal(why))
}

var errNotOffered = errors.New("the server does not offer it")

// NotOffered tells whether a request has failed because the server does not have the report.
func NotOffered(err error) bool {
	var why refusal
	return errors.Is(err, errNotOffered) || errors.As(err, &why) && why == "supported-report"
}

// refusal is the precondition in the failure of a whole request.
type refusal string

func (r refusal) Error() string { return string(r) }

// failed is the failure of one resource in a multistatus that has a status of its own, else nil.
func (r *Response) failed(doing string) error {
	if r.Status == 0 || r.Status/100 == 2 {
		return nil
	}
	class, known := refusals[r.Reason]
	if !known {
		if class = httpconn.ClassOfStatus(r.Status); class == probe.OK {
			class = probe.Content
		}
	}
	text := ""
	if r.Reason != "" {
		text = ": " + clip(r.Reason)
	}
	return probe.Failf(class, doing, "%s: status %d%s", clip(r.Href), r.Status, text)
}
