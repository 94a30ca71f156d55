package reports

import (
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"pegel/internal/capacity"
	"pegel/internal/diagnosis"
	"pegel/internal/judge"
)

var verb = regexp.MustCompile(`%(\[\d\])?s`)

// example is a message of a table with values that can be found again.
func example(code string) judge.Message {
	var values []any
	for range verb.FindAllString(patterns()[code], -1) {
		values = append(values, "value"+string(rune('A'+len(values))))
	}
	return judge.Message{Code: code, Format: patterns()[code], Args: values}
}

// patterns are the English sentences of judging and of diagnosis.
func patterns() map[string]string {
	all := judge.Sentences()
	maps.Copy(all, diagnosis.Sentences())
	return all
}

func TestEveryMessageHasGerman(t *testing.T) {
	_, de := both(t)
	notation := map[string]bool{"objective": true, "held-back": true, "effects-list": true} // no words
	for code, english := range patterns() {
		pattern, ok := de.messages[code]
		if !ok {
			t.Errorf("German has no message %q: %s", code, english)
			continue
		}
		if pattern == english && !notation[code] {
			t.Errorf("%s: German is English: %s", code, english)
		}
		m := example(code)
		said := de.say(m)
		if strings.Contains(said, "%!") || len(m.Args) > 0 && strings.Contains(said, "%%") {
			t.Errorf("%s: %s", code, said)
		}
		for _, v := range m.Args {
			if strings.Count(said, v.(string)) != 1 {
				t.Errorf("%s: German has %v %d times: %s", code, v, strings.Count(said, v.(string)), said)
			}
		}
	}
	for code := range de.messages {
		if patterns()[code] == "" {
			t.Errorf("nobody says %q", code)
		}
	}
}

// everywhere puts a message into every place of a result that holds one.
func everywhere(m judge.Message) *judge.Result {
	r := full()
	r.Warnings, r.Notes, r.Forecast.Assumptions = []judge.Message{m}, []judge.Message{m}, []judge.Message{m}
	r.Forecast.Determined, r.Forecast.Why, r.Generator.Why, r.Ended = false, m, m, m
	r.Effects = &judge.Effects{Why: m}
	for i := range r.Stages {
		r.Stages[i].Valid, r.Stages[i].Why = false, m
	}
	f := &r.Forecast
	for i := range f.Batches {
		f.Batches[i].Why, f.WhatIf.Batches[i].Why = m, judge.Say("held-back", f.WhatIf.Batches[i].Why, m)
	}
	for i := range f.Situations {
		f.Situations[i].Determined, f.Situations[i].Why = false, m
		f.WhatIf.Situations[i].Determined, f.WhatIf.Situations[i].Why = false, m
	}
	f.Plan.Summary, f.Plan.Measure.Why, f.Target.Why, f.WhatIf.After.Why = m, m, m, m
	f.Plan.Measure.Enough, f.WhatIf.After.Determined = false, false
	for i := range r.Objectives {
		r.Objectives[i].Text, r.Objectives[i].Broken = m, true
	}
	return r
}

// TestGermanShowsNoEnglishMessage looks for the words of a message wherever a report for people may show them.
func TestGermanShowsNoEnglishMessage(t *testing.T) {
	for _, code := range []string{"unseen-bottleneck-suspected", "no-counters", "objective-window"} {
		m := example(code)
		r := everywhere(m)
		parts := verb.Split(m.Format, -1)
		for name, shown := range map[string]string{"page": html(t, r, Options{Lang: "de"}), "summary": text(t, r, Options{Lang: "de"})} {
			shown = strings.Join(strings.Fields(visible(shown)), " ")
			for _, english := range parts {
				if len(english) > 4 && strings.Contains(shown, strings.TrimSpace(english)) {
					t.Errorf("the German %s shows %q of %s", name, english, code)
				}
			}
		}
	}
}

func TestMessagesUseTheReportsNumbers(t *testing.T) {
	en, de := both(t)
	users := judge.Say("users-expected", 7448.3, capacity.Interval{P05: 8310, P50: 8937.4, P95: 9488})
	broke := judge.Say("unseen-bottleneck", judge.Say("broke-unexplained",
		capacity.Objective{Name: "web.* p95 < 1.5s", Quantile: 0.95, Limit: 1.5}, "web.list", 7500.0))
	errors := judge.Say("objective-errors", capacity.Share(0.005))
	window := judge.Say("objective-window", "imap.*", "99", 2500*time.Millisecond, time.Minute)
	aborted := judge.Say("ended-aborted", judge.Say("abort-errors", capacity.Share(0.05), 30*time.Second))
	for _, c := range []struct{ got, want string }{
		{users.String(), "7448 active users expected after it, capacity 8937 (8310–9488)"},
		{en.say(users), "7,450 active users expected after it, capacity 8,900 (8,300–9,500)"},
		{de.say(users), "danach werden 7.450 aktive Nutzer erwartet, Kapazität 8.900 (8.300–9.500)"},
		{broke.String(), "web.* p95 < 1.5s of web.list broke at 7500 active users, which the counters do not explain: something that is not observed gives way first"},
		{de.say(broke), "„p95 < 1,5 s“ von web.list brach bei 7.500 aktiven Nutzern, was die Zähler nicht erklären: Etwas, das nicht beobachtet wird, gibt zuerst nach"},
		{errors.String(), "errors < 0.5 %"}, {en.say(errors), "errors < 0.5 %"}, {de.say(errors), "Fehler < 0,5 %"},
		{window.String(), "imap.* p99 < 2.5s in any 1m"}, {de.say(window), "imap.* p99 < 2,5 s in jedem Fenster von 60 s"},
		{en.say(aborted), "aborted: error share was above 5 % for 30 s"}, {de.say(aborted), "abgebrochen: der Anteil der Fehler lag 30 s lang über 5 %"},
		{de.say(judge.Say("far-extrapolation", 2.34)), "die Prognose liegt beim 2,34-Fachen der höchsten gemessenen Last; jenseits des 2,2-Fachen ist sie kaum mehr als geraten"},
		{de.say(judge.Say("ended-cut-off")), "abgeschnitten: Das Archiv hat kein Ende"}, {en.say(judge.Say("ended-interrupted")), "interrupted"},
		{de.say(judge.Quote("90 % of %s")), "90 % of %s"}, {de.say(judge.Message{}), ""},
		{de.resource(capacity.Unobserved), "eine unbeobachtete Warteschlange"}, {de.resource("db.pool"), "db.pool"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
	if r := de.remark(judge.Quote("words")); r.Lang != "en" {
		t.Errorf("words of the run pass for %s", r.Lang)
	}
	if r := de.remark(judge.Say("no-counters")); r.Lang != "de" {
		t.Errorf("a German sentence passes for %s", r.Lang)
	}
}
