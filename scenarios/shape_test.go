package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shapes is a scenario whose load, persona, situations and wave a test fills in.
const shapes = `
name: shapes
targets: {web: {url: "http://127.0.0.1:1/"}}
accounts: {pattern: "u{n}@example.test", count: 9000, password: {env: P}}
activity: {browser: 50%, source: test}
personas:
  - {name: browser, journey: j}
  - {name: other, journey: once, OTHER}
journeys:
  j: [{repeat: {for: session}, steps: [{do: web.list, think: 1s}]}]
  once: [{do: web.list}]
  paced: [{every: 10m, steps: [{do: web.list}]}]
environment: {nodes: {web: 2}}
wave: {live: 100, copy: {COPY}}
load: {LOAD}
situations: [{name: s, SITUATION}]
`

func shaped(t *testing.T, other, copy, load, situation string) (*Scenario, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"good.csv": "\ufeffminute,note,count\r\n480,a,30\r\n481,,0\r\n", "gap.csv": "minute,count\n1,1\n3,1\n", "negative.csv": "minute,count\n0,-1\n",
		"text.csv": "minute,count\n08:00,1\n", "none.csv": "minute,n\n1,1\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pick := func(value, otherwise string) string {
		if value == "" {
			return otherwise
		}
		return value
	}
	src := strings.NewReplacer("OTHER", pick(other, "count: 1"), "COPY", copy, "LOAD", pick(load, "stages: {users: [10], hold: 1m}"),
		"SITUATION", pick(situation, "logins: 10%, within: 1m")).Replace(shapes)
	return Parse(filepath.Join(dir, "shapes.yaml"), []byte(src), Options{SkipSecrets: true})
}

// What makes no sense of arrivals, shapes, blackouts, passes and played situations is refused where it stands.
func TestShapesRefused(t *testing.T) {
	for _, c := range []struct{ other, copy, load, situation, want string }{
		{other: "arrivals: {}", want: "8:44: the arrivals have no rate"},
		{other: "arrivals: {per_second: 1, per_hour: 2}", want: "8:60: per_second and per_hour exclude each other"},
		{other: "arrivals: {per_second: 0}", want: "8:57: per_second must be above 0"},
		{other: "arrivals: {per_second: -1}", want: "8:57: per_second must be above 0"},
		{other: "arrivals: {per_second: 1e9}", want: "8:57: per_second is 1e+09 arrivals a second: at most 100000"},
		{other: "arrivals: {per_second: .nan}", want: "8:57: expected a number, got NaN"},
		{other: "arrivals: {per_second: 1, to: 0}", want: "8:64: to must be above 0"},
		{other: "arrivals: {csv: good.csv, to: 3}", want: "8:60: recorded arrivals have no rate to rise to"},
		{other: "arrivals: {per_second: 1, spacing: evn}", want: `8:69: unknown spacing "evn"`},
		{other: "arrivals: {per_second: 1, most: 0}", want: "8:66: most must be from 1 to 1000000"},
		{other: "arrivals: {per_second: 1}, count: 3", want: `8:61: persona "other" has both a count and arrivals`},
		{other: "arrivals: {per_second: 1}, copy: true", copy: "concurrency: 1", want: `8:61: persona "other" has arrivals, but copy traffic has none`},
		{other: "arrivals: {per_second: 1}, fresh: j", want: "8:61: who arrives plays one journey once"},
		{other: "arrivals: {csv: gap.csv}", want: "gap.csv:3:1: minute 3 follows 1"},
		{other: "arrivals: {csv: negative.csv}", want: `negative.csv:2:3: count must be a whole number from 0 to 6000000, got "-1"`},
		{other: "arrivals: {csv: text.csv}", want: `text.csv:2:1: minute must be a whole number from 0, got "08:00"`},
		{other: "arrivals: {csv: none.csv}", want: `none.csv:1:1: column "count" is missing`},
		{other: "arrivals: {csv: nowhere.csv}", want: "8:50: reading arrivals"},
		{other: "arrivals: {per_second: 1, to: 2}", load: "order: adaptive, stages: {from: 10, to: 20, hold: 1m}", want: "8:60: the end of an adaptive run is not known"},

		{load: "day: {peak: 10}", want: "15:13: hours or shape is missing"},
		{load: "day: {peak: 10, shape: offce}", want: `15:31: unknown shape "offce"`},
		{load: "day: {peak: 10, shape: office, hours: {1: 10%}}", want: "hours and shape exclude each other"},
		{load: "day: {peak: 0, shape: office}", want: "peak must be above 0"},
		{load: "day: {peak: 10, hours: {24: 10%}}", want: `15:32: "24" is no hour of the day`},
		{load: "day: {peak: 10, hours: {08: 10%}}", want: `15:32: "08" is no hour of the day`},
		{load: "day: {peak: 10, hours: {8: 0}}", want: "an hour without users"},
		{load: "day: {peak: 10, hours: {8: 120%}}", want: "120 % is no share"},
		{load: "day: {peak: 10, hours: [8]}", want: "expected a mapping of hours to shares"},
		{load: "day: {peak: 10, shape: office, hour: 1s}", want: "an hour must take at least 12s"},
		{load: "day: {peak: 10, shape: office}, stages: {users: [1], hold: 1m}", want: "day and stages exclude each other"},
		{load: "day: {peak: 10, shape: office}, order: randomised", want: "with day, the stages keep the order of time"},
		{load: "day: {peak: 10, shape: office}, replicate: 100", want: "replicate must be at least 1, and at most 1000 stages result"},
		{load: "soak: {users: 0, for: 1h}", want: "users of the soak must be above 0"},
		{load: "soak: {users: 1}", want: "for must be above 0"},
		{load: "soak: {users: 1, for: 1h, cut: 2h}", want: "a stage cannot be longer than the soak"},
		{load: "soak: {users: 1, for: 7d, cut: 1m}", want: "these would be 10080 stages"},
		{load: "soak: {users: 1, for: 10s}", want: "a stage would last 1s"},
		{load: "soak: {users: 1, for: 1h}, replicate: 2", want: "a soak is one load"},
		{load: "replicate: 0, stages: {users: [1], hold: 1m}", want: "replicate must be at least 1"},
		{load: "replicate: 2, order: adaptive, stages: {from: 10, to: 20, hold: 1m}", want: "adaptive stages are chosen during the run; they cannot be replicated"},
		{load: "arrive: togther, stages: {users: [1], hold: 1m}", want: `unknown arrive "togther"`},
		{load: "arrive: together, stages: {users: [1], ramp: 3s, hold: 1m}", want: "users who arrive together need no ramp"},
		{load: `blackout: ["22-6"], stages: {users: [1], hold: 1m}`, want: `15:19: "22-6" is neither hours of the day nor a date`},
		{load: `blackout: ["25:00-26:00"], stages: {users: [1], hold: 1m}`, want: "is neither hours"},
		{load: `blackout: ["06:00-06:00"], stages: {users: [1], hold: 1m}`, want: "is neither hours"},
		{load: `blackout: [2026-02-30], stages: {users: [1], hold: 1m}`, want: "is neither hours"},
		{load: `blackout: ["00:00-24:00"], stages: {users: [1], hold: 1m}`, want: "blackout 1 leaves no time of the day"},
		{load: `blackout: ["06:00-18:00", "17:00-07:00"], stages: {users: [1], hold: 1m}`, want: "the blackouts leave no time of the day"},

		{situation: "at: 0, logins: 10%, within: 1m", want: "at must be above 0"},
		{situation: "hold: 1m, logins: 10%, within: 1m", want: "hold belongs to a situation that is played"},
		{situation: "at: 10, together: true, less: {web: 1}", want: "together makes no sense without logins"},
		{situation: "at: 10, logins: 10%", want: "logins need a time within which they happen"},
		{situation: "at: 10, copy: late", want: `unknown copy pass "late"`},
		{situation: "at: 10, copy: deferred", want: "no persona does the deferred copy pass"},
		{situation: "at: 10", want: "the situation changes nothing"},

		{other: "copy: defered", want: `8:40: unknown copy pass "defered"`},
		{other: "copy: 3", want: "expected true, core or deferred"},
		{other: "copy: deferred", want: "wave.copy.concurrency is not above 0"},
		{copy: "core: {days: 0}", want: "days of the core pass must be above 0"},
		{copy: "deferred: {at: noon}", want: `"noon" is no time of the day`},
		{copy: "deferred: {concurrency: 3}", want: "the deferred pass has nobody who copies"},
	} {
		_, err := shaped(t, c.other, c.copy, c.load, c.situation)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
	for _, journey := range []string{"journey: j", "journey: paced"} {
		src := strings.NewReplacer("journey: once, OTHER", journey+", arrivals: {per_second: 1}", "COPY", "", "LOAD", "stages: {users: [10], hold: 1m}",
			"SITUATION", "logins: 10%, within: 1m").Replace(shapes)
		if _, err := Parse("x.yaml", []byte(src), Options{SkipSecrets: true}); err == nil || !strings.Contains(err.Error(), "never ends") {
			t.Errorf("%s: got %v", journey, err)
		}
	}
}

func TestShapesAccepted(t *testing.T) {
	s, err := shaped(t, "arrivals: {csv: good.csv}", "core: {days: 7}", `blackout: ["22:00-06:00", 2026-12-24], stages: {users: [10], hold: 1m}`, "at: 10, less: {web: 1}")
	if err != nil {
		t.Fatal(err)
	}
	if a := s.Personas[1].Arrivals; fmt.Sprint(a.Counts) != "[30 0]" || a.Most != 10_000 || a.Spacing != Poisson {
		t.Errorf("arrivals %+v", a)
	}
	if b := s.Load.Blackout; b[0].String() != "22:00-06:00" || b[1].String() != "2026-12-24" {
		t.Errorf("blackouts %v", b)
	}
	if s, err = shaped(t, "arrivals: {per_year: 20_500_000, to: 41_000_000}", "", "", ""); err != nil {
		t.Fatal(err)
	}
	if from, to := s.Personas[1].Arrivals.Rates(); fmt.Sprintf("%.4f %.4f", from, to) != "2.2778 4.5556" {
		t.Errorf("20.5 million a year are %v to %v a second", from, to)
	}
	if s, err = shaped(t, "copy: deferred", "concurrency: 4, rate: 8, deferred: {at: \"22:00-05:00\", concurrency: 9}", "", "at: 10, copy: deferred"); err != nil {
		t.Fatal(err)
	}
	if n, rate := s.Wave.Copy.Of(DeferredPass); n != 9 || rate != 8 {
		t.Errorf("the deferred pass has %d users and %v/s", n, rate)
	}
}

// Blackouts hold on the clock of the machine: over midnight, over each other, on the days on which the clocks are changed.
func TestBlackouts(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	const form = "2006-01-02 15:04"
	for _, c := range []struct{ blackouts, now, until, next string }{
		{`"22:00-06:00"`, "2026-03-02 21:59", "", "2026-03-02 22:00"},
		{`"22:00-06:00"`, "2026-03-02 22:00", "2026-03-03 06:00", "2026-03-03 22:00"},
		{`"22:00-06:00"`, "2026-03-02 05:59", "2026-03-02 06:00", "2026-03-02 22:00"},
		{`"22:00-06:00"`, "2026-03-02 06:00", "", "2026-03-02 22:00"},
		{`"22:00-06:00"`, "2026-03-29 01:00", "2026-03-29 06:00", "2026-03-29 22:00"}, // an hour shorter
		{`"22:00-06:00"`, "2026-10-25 01:00", "2026-10-25 06:00", "2026-10-25 22:00"}, // an hour longer
		{`"12:00-13:00"`, "2026-12-31 13:00", "", "2027-01-01 12:00"},
		{`"18:00-24:00"`, "2026-12-31 23:00", "2027-01-01 00:00", "2027-01-01 18:00"},
		{`"22:00-06:00", "2026-12-24", "2026-12-25"`, "2026-12-24 12:00", "2026-12-26 06:00", "2026-12-24 22:00"},
		{`"22:00-06:00", "06:00-07:00"`, "2026-03-02 23:00", "2026-03-03 07:00", "2026-03-03 06:00"},
		{`"2026-12-24"`, "2026-12-23 23:59", "", "2026-12-24 00:00"},
		{`"2026-12-24"`, "2026-12-25 00:00", "", ""},
	} {
		s, err := shaped(t, "", "", "blackout: ["+c.blackouts+"], stages: {users: [10], hold: 1m}", "")
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.ParseInLocation(form, c.now, berlin)
		if err != nil {
			t.Fatal(err)
		}
		until, next := "", ""
		if at, is := s.Load.Silent(now); is {
			until = at.Format(form)
		}
		if at, ok := s.Load.NextSilence(now); ok {
			next = at.Format(form)
		}
		if until != c.until || next != c.next {
			t.Errorf("%s at %s: silent until %q, next at %q, want %q and %q", c.blackouts, c.now, until, next, c.until, c.next)
		}
	}
}

// Days or older of a copying step follow from its pass where the step says neither.
func TestPassLimitsCopying(t *testing.T) {
	c := &Copy{Core: &CoreCopy{Days: 7}}
	type of struct {
		Days  int `yaml:"days"`
		Older int `yaml:"older"`
	}
	type params struct {
		Of   of     `yaml:",inline"`
		Into string `yaml:"into"`
	}
	for _, x := range []struct {
		pass     Pass
		in, want of
	}{{CorePass, of{}, of{7, 0}}, {DeferredPass, of{}, of{0, 7}}, {NoPass, of{}, of{}}, {CorePass, of{3, 0}, of{3, 0}}, {CorePass, of{0, 9}, of{0, 9}}} {
		p := params{Of: x.in}
		c.Limit(x.pass, &p)
		if p.Of != x.want {
			t.Errorf("pass %q of %+v is %+v", x.pass, x.in, p.Of)
		}
	}
	c.Limit(CorePass, &struct {
		Days string `yaml:"days"`
	}{})
	c.Limit(CorePass, 3)
	(&Copy{}).Limit(CorePass, &params{})
}

// FuzzCounts: whatever the file, the answer is a list of counts that can be used, or an error with a place in it.
func FuzzCounts(f *testing.F) {
	for _, seed := range []string{"minute,count\n0,1\n1,2\n", "\ufeffminute;count\n", "minute,count\n9,9999999999999999999\n", "minute,count\n1,1\n1,1\n", "\"minute\",count\r\n0,\r\n", "minute,count\n-1,0\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		tab, err := parseTable("x.csv", raw, countColumns(), false)
		if err != nil {
			return
		}
		list, errs := tab.counts()
		for _, p := range errs.Problems {
			if p.Line < 1 || p.Column < 1 || p.Text == "" {
				t.Errorf("problem without a place: %+v", p)
			}
		}
		for _, n := range list {
			if n < 0 || float64(n) > mostAtMinute {
				t.Errorf("a count of %d", n)
			}
		}
	})
}

// FuzzHours: what is read as hours of the day lies in a day, and reads the same when written.
func FuzzHours(f *testing.F) {
	for _, seed := range []string{"22:00-06:00", "0:00-24:00", "24:00-01:00", "12:60-13:00", "–", "1:1-2:2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		from, to, ok := hours(text)
		if !ok {
			return
		}
		b := Blackout{From: from, To: to}
		if x, y, again := hours(b.String()); !again || x != from || y != to || from < 0 || from >= 24*60 || to < 0 || to > 24*60 {
			t.Errorf("%q is %d to %d, written %s", text, from, to, &b)
		}
	})
}
