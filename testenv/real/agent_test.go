//go:build linux

package real

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// browserAgent is what SOGo takes for a browser; others get a page that tells them to use one.
const browserAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"

// agent is a browser without a page: it keeps cookies and follows redirects.
type agent struct {
	t      *testing.T
	client *http.Client
	header http.Header
}

func newAgent(t *testing.T) *agent {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	return &agent{t, &http.Client{Jar: jar, Timeout: deadline, Transport: transport}, http.Header{"User-Agent": {browserAgent}}}
}

func (a *agent) do(method, address, kind, body string) (*http.Response, string) {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	maps.Copy(request.Header, a.header)
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	response, err := a.client.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return response, string(text)
}

// cookie returns the value of a cookie; "" if there is none.
func (a *agent) cookie(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, c := range a.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (a *agent) loginSOGo(web, login, password string) {
	a.t.Helper()
	body, err := json.Marshal(map[string]any{"userName": login, "password": password, "domain": nil, "language": nil, "rememberLogin": 0})
	if err != nil {
		a.t.Fatal(err)
	}
	response, text := a.do("POST", web+"SOGo/connect", "application/json", string(body))
	if response.StatusCode != http.StatusOK || !strings.Contains(text, `"cn"`) {
		a.t.Fatalf("SOGo login: %s %s", response.Status, text)
	}
	a.header.Set("X-XSRF-TOKEN", a.cookie(web+"SOGo/", "XSRF-TOKEN"))
}

var roundcubeToken = regexp.MustCompile(`name="_token" value="([^"]+)"`)

func (a *agent) loginRoundcube(web, login, password string) string {
	a.t.Helper()
	_, text := a.do("GET", web, "", "")
	token := roundcubeToken.FindStringSubmatch(text)
	if token == nil {
		a.t.Fatalf("that is no login page:\n%.600s", text)
	}
	form := url.Values{"_token": {token[1]}, "_task": {"login"}, "_action": {"login"}, "_timezone": {"UTC"}, "_url": {""}, "_user": {login}, "_pass": {password}}
	_, text = a.do("POST", web+"?_task=login", "application/x-www-form-urlencoded", form.Encode())
	return text
}

func basic(login, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(login, password)
	return r.Header.Get("Authorization")
}
