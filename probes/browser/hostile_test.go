package browser

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pegel/probes/probe"
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
		{"{path: /dialog, wait: '#here'}", probe.OK, ""},
		{"{path: /, wait: '#here'}", probe.OK, ""},
	} {
		r := u.do("page", c.with)
		if r.Class != c.class || c.says != "" && !strings.Contains(r.Err.Error(), c.says) {
			t.Errorf("%s came to %v: %v", c.with, r.Class, r.Err)
		}
	}
	if n := b.summary.verbs["page"].counts.errors; n != 1 {
		t.Errorf("%d errors of scripts were counted, want 1", n)
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
