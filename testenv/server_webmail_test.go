package testenv

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"strings"
	"testing"
)

// webClient is a browser without a screen: it keeps cookies and the page's token.
type webClient struct {
	t    *testing.T
	p    *Platform
	http *http.Client
	xsrf string
}

func newWebClient(t *testing.T, p *Platform) *webClient {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Error(err)
	}
	return &webClient{t: t, p: p, http: &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// do sends one request; a body is sent as JSON. It returns the answer with its body read.
func (c *webClient) do(method, path string, body any) (*http.Response, string) {
	c.t.Helper()
	var text bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			c.t.Error(err)
		}
	}
	r, err := http.NewRequest(method, strings.TrimSuffix(c.p.URLs.Web, "/")+path, &text)
	if err != nil {
		c.t.Error(err)
		return &http.Response{}, ""
	}
	r.Header.Set("X-XSRF-Token", c.xsrf)
	answer, err := c.http.Do(r)
	if err != nil {
		c.t.Error(err)
		return &http.Response{}, ""
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Error(err)
	}
	return answer, string(got)
}

// expect sends a request, wants this status and decodes the answer.
func (c *webClient) expect(status int, method, path string, body, into any) {
	c.t.Helper()
	answer, text := c.do(method, path, body)
	if answer.StatusCode != status {
		c.t.Errorf("%s %s answers %d, want %d: %s", method, path, answer.StatusCode, status, text)
		return
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		c.t.Errorf("%s %s answers %q: %v", method, path, text, err)
	}
}

func (c *webClient) login(i int) {
	c.t.Helper()
	var got struct{ User, XSRF string }
	c.expect(200, "POST", "/api/login", map[string]string{"user": c.p.Login(i), "password": c.p.Password()}, &got)
	if got.User != c.p.Login(i) {
		c.t.Errorf("logged in as %q", got.User)
	}
	c.xsrf = got.XSRF
}

type webList struct {
	Total, Unread int
	Messages      []webMessage
}

func (c *webClient) list() (got webList) {
	c.t.Helper()
	c.expect(200, "GET", "/api/messages?limit=50", nil, &got)
	return got
}

type webText struct{ ID, From, To, Subject, Body string }

func (c *webClient) read(id string) (got webText) {
	c.t.Helper()
	c.expect(200, "GET", "/api/messages/"+id, nil, &got)
	return got
}

func TestWebmailSession(t *testing.T) {
	p := start(t, Options{})
	c := newWebClient(t, p)
	answer, page := c.do("GET", "/", nil)
	for _, want := range []string{`id="user"`, `id="password"`, `id="signin"`, `id="inbox"`, `id="message-body"`, `id="error"`, `data-user=""`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if answer.Header.Get("X-Backend") == "" {
		t.Error("the page does not say which backend served it")
	}
	for _, asset := range regexp.MustCompile(`/assets/[a-z.]+`).FindAllString(page, -1) {
		if answer, _ := c.do("GET", asset, nil); answer.StatusCode != 200 {
			t.Errorf("%s answers %s", asset, answer.Status)
		}
	}

	var failure struct{ Code string }
	c.expect(401, "GET", "/api/messages", nil, &failure)
	c.expect(401, "POST", "/api/login", map[string]string{"user": p.Login(1), "password": "wrong"}, &failure)
	if failure.Code != "WRONG_PASSWORD" {
		t.Errorf("wrong password answers code %q", failure.Code)
	}
	c.login(1)
	if _, page := c.do("GET", "/", nil); !strings.Contains(page, `data-user="u00001@example.test"`) {
		t.Error("the page does not know its live session")
	}

	list := c.list()
	if list.Total != 20 || list.Unread != 4 || len(list.Messages) != 20 {
		t.Fatalf("%d messages, %d unread, %d shown", list.Total, list.Unread, len(list.Messages))
	}
	for i := 1; i < len(list.Messages); i++ {
		if list.Messages[i].Date.After(list.Messages[i-1].Date) {
			t.Error("the list is not newest first")
		}
	}
	got := c.read(list.Messages[0].ID)
	if got.ID != list.Messages[0].ID || got.Subject != list.Messages[0].Subject || len(got.Body) < 150 {
		t.Errorf("read %+v", got)
	}
	if again := c.list(); again.Unread != 3 || !again.Messages[0].Seen {
		t.Errorf("after reading %d are unread", again.Unread)
	}
	c.expect(404, "GET", "/api/messages/9999", nil, nil)
	c.expect(400, "GET", "/api/messages?limit=none", nil, nil)

	c.expect(204, "POST", "/api/logout", nil, nil)
	c.expect(401, "GET", "/api/messages", nil, nil)
	want := map[string]int64{"web.page": 2, "web.login": 1, "web.list": 2, "web.read": 2, "web.logout": 1}
	if got := charged(p); !maps.Equal(got, want) {
		t.Errorf("charged %v, want %v", got, want)
	}
}

func TestWebmailSend(t *testing.T) {
	p := start(t, Options{})
	c := newWebClient(t, p)
	c.login(1)
	mail := map[string]any{"to": []string{p.Login(2), "out@elsewhere.test"}, "subject": "Größe\r\nBcc: x", "body": "one\ntwo ü"}
	good := c.xsrf
	c.xsrf = "forged"
	c.expect(403, "POST", "/api/messages", mail, nil)
	c.xsrf = good
	var sent struct{ ID string }
	c.expect(202, "POST", "/api/messages", mail, &sent)
	if sent.ID == "" {
		t.Error("no id")
	}
	c.expect(400, "POST", "/api/messages", map[string]any{"to": []string{"nobody@example.test"}}, nil)
	c.expect(400, "POST", "/api/messages", map[string]any{"subject": "to nobody"}, nil)

	other := newWebClient(t, p)
	other.login(2)
	got := other.read(other.list().Messages[0].ID)
	if !strings.HasPrefix(got.Subject, "Größe") || got.Body != "one\ntwo ü\n" || got.From != p.Login(1) {
		t.Errorf("arrived as %+v", got)
	}
	// The copy in Sent is seen over IMAP.
	box, err := selected(t, p, 1).Select("Sent", nil).Wait()
	if err != nil || box.NumMessages != 1 {
		t.Errorf("Sent holds %+v (%v)", box, err)
	}
	if got := charged(p)["web.send"]; got != 1 {
		t.Errorf("web.send charged %d times", got)
	}
}

func TestWebmailRefusalAndRedirect(t *testing.T) {
	p := refusing(t, "web.list")
	c := newWebClient(t, p)
	c.login(1)
	answer, text := c.do("GET", "/api/messages", nil)
	if want := `{"error":"component not reachable","code":"SERVICE_DOWN"}`; answer.StatusCode != 503 || strings.TrimSpace(text) != want {
		t.Errorf("refused list answers %d %s", answer.StatusCode, text)
	}
	answer, _ = c.do("GET", "/redirect?to=http://192.0.2.1/", nil)
	if answer.StatusCode != 302 || answer.Header.Get("Location") != "http://192.0.2.1/" {
		t.Errorf("redirect answers %d to %q", answer.StatusCode, answer.Header.Get("Location"))
	}
}

// The node that an answer names is the shard that the account's visits go to.
func TestWebmailNamesShard(t *testing.T) {
	d := Definition{Name: "sharded", Operations: map[string][]Step{"web.list": {{Use: "web"}}}}
	for _, name := range []string{"node-a", "node-b", "node-c"} {
		d.Resources = append(d.Resources, Resource{Name: name, Group: "web", Limit: 10})
	}
	p := start(t, Options{Definition: d})
	want := map[string]int64{}
	for i := 1; i <= 12; i++ {
		c := newWebClient(t, p)
		c.login(i)
		answer, _ := c.do("GET", "/api/messages", nil)
		want[answer.Header.Get("X-Backend")]++
	}
	got := map[string]int64{}
	for k, s := range p.Stats() {
		got[[]string{"web-1", "web-2", "web-3"}[k]] = s.Served
	}
	if !maps.Equal(got, want) || len(want) != 3 {
		t.Errorf("the shards served %v, the answers named %v", got, want)
	}
}
