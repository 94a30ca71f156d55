package eas

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
)

// bad is a server that answers every command with a status, a type and a body of its own; but for what passes, which it leaves to
// whoever serves that.
func bad(t *testing.T, serve func(w http.ResponseWriter, command string)) *probetest.Host {
	t.Helper()
	return answering(t, func(w http.ResponseWriter, command string, _ []byte) { serve(w, command) })
}

// answering is the same with a server that looks at what it is asked.
func answering(t *testing.T, serve func(w http.ResponseWriter, command string, body []byte)) *probetest.Host {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("Content-Type", wbxmlType)
		serve(w, r.URL.Query().Get("Cmd"), body)
	}))
	t.Cleanup(server.Close)
	h := probetest.NewHost(Protocol(), probe.Account{Login: "ann", Address: "ann@example.test", Password: "secret"}, phoneTarget(t, server.URL))
	t.Cleanup(h.Close)
	return h
}

// good answers FolderSync and Sync as if all were well; sync says so with one more key each time.
func good(w http.ResponseWriter, command string) bool {
	switch command {
	case "FolderSync":
		d := newDocument().open(folderSync).text(folderStatus, "1").text(folderSyncKey, "1").open(folderChanges)
		w.Write(d.open(folderAdd).text(folderServerID, "2").text(folderParentID, "0").text(folderDisplayName, "Inbox").text(folderType, "2").end().end().end().bytes)
	case "Sync":
		d := newDocument().open(airSync).open(airCollections).open(airCollection).text(airSyncKey, "1").text(airCollectionID, "2").text(airStatus, "1")
		w.Write(d.end().end().end().bytes)
	default:
		return false
	}
	return true
}

func TestBadAnswers(t *testing.T) {
	whole := newDocument().open(folderSync).text(folderStatus, "1").text(folderSyncKey, "1").end().bytes
	status := func(root, of tag, n string) []byte { return newDocument().open(root).text(of, n).end().bytes }
	for _, c := range []struct {
		name  string
		serve func(w http.ResponseWriter)
		want  probe.Class
		says  string
	}{
		{"truncated", func(w http.ResponseWriter) { w.Write(whole[:len(whole)-4]) }, probe.BadProtocol, "ends within"},
		{"a wrong type", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, "<html>maintenance</html>")
		}, probe.BadProtocol, "text/html"},
		{"no WBXML", func(w http.ResponseWriter) { fmt.Fprint(w, "<html>") }, probe.BadProtocol, "not WBXML"},
		{"endless", func(w http.ResponseWriter) {
			w.Write(whole[:4])
			for junk := bytes.Repeat([]byte{0x45}, 1<<20); ; {
				if _, err := w.Write(junk); err != nil {
					return
				}
			}
		}, probe.Content, "longer"},
		{"a bomb", func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for junk := make([]byte, 1<<20); ; {
				if _, err := z.Write(junk); err != nil {
					return
				}
			}
		}, probe.Content, "longer"},
		{"unknown pages only", func(w http.ResponseWriter) { w.Write(newDocument().open(0x4005).text(0x4106, "1").end().bytes) }, probe.BadProtocol, "no status"},
		{"no key", func(w http.ResponseWriter) { w.Write(status(folderSync, folderStatus, "1")) }, probe.BadProtocol, "no SyncKey"},
		{"a server that cannot now", func(w http.ResponseWriter) { w.Write(status(folderSync, folderStatus, "111")) }, probe.Overload, "status 111"},
		{"a phone that is blocked", func(w http.ResponseWriter) { w.Write(status(folderSync, folderStatus, "129")) }, probe.Denied, "status 129"},
		{"too many phones", func(w http.ResponseWriter) { w.Write(status(folderSync, folderStatus, "177")) }, probe.Limited, "status 177"},
		{"a server error", func(w http.ResponseWriter) { w.Write(status(folderSync, folderStatus, "6")) }, probe.Overload, "status 6"},
		{"a status nobody knows", func(w http.ResponseWriter) { w.Write(status(folderSync, folderStatus, "77")) }, probe.Content, "status 77"},
		{"401", func(w http.ResponseWriter) { w.WriteHeader(401) }, probe.Auth, "401"},
		{"403", func(w http.ResponseWriter) { w.WriteHeader(403) }, probe.Denied, "403"},
		{"503", func(w http.ResponseWriter) { w.WriteHeader(503) }, probe.Overload, "503"},
		{"throttled", func(w http.ResponseWriter) {
			w.Header().Set("X-MS-ASThrottle", "CommandFrequency")
			w.WriteHeader(503)
		}, probe.Limited, "CommandFrequency"},
		{"449 for ever", func(w http.ResponseWriter) { w.WriteHeader(449) }, probe.Denied, "449"},
		{"another server", func(w http.ResponseWriter) { w.WriteHeader(451) }, probe.Content, "another server"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := bad(t, func(w http.ResponseWriter, _ string) { c.serve(w) })
			r := do(t, h, "folders", "")
			if r.Class != c.want || !strings.Contains(r.Err.Error(), c.says) {
				t.Errorf("%v: %v; want %v, %q", r.Class, r.Err, c.want, c.says)
			}
		})
	}
}

// gzip is what servers are offered, and may use.
func TestCompressedAnswer(t *testing.T) {
	h := bad(t, func(w http.ResponseWriter, command string) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		rec := httptest.NewRecorder()
		good(rec, command)
		z.Write(rec.Body.Bytes())
	})
	must(t, h, "folders", "")
}

// A server that does not hold its Pings is one failure each that ends the session, so that the user's backoff holds it back.
func TestPingAnsweredAtOnce(t *testing.T) {
	for _, c := range []struct {
		name, status string
		within       int32 // Pings until it is found out
	}{{"over", "1", 1}, {"changes", "2", mostVain + 1}} {
		t.Run(c.name, func(t *testing.T) {
			var asked atomic.Int32
			h := bad(t, func(w http.ResponseWriter, command string) {
				if !good(w, command) {
					asked.Add(1)
					w.Write(newDocument().open(ping).text(pingStatus, c.status).end().bytes)
				}
			})
			for i := int32(1); ; i++ {
				r := do(t, h, "ping", "{heartbeat: 1m, folders: [inbox]}")
				if i < c.within && r.Err == nil {
					must(t, h, "sync", "")
					continue
				}
				if i != c.within || r.Class != probe.BadProtocol || !r.Class.EndsSession() {
					t.Errorf("after %d Pings: %v", i, r.Err)
				}
				break
			}
			if n := asked.Load(); n != c.within {
				t.Errorf("asked %d times, want %d", n, c.within)
			}
		})
	}
}

// A server that says for ever that there is more, or that the heartbeat is wrong, is not asked for ever.
func TestEndlessConversations(t *testing.T) {
	var asked atomic.Int32
	h := bad(t, func(w http.ResponseWriter, command string) {
		asked.Add(1)
		switch command {
		case "Sync":
			d := newDocument().open(airSync).open(airCollections).open(airCollection).text(airSyncKey, "7").text(airStatus, "1").empty(airMoreAvailable)
			w.Write(d.end().end().end().bytes)
		case "Ping":
			w.Write(newDocument().open(ping).text(pingStatus, "5").text(pingHeartbeat, "60").end().bytes)
		default:
			good(w, command)
		}
	})
	if r := do(t, h, "sync", ""); r.Class != probe.BadProtocol || asked.Load() > 10 {
		t.Errorf("%v after %d requests", r.Err, asked.Load())
	}
	h = bad(t, func(w http.ResponseWriter, command string) {
		asked.Add(1)
		if !good(w, command) {
			w.Write(newDocument().open(ping).text(pingStatus, "5").text(pingHeartbeat, "60").end().bytes)
		}
	})
	asked.Store(0)
	if r := do(t, h, "ping", "folders: [inbox]"); r.Class != probe.Content || asked.Load() > 10 {
		t.Errorf("%v after %d requests", r.Err, asked.Load())
	}
}

// A heartbeat that is shorter than a server allows is asked for by the next Ping as the server prescribes it, and that one's time-out
// begins when it is over; one that is longer is asked for again at once.
func TestPrescribedHeartbeat(t *testing.T) {
	var asked []string
	least, most := 2, 59*60
	h := answering(t, func(w http.ResponseWriter, command string, body []byte) {
		if good(w, command) {
			return
		}
		n := 0
		err := decode(bytes.NewReader(body), func(e *element) error {
			if e.is(pingHeartbeat) {
				n = e.number()
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		asked = append(asked, strconv.Itoa(n))
		d := newDocument().open(ping)
		switch {
		case n < least:
			d.text(pingStatus, "5").text(pingHeartbeat, strconv.Itoa(least))
		case n > most:
			d.text(pingStatus, "5").text(pingHeartbeat, strconv.Itoa(most))
		default:
			time.Sleep(time.Duration(n) * time.Second)
			d.text(pingStatus, "1")
		}
		w.Write(d.end().bytes)
	})
	check := func(with, want string, awaited time.Duration, class probe.Class) {
		t.Helper()
		asked = nil
		r := do(t, h, "ping", with)
		if got := strings.Join(asked, " "); r.Class != class || got != want || h.Most != awaited {
			t.Errorf("%s: %v, asked for %s and awaited %v; want %v, %s and %v", with, r.Err, got, h.Most, class, want, awaited)
		}
	}
	short := "{heartbeat: 1s, folders: [inbox]}"
	check(short, "1", time.Second, probe.OK)
	check(short, "2", 2*time.Second, probe.OK)
	least = 4 // the server changes its mind: that is a failure, and the phone begins anew
	check(short, "2", 2*time.Second, probe.Content)
	check(short, "1", time.Second, probe.OK)
	least, most = 1, 1
	check(short, "4 1", 4*time.Second, probe.OK)
	check(short, "1", time.Second, probe.OK)
	least, most = 60*60, 2*60*60 // longer than any server may
	check(short, "1", time.Second, probe.Content)
	check(short, "1", time.Second, probe.Content)
}

// Answers that break off, that never end, and that never come leave nothing running.
func TestNothingIsLeftRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("sessions", func(t *testing.T) {
		for _, c := range []struct {
			verb, with string
			serve      func(w http.ResponseWriter, r *http.Request)
			want       probe.Class
		}{
			{"folders", "", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "1000")
				w.Write(newDocument().open(folderSync).bytes)
			}, probe.Reset},
			{"folders", "", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, probe.Reset},
			{"folders", "", func(w http.ResponseWriter, _ *http.Request) {
				for junk := bytes.Repeat([]byte{0x45}, 1<<20); ; {
					if _, err := w.Write(junk); err != nil {
						return
					}
				}
			}, probe.Content},
			{"ping", "folders: [inbox]", func(w http.ResponseWriter, r *http.Request) {
				if !good(w, r.URL.Query().Get("Cmd")) {
					<-r.Context().Done()
				}
			}, probe.Timeout},
		} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", wbxmlType)
				c.serve(w, r)
			}))
			h := probetest.NewHost(Protocol(), probe.Account{Login: "ann", Address: "ann@example.test", Password: "secret"}, phoneTarget(t, server.URL))
			step, err := probetest.Bind(Protocol(), c.verb, c.with)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			if r := h.Do(ctx, step); r.Class != c.want {
				t.Errorf("%s: %v %v, want %v", c.verb, r.Class, r.Err, c.want)
			}
			cancel()
			h.Close()
			server.Close()
		}
	})
	probetest.Settled(t, before)
}

// A mail whose answer never came may have been taken; one that was refused has not been.
func TestSendTellsTheLedger(t *testing.T) {
	for _, c := range []struct {
		name  string
		serve func(w http.ResponseWriter)
		may   bool
	}{
		{"connection lost", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, true},
		{"gateway", func(w http.ResponseWriter) { w.WriteHeader(504) }, true},
		{"busy", func(w http.ResponseWriter) { w.WriteHeader(503) }, false},
		{"refused", func(w http.ResponseWriter) {
			w.Write(newDocument().open(composeSendMail).text(composeStatus, "120").end().bytes)
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := bad(t, func(w http.ResponseWriter, _ string) { c.serve(w) })
			if r := do(t, h, "send", "size: 2KB"); r.Err == nil || probe.MayBeTaken(r.Err) != c.may {
				t.Errorf("may be taken: %v of %v", probe.MayBeTaken(r.Err), r.Err)
			}
		})
	}
}
