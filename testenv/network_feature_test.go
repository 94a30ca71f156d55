package testenv

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// visitAs is visit for an account.
func (b *bench) visitAs(account int, t *testing.T, name string, at time.Duration, operation string) {
	b.wg.Go(func() {
		time.Sleep(at)
		err := b.Visit(t.Context(), operation, account)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.ends[name], b.errs[name] = time.Since(b.start), err
	})
}

func keeping(slots int, keep time.Duration) Definition {
	return Definition{
		Resources:  []Resource{{Name: "slots", Limit: slots}},
		Operations: map[string][]Step{"op": {{Use: "slots", For: Service{Mean: 10 * ms}, Keep: keep}}},
	}
}

func TestKeptUnit(t *testing.T) {
	inBubble(t, keeping(2, 100*ms), func(t *testing.T, b *bench) {
		b.visitAs(0, t, "first", 0, "op")        // keeps its unit until 110
		b.visitAs(1, t, "other", 0, "op")        // keeps its own until 110
		b.visitAs(2, t, "waiter", 20*ms, "op")   // gets other's at 110 and keeps it until 220
		b.visitAs(0, t, "again", 50*ms, "op")    // does not wait; kept until 160
		b.visitAs(3, t, "last", 30*ms, "op")     // gets first's at 160
		b.visitAs(2, t, "much later", 1e9, "op") // a unit of its own again
		time.Sleep(80 * ms)
		if s := b.resource("slots"); s.InUse != 2 || s.Kept != 2 || s.Queue != 2 {
			t.Errorf("at 80 ms: %+v, want both units kept and two visits waiting", s)
		}
		b.wantEnds(t, map[string]time.Duration{
			"first": 10 * ms, "other": 10 * ms, "again": 60 * ms, "waiter": 120 * ms, "last": 170 * ms, "much later": 1010 * ms,
		})
		time.Sleep(time.Second)
		if s := b.resource("slots"); s.InUse != 0 || s.Kept != 0 || s.Served != 6 || !near(s.Busy, 0.160+0.110+0.110+0.110+0.110, 1e-9) {
			t.Errorf("in the end: %+v", s)
		}
	})
}

// An account that visits twice at a time keeps one unit only.
func TestAccountKeepsOneUnit(t *testing.T) {
	inBubble(t, keeping(3, 100*ms), func(t *testing.T, b *bench) {
		b.visitAs(0, t, "one", 0, "op")
		b.visitAs(0, t, "two", 5*ms, "op")
		time.Sleep(50 * ms)
		if s := b.resource("slots"); s.InUse != 1 || s.Kept != 1 {
			t.Errorf("%+v, want one unit kept", s)
		}
		b.wantEnds(t, map[string]time.Duration{"one": 10 * ms, "two": 15 * ms})
	})
}

func TestPauseStretchesWhatIsInService(t *testing.T) {
	d := station(2, 0)
	d.Resources[0].Slow = []Slow{{Every: time.Second, For: 500 * ms}, {Every: 2 * time.Second, For: 600 * ms, Speed: 0.5}}
	d.Operations = map[string][]Step{"op": {{Use: "station", For: Service{Mean: 100 * ms}}}}
	inBubble(t, d, func(t *testing.T, b *bench) {
		b.visit(t.Context(), "before", 0, "op")
		b.visit(t.Context(), "across", 450*ms, "op") // half done at 0.5, paused until 1.0
		b.visit(t.Context(), "in", 700*ms, "op")     // from 1.0
		b.visit(t.Context(), "half", 1380*ms, "op")  // at full speed until 1.4, at half speed until 1.5, paused until 2.0: 20 + 50 + 30
		b.visit(t.Context(), "after", 2100*ms, "op")
		b.wantEnds(t, map[string]time.Duration{"before": 100 * ms, "across": 1050 * ms, "in": 1100 * ms, "half": 2030 * ms, "after": 2200 * ms})
	})
}

func TestMemoryBeyondItsLimitSlows(t *testing.T) {
	d := station(10, 0)
	d.Operations = map[string][]Step{"op": {{Use: "station", For: Service{Mean: 10 * ms}}}, "free": nil}
	d.Resources = append(d.Resources, Resource{Name: "memory", Kind: "memory", Limit: 20, Memory: &Memory{
		Base: 10, PerAccount: 5, TTL: time.Second, Beyond: &Beyond{Speed: 0.25, Slows: []string{"station"}},
	}})
	inBubble(t, d, func(t *testing.T, b *bench) {
		for account := range 3 {
			b.visitAs(account, t, string(rune('a'+account)), time.Duration(account)*100*ms, "op")
		}
		b.visitAs(1, t, "again", 600*ms, "op")  // three accounts still: 25 of 20
		b.visitAs(1, t, "alone", 1400*ms, "op") // of the others none
		time.Sleep(650 * ms)
		if m := b.resource("memory"); m.InUse != 25 || m.Limit != 20 {
			t.Errorf("at 650 ms: %+v", m)
		}
		b.wantEnds(t, map[string]time.Duration{"a": 10 * ms, "b": 110 * ms, "c": 240 * ms, "again": 640 * ms, "alone": 1410 * ms})
		time.Sleep(590 * ms) // 2 s
		// 10 from the beginning and 5 for each account: a for 0–1, b for 0.1–2, c for 0.2–1.2.
		if m := b.resource("memory"); m.InUse != 15 || !near(m.Busy, 20+5*(1+1.9+1), 1e-9) {
			t.Errorf("at 2 s: %+v", m)
		}
	})
}

func TestHiddenResourceIsNotSeen(t *testing.T) {
	d := chain(nil)
	d.Resources[0].Hidden = true
	inBubble(t, d, func(t *testing.T, b *bench) {
		b.visit(t.Context(), "one", 0, "a")
		b.visit(t.Context(), "two", 0, "a")
		b.wantEnds(t, map[string]time.Duration{})
		if b.ends["one"]+b.ends["two"] != 30*ms {
			t.Errorf("ends %v: the hidden resource does not queue", b.ends)
		}
		page := httptest.NewRecorder()
		newMetricsHandler(b.Stats).ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
		text, _ := io.ReadAll(page.Body)
		if strings.Contains(string(text), `resource="a"`) || !strings.Contains(string(text), `pegel_testenv_resource_kept{kind="",resource="b"} 0`) {
			t.Errorf("the metrics page has the hidden resource or lacks another:\n%s", text)
		}
	})
	s := Simulate(d, thinkersOf("ab"), SimOptions{Users: 5, Seed: 1, Horizon: 10 * time.Second})
	if len(s.Resources) != 2 || s.Resources[0].Name != "b" {
		t.Errorf("resources of the simulation: %+v", s.Resources)
	}
}

func thinkersOf(operations ...string) Workload {
	return Workload{User: func(i int) User { return newRandomUser(i, time.Second, operations...) }}
}
