package browser

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv"
)

// Pages that no web application should have: each is one clear failure, and the tab is of use afterwards.
func TestHostilePages(t *testing.T) {
	needChromium(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<!DOCTYPE html><title>t</title><p id="here">here</p><script>throw new Error("own")</script>`)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/loop?"+r.URL.RawQuery+"x", http.StatusFound)
	})
	mux.HandleFunc("/out", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://192.0.2.1:8080/", http.StatusFound)
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		line := bytes.Repeat([]byte("large\n"), 1<<13)
		fmt.Fprint(w, "<!DOCTYPE html><!--")
		for range 50 << 20 / len(line) {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		fmt.Fprint(z, "<!DOCTYPE html><!--")
		line := bytes.Repeat([]byte("large\n"), 1<<13)
		for range 100 << 20 / len(line) {
			if _, err := z.Write(line); err != nil {
				return
			}
		}
	})
	// Chunks without an end: many, and few.
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!DOCTYPE html><!--")
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte("chunk\n"), 1<<13)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/drip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!DOCTYPE html><title>t</title>")
		for r.Context().Err() == nil {
			fmt.Fprint(w, "<!-- drip -->")
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	// A websocket that is refused, or opened and closed at once, is the page's matter.
	mux.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<!DOCTYPE html><title>t</title><p id="at">waiting</p><script>
			const s = new WebSocket("ws://" + location.host + "/ws?" + location.search.slice(1));
			s.onclose = () => { document.body.insertAdjacentHTML("beforeend", "<p id=closed>closed</p>"); };
		</script>`)
	})
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		conn, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		if r.URL.RawQuery == "open" {
			digest := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455, section 4.2.2
			fmt.Fprintf(both, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(digest[:]))
			both.Flush()
		}
	})
	mux.HandleFunc("/dialog", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<!DOCTYPE html><script>alert("stop")</script><p id="here">here</p>`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	to, b := prepared(t, webmailAt(t, server.URL))
	u := newUser(t, to, probe.Account{Login: "u", Password: "p"})
	for _, c := range []struct {
		with  string
		class probe.Class
		says  string
	}{
		{"path: /loop", probe.BadProtocol, "ERR_TOO_MANY_REDIRECTS"},
		{"path: /out", probe.Denied, "192.0.2.1:8080: address is outside"},
		{"{path: /large, wait: '#never'}", probe.Content, "larger than 32 MiB"},
		{"{path: /bomb, wait: '#never'}", probe.Content, "larger than 32 MiB"},
		{"{path: /endless, wait: '#never'}", probe.Content, "larger than 32 MiB"},
		{"{path: /socket?refuse, wait: '#closed'}", probe.OK, ""},
		{"{path: /socket?open, wait: '#closed'}", probe.OK, ""},
		{"{path: /dialog, wait: '#here'}", probe.OK, ""},
		{"{path: /, wait: '#here'}", probe.OK, ""},
	} {
		began := time.Now()
		r := u.do("page", c.with)
		t.Logf("%s: %v", c.with, time.Since(began))
		if r.Class != c.class || c.says != "" && !strings.Contains(r.Err.Error(), c.says) {
			t.Errorf("%s came to %v: %v", c.with, r.Class, r.Err)
		}
	}
	slow, err := probetest.Bind(Protocol(), "page", "{path: /drip, wait: '#never'}")
	if err != nil {
		t.Fatal(err)
	}
	patience, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if r := u.Do(patience, slow); r.Class != probe.Timeout || !strings.HasSuffix(fmt.Sprint(r.Err), "within the time of the action (timeout)") {
		t.Errorf("a page that never ends came to %v: %v", r.Class, r.Err)
	}
	u.want(probe.OK, "page", "{path: /, wait: '#here'}")
	absent, err := probetest.Bind(Protocol(), "wait", "{for: '#never'}")
	if err != nil {
		t.Fatal(err)
	}
	patience, cancel = context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if r := u.Do(patience, absent); r.Class != probe.Timeout || !strings.HasSuffix(fmt.Sprint(r.Err), "wait for #never: is not shown within the time of the action (timeout)") {
		t.Errorf("what is never shown came to %v: %v", r.Class, r.Err)
	}
	u.want(probe.OK, "page", "{path: /dialog, wait: '#here'}")
	if n := b.summary.verbs["page"].counts.errors; n != 2 {
		t.Errorf("%d errors of scripts were counted, want 2: the page was opened twice", n)
	}
}

// A selector that is not there is named, and what the page looked like is kept without the password.
func TestExhibits(t *testing.T) {
	needChromium(t)
	p := platform(t, testenv.Options{})
	to, b := prepared(t, onSite(t, "embedded", p.URLs.Web))
	u := newUser(t, to, account(p, 1))
	u.want(probe.OK, "page", "wait: '#user'")
	u.want(probe.OK, "type", "{into: '#user', text: 'is "+p.Password()+" it'}") // where it does not belong
	b.exhibits.taken = MostExhibits - 1
	r := u.do("click", "at: '#no-such-button'")
	if r.Class != probe.Content || !strings.Contains(r.Err.Error(), "click #no-such-button: is not shown") {
		t.Errorf("got %v: %v", r.Class, r.Err)
	}
	u.do("text", "{of: '#signin', expect: nothing}") // one too many
	kept := b.Exhibits()
	if len(kept) != 1 || !kept[0].Last || len(kept[0].Files) != 2 {
		t.Fatalf("kept %d failures: %+v", len(kept), kept)
	}
	for _, f := range kept[0].Files {
		if bytes.Contains(f.Data, []byte(p.Password())) {
			t.Errorf("%s holds the password", f.Name)
		}
	}
	text := string(kept[0].Files[0].Data)
	if !strings.Contains(text, "#no-such-button") || !strings.Contains(text, "Sign in") {
		t.Errorf("the text says neither what was missing nor what was there:\n%s", text)
	}
	if !bytes.HasPrefix(kept[0].Files[1].Data, []byte("\xff\xd8")) {
		t.Error("the screenshot is no JPEG")
	}
}

func TestRecycling(t *testing.T) {
	needChromium(t)
	p := platform(t, testenv.Options{})
	on := onSite(t, "embedded", p.URLs.Web)
	on.Recycle = 2
	to, b := prepared(t, on)
	u := newUser(t, to, account(p, 1))
	contexts := map[*attached]bool{}
	for range 5 {
		u.want(probe.OK, "login", "")
		s, err := u.OpenSession("browser")
		if err != nil {
			t.Fatal(err)
		}
		contexts[s.(*tab).attached] = true
	}
	if len(contexts) != 3 {
		t.Errorf("5 journeys had %d contexts, want 3", len(contexts))
	}
	if len(b.slots) != 1 {
		t.Errorf("%d places are taken, want 1", len(b.slots))
	}
	b.Readings()
	seen := map[string]float64{}
	for _, r := range b.Readings() {
		seen[r.Action+" "+r.Name] = r.Value
	}
	if seen["login count"] != 5 || seen["login requests"] < 5 || seen[" browser_pss_bytes"] < 10<<20 || seen[" browser_contexts"] != 1 {
		t.Errorf("readings %v", seen)
	}
}
