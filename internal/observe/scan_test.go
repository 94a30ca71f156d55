package observe

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"pegel/internal/archive"
	"pegel/scenarios"
)

func scanner(t testing.TB, resources ...scenarios.Resource) *table {
	t.Helper()
	p := newTable("p")
	for i := range resources {
		if err := p.add(&resources[i], false); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// reference sums up m, and m with and without a="1", as the parser of Prometheus itself reads them. ok is false where
// that refuses the page, for it also checks lines that are passed over here. Lines without a name are left out: they make
// it panic or mistake one series for another.
func reference(text []byte) (all, one, rest float64, ok bool) {
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(bytes.TrimLeft(line, " \t"), []byte("{")) {
			return 0, 0, 0, false
		}
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return 0, 0, 0, false
	}
	for _, m := range families["m"].GetMetric() {
		if m.Histogram != nil || m.Summary != nil {
			return 0, 0, 0, false
		}
		v := m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetUntyped().GetValue()
		if !finite(v) {
			continue
		}
		a := ""
		for _, l := range m.Label {
			if l.GetName() == "a" {
				a = l.GetValue()
			}
		}
		all += v
		if a == "1" {
			one += v
		} else {
			rest += v
		}
	}
	return all, one, rest, true
}

// Whatever the reference parser can read must be read the same way here.
func FuzzScan(f *testing.F) {
	for _, s := range []string{
		"m 1\n",
		"# HELP m some\n# TYPE m counter\nm{a=\"1\"} 2\nm{a=\"2\",b=\"x\"} 3 1700000000000\n",
		"m{a=\"q\\\"b\\\\n\\n\"} 1e3\nother 5\n",
		"m { a = \"1\" , } NaN\nm +Inf\nm -1\n",
		"m{a=\"1\"\nm 2\n",
		"m{\xff=\"\x80\"} 0x1p-2\n",
		"m{a=\"1\"} 1_0\n m 2\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p := scanner(t, scenarios.Resource{Name: "r", InUse: "m", Queue: `m{a="1"}`, Limit: `m{a!="1"}`})
		p.begin()
		if err := p.scan(bytes.NewReader(text)); err != nil {
			return
		}
		all, one, rest, ok := reference(text)
		if !ok {
			return
		}
		for i, want := range []float64{all, rest, one} { // in_use, limit, queue
			if got := p.rules[0].shared[i].sum; got != want && finite(want) && finite(got) {
				t.Errorf("%s of %q is %v, the reference says %v", p.rules[0].fields[i].name, text, got, want)
			}
		}
	})
}

func FuzzSelector(f *testing.F) {
	for _, s := range []string{`m`, `m{a="1",b!="2",c=~"x.*"}`, `m{a="\\"}`, `m{`, `m{a=~"("}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSelector(text)
		if err != nil {
			return
		}
		s.matches(nil)
		s.matches([]label{{[]byte("a"), []byte("1")}})
	})
}

// readText is one round over a page's text.
func readText(t *table, text []byte) ([]archive.Point, error) {
	t.begin()
	if err := t.scan(bytes.NewReader(text)); err != nil {
		return nil, err
	}
	points, _, err := t.points()
	return points, err
}

// balancerPage is a page as large as that of a balancer with many servers.
func balancerPage() []byte {
	var b strings.Builder
	for _, metric := range []string{"current_sessions", "max_sessions", "limit_sessions", "sessions_total", "bytes_in_total", "bytes_out_total", "current_queue", "connect_time_average_seconds"} {
		fmt.Fprintf(&b, "# HELP haproxy_server_%s Some text that explains it.\n# TYPE haproxy_server_%[1]s gauge\n", metric)
		for backend := range 10 {
			for server := range 20 {
				fmt.Fprintf(&b, "haproxy_server_%s{proxy=\"be%d\",server=\"node%02d\"} %d\n", metric, backend, server, backend*server)
			}
		}
	}
	return []byte(b.String())
}

func BenchmarkScan(b *testing.B) {
	page := balancerPage()
	p := scanner(b, scenarios.Resource{Name: "be3",
		InUse: `haproxy_server_current_sessions{proxy="be3"}`,
		Limit: `haproxy_server_limit_sessions{proxy="be3"}`,
		Queue: `haproxy_server_current_queue{proxy="be3"}`,
	})
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readText(p, page); err != nil {
			b.Fatal(err)
		}
	}
}

func TestScanLargePage(t *testing.T) {
	p := scanner(t, scenarios.Resource{Name: "be3", InUse: `haproxy_server_current_sessions{proxy="be3"}`, Limit: `haproxy_server_limit_sessions{server=~"node0[01]"}`})
	points, err := readText(p, balancerPage())
	if err != nil {
		t.Fatal(err)
	}
	got := values(points)
	if got["be3.in_use"] != 3*190 || got["be3.limit"] != 45 {
		t.Errorf("points %v, want in_use 570 and limit 45", got)
	}
}
