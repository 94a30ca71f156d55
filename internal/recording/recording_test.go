package recording

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pegel/internal/site"
)

func readFixture(t *testing.T, name string) *HAR {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h, err := ReadHAR(f, name)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func journeyOf(t *testing.T, files []string, verbs ...string) (*Journey, string) {
	t.Helper()
	var list []*Recording
	for _, file := range files {
		actions, elsewhere, err := readFixture(t, file).Split(verbs, nil)
		if err != nil {
			t.Fatal(err)
		}
		if elsewhere != 1 {
			t.Errorf("%s: %d requests went elsewhere, want 1", file, elsewhere)
		}
		r := &Recording{Source: file, Actions: actions}
		Infer(r)
		list = append(list, r)
	}
	j, err := Correlate(list)
	if err != nil {
		t.Fatal(err)
	}
	return j, string(j.Site(&site.Site{Name: "x"}, "x", len(list)))
}

// Two recordings of two browsers each come to the same site: tokens from a hidden input, a cookie and JSON are captures, the
// identifier that both have by accident is one as well, accounts are templates, and nobody's password is written.
func TestCorrelateHAR(t *testing.T) {
	for _, browser := range []string{"chromium", "firefox"} {
		verbs := []string{"login", "list", "read"}
		if browser == "firefox" { // four pages, and three actions: cut at pauses
			if n := len(readFixture(t, "firefox-ann.har").Entries); n != 9 {
				t.Errorf("%d entries, want 9", n)
			}
		}
		j, text := journeyOf(t, []string{browser + "-ann.har", browser + "-bob.har"}, verbs...)
		for _, want := range []string{
			`token: {regexp: '_token" value="(`, "_token: '{{token}}'", "user: '{{account.login}}'", "pass: '{{account.password}}'", "zone: UTC",
			"xsrf_token: {cookie: XSRF-TOKEN}", "X-XSRF-Token: '{{xsrf_token}}'", "_: '{{now}}'", "limit: '20'",
			"ids: {json: mails.*.id, each: true", "pick: {one_ids: {of: ids, after: list}}", "/api/mails/{{one_ids}}",
			`"token": "{{one_rotating}}"`, `"who": "{{account.login}}"`, `"n": 7`, "X-Request: '{{random}}-0000-4000-8000-0000{{random}}'",
			"- /app.css", "- /logo.png", "shape: {type: text/html, title: Inbox}", "fields: [_token, pass, user]", "{do: web.login, think: 4", "{lacks: 'type=\"password\"', class: auth}",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the site does not have %s", browser, want)
			}
		}
		for _, never := range []string{"ann", "bob-", "secret", "csrfANN", "sidann", "Cookie", "Referer", "track.js", "aX91", "Location"} {
			if strings.Contains(text, never) {
				t.Errorf("%s: the site has %s", browser, never)
			}
		}
		if n := strings.Count(text, "rotating: {json: rotating}"); n != 2 { // the answer that ends the use of one begins that of the next
			t.Errorf("%s: the token that changes with every answer is taken from %d answers, want 2", browser, n)
		}
		if !slices.Equal(j.Recorded(), verbs) {
			t.Errorf("recorded are %v", j.Recorded())
		}
		if t.Failed() {
			t.Logf("%s\n%v", text, j.Notes)
		}
	}
}

// Pages are actions where there are as many.
func TestSplitAtPages(t *testing.T) {
	actions, _, err := readFixture(t, "firefox-ann.har").Split([]string{"compose", "login", "list", "read"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var counts []int
	for _, a := range actions {
		counts = append(counts, len(a.Exchanges))
	}
	if !slices.Equal(counts, []int{3, 1, 2, 1}) { // the redirect and where it leads are one
		t.Errorf("exchanges %v", counts)
	}
	if _, _, err := readFixture(t, "chromium-ann.har").Split(strings.Split("a,b,c,d,e,f,g,h", ","), nil); !errors.Is(err, ErrHAR) || !strings.Contains(err.Error(), "only 2 pauses") {
		t.Errorf("got %v", err)
	}
}

// Every way in which a HAR file can be of no use has its own words, and no way makes it be used.
func TestHARMistakes(t *testing.T) {
	whole, err := os.ReadFile("testdata/chromium-ann.har")
	if err != nil {
		t.Fatal(err)
	}
	for says, text := range map[string]string{
		"is empty":                        "",
		"is no JSON object":               "<html>",
		"has no log":                      `{"a": 1}`,
		"has no entries":                  `{"log": {"entries": []}}`,
		"truncated: it ends after 3000 ":  string(whole[:3000]),
		"in entry 4":                      string(whole[:bytes.Index(whole, []byte("elsewhere"))]),
		"byte 19: \"x\" is no value":      `{"log": {"entrx": x}}`,
		"nested deeper than 200":          `{"log": {"x": ` + strings.Repeat("[", 300),
		"export it with content":          `{"log": {"entries": [{"request": {"method": "GET", "url": "http://a/"}, "response": {"status": 200, "content": {"size": 9}}}]}}`,
		"entry 1 has no startedDateTime":  `{"log": {"entries": [{"startedDateTime": "yesterday", "request": {"method": "GET", "url": "http://a/"}, "response": {"status": 200, "content": {"text": "a"}}}]}}`,
		"byte 37 is 'q' instead of an es": `{"log": {"creator": {"name": "a", "\q": 1}}}`,
	} {
		_, err := ReadHAR(strings.NewReader(text), "f.har")
		if !errors.Is(err, ErrHAR) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "f.har") {
			t.Errorf("%.60s: got %v, want %s", text, err, says)
		}
	}
	for at := range len(whole) - 1 { // wherever it is cut
		if at%97 != 0 {
			continue
		}
		if _, err := ReadHAR(bytes.NewReader(whole[:at]), "f.har"); !errors.Is(err, ErrHAR) {
			t.Fatalf("cut at %d: %v", at, err)
		}
	}
}

// repeating is an endless text without memory.
type repeating struct {
	head, tail string
	left       int
}

func (r *repeating) Read(p []byte) (int, error) {
	switch {
	case r.head != "":
		n := copy(p, r.head)
		r.head = r.head[n:]
		return n, nil
	case r.left > 0:
		n := min(len(p), r.left)
		for i := range n {
			p[i] = 'a'
		}
		r.left -= n
		return n, nil
	case r.tail != "":
		n := copy(p, r.tail)
		r.tail = r.tail[n:]
		return n, nil
	}
	return 0, io.EOF
}

// A body of any length is cut where the bound is, and said.
func TestHARBounds(t *testing.T) {
	entry := `{"startedDateTime": "2026-11-22T11:00:00Z", "request": {"method": "GET", "url": "http://a/"}, "response": {"status": 200, "content": {"text": "`
	h, err := ReadHAR(&repeating{head: `{"log": {"entries": [` + entry, left: 10 * MostBody, tail: `"}}}]}}`}, "big.har")
	if err != nil {
		t.Fatal(err)
	}
	if x := h.Entries[0].Exchange; len(x.Text) != MostBody || !x.Cut || len(h.Notes) != 1 {
		t.Errorf("%d bytes kept, notes %v", len(x.Text), h.Notes)
	}
	many := `{"log": {"entries": [` + strings.Repeat(entry+`x"}}},`, MostExchanges+5) + `]}}`
	if h, err = ReadHAR(strings.NewReader(many), "many.har"); err != nil || len(h.Entries) != MostExchanges || !strings.Contains(fmt.Sprint(h.Notes), "5 entries beyond") {
		t.Errorf("%v %v", err, h.Notes)
	}
}

// Of a long recording, each of whose requests has a value of the answer before it, all is found: one variable, and who saves it.
func TestLongRecording(t *testing.T) {
	const length = 300
	record := func(account int) *Recording {
		var b strings.Builder
		b.WriteString(`{"log": {"entries": [`)
		value := func(i int) string { return fmt.Sprintf("v%08xq%dx", i*7919, account) }
		for i := range length {
			if i > 0 {
				b.WriteString(",")
			}
			fmt.Fprintf(&b, `{"startedDateTime": "2026-11-22T11:%02d:%02d.000Z", "time": 1, "request": {"method": "GET", "url": "http://a/p%d?t=%s"}, "response": {"status": 200, "content": {"mimeType": "application/json", "text": "{\"pad\": \"%s\", \"token\": \"%s\"}"}}}`,
				i/60, i%60, i, value(i), strings.Repeat("pad ", 500), value(i+1))
		}
		b.WriteString("]}}")
		h, err := ReadHAR(strings.NewReader(b.String()), "long.har")
		if err != nil {
			t.Fatal(err)
		}
		actions, _, err := h.Split([]string{"login"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return &Recording{Source: "a", Actions: actions}
	}
	j, err := Correlate([]*Recording{record(1), record(2)})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(j.Actions[0].Steps); n != length || j.Captures != 1 {
		t.Errorf("%d steps with %d variables, want %d with one: %q", n, j.Captures, length, j.Notes)
	}
}

// FuzzReadHAR: whatever the file, the answer is a usable HAR or one failure that says so.
func FuzzReadHAR(f *testing.F) {
	// By default each input with something new in it is made smaller for a minute, in which nothing else is tried.
	if at := flag.Lookup("test.fuzzminimizetime"); at != nil && at.Value.String() == at.DefValue {
		at.Value.Set("20x")
	}
	for _, name := range []string{"chromium-ann.har", "firefox-bob.har"} {
		src, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
		f.Add(src[:len(src)/2])
	}
	f.Add([]byte(`{"log":{"entries":[{"request":{"method":"GET","url":"http://a/?a={{"},"response":{"status":200,"content":{"text":"{\"a\":[1]}","encoding":"base64"}}}]}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 64<<10 {
			return // longer ones have nothing new in them
		}
		h, err := ReadHAR(bytes.NewReader(src), "f.har")
		if err != nil {
			if !errors.Is(err, ErrHAR) {
				t.Fatal(err)
			}
			return
		}
		actions, _, err := h.Split([]string{"login"}, nil)
		if err != nil {
			return
		}
		r := &Recording{Source: "a", Actions: actions}
		Infer(r)
		if j, err := Correlate([]*Recording{r, r}); err == nil && len(j.Actions) != 1 {
			t.Errorf("%d actions", len(j.Actions))
		}
	})
}
