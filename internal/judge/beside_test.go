package judge

import (
	"testing"
	"time"

	"pegel/internal/archive"
)

// What stands side by side is from one stage: the highest valid load at which an action was done in both ways.
func TestBesideIsOfOneStage(t *testing.T) {
	stats := func(action string, n uint64, p50 time.Duration) ActionStats {
		return ActionStats{Action: action, Count: n, P50: p50, P95: 2 * p50, Phases: []PhaseStats{{Phase: "shown", P50: p50 / 2, P95: p50}}}
	}
	stage := func(users int, valid bool, actions ...ActionStats) StageResult {
		return StageResult{Stage: archive.Stage{Users: users}, Valid: valid, Actions: actions}
	}
	stages := []StageResult{
		stage(100, true, stats("browser.read", 5, time.Second), stats("web.read", 50, 10*time.Millisecond)),
		stage(200, true, stats("browser.connect", 1, time.Second), stats("web.connect", 1, time.Second), stats("browser.read", 6, 2*time.Second), stats("web.read", 60, 20*time.Millisecond), stats("web.list", 9, time.Second)),
		stage(300, true, stats("web.read", 70, 30*time.Millisecond)),
		stage(400, false, stats("browser.read", 8, 4*time.Second), stats("web.read", 80, 40*time.Millisecond)),
	}
	view := BrowserView{Actions: []BrowserAction{{Name: "a.read", Verb: "read", Count: 10, Requests: 40, LargestPaintP75: 1}, {Name: "b.read", Verb: "read", Count: 10, Requests: 20, LargestPaintP75: 2}}}
	light := map[string]*sending{}
	for name, value := range map[string]float64{"http_actions": 100, "http_requests": 250} {
		for _, target := range []string{"one.read", "two.read"} {
			at := lightly(light, target, name)
			if at == nil {
				t.Fatalf("%s is about nothing", name)
			}
			*at += value
		}
	}
	if lightly(light, "one.read", "requests") != nil {
		t.Error("what browsers have sent counts as sent at HTTP level")
	}
	view.beside(stages, light)
	if view.Users != 200 || len(view.Beside) != 1 {
		t.Fatalf("%d actions of the stage of %d users, want one of 200: %+v", len(view.Beside), view.Users, view.Beside)
	}
	want := Beside{Verb: "read", Web: Timed{Count: 60, P50: 20 * time.Millisecond, P95: 40 * time.Millisecond}, Browser: Timed{Count: 6, P50: 2 * time.Second, P95: 4 * time.Second},
		ShownP50: time.Second, ShownP95: 2 * time.Second, LargestPaintP75: 2, WebRequests: 2.5, BrowserRequests: 3}
	if got := view.Beside[0]; got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	alone := BrowserView{}
	alone.beside(stages[2:3], light)
	if alone.Beside != nil {
		t.Errorf("what was done in one way only: %+v", alone.Beside)
	}
}
