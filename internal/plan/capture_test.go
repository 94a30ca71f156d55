package plan

import (
	"regexp"
	"strings"
	"testing"

	"pegel/probes/probe"
	"pegel/scenarios"
)

const inbox = `{"session": {"id": "s-1", "n": 7, "open": true, "none": null, "x": {"id": 2}},
 "messages": [{"id": "m1", "to": ["a", "b"]}, {"id": "m2"}, {"other": 1, "id": "m3"}], "id": "outer"}`

const multistatus = `<?xml version="1.0" encoding="iso-8859-1"?><D:multistatus xmlns:D="DAV:"><D:response><D:propstat><D:href>no</D:href></D:propstat>
<D:href> /cal/1.ics&amp;x </D:href></D:response><D:response><D:href>/cal/2.ics</D:href></D:response><D:empty/></D:multistatus>`

func TestPaths(t *testing.T) {
	for path, want := range map[string]string{
		"session.id": "s-1", "session.n": "7", "session.open": "true", "messages.1.id": "m2", "messages.0.to.1": "b", "id": "outer",
		"session.none": "-", "session.x": "-", "messages.3.id": "-", "messages.id": "-", "session.id.more": "-", "session": "-", "messages.*.none": "-",
	} {
		got, ok := jsonValue([]byte(inbox), strings.Split(path, "."), 0)
		if !ok {
			got = "-"
		}
		if got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	drawn := map[string]bool{}
	for key := range uint64(20) {
		id, _ := jsonValue([]byte(inbox), []string{"messages", "*", "id"}, key)
		drawn[id] = true
	}
	if len(drawn) != 3 || !drawn["m1"] || !drawn["m2"] || !drawn["m3"] {
		t.Errorf("* stands for %v", drawn)
	}
	for path, want := range map[string]string{
		"multistatus/response/href": "/cal/1.ics&x", "multistatus/response/propstat/href": "no", "multistatus/empty": "", "multistatus/href": "-", "response/href": "-",
	} {
		got, ok := xmlValue([]byte(multistatus), strings.Split(path, "/"))
		if !ok {
			got = "-"
		}
		if got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	// What is cut off counts as far as it goes.
	if got, ok := jsonValue([]byte(inbox[:60]), []string{"session", "id"}, 0); !ok || got != "s-1" {
		t.Errorf("of the beginning: %q, %v", got, ok)
	}
}

func TestTake(t *testing.T) {
	other := "none"
	answer := probe.Answer{
		Header: map[string][]string{"X-Folder": {"INBOX"}}, Body: []byte(`<form><input name="csrf" value="t0ken"></form>`),
		Cookie: func(name string) (string, bool) { return "c-" + name, name == "sid" },
	}
	for _, c := range []struct {
		scenarios.Capture
		want string // "!" and what the failure says
	}{
		{scenarios.Capture{Header: "x-folder"}, "INBOX"},
		{scenarios.Capture{Header: "X-Missing"}, "!the answer has no header X-Missing"},
		{scenarios.Capture{Cookie: "sid"}, "c-sid"},
		{scenarios.Capture{Cookie: "no"}, "!the answer has no cookie no"},
		{scenarios.Capture{Regexp: `name="csrf" value="([^"]+)"`}, "t0ken"},
		{scenarios.Capture{Regexp: `value="(\d+)"`}, "!the answer has no match of"},
		{scenarios.Capture{Regexp: `value="(\d+)"`, Default: &other}, "none"},
		{scenarios.Capture{JSON: "a"}, "!the answer has no JSON value a"},
	} {
		one := capture{Capture: c.Capture, name: "v", path: c.Path()}
		if c.Regexp != "" {
			one.match = regexp.MustCompile(c.Regexp)
		}
		var got string
		err := (&Save{captures: []capture{one}}).Take(&answer, 1, func(_ int, v string) { got = v })
		if want, fails := strings.CutPrefix(c.want, "!"); fails {
			if probe.ClassOf(err) != probe.Content || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: got %v", c.Capture, err)
			}
		} else if err != nil || got != want {
			t.Errorf("%+v: got %q, %v", c.Capture, got, err)
		}
	}
	long := probe.Answer{Body: []byte(`{"a": "` + strings.Repeat("x", scenarios.MostSaved+1) + `"}`)}
	err := (&Save{captures: []capture{{Capture: scenarios.Capture{JSON: "a"}, name: "v", path: []string{"a"}}}}).Take(&long, 1, func(int, string) { t.Error("a value was set") })
	if probe.ClassOf(err) != probe.Content || strings.Contains(err.Error(), "xxx") {
		t.Errorf("a long value: %v", err)
	}
}

// FuzzAnswer: whatever is answered, captures end, and what they find stands in the answer.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(inbox), "messages.*.id", uint64(3))
	f.Add([]byte(multistatus), "multistatus.response.href", uint64(0))
	f.Add([]byte("[[[[[[1,2"), "0.0.0", uint64(1))
	f.Add([]byte("<a><b></a></b><!-- <c> --><![CDATA[x]]>"), "a.b", uint64(1))
	f.Fuzz(func(t *testing.T, body []byte, path string, key uint64) {
		parts := strings.Split(path, ".")
		if value, ok := jsonValue(body, parts, key); ok && len(value) > 3*len(body) { // a byte that is not UTF-8 becomes three
			t.Errorf("a value of %d bytes from %d", len(value), len(body))
		}
		if value, ok := xmlValue(body, parts); ok && len(value) > 3*len(body) {
			t.Errorf("a text of %d bytes from %d", len(value), len(body))
		}
	})
}
