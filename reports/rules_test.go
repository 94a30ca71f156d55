package reports

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"pegel/internal/capacity"
	"pegel/internal/judge"
)

// watched is the fixture with thresholds of three of its resources.
func watched() *judge.Result {
	r := fixture()
	around := func(v float64) capacity.Interval { return capacity.Interval{P05: 0.97 * v, P50: v, P95: 1.03 * v} }
	level := func(share, inUse, queue float64) capacity.Level {
		return capacity.Level{Share: share, InUse: around(inUse), Queue: around(queue)}
	}
	r.Forecast.Thresholds = &judge.Thresholds{Determined: true, Resources: []judge.ResourceThresholds{
		{Name: "balancer.web", Kind: "slots", Page: "haproxy", Limit: 400, Probability: 0.93, Tells: true,
			Reading: judge.Reading{InUse: `haproxy_server_current_sessions{proxy="groupware",server=~"web\d+"}`, Queue: `haproxy_backend_current_queue{proxy="groupware"}`},
			Levels:  []capacity.Level{level(0.7, 277.4, 0.01), level(0.85, 337, 0.9), level(1, 392, 14.2)}},
		{Name: "db.pool", Kind: "pool", Page: "postgres", Limit: 120, Probability: 0.05, Tells: true,
			Reading: judge.Reading{Busy: "pool_busy_seconds_total", Waited: `pool_wait_seconds_total{db="sogo"}`, InUse: "pool_used"},
			Levels:  []capacity.Level{level(0.7, 119.5, 3), level(0.85, 120, 9), level(1, 120, 20)}},
		{Name: "web.cpu", Kind: "cpu", Page: "nodes", Limit: 32, Probability: 0.02,
			Reading: judge.Reading{Busy: `node_cpu_seconds_total{mode!="idle"}`},
			Levels:  []capacity.Level{level(0.7, 16, 0), level(0.85, 19.6, 0), level(1, 23, 0)}},
	}}
	return r
}

func rules(t *testing.T, r *judge.Result, opt RuleOptions) (text string, alerts []map[string]any) {
	t.Helper()
	text = written(t, func(w io.Writer) error { return WriteRules(w, r, opt) })
	var file struct {
		Groups []struct {
			Rules []map[string]any `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil || len(file.Groups) != 1 {
		t.Fatalf("%v in\n%s", err, text)
	}
	return text, file.Groups[0].Rules
}

// promtool accepts the rules, where it is installed.
func promtool(t *testing.T, text string) {
	t.Helper()
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Log("promtool is not installed (Debian's package prometheus): the rules are not held against it")
		return
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, "check", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s\n%s", err, out, text)
	}
}

func TestAlertRules(t *testing.T) {
	text, list := rules(t, watched(), RuleOptions{For: -1, Match: []Matcher{{"haproxy", "instance", "lb1:8404"}}})
	promtool(t, text)
	var got []string
	for _, one := range list {
		got = append(got, one["alert"].(string)+" "+one["for"].(string)+" "+one["expr"].(string))
	}
	want := []string{
		`PegelInUse70 600s sum(avg_over_time(haproxy_server_current_sessions{proxy="groupware",server=~"web\\d+",instance="lb1:8404"}[60s])) >= 277`,
		`PegelInUse85 300s sum(avg_over_time(haproxy_server_current_sessions{proxy="groupware",server=~"web\\d+",instance="lb1:8404"}[60s])) >= 337`,
		`PegelQueue85 300s sum(avg_over_time(haproxy_backend_current_queue{proxy="groupware",instance="lb1:8404"}[60s])) >= 0.9`,
		`PegelInUse100 120s sum(avg_over_time(haproxy_server_current_sessions{proxy="groupware",server=~"web\\d+",instance="lb1:8404"}[60s])) >= 392`,
		`PegelQueue100 120s sum(avg_over_time(haproxy_backend_current_queue{proxy="groupware",instance="lb1:8404"}[60s])) >= 14.2`,
		// full at 70 % already: from there on the queue tells
		`PegelInUse70 600s sum(rate(pool_busy_seconds_total[60s])) >= 120`,
		`PegelQueue70 600s sum(rate(pool_wait_seconds_total{db="sogo"}[60s])) >= 3`,
		`PegelQueue85 300s sum(rate(pool_wait_seconds_total{db="sogo"}[60s])) >= 9`,
		`PegelQueue100 120s sum(rate(pool_wait_seconds_total{db="sogo"}[60s])) >= 20`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("rules\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !strings.Contains(text, "# web.cpu: no rules") {
		t.Error("it is not said that web.cpu has no rules")
	}
	all, list := rules(t, watched(), RuleOptions{All: true, Window: 90 * time.Second})
	if promtool(t, all); len(list) != len(want)+3 || !strings.Contains(all, `node_cpu_seconds_total{mode!=\"idle\"}[90s]`) {
		t.Errorf("%d rules for all resources:\n%s", len(list), all)
	}
}

// Names and labels from a hostile platform stay values: in YAML, in PromQL and in the templates of annotations.
func TestAlertRulesQuoteWhatTheyShow(t *testing.T) {
	const hostile = "a\"b\\c\n- alert: x\u0085\u2028\t{{ printf \"%s\" $labels }} é \U0001f600\x00 #'"
	r := watched()
	x := &r.Forecast.Thresholds.Resources[0]
	x.Name, x.Kind, r.Meta.Scenario, r.Meta.Environment, r.Meta.RunID = hostile, hostile, hostile, hostile, hostile
	x.Reading.InUse = `m{a="q\"\\\n}{",b="\d",}`
	r.Forecast.Limit.Objective = hostile
	r.Forecast.Thresholds.Resources[2].Name = hostile // in a comment
	text, list := rules(t, r, RuleOptions{Match: []Matcher{{"", "instance", `x"}) or vector(1`}}})
	promtool(t, text)
	if len(list) != 9 {
		t.Errorf("%d rules:\n%s", len(list), text)
	}
	labels := list[0]["labels"].(map[string]any)
	if want := strings.ReplaceAll(hostile, "{{", `{{"{{"}}`); labels["resource"] != want || labels["scenario"] != want {
		t.Errorf("labels %q, want %q", labels, want)
	}
	if want := `m{a="q\"\\\n}{",b="\\d",instance="x\"}) or vector(1"}`; !strings.Contains(list[0]["expr"].(string), want) {
		t.Errorf("expression %s, want %s in it", list[0]["expr"], want)
	}
}

func TestSelectorsThatCannotBeRead(t *testing.T) {
	for _, text := range []string{"", "{a=\"b\"}", "m{", `m{a}`, `m{a="b}`, `m{a="b"`, `m{a="b" c="d"}`, `m{a="b"} or vector(1)`, "m)", "1m", `m{a='b'}`, "m{a=\"\xff\"}"} {
		if got, err := promSelector(text, nil); err == nil {
			t.Errorf("%q became %q", text, got)
		}
	}
	for text, want := range map[string]string{"m": "m", " m { } ": "m", `m{a = "b", }`: `m{a="b"}`, `a:b{c!="d",e=~"f|g"}`: `a:b{c!="d",e=~"f|g"}`} {
		if got, err := promSelector(text, nil); err != nil || got != want {
			t.Errorf("%q became %q (%v), want %q", text, got, err, want)
		}
	}
}

func FuzzSelectorsStaySelectors(f *testing.F) {
	f.Add(`m{a="b",c=~"d\\.e"}`)
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := promSelector(text, nil); err == nil && strings.ContainsAny(got, "\n\x00") {
			t.Errorf("%q became %q", text, got)
		}
	})
}

func TestMatchers(t *testing.T) {
	for text, want := range map[string]Matcher{"instance=lb1:8404": {"", "instance", "lb1:8404"}, "haproxy:job=a=b": {"haproxy", "job", "a=b"}} {
		if got, err := ParseMatcher(text); err != nil || got != want {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "x=", "=y", "a b=c", "p:=c", "é=c", "a=\xff"} {
		if got, err := ParseMatcher(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

// Without thresholds nothing is written, and the reason is said, in the table, in JSON, as rules and in the report.
func TestNoThresholds(t *testing.T) {
	r := undetermined()
	r.Forecast.Thresholds = &judge.Thresholds{Why: judge.Say("thresholds-no-counters")}
	const why = "made without the platform's counters"
	var b bytes.Buffer
	if err := WriteRules(&b, r, RuleOptions{}); err == nil || !strings.Contains(err.Error(), why) || b.Len() > 0 {
		t.Errorf("rules: %v, %q", err, &b)
	}
	table := written(t, func(w io.Writer) error { return WriteThresholds(w, r, Options{Lang: "de"}) })
	if !strings.Contains(table, "ohne die Zähler der Plattform") {
		t.Errorf("table: %s", table)
	}
	var file thresholdsFile
	out := written(t, func(w io.Writer) error { return WriteThresholdsJSON(w, r, RuleOptions{}) })
	if err := json.Unmarshal([]byte(out), &file); err != nil || file.Determined || file.Why == nil || file.Why.Code != "thresholds-no-counters" || file.Capacity != nil {
		t.Errorf("JSON: %v %s", err, out)
	}
	page := html(t, func() *judge.Result { r := fixture(); r.Forecast.Thresholds = undeterminedThresholds(); return r }(), Options{})
	if !strings.Contains(page, "what gives way first is not among the observed resources") {
		t.Error("the report does not say why there are no thresholds")
	}
	r = watched()
	for i := range r.Forecast.Thresholds.Resources {
		r.Forecast.Thresholds.Resources[i].Reading = judge.Reading{}
	}
	if err := WriteRules(&b, r, RuleOptions{}); err == nil || !strings.Contains(err.Error(), "Prometheus format") || b.Len() > 0 {
		t.Errorf("rules on what Prometheus does not read: %v", err)
	}
}

func undeterminedThresholds() *judge.Thresholds {
	return &judge.Thresholds{Why: judge.Say("thresholds-unobserved")}
}

func TestThresholdsAsTable(t *testing.T) {
	golden(t, "thresholds.txt", written(t, func(w io.Writer) error { return WriteThresholds(w, watched(), Options{}) }))
	golden(t, "thresholds.json", written(t, func(w io.Writer) error {
		return WriteThresholdsJSON(w, watched(), RuleOptions{Match: []Matcher{{"postgres", "instance", "db1:9187"}}})
	}))
	page := visible(html(t, watched(), Options{Lang: "de"}))
	for _, want := range []string{"bei 85 %", "277", "Alarmregeln"} {
		if !strings.Contains(page, want) {
			t.Errorf("the report has no %q", want)
		}
	}
}

// The table and the rule that the documentation shows are those of the fixture.
func TestDocumentedThresholds(t *testing.T) {
	page, err := os.ReadFile("../docs/thresholds.md")
	if err != nil {
		t.Fatal(err)
	}
	table := written(t, func(w io.Writer) error { return WriteThresholds(w, watched(), Options{}) })
	_, table, _ = strings.Cut(table, "\n\n")
	text, _ := rules(t, watched(), RuleOptions{For: -1, Match: []Matcher{{"", "instance", "lb1:8404"}}})
	_, rule, _ := strings.Cut(text, "    rules:\n")
	rule, _, _ = strings.Cut(rule[6:], "      - alert")
	for _, want := range []string{table, "      " + rule} {
		if !strings.Contains(string(page), want) {
			t.Errorf("docs/thresholds.md does not have\n%s", want)
		}
	}
}
