package observe

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/catalogue"
	"pegel/scenarios"
)

// derived is a page of a software.
func derived(t testing.TB, software, address string, resources ...scenarios.Resource) *page {
	t.Helper()
	o, err := New([]scenarios.Observe{{Name: "p", Software: software, Prometheus: address, Resources: resources}}, dialer.DialContext)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.pages[0].source.close)
	return o.pages[0]
}

// round reads a page's text once.
func round(t testing.TB, p *page, text string) (map[string]float64, map[string]archive.Resource) {
	t.Helper()
	p.table.begin()
	if err := p.table.scan(strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	points, fresh, err := p.table.points()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]archive.Resource{}
	for _, r := range fresh {
		found[r.Name] = r
	}
	return values(points), found
}

// Every expression of the catalogue can be read, and kinds are those of scenarios.
func TestCatalogueCompiles(t *testing.T) {
	for _, name := range catalogue.Names() {
		s, err := catalogue.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := newTable("p").derive(s); err != nil {
			t.Error(err)
		}
	}
}

const twoServers = `haproxy_server_current_sessions{proxy="web",server="s1"} 3
haproxy_server_current_sessions{proxy="web",server="s2"} 1
haproxy_server_limit_sessions{proxy="web",server="s1"} 4
haproxy_server_limit_sessions{proxy="web",server="s2"} 8
haproxy_server_current_queue{proxy="web",server="s1"} 0
haproxy_server_current_queue{proxy="web",server="s2"} 0
haproxy_backend_current_queue{proxy="web"} 5
haproxy_backend_sessions_total{proxy="web"} 100
haproxy_server_sessions_total{proxy="web",server="s1"} 60
haproxy_server_sessions_total{proxy="web",server="s2"} 40
haproxy_server_current_sessions{proxy="free",server="s1"} 7
haproxy_server_limit_sessions{proxy="free",server="s1"} NaN
`

func TestResourcesAreFound(t *testing.T) {
	p := derived(t, "haproxy", "http://127.0.0.1:1/metrics", scenarios.Resource{Name: "web.s2", Limit: "6", Actions: []string{"web.*"}})
	got, found := round(t, p, twoServers)
	for k, want := range map[string]float64{
		"web.in_use": 4, "web.limit": 12, "web.queue": 5, "web.served": 100,
		"web.s1.in_use": 3, "web.s1.limit": 4, "web.s1.served": 60, "web.s2.in_use": 1, "web.s2.limit": 6, "free.s1.in_use": 7,
	} {
		if got[k] != want {
			t.Errorf("%s = %v, want %v", k, got[k], want)
		}
	}
	for _, k := range []string{"free.limit", "free.s1.limit"} {
		if v, ok := got[k]; ok {
			t.Errorf("%s is %v, and the page says none", k, v)
		}
	}
	if r := found["web.s1"]; r.Kind != "slots" || r.Within != "web" || r.Labels["server"] != "s1" || r.Software != "haproxy" || r.Page != "p" {
		t.Errorf("found %+v", r)
	}
	if len(found) != 5 {
		t.Errorf("found %v", found)
	}
	// The next round tells of what is new only, and nothing of what is gone.
	got, found = round(t, p, `haproxy_server_current_sessions{proxy="new",server="s1"} 1`+"\n")
	if len(found) != 2 || found["new.s1"].Name == "" || len(got) != 2 {
		t.Errorf("then found %v with %v", found, got)
	}
}

// A resource that the scenario writes out is not found a second time.
func TestWrittenReplacesFound(t *testing.T) {
	p := derived(t, "haproxy", "http://127.0.0.1:1/metrics", scenarios.Resource{Name: "web", InUse: `haproxy_server_current_sessions{server="s1",proxy="web"}`, Limit: "4"})
	got, found := round(t, p, twoServers)
	if _, twice := found["web"]; twice || got["web.in_use"] != 3 || got["web.limit"] != 4 || got["web.queue"] != 0 {
		t.Errorf("found %v, points %v", found, got)
	}
}

func TestExpressions(t *testing.T) {
	text := "a{x=\"1\"} 3\na{x=\"2\"} 4\nb 10\nzero 0\n"
	for sum, want := range map[string]float64{
		"a": 7, "count(a)": 2, "b - a": 3, "-b + 2 * 3": math.NaN(), "b * 2 / 4": 5, "5": 5, `count(a{x="2"}) * 8`: 8, "b - none": math.NaN(), "zero": 0, "1.5 + b": 11.5,
	} {
		x, err := parseExpression(sum)
		if sum == "-b + 2 * 3" {
			want = -4
		}
		if err != nil {
			t.Error(err)
			continue
		}
		tab, r := newTable("p"), &rule{}
		tab.bind(r, x, false)
		tab.begin()
		if err := tab.scan(strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		r.fields = []ruleField{{"in_use", []expression{x}}}
		if got := tab.value(&r.fields[0], r, &group{}); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%s is %v, want %v", sum, got, want)
		}
	}
	for sum, want := range map[string]string{
		"": "column 1", "a +": "column 4", "a b": "column 3: expected +", "count(a": "column 8: expected )", "a / 0": "not 0", "a * b": "expected a number", "a{": "column 3",
	} {
		if _, err := parseExpression(sum); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", sum, err, want)
		}
	}
}

// Labels are part of a name only as far as a name may have them, and what looks like a secret is not.
func TestNamesKeepNoSecrets(t *testing.T) {
	p := derived(t, "php-fpm", "http://127.0.0.1:1/metrics")
	var b strings.Builder
	for _, pool := range []string{"www", "a b/c", "password=hunter2", "http://u:hunter2@h/", "\xff\xfe", strings.Repeat("x", 200), "a?b/c"} {
		fmt.Fprintf(&b, "phpfpm_active_processes{pool=\"%s\",apikey=\"hunter2\"} 1\n", pool)
	}
	_, found := round(t, p, b.String())
	if len(found) < 5 || found["www"].Name == "" || found["a_b_c"].Name == "" || found["redacted"].Name == "" || found["a_b_c.2"].Name == "" {
		t.Errorf("found %v", found)
	}
	for name, r := range found {
		if strings.Contains(fmt.Sprint(r), "hunter2") || len(name) > longestName {
			t.Errorf("%q: %+v", name, r)
		}
	}
}

// A hundred thousand series make no more resources than are kept, and that is said once.
func TestHundredThousandSeries(t *testing.T) {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, "haproxy_server_current_sessions{proxy=\"web\",server=\"s%d\"} 1\n", i)
	}
	page := b.String()
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, page) })
	o, err := New([]scenarios.Observe{{Name: "p", Software: "haproxy", Prometheus: address, Every: scenarios.Duration(time.Minute)}}, dialer.DialContext)
	if err != nil {
		t.Fatal(err)
	}
	defer o.pages[0].source.close()
	s := newSink()
	for range 3 {
		if err := o.pages[0].observe(context.Background(), clock(), s); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.metrics) != 3 || len(s.metrics[0].Resources) != mostResources || len(s.metrics[1].Resources) != 0 {
		t.Fatalf("%d readings with points, events %v", len(s.metrics), s.events)
	}
	if len(s.events) != 1 || !strings.Contains(s.events[0].Text, "more resources than are kept") {
		t.Errorf("events %v", s.events)
	}
	if held := o.pages[0].table.groups; held > mostGroups {
		t.Errorf("%d groups are held", held)
	}
	if v := values(s.metrics[0].Points)["web.in_use"]; v > mostGroups+1e5 {
		t.Errorf("web.in_use is %v", v)
	}
}

// A check before the run leaves everything to be found.
func TestCheckLeavesFindingToTheRun(t *testing.T) {
	var asked atomic.Int32
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		io.WriteString(w, twoServers)
	})
	o, err := New([]scenarios.Observe{{Name: "p", Software: "haproxy", Prometheus: address, Resources: []scenarios.Resource{{Name: "gone", Limit: "5"}}}}, dialer.DialContext)
	if err != nil {
		t.Fatal(err)
	}
	defer o.pages[0].source.close()
	if wrong := o.Check(context.Background()); len(wrong) != 1 || !strings.Contains(wrong[0], "no resource gone") {
		t.Errorf("said %q", wrong)
	}
	m, err := o.pages[0].scrape(context.Background(), clock())
	if err != nil || len(m.Resources) != 5 {
		t.Errorf("the run finds %v, %v", m.Resources, err)
	}
}
