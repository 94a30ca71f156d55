package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pegel/internal/ownership"
)

// request asks the calendar server something as an account, and wants one of some statuses.
func (m *migration) request(t *testing.T, login, method, at, body string, want ...int) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(m.dav, "/")+at, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(login, m.password)
	r.Header.Set("Depth", "1")
	if strings.HasPrefix(body, "BEGIN:VCARD") {
		r.Header.Set("Content-Type", "text/vcard")
	} else if strings.HasPrefix(body, "BEGIN") {
		r.Header.Set("Content-Type", "text/calendar")
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	raw, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range append(want, http.StatusOK, http.StatusCreated, http.StatusMultiStatus) {
		if got.StatusCode == w {
			return got.StatusCode, string(raw)
		}
	}
	t.Fatalf("%s %s: %s\n%s", method, at, got.Status, raw)
	return 0, ""
}

const (
	makeCalendarBody = `<c:mkcalendar xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"></c:mkcalendar>`
	makeBookBody     = `<mkcol xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:carddav"><set><prop><resourcetype><collection/><c:addressbook/></resourcetype></prop></set></mkcol>`
)

var hrefs = regexp.MustCompile(`<(?:\w+:)?href>([^<]+)</(?:\w+:)?href>`)

// below are the members of a collection.
func (m *migration) below(t *testing.T, login, at string) (list []string) {
	_, answer := m.request(t, login, "PROPFIND", at, "")
	for _, href := range hrefs.FindAllStringSubmatch(answer, -1) {
		name, err := url.PathUnescape(href[1])
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(name, at) && name != at && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// objects are all events and contacts of an account, by path.
func (m *migration) objects(t *testing.T, login string) map[string]string {
	all := map[string]string{}
	for _, collection := range m.below(t, login, "/"+login+"/") {
		for _, at := range m.below(t, login, collection) {
			_, all[at] = m.request(t, login, "GET", at, "")
		}
	}
	return all
}

// copyObjects is the migration tool's part for calendars and address books. changed alters what is copied.
func (m *migration) copyObjects(t *testing.T, from, to string, changed func(string) string) {
	for at, data := range m.objects(t, from) {
		collection := strings.Replace(path.Dir(at)+"/", from, to, 1)
		method, body := "MKCALENDAR", makeCalendarBody
		if strings.HasPrefix(data, "BEGIN:VCARD") {
			method, body = "MKCOL", makeBookBody
		}
		m.request(t, to, method, collection, body, http.StatusMethodNotAllowed, http.StatusConflict)
		if changed != nil {
			data = changed(data)
		}
		m.request(t, to, "PUT", collection+path.Base(at), data)
	}
}

// Events and contacts on a real Radicale: planted, missed, found, put to their owners, and removed without a trace.
func TestCanaryObjects(t *testing.T) {
	m := dovecotMigration(t, 6)
	scenario, batch := m.files(t)
	s, d := func(i int) string { return m.login("s", i) }, func(i int) string { return m.login("t", i) }
	for i := range 3 { // the others have no calendar at all
		m.request(t, s(i), "MKCALENDAR", "/"+s(i)+"/cal/", makeCalendarBody)
		m.request(t, s(i), "MKCOL", "/"+s(i)+"/book/", makeBookBody)
		m.request(t, s(i), "PUT", "/"+s(i)+"/cal/own.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:own"+s(i)+
			"\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nSUMMARY:confidential pegel-canary\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
		m.request(t, s(i), "PUT", "/"+s(i)+"/book/own.vcf", "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:own"+s(i)+"\r\nFN:confidential\r\nEND:VCARD\r\n")
	}
	before := m.objects(t, s(0))
	if out := m.pegel(t, exitOK, "canary", "plant", scenario, "--accounts", batch); !strings.Contains(out, "6 accounts: 42 planted, 0 there before") {
		t.Error(out)
	}
	if out := m.pegel(t, exitOK, "canary", "plant", scenario, "--accounts", batch); !strings.Contains(out, "0 planted, 42 there before") {
		t.Error(out)
	}
	m.copy(t, true, nil)
	if v := m.verify(t, exitOK, scenario, "--accounts", batch, "--pass", "core", "--items", "mail"); !v.OK {
		t.Error("mail alone is in order")
	}
	v := m.verify(t, exitObjective, scenario, "--accounts", batch, "--pass", "core")
	if f := v.Accounts[0]; f.Missing != 3 || f.Events != (ownership.Count{Expected: 2}) || f.Contacts != (ownership.Count{Expected: 1}) {
		t.Errorf("calendars not copied yet: %+v", f)
	}

	// Two accounts swapped, and platforms that keep no properties that they do not know, or give out UIDs of their own.
	dropped := regexp.MustCompile(`(?s)X-PEGEL-CANARY:.*?\r\n([A-Z])`)
	uid := regexp.MustCompile(`UID:([^\r]*(\r\n [^\r]*)*)`)
	drop := func(data string) string { return dropped.ReplaceAllString(data, "$1") }
	given := 0
	renumber := func(data string) string {
		given++
		return uid.ReplaceAllString(drop(data), fmt.Sprint("UID:another-", given))
	}
	for i, to := range []int{0, 2, 1, 3, 4, 5} {
		m.copyObjects(t, s(i), d(to), map[int]func(string) string{3: drop, 4: renumber}[i])
	}
	for _, args := range [][]string{nil, {"--items", "events,contacts"}, {"--items", "events"}} {
		v := m.verify(t, exitObjective, append([]string{scenario, "--accounts", batch, "--pass", "core"}, args...)...)
		whose, missing := v.foreign()
		if len(whose) != 2 || whose[d(1)] != s(2) || whose[d(2)] != s(1) || len(missing) != 2 {
			t.Errorf("%v: foreign %v, missing %v", args, whose, missing)
		}
		if x := v.Accounts[1].Foreign[0]; x.First.Kind != ownership.Events || x.Canaries != map[bool]int{true: 2, false: 3}[len(args) > 0 && args[1] == "events"] || x.Target != d(2) {
			t.Errorf("%v: %+v", args, x)
		}
	}

	// Removing: dry, then of the old platform, then of both; what is foreign stays.
	if out := m.pegel(t, exitObjective, "canary", "remove", scenario, "--accounts", batch, "--dry-run"); !strings.Contains(out, "source: 6 accounts, 24 messages, 12 events, 6 contacts would be removed") ||
		!strings.Contains(out, "target: 6 accounts, 12 messages, 6 events, 3 contacts would be removed") {
		t.Error(out)
	}
	if out := m.pegel(t, exitOK, "canary", "remove", scenario, "--accounts", batch, "--from", "source"); !strings.Contains(out, "24 messages, 12 events, 6 contacts removed") {
		t.Error(out)
	}
	after := m.objects(t, s(0))
	if fmt.Sprint(before) != fmt.Sprint(after) || len(after) != 2 {
		t.Errorf("before:\n%v\nafter:\n%v", before, after)
	}
	if left := m.below(t, s(5), "/"+s(5)+"/"); len(left) != 0 {
		t.Errorf("calendars made for canaries are left: %v", left)
	}
	if out := m.pegel(t, exitObjective, "canary", "remove", scenario, "--accounts", batch); !strings.Contains(out, "source: 6 accounts, 0 messages, 0 events, 0 contacts removed") ||
		!strings.Contains(out, "target: 6 accounts, 12 messages, 6 events, 3 contacts removed") {
		t.Error(out)
	}
	if left := m.objects(t, d(1)); len(left) != 5 { // 2's own event and contact, 2's three canaries
		t.Errorf("%d objects left: %v", len(left), left)
	}
}
