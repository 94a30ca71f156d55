package testenv

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-webdav"
	"github.com/emersion/go-webdav/caldav"
)

// dav sends one CalDAV request of account i; headers come in pairs of name and value.
func dav(t *testing.T, p *Platform, i int, method, path, body string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(p.URLs.CalDAV, "/")+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(p.Login(i), p.Password())
	for k := 0; k < len(headers); k += 2 {
		r.Header.Set(headers[k], headers[k+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	return answer
}

func eventText(uid string, start time.Time) string {
	const stamp = "20060102T150405Z"
	return fmt.Sprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:%s\r\nDTSTART:%s\r\nDTEND:%s\r\n"+
		"SUMMARY:High water\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", uid, start.Format(stamp), start.Format(stamp), start.Add(time.Hour).Format(stamp))
}

func TestCalDAVConditions(t *testing.T) {
	p := start(t, Options{})
	const path = "/u00007/calendars/personal/a.ics"
	text := eventText("a", time.Now().UTC())
	put := func(want int, headers ...string) string {
		t.Helper()
		answer := dav(t, p, 7, "PUT", path, text, append(headers, "Content-Type", "text/calendar")...)
		if answer.StatusCode != want {
			t.Errorf("PUT with %v answers %s, want %d", headers, answer.Status, want)
		}
		return answer.Header.Get("ETag")
	}
	put(412, "If-Match", `"never"`)
	first := put(201, "If-None-Match", "*")
	put(412, "If-None-Match", "*")
	second := put(204, "If-Match", first)
	if first == second || second == "" {
		t.Errorf("entity tags %s and %s", first, second)
	}
	put(412, "If-Match", first)
	if answer := dav(t, p, 7, "GET", path, ""); answer.StatusCode != 200 || answer.Header.Get("ETag") != second {
		t.Errorf("GET answers %s, %s", answer.Status, answer.Header.Get("ETag"))
	}
	if answer := dav(t, p, 8, "GET", path, ""); answer.StatusCode != 404 {
		t.Errorf("somebody else's event answers %s", answer.Status)
	}
	if answer := dav(t, p, 7, "DELETE", path, ""); answer.StatusCode != 204 {
		t.Errorf("DELETE answers %s", answer.Status)
	}
	if answer := dav(t, p, 7, "GET", path, ""); answer.StatusCode != 404 {
		t.Errorf("GET after DELETE answers %s", answer.Status)
	}
	dav(t, p, 7, "PUT", "/u00007/calendars/migrated/b.ics", text, "If-None-Match", "*", "Content-Type", "text/calendar")
	want := map[string]int64{"caldav.create": 2, "caldav.update": 3, "caldav.get": 3, "caldav.delete": 1, "caldav.copy": 1}
	if got := charged(p); !maps.Equal(got, want) {
		t.Errorf("charged %v, want %v", got, want)
	}
}

func TestCalDAVDiscoverAndQuery(t *testing.T) {
	p := start(t, Options{})
	c, err := caldav.NewClient(webdav.HTTPClientWithBasicAuth(http.DefaultClient, p.Login(2), p.Password()), p.URLs.CalDAV)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	principal, err := c.FindCurrentUserPrincipal(ctx)
	if err != nil {
		t.Fatal(err)
	}
	home, err := c.FindCalendarHomeSet(ctx, principal)
	if err != nil {
		t.Fatal(err)
	}
	calendars, err := c.FindCalendars(ctx, home)
	if err != nil {
		t.Fatal(err)
	}
	if len(calendars) != 2 || calendars[0].Path != "/u00002/calendars/personal/" || calendars[1].Path != "/u00002/calendars/migrated/" {
		t.Fatalf("calendars %+v", calendars)
	}
	query := func(from, to time.Time) int {
		t.Helper()
		found, err := c.QueryCalendar(ctx, calendars[0].Path, &caldav.CalendarQuery{
			CompRequest: caldav.CalendarCompRequest{Name: "VCALENDAR", AllProps: true, AllComps: true},
			CompFilter: caldav.CompFilter{Name: "VCALENDAR", Comps: []caldav.CompFilter{{
				Name: "VEVENT", Start: from.UTC(), End: to.UTC(),
			}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	now := time.Now()
	if n := query(now.AddDate(0, 0, -40), now.AddDate(0, 0, 60)); n != seededEvents/2 {
		t.Errorf("%d events in all, want %d", n, seededEvents/2)
	}
	if n := query(now.AddDate(1, 0, 0), now.AddDate(1, 1, 0)); n != 0 {
		t.Errorf("%d events next year, want none", n)
	}
	if got, want := charged(p), (map[string]int64{"caldav.discover": 1, "caldav.query": 2}); !maps.Equal(got, want) {
		t.Errorf("charged %v, want %v", got, want)
	}
}

func TestCalDAVRefusals(t *testing.T) {
	p := refusing(t, "caldav.get")
	if answer := dav(t, p, 1, "GET", "/u00001/calendars/personal/seeded-01.ics", ""); answer.StatusCode != 503 {
		t.Errorf("refused GET answers %s", answer.Status)
	}
	r, err := http.NewRequest("PROPFIND", p.URLs.CalDAV, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(p.Login(1), "wrong")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 401 || answer.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("wrong password answers %s", answer.Status)
	}
}
