package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pegel/internal/judge"
)

// withGroups is the fixture with two groups, one of them slow, and one more tag than fits into a table.
func withGroups() *judge.Result {
	r := fixture()
	row := func(name string, p95 time.Duration, slow bool) judge.DimensionRow {
		return judge.DimensionRow{Name: name, Actions: "imap.*", Count: 1200, Failed: 24, P95: p95, P95Low: p95 * 9 / 10, P95High: p95 * 11 / 10, Slow: slow}
	}
	tags := judge.DimensionView{Kind: "tag:page", Stage: 1}
	for i := range shownRows + 1 {
		tags.Rows = append(tags.Rows, row(fmt.Sprintf("v%02d<b>", i), time.Second, i == shownRows))
	}
	r.Dimensions = []judge.DimensionView{{Kind: "group", Stage: 1, Rows: []judge.DimensionRow{row("interior", 3*time.Second, true), row("tax", time.Second, false)}}, tags}
	r.Warnings = append(r.Warnings, judge.Say("slow-group", "imap.fetch", 3*time.Second, "interior", time.Second))
	return r
}

func TestDimensionsAreShown(t *testing.T) {
	r := withGroups()
	for lang, want := range map[string][]string{
		"en": {"Is it slow for all alike?", "It is slow for some only", "Group, at", "Tag page, at", "much slower than the others", "and 1 more"},
		"de": {"Ist es für alle gleich langsam?", "Es ist nur für einige langsam", "Gruppe, bei", "Merkmal page, bei", "viel langsamer als die anderen"},
	} {
		var page, text bytes.Buffer
		if err := WriteHTML(&page, r, Options{Lang: lang}); err != nil {
			t.Fatal(err)
		}
		if err := WriteText(&text, r, Options{Lang: lang}); err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			if !strings.Contains(page.String(), w) {
				t.Errorf("the page in %s does not say %q", lang, w)
			}
			if i > 1 && !strings.Contains(text.String(), w) {
				if w == "and 1 more" { // a summary leaves more out
					continue
				}
				t.Errorf("the summary in %s does not say %q:\n%s", lang, w, &text)
			}
		}
		if strings.Contains(page.String(), "v60<b>") || !strings.Contains(page.String(), "v60&lt;b&gt;") || strings.Contains(page.String(), "v59&lt;b&gt;") {
			t.Error("the slow value is not the first one shown, or what the platform names is taken for markup")
		}
		if strings.Count(text.String(), "imap.*") != 2+shownInText {
			t.Errorf("the summary has not two groups and %d tags:\n%s", shownInText, &text)
		}
	}
}

func TestDimensionsInJSON(t *testing.T) {
	var out bytes.Buffer
	if err := WriteForecast(&out, withGroups(), Extra{}); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Dimensions []struct {
			Kind  string
			Users int
			Rows  []struct {
				Name          string
				Count, Failed int
				P95           float64 `json:"p95_seconds"`
				Slow          bool
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Dimensions) != 2 || len(got.Dimensions[1].Rows) != shownRows+1 || got.Dimensions[0].Users == 0 {
		t.Fatalf("%+v", got)
	}
	if row := got.Dimensions[0].Rows[0]; row.Name != "interior" || row.Count != 1200 || row.Failed != 24 || row.P95 != 3 || !row.Slow {
		t.Errorf("%+v", row)
	}
}
