package accuracy

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"pegel/internal/capacity"
)

func realTrial(forecast, truth float64, measured int) Real {
	return Real{
		Name: "slots", Resource: "haproxy.web", Named: "haproxy.web", Limit: 24, Objective: "web.list p95 < 500ms", Measured: measured, Determined: true,
		Users:  capacity.Interval{P05: 0.9 * forecast, P50: forecast, P95: 1.1 * forecast},
		Truth:  capacity.Interval{P05: 0.98 * truth, P50: truth, P95: 1.02 * truth},
		Stages: []RealStage{{Users: measured, Before: true, Valid: true, Samples: 900}},
	}
}

func TestRealCase(t *testing.T) {
	other := realTrial(260, 250, 170)
	other.Named = "haproxy.connections"
	unknown := realTrial(260, 250, 170)
	unknown.Determined, unknown.Why = false, "no counters"
	for name, c := range map[string]struct {
		trials []Real
		notRun string
		met    bool
		says   string
	}{
		"close":          {[]Real{realTrial(268, 257, 180)}, "", true, "slots: 4.3 % from stages up to 70 % (268 forecast, 241–295; 257 measured, 252–262)"},
		"far":            {[]Real{realTrial(268, 257, 180), realTrial(300, 250, 175)}, "", false, "20.0 %"},
		"measured high":  {[]Real{realTrial(250, 250, 200)}, "", false, "up to 80 %"},
		"other resource": {[]Real{other}, "", false, "names haproxy.connections instead of haproxy.web"},
		"not determined": {[]Real{unknown}, "", false, "not determined (no counters)"},
		"no truth":       {[]Real{realTrial(250, 0, 170)}, "", false, "true capacity not found"},
		"not run":        {nil, "haproxy is missing (apt-get install haproxy)", false, "not run: haproxy is missing (apt-get install haproxy)"},
		"one failed":     {[]Real{realTrial(268, 257, 180)}, "sessions: no port", false, "not run: sessions: no port"},
		"none":           {nil, "", false, ""},
	} {
		got := RealCase(c.trials, c.notRun)
		if got.Met != c.met || !strings.Contains(got.Figure, c.says) {
			t.Errorf("%s: met %v, %q", name, got.Met, got.Figure)
		}
		if _, err := json.Marshal(got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if worst := RealCase([]Real{realTrial(268, 257, 180), realTrial(300, 250, 175)}, "").Values["worst"]; math.Abs(worst-0.2) > 1e-9 {
		t.Errorf("worst is %g", worst)
	}
}

// The page keeps real software apart from the goals on simulated platforms, and without it says nothing of it.
func TestDocumentReal(t *testing.T) {
	held := RealCase([]Real{realTrial(268, 257, 180)}, "")
	var with, without bytes.Buffer
	if err := WriteDocument(&with, Document{Real: []Real{realTrial(268, 257, 180)}, RealCase: &held}); err != nil {
		t.Fatal(err)
	}
	if err := WriteDocument(&without, Document{}); err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(with.String(), "\n## Real software\n")
	if !found || !strings.Contains(section, "| 180 | before | 900 |") || !strings.Contains(section, "Met: yes") {
		t.Errorf("the page ends:\n%s", section)
	}
	for _, page := range []*bytes.Buffer{&with, &without} { // the section is replaced, or added
		var again bytes.Buffer
		err := ReplaceReal(&again, page.Bytes(), []Real{realTrial(268, 257, 180)}, held)
		if err != nil || again.String() != strings.TrimSuffix(strings.TrimSuffix(without.String(), "\n"), "\n")+"\n\n## Real software\n"+section {
			t.Errorf("%v: with the section written again the page is\n%s", err, &again)
		}
	}
	if strings.Contains(without.String(), "## Real software") {
		t.Error("a page without real software has a section for it")
	}
	var text bytes.Buffer
	if err := WriteReal(&text, []Real{realTrial(268, 257, 180)}, held); err != nil || !strings.Contains(text.String(), "met     real software") {
		t.Errorf("%v:\n%s", err, &text)
	}
}
