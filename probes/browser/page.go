package browser

import (
	_ "embed"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

//go:embed wait.js
var waitScript string

// ask is the argument of wait.js.
type ask struct {
	After   float64  `json:"after"` // time origin of the document before, in ms since 1970
	Since   float64  `json:"since"` // requests of the page count from here, in ms after its time origin
	Want    []want   `json:"want"`
	ErrorAt string   `json:"errorAt"`
	Alerts  []string `json:"alerts,omitempty"`
	Form    string   `json:"form,omitempty"`
	Limit   float64  `json:"limit,omitempty"` // ms; 0: as long as the action may take
}

// want is a state of the page: an element is visible, and whatever else is asked of it.
type want struct {
	State     string `json:"state"`
	Shown     string `json:"shown"`
	Any       string `json:"any,omitempty"`       // some element that must be there, too
	Attribute string `json:"attribute,omitempty"` // of the shown element, and
	Value     string `json:"value,omitempty"`     // what it must be
	Text      bool   `json:"text,omitempty"`      // the shown element must hold text
	Anew      bool   `json:"anew,omitempty"`      // not what remember has seen
	Gone      bool   `json:"gone,omitempty"`      // nothing must be shown
	Hit       bool   `json:"hit,omitempty"`       // it can be clicked
	Draw      uint64 `json:"draw,omitempty"`      // chooses one of all that are shown; 0: the first
	Read      bool   `json:"read,omitempty"`      // its text is asked for
}

// seen is what wait.js reports. Times are in ms after the document's time origin, which is in ms since 1970.
type seen struct {
	State     string  `json:"state"`
	Text      string  `json:"text"`
	Origin    float64 `json:"origin"`
	Now       float64 `json:"now"`
	FirstByte float64 `json:"firstByte"`
	DOMReady  float64 `json:"domReady"`
	Status    int     `json:"status"` // of the last request that failed, else of the page
	X, Y      float64 // of what can be clicked
	Value     string  // of what is read
	Alert     int     // number of the alert that is shown
}

// painted is the moment of the report, in ms since 1970.
func (s *seen) painted() float64 { return s.Origin + s.Now }

// wait waits until the page has reached one of the states. That the page did not come at all is a failure.
func (s *tab) wait(a ask) (*seen, error) {
	var got seen
	if a.Want == nil {
		a.Want = []want{}
	}
	began := time.Now()
	for {
		err := s.evaluate(waitScript, a, &got)
		if err == nil {
			break
		}
		// Where the document is replaced meanwhile, its script ends without an answer; the next document is asked.
		if !replaced(err) {
			return nil, err
		}
		if a.Limit > 0 {
			a.Limit = max(1, a.Limit-time.Since(began).Seconds()*1000)
			began = time.Now()
		}
		select {
		case <-s.now.Done():
			return nil, s.now.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	switch got.State {
	case "broken":
		return nil, netError(s.doing, got.Text)
	case "status":
		return nil, probe.Failf(httpconn.ClassOfStatus(got.Status), s.doing, "the page came with status %d", got.Status)
	}
	return &got, nil
}

// replaced tells whether an evaluation was cut off by a navigation.
func replaced(err error) bool {
	var own *cdproto.Error
	if !errors.As(err, &own) {
		return false
	}
	for _, text := range []string{"navigated or closed", "context was destroyed", "Cannot find context", "Cannot find default execution context", "Promise was collected"} {
		if strings.Contains(own.Message, text) {
			return true
		}
	}
	return false
}

// evaluate calls a JavaScript function with one argument in the page and fills result from what it returns.
func (s *tab) evaluate(function string, argument, result any) error {
	encoded, err := json.Marshal(argument)
	if err != nil {
		return err
	}
	yes := true
	r, err := cdp.Call(s.now, s.session, runtime.Evaluate, runtime.EvaluateParams{
		Expression: "(" + strings.TrimSpace(withoutComments(function)) + ")(" + string(encoded) + ")", AwaitPromise: &yes, ReturnByValue: &yes,
	})
	if err != nil {
		return err
	}
	if r.ExceptionDetails != nil {
		text := r.ExceptionDetails.Text
		if r.ExceptionDetails.Exception != nil {
			text, _, _ = strings.Cut(r.ExceptionDetails.Exception.Description, "\n")
		}
		return probe.Failf(probe.Content, s.doing, "%s", text)
	}
	return json.Unmarshal(r.Result.Value, result)
}

// withoutComments drops the lines before a function that explain it.
func withoutComments(function string) string {
	for strings.HasPrefix(function, "//") {
		_, function, _ = strings.Cut(function, "\n")
	}
	return function
}

// navigate loads the page with the given path, or the address where one was saved.
func (s *tab) navigate(path string) error {
	u := s.base.JoinPath("/")
	if ref, err := u.Parse(path); err == nil {
		u = s.base.JoinPath(ref.EscapedPath())
		u.RawQuery, u.Fragment = ref.RawQuery, ref.Fragment
	}
	var r page.NavigateResult
	for range 3 { // the page that is left may be on its way to another address itself
		var err error
		if r, err = cdp.Call(s.now, s.session, page.Navigate, page.NavigateParams{URL: u.String()}); err != nil {
			return err
		}
		if r.ErrorText != "net::ERR_ABORTED" {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	if r.ErrorText != "" {
		return netError(s.doing, r.ErrorText)
	}
	return nil
}

// netError classifies one of Chromium's error names, such as net::ERR_CONNECTION_REFUSED.
func netError(doing, text string) error {
	class := probe.BadProtocol
	for _, c := range []struct {
		class probe.Class
		names []string
	}{
		{probe.Timeout, []string{"TIMED_OUT"}},
		{probe.Refused, []string{"CONNECTION_REFUSED", "INTERNET_DISCONNECTED", "ADDRESS_UNREACHABLE"}},
		{probe.TLS, []string{"ERR_CERT_", "ERR_SSL_", "BAD_SSL_"}},
		{probe.Denied, []string{"BLOCKED_BY_CLIENT", "UNSAFE_PORT"}},
		{probe.Reset, []string{"CONNECTION_RESET", "CONNECTION_CLOSED", "CONNECTION_ABORTED", "NETWORK_CHANGED", "EMPTY_RESPONSE", "INCOMPLETE_CHUNKED", "CONTENT_LENGTH_MISMATCH"}},
		{probe.Overload, []string{"TUNNEL_CONNECTION_FAILED", "PROXY_CONNECTION_FAILED", "HTTP_RESPONSE_CODE_FAILURE"}},
	} {
		for _, name := range c.names {
			if strings.Contains(text, name) {
				class = c.class
			}
		}
	}
	return probe.Failf(class, doing, "%s", text)
}

// failed is the failure that the page shows as an error text. Its class is that of the request that failed, where the
// page has sent one, else the given one.
func (s *seen) failed(doing string, class probe.Class) error {
	if c := httpconn.ClassOfStatus(s.Status); c != probe.OK {
		class = c
	}
	return probe.Failf(class, doing, "the page says: %s", s.Text)
}

// ms is a span of a page's clock.
func ms(x float64) time.Duration { return time.Duration(max(x, 0) * float64(time.Millisecond)) }
