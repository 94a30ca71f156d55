package web

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pegel/probes/probe"
	"pegel/probes/probetest"
)

// filled is a Host that gives values to templates.
type filled struct {
	*driver
	values []string
}

func (f filled) Value(n int) string { return f.values[n] }

// text is a template with the values 0, 1 and so on between the texts.
func text(texts ...string) probe.Text {
	var t probe.Text
	values := make([]int, len(texts)-1)
	for i := range values {
		values[i] = i
	}
	t.SetTemplate(strings.Join(texts, "{{…}}"), texts, values)
	return t
}

func TestRequest(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = fmt.Sprintf("%s %s %q %s %s", r.Method, r.URL.RequestURI(), r.Header.Get("X-Token"), r.Header.Get("Content-Type"), body)
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "c1"})
		w.Header().Set("ETag", "e1")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, "made")
	}))
	defer server.Close()
	u, err := url.Parse(server.URL + "/app/")
	if err != nil {
		t.Fatal(err)
	}
	d := &driver{t: t, target: probetest.Target(t, "web", u.String())}
	host := filled{d, []string{"a b/c&d", "ü?"}}
	for want, params := range map[string]requestParams{
		`GET /app/ ""  `: {Path: probe.Literal("/")},
		`POST /app/m/a%20b%2Fc&d?q=%C3%BC%3F "" application/x-www-form-urlencoded k=a+b%2Fc%26d`: {Path: text("/m/", "?q=", ""), Form: map[string]probe.Text{"k": text("", "")}},
		`PUT /app/ "a b/c&d" application/json {"k":"a b/c\u0026d","l":"x"}`: {Method: "PUT", Path: probe.Literal("/"), Headers: map[string]probe.Text{"X-Token": text("", "")},
			JSON: map[string]probe.Text{"k": text("", ""), "l": probe.Literal("x")}},
		`POST /app/ "" text/plain <a b/c&d>`: {Path: probe.Literal("/"), Headers: map[string]probe.Text{"content-type": probe.Literal("text/plain")}, Body: text("<", ">"), Status: 201, Expect: probe.Literal("made")},
	} {
		step, err := request(func(p any) error { *p.(*requestParams) = params; return nil })
		if err != nil {
			t.Fatal(err)
		}
		turn := probe.NewTurn(host)
		turn.Begin(t.Context(), "web", 1)
		turn.Want()
		if err := step(turn); err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if got != want {
			t.Errorf("the server saw\n%s, want\n%s", got, want)
		}
		a, ok := turn.Answered()
		if cookie, has := a.Cookie("sid"); !ok || string(a.Body) != "made" || a.Header["Etag"][0] != "e1" || !has || cookie != "c1" {
			t.Errorf("answered %+v, %v", a, ok)
		}
	}
	for says, params := range map[string]requestParams{
		"more than one line":     {Path: probe.Literal("/"), Headers: map[string]probe.Text{"X-Token": text("", "")}},
		"no path that begins":    {Path: text("", "")},
		"status 201":             {Path: probe.Literal("/"), Status: 200},
		`does not contain "gone`: {Path: probe.Literal("/"), Expect: probe.Literal("gone")},
	} {
		step, err := request(func(p any) error { *p.(*requestParams) = params; return nil })
		if err != nil {
			t.Fatal(err)
		}
		turn := probe.NewTurn(filled{d, []string{"evil\r\nX: y"}})
		turn.Begin(t.Context(), "web", 1)
		if err := step(turn); probe.ClassOf(err) != probe.Content || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "evil") {
			t.Errorf("got %v, want %s", err, says)
		}
	}
}

func TestRequestParameters(t *testing.T) {
	for says, params := range map[string]requestParams{
		"exclude each other":       {Path: probe.Literal("/"), Body: probe.Literal("x"), Form: map[string]probe.Text{"a": {}}},
		`method "FETCH"`:           {Path: probe.Literal("/"), Method: "FETCH"},
		"status 99":                {Path: probe.Literal("/"), Status: 99},
		"no name of a header":      {Path: probe.Literal("/"), Headers: map[string]probe.Text{"a b": {}}},
		"must be one line":         {Path: probe.Literal("/"), Headers: map[string]probe.Text{"a": probe.Literal("x\ny")}},
		`path "inbox": must begin`: {Path: probe.Literal("inbox")},
		`path "a{{…}}": must`:      {Path: text("a", "")},
	} {
		if _, err := request(func(p any) error { *p.(*requestParams) = params; return nil }); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %s", err, says)
		}
	}
}
