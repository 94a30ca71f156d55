package reports

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"pegel/internal/judge"
	"pegel/scenarios"
)

// experimented is the fixture with an experiment around the balancer at two loads, and one of a group.
func experimented() *judge.Result {
	r := fixture()
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	action := func(name string, was, is int, clear bool) judge.ArmAction {
		return judge.ArmAction{Action: name, Count: [2]uint64{420, 433}, P50: [2]time.Duration{ms(was / 2), ms(is / 2)}, P95: [2]time.Duration{ms(was), ms(is)},
			D95: judge.Difference{Low: ms(is - was - 40), Mid: ms(is - was), High: ms(is - was + 40), Clear: clear}}
	}
	r.Arms = &judge.Arms{Experiment: scenarios.Bypass, Found: judge.InTheWay,
		Sentence: judge.Say("experiment-bypass-faster", "web.list", ms(1420), ms(380), 7500, ms(1000), ms(1080)),
		Loads: []judge.ArmLoad{
			{Users: 4500, Arm: scenarios.AroundArm, Stages: [2]int{1, 1}, Done: [2]uint64{900, 910}, Actions: []judge.ArmAction{action("web.list", 420, 400, false)}},
			{Users: 7500, Arm: scenarios.AroundArm, Stages: [2]int{1, 1}, Done: [2]uint64{1500, 1500}, Failed: [2]uint64{60, 0}, Errors: true,
				Actions: []judge.ArmAction{action("imap.fetch", 210, 212, false), action("web.list", 1420, 380, true)}},
			{Users: 7500, Arm: scenarios.GroupArm + "<b>tax</b>", Stages: [2]int{1, 1}, Done: [2]uint64{900, 910}, Actions: []judge.ArmAction{action("web.list", 420, 400, false)}},
		}}
	return r
}

func TestExperimentIsShown(t *testing.T) {
	page := html(t, experimented(), Options{})
	for _, want := range []string{`id="experiment"`, `href="#experiment"`, "Around the balancer web.list p95 falls from 1.42", "420 → 433", "1.42 s → 380 ms", "−1.04 s", "clear", "4.0 % → 0 %", "&lt;b&gt;tax"} {
		if !strings.Contains(page, want) {
			t.Errorf("the report has no %q", want)
		}
	}
	if strings.Contains(page, "<b>tax") {
		t.Error("a group's name became markup")
	}
	german := visible(html(t, experimented(), Options{Lang: "de"}))
	for _, want := range []string{"Was klärt der Versuch?", "der Balancer steht im Weg", "am Balancer vorbei"} {
		if !strings.Contains(german, want) {
			t.Errorf("the German report has no %q", want)
		}
	}
	summary := text(t, experimented(), Options{})
	for _, want := range []string{"Experiment: around the balancer", "the balancer is in the way", "1.42 s → 380 ms", "✗"} {
		if !strings.Contains(summary, want) {
			t.Errorf("the summary has no %q:\n%s", want, summary)
		}
	}
	var file struct {
		Experiment *armsFile `json:"experiment"`
	}
	out := written(t, func(w io.Writer) error { return WriteForecast(w, experimented(), Extra{}) })
	if err := json.Unmarshal([]byte(out), &file); err != nil {
		t.Fatal(err)
	}
	x := file.Experiment
	if x == nil || x.Experiment != "bypass" || x.Found != judge.InTheWay || len(x.About) == 0 || len(x.Loads) != 3 || x.Loads[1].Actions[1].P95 != [2]float64{1.42, 0.38} || !x.Loads[1].Actions[1].D95.Clear {
		t.Errorf("JSON: %+v", x)
	}
	for _, plain := range []string{html(t, fixture(), Options{}), text(t, fixture(), Options{})} {
		if strings.Contains(plain, "settle?") || strings.Contains(plain, "Experiment:") {
			t.Error("a run without an experiment shows one")
		}
	}
}
