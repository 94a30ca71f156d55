package reports

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"pegel/internal/capacity"
)

func both(t *testing.T) (en, de *language) {
	t.Helper()
	en, err := speak("en")
	if err != nil {
		t.Fatal(err)
	}
	if de, err = speak("de"); err != nil {
		t.Fatal(err)
	}
	return en, de
}

// sources is everything that may name a text.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "vendor") {
			return err
		}
		if strings.HasSuffix(path, ".go") || strings.HasPrefix(path, "template/") {
			data, err := os.ReadFile(path)
			all.Write(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestLanguagesAreComplete(t *testing.T) {
	en, de := both(t)
	source := sources(t)
	values := regexp.MustCompile(`%(?:\[\d\])?s`)
	for key, text := range en.texts {
		other, ok := de.texts[key]
		if !ok {
			t.Errorf("German has no %q", key)
			continue
		}
		if a, b := len(values.FindAllString(text, -1)), len(values.FindAllString(other, -1)); a != b {
			t.Errorf("%s: %d values in English, %d in German", key, a, b)
		}
		name := `"` + key + `"`
		if rest, ok := strings.CutPrefix(key, "chart."); ok {
			name = `T("` + rest + `")`
			if rest == Go || rest == Caution || rest == NoGo {
				continue // by the verdict of a batch
			}
		}
		prefix := key[:strings.LastIndex(key, ".")+1]
		if !strings.Contains(source, name) && (prefix == "" || !strings.Contains(source, `either("`+prefix+`"`)) {
			t.Errorf("no one uses %q", key)
		}
	}
	for key := range de.texts {
		if _, ok := en.texts[key]; !ok {
			t.Errorf("English has no %q", key)
		}
	}
	for _, m := range regexp.MustCompile(`(?:\.t\(|\{t |\(t |if t |add\()"([a-z0-9.-]+)"`).FindAllStringSubmatch(source, -1) {
		if _, ok := en.texts[m[1]]; !ok {
			t.Errorf("%q is used and has no text", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`\bT\("([a-z0-9.-]+)"\)`).FindAllStringSubmatch(source, -1) {
		if _, ok := en.texts["chart."+m[1]]; !ok {
			t.Errorf("report.js uses %q, which has no text", m[1])
		}
	}
}

// A text without values is shown as it is read, with one percent sign where the table has two.
func TestPercentSignsAreShownOnce(t *testing.T) {
	en, de := both(t)
	for _, l := range []*language{en, de} {
		for key, text := range l.texts {
			if !strings.Contains(text, "%s") && strings.Contains(l.t(key), "%%") {
				t.Errorf("%s: %q is shown as %q", l.code, key, l.t(key))
			}
		}
		if page := visible(html(t, fixture(), Options{Lang: l.code})); strings.Contains(page, "%%") {
			t.Errorf("%s: the page shows %%%% in %q", l.code, around(page, "%%"))
		}
	}
}

func around(text, what string) string {
	i := strings.Index(text, what)
	return text[max(0, i-60):min(len(text), i+60)]
}

func TestGermanHasNoEnglish(t *testing.T) {
	page := visible(html(t, fixture(), Options{Lang: "de"}))
	for _, english := range []string{"Capacity", "Conditions", "active users", "Warnings", "Table<", "probability", "8,900"} {
		if strings.Contains(page, english) {
			t.Errorf("the German page has %q", english)
		}
	}
	for _, german := range []string{`lang="de"`, "Freigabe", "8.900", "8.300–9.500", "7.250"} {
		if !strings.Contains(page, german) {
			t.Errorf("the German page has no %q", german)
		}
	}
}

func TestNumbers(t *testing.T) {
	en, de := both(t)
	i := capacity.Interval{P05: 8310, P50: 8937.4, P95: 9488}
	for _, c := range []struct{ got, want string }{
		{en.estimate(i), "8,900"}, {de.estimate(i), "8.900"}, {en.spread(i), "8,300–9,500"},
		{en.estimate(capacity.Interval{P05: 171, P50: 186.6, P95: 199}), "187"},
		{en.estimate(capacity.Interval{P05: 160, P50: 186.6, P95: 215}), "190"},
		{en.about(7448), "7,450"}, {en.count(1234567), "1,234,567"}, {de.count(1234567), "1.234.567"}, {en.count(-1234), "−1,234"},
		{en.percent(0.0042), "0.42 %"}, {de.percent(0.0042), "0,42 %"}, {en.percent(0.93), "93 %"}, {en.percent(0), "0 %"}, {en.percent(0.00001), "< 0.01 %"},
		{en.probability(0.999), "> 99 %"}, {en.probability(0.002), "< 1 %"}, {en.probability(0.41), "41 %"},
		{en.latency(410 * time.Millisecond), "410 ms"}, {en.latency(1240 * time.Millisecond), "1.24 s"}, {de.latency(1240 * time.Millisecond), "1,24 s"},
		{en.latency(999700 * time.Microsecond), "1.00 s"}, {en.latency(4230 * time.Microsecond), "4.2 ms"}, {en.latency(0), "–"},
		{en.limit(time.Second), "1 s"}, {en.limit(1500 * time.Millisecond), "1.5 s"}, {en.limit(250 * time.Millisecond), "250 ms"},
		{en.span(65 * time.Second), "1 min 05 s"}, {en.span(3*time.Hour + 7*time.Minute), "3 h 07 min"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
