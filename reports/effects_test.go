package reports

import (
	"encoding/json"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"pegel/internal/capacity"
	"pegel/internal/judge"
)

// fixtureEffects adds what an experiment with copying switched on and off would say of the fixture.
func fixtureEffects(r *judge.Result) {
	r.Effects = &judge.Effects{
		Determined: true, Action: "web.list", Quantile: 0.95, From: 456 * time.Millisecond, To: 604 * time.Millisecond, FromUsers: 1500, ToUsers: 7500,
		Copy: 38.4, Stages: 11, Samples: 86420,
		Parts: []judge.EffectPart{{Kind: capacity.FromUsers, Seconds: 0.108, Low: 0.091, High: 0.124}, {Kind: capacity.FromCopy, Seconds: 0.036, Low: 0.027, High: 0.046},
			{Kind: capacity.FromDrift, Seconds: 0, Low: -0.011, High: 0.013}, {Kind: capacity.FromRest, Seconds: 0.004, Low: -0.005, High: 0.012}},
		Resources: []judge.ResourceEffect{{Name: "store.disk", Use: 0.62, Parts: []capacity.Part{{Kind: capacity.FromRest, Value: 0.02, Low: 0.01, High: 0.03},
			{Kind: capacity.FromUsers, Value: 0.4, Low: 0.38, High: 0.42}, {Kind: capacity.FromCopy, Value: 0.2, Low: 0.19, High: 0.21}}}},
		WithCopy: &capacity.Interval{P05: 8310, P50: 8937.4, P95: 9488}, WithoutCopy: &capacity.Interval{P05: 9740, P50: 10420, P95: 11090},
	}
	ms := time.Millisecond
	r.Effects.Sentence = judge.Say("effects-split", 150*ms, "web.list p95", 1500, 7500,
		judge.Say("effects-list", judge.Say("effects-users", 110*ms, 90*ms, 120*ms), judge.Say("effects-copy", 40*ms, 30*ms, 50*ms)))
}

func TestEffects(t *testing.T) {
	r := fixture()
	for lang, want := range map[string][]string{
		"en": {"Of the 150 ms that web.list p95 rose between 1,500 and 7,500 active users, 110 ms (90 ms to 120 ms) come from users, 40 ms (30 ms to 50 ms) come from copying",
			"108 ms", "91 ms – 124 ms", "73 %", "−11 ms – 13 ms", "20 % (19.0–21.0)", "8,900", "10,400", "Users or migration?"},
		"de": {"Von den 150 ms, um die web.list p95 zwischen 1.500 und 7.500 aktiven Nutzern stieg, kommen 110 ms (90 ms bis 120 ms) von den Nutzern, 40 ms (30 ms bis 50 ms) vom Kopieren",
			"108 ms", "20 % (19,0–21,0)", "8.900", "10.400", "Nutzer oder Migration?"},
	} {
		page := strings.ReplaceAll(visible(html(t, r, Options{Lang: lang})), "\u00a0", " ")
		for _, w := range want {
			if !strings.Contains(page, w) {
				t.Errorf("%s: the page does not have %q", lang, w)
			}
		}
		out := strings.Join(strings.Fields(text(t, r, Options{Lang: lang})), " ")
		if said := want[0][3:]; !strings.Contains(out, said) { // the first word is small there
			t.Errorf("%s: the summary does not say %q:\n%s", lang, said, out)
		}
	}
	r.Effects.FirstDay, r.Effects.SteadyState = &capacity.Interval{P05: 7010, P50: 7450, P95: 7900}, nil
	if page := visible(html(t, r, Options{})); !strings.Contains(page, "7,500") || !strings.Contains(page, ">not determined<") {
		t.Error("the page does not have the capacity of the first day, or shows one for the steady state")
	}
}

func TestEffectsWhereThereAreNone(t *testing.T) {
	r := fixture()
	r.Effects = nil
	page := visible(html(t, r, Options{}))
	if !strings.Contains(page, "neither copy traffic nor fresh accounts") || strings.Contains(page, `href="#effects"`) {
		t.Error("the page does not say why there is nothing to divide, or links to it")
	}
	out := written(t, func(w io.Writer) error { return WriteForecast(w, r, Extra{}) })
	if strings.Contains(out, "effects") || strings.Contains(text(t, r, Options{}), "users/migration") {
		t.Error("effects where there are none")
	}
	r.Effects = &judge.Effects{Why: judge.Say("effects-copy-collinear")}
	for lang, want := range map[string]string{"en": "rose together", "de": "stiegen zusammen"} {
		if page := visible(html(t, r, Options{Lang: lang})); !strings.Contains(page, want) || strings.Contains(page, "figure-effects") {
			t.Errorf("%s: the page does not say why, or shows a chart", lang)
		}
		if out := text(t, r, Options{Lang: lang}); !strings.Contains(out, want) {
			t.Errorf("%s: the summary does not say why:\n%s", lang, out)
		}
	}
}

// TestEffectsInJSON reads the numbers back.
func TestEffectsInJSON(t *testing.T) {
	r := fixture()
	r.Effects.Resources[0].Use = math.NaN()
	var file struct {
		Effects struct {
			Determined bool
			Sentence   string
			From, To   struct{ Users, Seconds float64 }
			Parts      []struct {
				Kind            string
				Value, P05, P95 float64
			}
			Without struct{ P50 float64 } `json:"capacity_without_copy"`
			Steady  *struct{}             `json:"capacity_steady_state"`
		}
	}
	if err := json.Unmarshal([]byte(written(t, func(w io.Writer) error { return WriteForecast(w, r, Extra{}) })), &file); err != nil {
		t.Fatal(err)
	}
	e := file.Effects
	var sum float64
	for _, p := range e.Parts {
		sum += p.Value
	}
	if !e.Determined || e.From.Users != 1500 || e.To.Seconds != 0.604 || e.Without.P50 != 10420 || e.Steady != nil || e.Parts[1].P95 != 0.046 ||
		math.Abs(sum-0.148) > 1e-9 || !regexp.MustCompile(`^of the 150ms .* 110ms \(90ms to 120ms\)`).MatchString(e.Sentence) {
		t.Errorf("JSON says %+v", e)
	}
}
