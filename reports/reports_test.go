package reports

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"pegel/internal/capacity"
	"pegel/internal/judge"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs, -update writes it anew (-want +got):\n%s", name, diff)
	}
}

func written(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func html(t *testing.T, r *judge.Result, opt Options) string {
	t.Helper()
	return written(t, func(w io.Writer) error { return WriteHTML(w, r, opt) })
}

func text(t *testing.T, r *judge.Result, opt Options) string {
	t.Helper()
	return written(t, func(w io.Writer) error { return WriteText(w, r, opt) })
}

// visible leaves out styles and scripts, which have their own sources.
func visible(page string) string {
	return regexp.MustCompile(`(?s)<style>.*?</style>|<script.*?</script>`).ReplaceAllString(page, "")
}

func TestGolden(t *testing.T) {
	r, none := fixture(), undetermined()
	golden(t, "report.en.txt", text(t, r, Options{}))
	golden(t, "report.de.txt", text(t, r, Options{Lang: "de", Truth: 8750}))
	golden(t, "undetermined.en.txt", text(t, none, Options{}))
	golden(t, "report.en.html", visible(html(t, r, Options{})))
	golden(t, "undetermined.de.html", visible(html(t, none, Options{Lang: "de"})))
	seed := uint64(20251002)
	golden(t, "forecast.json", written(t, func(w io.Writer) error {
		return WriteForecast(w, r, Extra{Truth: &Truth{Users: 8750, Resource: "balancer.web"}, Report: "report.html", Verdict: Verdict(r),
			Archive: "runs/kiel", Seed: &seed, Compression: 20})
	}))
	golden(t, "undetermined.json", written(t, func(w io.Writer) error { return WriteForecast(w, none, Extra{}) }))
	all, open, unknown := full(), openSituation(), undeterminedFully()
	golden(t, "full.en.txt", text(t, all, Options{}))
	golden(t, "full.en.html", visible(html(t, all, Options{})))
	golden(t, "full.de.txt", text(t, all, Options{Lang: "de"}))
	golden(t, "full.json", written(t, func(w io.Writer) error { return WriteForecast(w, all, Extra{Verdict: Verdict(all)}) }))
	golden(t, "open-situation.de.txt", text(t, open, Options{Lang: "de"}))
	golden(t, "open-situation.en.html", visible(html(t, open, Options{})))
	golden(t, "undetermined-full.en.txt", text(t, unknown, Options{}))
	golden(t, "undetermined-full.en.html", visible(html(t, unknown, Options{})))
	golden(t, "junit.xml", written(t, func(w io.Writer) error { return WriteJUnit(w, broke(fixture())) }))
}

// broke is a result with one objective broken among the live accounts, one above them, and one not judged.
func broke(r *judge.Result) *judge.Result {
	r.Objectives[5].Broken, r.Objectives[5].BrokenAt = true, 7500
	r.Objectives[5].Stages[4].Held = false
	r.Objectives[6].BrokenAt = 7500
	r.Objectives[6].Stages[4].Held = false
	for i := range r.Objectives[1].Stages {
		r.Objectives[1].Stages[i].Enough = false
	}
	return r
}

func TestSizeAndWidth(t *testing.T) {
	long := fixture()
	for len(long.Timeline) < 7200 { // two hours of seconds
		next := long.Timeline[len(long.Timeline)%60]
		next.At = time.Duration(len(long.Timeline)+1) * time.Second
		next.Seconds = 1
		long.Timeline = append(long.Timeline, next)
	}
	for _, r := range []*judge.Result{fixture(), long, full()} {
		if n := len(html(t, r, Options{})); n > 1_500_000 {
			t.Errorf("the report has %d bytes, at most 1,500,000 are agreed", n)
		}
	}
	for _, r := range []*judge.Result{fixture(), undetermined()} {
		for _, lang := range []string{"en", "de"} {
			out := text(t, r, Options{Lang: lang})
			lines := strings.Split(out, "\n")
			if len(lines) < 20 || len(lines) > 46 {
				t.Errorf("%s: %d lines", lang, len(lines))
			}
			for _, line := range lines {
				if utf8.RuneCountInString(line) > 100 {
					t.Errorf("%s: line of %d columns: %s", lang, utf8.RuneCountInString(line), line)
				}
			}
			if strings.Contains(out, "\x1b") {
				t.Errorf("%s: colour codes without colour asked for", lang)
			}
		}
	}
}

func TestTimelineIsThinned(t *testing.T) {
	var ticks []judge.Tick
	for i := range 5000 {
		ticks = append(ticks, judge.Tick{At: time.Duration(i+1) * time.Second, Seconds: 1, Throughput: 10, ErrorShare: 0.1,
			P99: time.Duration(i) * time.Millisecond, Failed: map[string]uint64{"reset": 1}, Heat: []judge.HeatCell{{Row: 7, Count: 10}}})
	}
	thinned := thin(ticks, columns)
	if len(thinned) > columns {
		t.Fatalf("%d columns, want at most %d", len(thinned), columns)
	}
	var failed, hot uint64
	var seconds, done float64
	for _, k := range thinned {
		failed, hot = failed+k.Failed["reset"], hot+k.Heat[0].Count
		seconds, done = seconds+k.Seconds, done+k.Throughput*k.Seconds
		if math.Abs(k.ErrorShare-0.1) > 1e-9 {
			t.Fatalf("error share %v, want 0.1", k.ErrorShare)
		}
	}
	if failed != 5000 || hot != 50000 || seconds != 5000 || math.Abs(done-50000) > 1e-6 {
		t.Errorf("thinning lost something: %d failed, %d in the heat map, %v s, %v done", failed, hot, seconds, done)
	}
	if last := thinned[len(thinned)-1]; last.P99 != 4999*time.Millisecond || last.At != 5000*time.Second {
		t.Errorf("last column %v at %v", last.P99, last.At)
	}
}

// TestNothingIsLoaded looks at every place from which a browser fetches.
func TestNothingIsLoaded(t *testing.T) {
	page := html(t, fixture(), Options{})
	markup := visible(page)
	for _, m := range regexp.MustCompile(`(?i)(?:src|href|srcset|action|poster|data)\s*=\s*["']?([^"'\s>]+)`).FindAllStringSubmatch(markup, -1) {
		if !strings.HasPrefix(m[1], "#") {
			t.Errorf("the page refers to %q", m[1])
		}
	}
	styles := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page)[1]
	if m := regexp.MustCompile(`url\(|@import`).FindString(styles); m != "" {
		t.Errorf("the styles have %q", m)
	}
	own, err := files.ReadFile("template/report.js")
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`https?://|fetch\(|XMLHttpRequest|import\(`).Find(own); m != nil {
		t.Errorf("report.js has %q", m)
	}
	if !strings.Contains(markup, "default-src 'none'") {
		t.Error("no content security policy")
	}
}

func TestHostileNames(t *testing.T) {
	const evil = `</script><script>alert(1)</script>"'><img src=x onerror=alert(1)>`
	r := fixture()
	r.Meta.Scenario, r.Meta.Environment, r.Ended = evil, evil, judge.Say("ended-aborted", judge.Quote(evil))
	r.Scenario = []byte(evil)
	r.Warnings[0] = judge.Message{Code: evil, Format: evil}
	r.Errors[0].Example, r.Errors[0].Class, r.Errors[0].Action = evil, evil, evil
	r.Timeline[40].Failed[evil] = 9
	r.Forecast.Limit.Resource, r.Forecast.Resources[0].Name, r.Resources[0].Name = evil, evil, evil
	r.Forecast.Batches[0].Name, r.Forecast.Batches[0].Why = evil, judge.Quote(evil)
	for i := range r.Stages {
		r.Stages[i].Actions[0].Action = evil
		r.Stages[i].Actions[0].Phases[0].Phase = evil
		r.Stages[i].Batch = evil
	}
	page := html(t, r, Options{})
	if strings.Contains(page, "<script>alert") || strings.Contains(visible(page), "<img") {
		t.Error("a name from the run became markup")
	}
	if got := strings.Count(page, "</script>"); got != 3 {
		t.Errorf("%d script elements end, want 3", got)
	}
	data := regexp.MustCompile(`(?s)id="data">(.*?)</script>`).FindStringSubmatch(page)[1]
	if !json.Valid([]byte(data)) {
		t.Error("the data are no JSON")
	}
	out := written(t, func(w io.Writer) error { return WriteJUnit(w, r) })
	if err := xml.Unmarshal([]byte(out), new(junitSuite)); err != nil {
		t.Error(err)
	}
}

// TestNumbersAgree holds the three forms of the answer against each other.
func TestNumbersAgree(t *testing.T) {
	r := fixture()
	var file struct {
		Capacity struct {
			Users, Accounts struct{ P05, P50, P95 float64 }
		}
	}
	if err := json.Unmarshal([]byte(written(t, func(w io.Writer) error { return WriteForecast(w, r, Extra{}) })), &file); err != nil {
		t.Fatal(err)
	}
	l, err := speak("en")
	if err != nil {
		t.Fatal(err)
	}
	u := capacity.Interval(file.Capacity.Users)
	shown := l.estimate(u) + " active users (90 % interval " + l.spread(u) + ")"
	if want := "8,900 active users (90 % interval 8,300–9,500)"; shown != want {
		t.Errorf("JSON says %q, want %q", shown, want)
	}
	if out := text(t, r, Options{}); !strings.Contains(out, shown) {
		t.Errorf("the summary does not say %q:\n%s", shown, out)
	}
	page := visible(html(t, r, Options{}))
	for _, want := range []string{`<data value="8937">8,900</data>`, "8,300–9,500", l.estimate(capacity.Interval(file.Capacity.Accounts)) + " accounts"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not have %q", want)
		}
	}
	if strings.Contains(page, "8,937") || strings.Contains(page, "8937.4") {
		t.Error("the page shows more digits than the estimate is worth")
	}
}

func TestUndetermined(t *testing.T) {
	r := undetermined()
	for lang, want := range map[string]string{"en": "Not determined above 7,500", "de": "Nicht bestimmt oberhalb von 7.500"} {
		if page := visible(html(t, r, Options{Lang: lang})); !strings.Contains(page, want) {
			t.Errorf("%s: no %q in the banner", lang, want)
		}
		if out := text(t, r, Options{Lang: lang}); !strings.Contains(out, strings.ToUpper(want)) {
			t.Errorf("%s: no %q in the summary:\n%s", lang, want, out)
		}
	}
	if out := written(t, func(w io.Writer) error { return WriteForecast(w, r, Extra{}) }); strings.Contains(out, `"capacity"`) {
		t.Errorf("a capacity where none was determined:\n%s", out)
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		determined bool
		batch      string
		want       string
	}{
		{true, Go, Go}, {true, Caution, Caution}, {true, NoGo, NoGo}, {true, "", ""},
		{false, Go, Go}, {false, Caution, NotDetermined}, {false, NoGo, NoGo}, {false, "", NotDetermined},
	} {
		r := &judge.Result{Forecast: judge.Forecast{Determined: c.determined}}
		if c.batch != "" {
			r.Forecast.Batch = &judge.BatchVerdict{Verdict: c.batch}
		}
		if got := Verdict(r); got != c.want {
			t.Errorf("determined %v, batch %q: %q, want %q", c.determined, c.batch, got, c.want)
		}
	}
}

// TestPoorResults writes results in which almost everything is missing, or not finite.
func TestPoorResults(t *testing.T) {
	open := fixture()
	open.Forecast.Users.P95 = math.Inf(1)
	open.Forecast.Resources[0].Measured[0].InUse = math.NaN()
	open.Meta.Compression = 20
	cut := &judge.Result{Ended: judge.Say("ended-cut-off"), Stages: []judge.StageResult{{}}, Timeline: []judge.Tick{{}}}
	invalid := fixture()
	invalid.Generator = judge.GeneratorView{Verdict: "invalid", Why: judge.Quote("lag")}
	for name, r := range map[string]*judge.Result{"empty": {}, "cut off": cut, "open interval": open, "invalid": invalid,
		"everything": full(), "open situation": openSituation(), "nothing known": undeterminedFully()} {
		for _, lang := range []string{"en", "de"} {
			page := html(t, r, Options{Lang: lang, Truth: 8750})
			out := text(t, r, Options{Lang: lang, Truth: 8750, Colour: true})
			forecast := written(t, func(w io.Writer) error { return WriteForecast(w, r, Extra{}) })
			if !json.Valid([]byte(forecast)) {
				t.Errorf("%s: no JSON: %s", name, forecast)
			}
			for _, s := range []string{visible(page), out} {
				if m := regexp.MustCompile(`‹|NaN|Inf\b|%!`).FindString(s); m != "" {
					t.Errorf("%s, %s: shows %q", name, lang, m)
				}
			}
		}
	}
	if out := text(t, open, Options{}); !strings.Contains(out, "20-fold") {
		t.Error("the summary does not say that times are compressed")
	}
	if page := visible(html(t, open, Options{})); !strings.Contains(page, "20-fold") {
		t.Error("the page does not say that times are compressed")
	}
	if err := WriteHTML(io.Discard, fixture(), Options{Lang: "fr"}); err == nil {
		t.Error("an unknown language is no error")
	}
}
