package reports

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pegel/internal/judge"
)

// withBrowsers is the fixture with real browsers beside users at HTTP level, and a failure that was kept.
func withBrowsers() *judge.Result {
	r := fixture()
	r.Browser = &judge.BrowserView{
		PSS: 640 << 20, CPU: 85, Contexts: 4, Exhibits: []string{"failure-01-browser.read.txt"},
		Actions: []judge.BrowserAction{{Name: "browser.login", Verb: "login", Count: 12, Requests: 240, Bytes: 3 << 20, LargestPaintP75: 1.25}},
		Users:   500,
		Beside: []judge.Beside{
			{Verb: "login", Web: judge.Timed{Count: 900, Failed: 1, P50: 120 * time.Millisecond, P95: 310 * time.Millisecond},
				Browser: judge.Timed{Count: 12, P50: 1900 * time.Millisecond, P95: 2600 * time.Millisecond}, ShownP50: 1700 * time.Millisecond,
				ShownP95: 2400 * time.Millisecond, LargestPaintP75: 1.25, WebRequests: 14.5, BrowserRequests: 20},
			{Verb: "read", Web: judge.Timed{Count: 800, P50: 40 * time.Millisecond, P95: 90 * time.Millisecond}, Browser: judge.Timed{Count: 30, P50: 210 * time.Millisecond, P95: 420 * time.Millisecond}},
		},
	}
	return r
}

// What was done in both ways stands side by side in all forms of the report, in both languages, and what is not known as a dash.
func TestWebBesideBrowser(t *testing.T) {
	r := withBrowsers()
	for lang, want := range map[string][]string{
		"en": {"The same actions at HTTP level and in real browsers, at 500 users", "HTTP: p95", "310 ms", "1.90 s", "1.70 s", "1.25 s", "14.5", "20.0", "–", "failure-01-browser.read.txt"},
		"de": {"Dieselben Aktionen auf HTTP-Ebene und in echten Browsern, bei 500 Nutzern", "Sichtbar: p50", "HTTP: Anfragen", "14,5", "Größte Darstellung", "failure-01-browser.read.txt"},
	} {
		var page, text bytes.Buffer
		if err := WriteHTML(&page, r, Options{Lang: lang}); err != nil {
			t.Fatal(err)
		}
		if err := WriteText(&text, r, Options{Lang: lang}); err != nil {
			t.Fatal(err)
		}
		plain := strings.NewReplacer("\u00a0", " ", "\u202f", " ", "&nbsp;", " ").Replace(page.String())
		summary := strings.Join(strings.Fields(strings.ReplaceAll(text.String(), "\u00a0", " ")), " ")
		for _, w := range want {
			if !strings.Contains(plain, w) {
				t.Errorf("the page in %s does not say %q", lang, w)
			}
			if !strings.Contains(summary, w) && !strings.HasPrefix(w, "failure") { // these are files beside the page
				t.Errorf("the summary in %s does not say %q:\n%s", lang, w, &text)
			}
		}
	}
	var out bytes.Buffer
	if err := WriteForecast(&out, r, Extra{}); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Beside []besideFile `json:"web_and_browser"`
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Beside) != 2 {
		t.Fatalf("%d actions in both ways, want 2:\n%s", len(got.Beside), &out)
	}
	login := got.Beside[0]
	if login.Action != "login" || login.Users != 500 || login.Web.P95 != 310 || login.Web.Requests != 14.5 || login.Browser.Count != 12 || login.Shown == nil || login.Shown.P95 != 2400 || login.Paint != 1250 {
		t.Errorf("login is %+v, shown %+v", login, login.Shown)
	}
	if read := got.Beside[1]; read.Shown != nil || read.Paint != 0 || read.Web.Requests != 0 {
		t.Errorf("read says more than is known: %+v", read)
	}
}
