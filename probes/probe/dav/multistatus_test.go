package dav

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

const head = `<?xml version="1.0" encoding="utf-8"?><d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:s="http://calendarserver.org/ns/">`

const entry = `<d:response><d:href>/u0/cal/%d.ics</d:href><d:propstat><d:prop><d:getetag>"e%d"</d:getetag></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>`

func TestReadProperties(t *testing.T) {
	const text = head + `<d:response><d:href>/u0/cal/</d:href><d:propstat><d:prop><d:resourcetype><d:collection/><c:calendar/></d:resourcetype>` +
		`<d:displayname> Büro &amp; Haus </d:displayname><s:getctag>7</s:getctag><d:sync-token>t1</d:sync-token>` +
		`<d:owner><d:href>/u1/</d:href></d:owner><c:supported-calendar-component-set><c:comp name="VTODO"/><c:comp name="VEVENT"/></c:supported-calendar-component-set>` +
		`<d:supported-report-set><d:supported-report><d:report><d:sync-collection/></d:report></d:supported-report></d:supported-report-set>` +
		`<d:current-user-privilege-set><d:privilege><d:read/></d:privilege></d:current-user-privilege-set>` +
		`</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>` +
		`<d:propstat><d:prop><d:getetag>"not to be believed"</d:getetag></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>` +
		`<d:response><d:href>/u0/cal/gone.ics</d:href><d:href>/u0/cal/gone2.ics</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>` +
		`<d:response><d:href>/u0/cal/</d:href><d:status>HTTP/1.1 507 Insufficient Storage</d:status><d:error><d:number-of-matches-within-limits/></d:error></d:response>` +
		`<d:sync-token>t2</d:sync-token><unknown xmlns="urn:x"><d:response/></unknown></d:multistatus>`
	var all []Response
	token, err := Read(iotest.OneByteReader(strings.NewReader(text)), func(r *Response) error {
		all = append(all, *r)
		return nil
	})
	if err != nil || token != "t2" || len(all) != 4 {
		t.Fatalf("%q, %v, %d resources", token, err, len(all))
	}
	p := all[0].Props
	if !p.Calendar || p.AddressBook || p.Name != "Büro & Haus" || p.CTag != "7" || p.Token != "t1" || p.Owner != "/u1/" || !p.Syncs || p.ETag != "" ||
		!p.Holds("vevent") || p.Holds("VJOURNAL") || !p.HasPrivileges || p.Privileges != MayRead {
		t.Errorf("properties %+v", p)
	}
	if all[2].Href != "/u0/cal/gone2.ics" || all[2].Status != 404 || all[3].Status != 507 || all[3].Reason != "number-of-matches-within-limits" {
		t.Errorf("%+v", all[1:])
	}
}

func TestReadRefuses(t *testing.T) {
	whole := head + fmt.Sprintf(entry, 1, 1)
	tests := map[string]struct{ text, want string }{
		"nothing":          {"", "ends too early"},
		"cut":              {whole, "EOF"},
		"HTML":             {"<html><body>Sign in</body></html>", `"html"`},
		"another document": {`<multistatus xmlns="urn:x"/>`, "not a multistatus"},
		"JSON":             {`{"error": "no"}`, "ends too early"},
		"crossed":          {head + "<d:response></d:multistatus></d:response>", "element"},
		"document type":    {`<!DOCTYPE d [<!ENTITY x "y">]>` + whole, "document type"},
		"entity":           {head + "<d:response><d:href>&x;</d:href></d:response>", "entity"},
		"external":         {`<!DOCTYPE d SYSTEM "file:///etc/passwd">` + whole, "document type"},
		"no href":          {head + "<d:response><d:status>HTTP/1.1 200 OK</d:status></d:response></d:multistatus>", "names no resource"},
		"no status":        {head + "<d:response><d:href>/a</d:href><d:status>fine</d:status></d:response></d:multistatus>", "no status"},
		"odd status":       {head + "<d:response><d:href>/a</d:href><d:status>HTTP/1.1 99999 X</d:status></d:response></d:multistatus>", "no status"},
		"deep":             {head + strings.Repeat("<d:x>", 100), "deeper than 32"},
		"long text":        {head + "<d:response><d:href>" + strings.Repeat("a", MaxText+1), "longer than"},
		"long tag":         {head + "<d:" + strings.Repeat("a", MaxText+1), "longer than"},
		"long in pieces":   {head + "<d:response><d:href>" + strings.Repeat(strings.Repeat("a", 1<<20)+"<!-- -->", 5), "longer than"},
		"Latin-1":          {`<?xml version="1.0" encoding="iso-8859-1"?>` + whole[38:], "encoding"},
		"not UTF-8":        {head + "<d:response><d:href>\xff</d:href></d:response>", "UTF-8"},
	}
	for name, test := range tests {
		_, err := Read(strings.NewReader(test.text), func(*Response) error { return nil })
		if err == nil || !strings.Contains(err.Error(), test.want) || len(err.Error()) > 300 {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestReadPassesErrorsOn(t *testing.T) {
	broken, stop := errors.New("broken"), errors.New("stop")
	text := head + fmt.Sprintf(entry, 1, 1)
	if _, err := Read(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), func(*Response) error { return nil }); err != broken {
		t.Errorf("the reader's error comes back as %v", err)
	}
	if _, err := Read(strings.NewReader(text), func(*Response) error { return stop }); err != stop {
		t.Errorf("the caller's error comes back as %v", err)
	}
}

// entries is a listing of n objects that is made while it is read.
type entries struct {
	n, i int
	left bytes.Buffer
}

func (e *entries) Read(p []byte) (int, error) {
	for e.left.Len() == 0 {
		switch {
		case e.i == 0:
			e.left.WriteString(head)
		case e.i <= e.n:
			fmt.Fprintf(&e.left, entry, e.i, e.i)
		case e.i == e.n+1:
			e.left.WriteString("</d:multistatus>")
		default:
			return 0, io.EOF
		}
		e.i++
	}
	return e.left.Read(p)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A listing of 100,000 objects is read in memory that does not depend on how many there are; beyond the bound it is refused.
func TestReadInBoundedMemory(t *testing.T) {
	before, most, count := heap(), int64(0), 0
	if _, err := Read(&entries{n: 100_000}, func(*Response) error {
		if count++; count%20_000 == 0 {
			most = max(most, heap()-before)
		}
		return nil
	}); err != nil || count != 100_000 {
		t.Fatalf("%d read: %v", count, err)
	}
	if most > 2<<20 {
		t.Errorf("reading a listing holds %d KiB", most>>10)
	}
	count = 0
	many := head + "<d:response>" + strings.Repeat("<d:href>/a</d:href>", MaxHrefs)
	for _, text := range []string{
		many + "<d:href>/b</d:href></d:response></d:multistatus>",
		many + "</d:response><d:response><d:href>/b</d:href></d:response></d:multistatus>",
	} {
		count = 0
		if _, err := Read(strings.NewReader(text), func(*Response) error { count++; return nil }); err == nil || !strings.Contains(err.Error(), "more than 200000") || count > MaxHrefs {
			t.Errorf("after %d: %v", count, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(head + fmt.Sprintf(entry, 1, 1) + "<d:sync-token>t</d:sync-token></d:multistatus>"))
	f.Add([]byte(`<!DOCTYPE x>` + head))
	f.Add([]byte(head + `<d:response><d:href>/a</d:href><d:propstat><d:prop><d:resourcetype><c:calendar/></d:resourcetype><c:calendar-data>BEGIN</c:calendar-data></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		Read(bytes.NewReader(data), func(r *Response) error {
			if r.Href == "" {
				t.Error("a resource without a name")
			}
			pathOf(r.Href)
			calendars.is(&r.Props)
			r.failed("read")
			return nil
		})
	})
}

func BenchmarkRead(b *testing.B) {
	const n = 1000
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(&entries{n: n}, func(*Response) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/object")
}
