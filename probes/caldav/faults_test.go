package caldav

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"pegel/probes/probe"
	"pegel/probes/probetest"
)

// A server that does not heed If-Match loses updates; each check must say so.
func TestLostUpdatesAreFound(t *testing.T) {
	f, u := newFaulty(t)
	u.Must("discover", "create", "race", "sync")

	f.set(func(f *faulty) { f.request = func(r *http.Request) { r.Header.Del("If-Match") } })
	u.fails("race", "", probe.Content, "both acknowledged")

	// A node that answers reads with what was there before the last write.
	var old []byte
	var etag string
	f.set(func(f *faulty) {
		f.response = func(r *http.Response, body []byte) []byte {
			if r.Request.Method == http.MethodGet {
				old, etag = body, r.Header.Get("ETag")
			}
			return body
		}
	})
	u.Must("update")
	f.set(func(f *faulty) {
		f.response = func(r *http.Response, body []byte) []byte {
			if r.Request.Method == http.MethodGet {
				r.Header.Set("ETag", etag)
				return old
			}
			return body
		}
	})
	u.fails("update", "", probe.Content, "lost update")

	// The same as a sync sees it.
	f.set(func(f *faulty) {
		f.response = func(r *http.Response, body []byte) []byte {
			if r.Request.Method == "REPORT" {
				body = bytes.ReplaceAll(body, []byte(now(r, body)), []byte(strings.ReplaceAll(etag, `"`, "&#34;")))
			}
			return body
		}
	})
	u.fails("sync", "fetch: 0", probe.Content, "lost update")
}

// now is the entity tag of pegel's own event in a multistatus.
func now(_ *http.Response, body []byte) string {
	_, rest, _ := strings.Cut(string(body), "@pegel.invalid.ics")
	_, rest, _ = strings.Cut(rest, "<getetag>")
	tag, _, ok := strings.Cut(rest, "</getetag>")
	if !ok {
		return "there is none"
	}
	return tag
}

func TestSyncDifferencesAreFound(t *testing.T) {
	f, u := newFaulty(t)
	u.Must("discover", "sync", "verify")
	u.Must("create")
	// A server whose changes have a gap: the sync never tells of the new event.
	f.set(func(f *faulty) {
		f.response = func(r *http.Response, body []byte) []byte {
			if r.Request.Method != "REPORT" {
				return body
			}
			out := string(body)
			for {
				at := strings.Index(out, "@pegel.invalid.ics")
				if at < 0 {
					return []byte(out)
				}
				begin, end := strings.LastIndex(out[:at], "<response>"), at+strings.Index(out[at:], "</response>")+len("</response>")
				out = out[:begin] + out[end:]
			}
		}
	})
	u.fails("verify", "by: token", probe.Content, "sync difference: 1 of")
	f.set(func(*faulty) {})
	u.Must("verify") // begins anew
}

func TestSyncTokens(t *testing.T) {
	f, u := newFaulty(t)
	u.Must("discover", "sync", "create", "sync")
	refuse := func(status int, body string) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != "REPORT" {
				return false
			}
			text, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(text))
			if bytes.Contains(text, []byte("<sync-token></sync-token>")) && !strings.Contains(body, "always") {
				return false
			}
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(status)
			io.WriteString(w, body)
			return true
		}
	}
	const expired = `<?xml version="1.0"?><error xmlns="DAV:"><valid-sync-token/></error>`
	f.set(func(f *faulty) { f.instead = refuse(403, expired) })
	if err := u.Try("sync", "fetch: 0"); err != nil || f.count["REPORT"] != 2 {
		t.Errorf("an expired token: %v, %d reports; want a second one without token", err, f.count["REPORT"])
	}
	u.Must("verify")
	f.set(func(f *faulty) { f.instead = refuse(409, expired) }) // what Radicale answers
	if err := u.Try("sync", "fetch: 0"); err != nil {
		t.Error(err)
	}
	f.set(func(f *faulty) { f.instead = refuse(403, expired+"<!-- always -->") })
	u.fails("sync", "", probe.Content, "valid-sync-token")
	f.set(func(f *faulty) {
		f.instead = refuse(403, `<error xmlns="DAV:"><need-privileges/></error><!-- always -->`)
	})
	u.fails("sync", "", probe.Denied, "need-privileges")
	f.set(func(f *faulty) {
		f.instead = refuse(403, `<error xmlns="DAV:"><number-of-matches-within-limits/></error><!-- always -->`)
	})
	u.fails("sync", "", probe.Limited, "number-of-matches")
	f.set(func(f *faulty) {
		f.instead = refuse(403, `<error xmlns="DAV:"><supported-report/></error><!-- always -->`)
	})
	u.fails("freebusy", "", probe.Content, "supported-report")
	if err := u.Try("freebusy", "where_offered: true"); err != nil {
		t.Errorf("a report that is not offered, as programs have it: %v", err)
	}
	f.set(func(f *faulty) { f.response = replace("sync-token>", "x>") })
	u.fails("sync", "by: token", probe.Content, "no sync-token")

	// Endless: the server says that there is more, under the token that it gave before.
	f.set(func(f *faulty) {
		f.response = func(r *http.Response, body []byte) []byte {
			more := "<response><href>" + r.Request.URL.Path + "</href><status>HTTP/1.1 507 Insufficient Storage</status></response>"
			return bytes.Replace(body, []byte("<sync-token>"), []byte(more+"<sync-token>"), 1)
		}
	})
	u.fails("sync", "{by: token, fetch: 0}", probe.Content, "the same sync-token again")
	if f.count["REPORT"] > 3 {
		t.Errorf("%d reports", f.count["REPORT"])
	}
	f.set(func(f *faulty) {
		f.response = replace("<sync-token>", "<sync-token>"+strings.Repeat("x", 5<<10))
	})
	u.fails("sync", "{by: token, fetch: 0}", probe.Content, "a sync-token of")

	// Pages: the server says that there is more until all has been told.
	f.set(func(*faulty) {})
	u.Must("sync", "create", "create", "create")
	f.set(func(*faulty) {})
	if err := u.Try("sync", "{page: 1, fetch: 0}"); err != nil || f.count["REPORT"] != 3 {
		t.Errorf("three changes in pages of one: %v, %d reports", err, f.count["REPORT"])
	}
	u.Must("verify")
}

func TestBadServers(t *testing.T) {
	f, u := newFaulty(t)
	u.Must("discover", "create", "sync")
	answer := func(text string) func(f *faulty) {
		return func(f *faulty) {
			f.instead = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != "REPORT" && r.Method != "PROPFIND" {
					return false
				}
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(http.StatusMultiStatus)
				io.WriteString(w, text)
				return true
			}
		}
	}
	for text, want := range map[string]string{
		"<html>": "not a multistatus",
		"":       "not a multistatus",
		`<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><multistatus xmlns="DAV:"><response><href>&b;</href></response></multistatus>`: "document type",
		`<multistatus xmlns="DAV:"><response><href>&b;</href></response></multistatus>`:                                                      "entity",
		`<multistatus xmlns="DAV:"><response>`: "EOF",
		`<multistatus xmlns="DAV:"><response><href>/x.ics</href><propstat><prop/><status>HTTP/1.1 200 OK</status></propstat></response></multistatus>`:                             "without entity tag",
		`<multistatus xmlns="DAV:"><response><href>/x.ics</href><propstat><prop><getetag>"a"</getetag></prop><status>HTTP/1.1 200 OK</status></propstat></response></multistatus>`: "whole VCALENDAR",
		`<multistatus xmlns="DAV:"><response><href>/x.ics</href><status>HTTP/1.1 403 Forbidden</status><error><need-privileges/></error></response></multistatus>`:                 "need-privileges",
		`<multistatus xmlns="DAV:"><response><href>/x.ics</href><status>HTTP/1.1 507 Insufficient Storage</status><error><quota-not-exceeded/></error></response></multistatus>`:   "quota-not-exceeded",
		`<multistatus xmlns="DAV:"><response><href>/x</href><status>HTTP/1.1 200 OK` + strings.Repeat(" ", 5<<20) + `</status></response></multistatus>`:                           "longer than",
		`<multistatus xmlns="DAV:">` + strings.Repeat("<response>", 50):                                                                                                            "deeper than",
	} {
		class := map[string]probe.Class{"need-privileges": probe.Denied, "quota-not-exceeded": probe.Limited}[want]
		if class == probe.OK {
			class = probe.Content
		}
		f.set(answer(text))
		u.fails("query", "", class, want)
	}
	f.set(func(f *faulty) {
		f.response = func(r *http.Response, body []byte) []byte {
			if r.Header.Get("ETag") != "" {
				r.Header.Set("ETag", "W/"+r.Header.Get("ETag"))
			}
			return body
		}
	})
	u.fails("update", "", probe.Content, "weak")
	f.set(func(f *faulty) {
		f.response = func(r *http.Response, body []byte) []byte { r.Header.Del("ETag"); return body }
	})
	u.fails("update", "", probe.Content, "no entity tag")
	f.set(func(f *faulty) {
		f.instead = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != "MKCALENDAR" && r.Method != "MKCOL" {
				return false
			}
			w.WriteHeader(http.StatusForbidden)
			return true
		}
	})
	u.fails("copy", "into: Forbidden", probe.Denied, "403")
	f.set(func(*faulty) {})
	u.Must("sync", "update", "query", "delete") // the session has outlived all that
}

// Where a home has no calendar and none may be made, that is one failure, and the next action tries again.
func TestNoCalendarMayBeMade(t *testing.T) {
	_, address := newMemory(t)
	f, u := between(t, address, account)
	f.set(func(f *faulty) {
		f.instead = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != "MKCALENDAR" && r.Method != "MKCOL" {
				return false
			}
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `<error xmlns="DAV:"><need-privileges/></error>`)
			return true
		}
	})
	u.fails("create", "", probe.Denied, "need-privileges")
	u.fails("discover", "", probe.Denied, "need-privileges")
	f.set(func(*faulty) {})
	u.Must("create", "update", "delete")
}

// 100,000 resources in one answer are read in the memory of a few.
func TestHugeListing(t *testing.T) {
	f, u := newFaulty(t)
	u.Must("discover")
	f.set(func(f *faulty) {
		f.instead = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != "PROPFIND" || r.Header.Get("Depth") != "1" {
				return false
			}
			w.WriteHeader(http.StatusMultiStatus)
			io.WriteString(w, `<multistatus xmlns="DAV:">`)
			for i := range 100_000 {
				fmt.Fprintf(w, `<response><href>%s%d.ics</href><propstat><prop><getetag>"%d"</getetag></prop><status>HTTP/1.1 200 OK</status></propstat></response>`, r.URL.Path, i, i)
			}
			io.WriteString(w, "</multistatus>")
			return true
		}
	})
	held := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := held()
	if err := u.Try("sync", "{by: listing, fetch: 0}"); err != nil {
		t.Fatal(err)
	}
	if kept := held() - before; kept > 8<<20 { // 16 bytes an object, and what the servers of this test hold
		t.Errorf("a listing of 100,000 is kept in %d KiB", kept>>10)
	}
}

func TestNothingIsLeftRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("a session", func(t *testing.T) {
		f, u := newFaulty(t)
		u.Must("create", "race", "sync")
		f.set(func(f *faulty) {
			f.instead = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPut {
					panic(http.ErrAbortHandler) // both connections break during the race
				}
				return false
			}
		})
		if err := u.Try("race", ""); probe.ClassOf(err) != probe.Reset {
			t.Errorf("a race whose connections break: %v", err)
		}
	})
	probetest.Settled(t, before)
}
