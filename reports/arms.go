package reports

import (
	"strings"
	"time"

	"pegel/internal/judge"
	"pegel/scenarios"
)

// armed is the section on an experiment that discriminates.
type armed struct {
	Title   *remark
	Caption string
	Table   table
	Errors  table
}

// armName is what an arm is called.
func (l *language) armName(arm string) string {
	if group, ok := strings.CutPrefix(arm, scenarios.GroupArm); ok {
		return l.t("arm.group", group)
	}
	return l.either("arm.", arm)
}

func (b *builder) arms() armed {
	x := b.r.Arms
	if x == nil {
		return armed{}
	}
	s := armed{Title: b.remark(x.Sentence), Caption: b.t("arms.caption", b.either("arms.", x.Experiment))}
	s.Title.Text = capital(s.Title.Text)
	s.Table.Head = []cell{number(b.t("col.users")), words(b.t("col.arm")), words(b.t("col.action")), number(b.t("col.count")), number("p50"),
		number("p95"), number(b.t("col.difference")), number(b.t("col.interval90"))}
	s.Errors.Head = []cell{number(b.t("col.users")), words(b.t("col.arm")), number(b.t("col.stages")), number(b.t("col.count")), number(b.t("col.errors"))}
	for i := range x.Loads {
		l := &x.Loads[i]
		for _, a := range l.Actions {
			row := []cell{name(b.count(l.Users)), {Text: b.armName(l.Arm), Run: true}, words(a.Action), number(b.total(a.Count[0]) + " → " + b.total(a.Count[1])),
				number(b.latency(a.P50[0]) + " → " + b.latency(a.P50[1])), number(b.latency(a.P95[0]) + " → " + b.latency(a.P95[1])),
				number(b.signed(a.D95.Mid)), number(b.signed(a.D95.Low) + " – " + b.signed(a.D95.High))}
			if a.D95.Clear {
				row[6].Class, row[6].Note = "worst", b.t("arms.clear")
			}
			s.Table.Rows = append(s.Table.Rows, row)
		}
		row := []cell{name(b.count(l.Users)), {Text: b.armName(l.Arm), Run: true}, number(b.count(l.Stages[0]) + " / " + b.count(l.Stages[1])),
			number(b.total(l.Done[0]) + " → " + b.total(l.Done[1])), number(b.percent(failedOf(l, 0)) + " → " + b.percent(failedOf(l, 1)))}
		if l.Errors {
			row[4].Class, row[4].Note = "worst", b.t("arms.clear")
		}
		s.Errors.Rows = append(s.Errors.Rows, row)
	}
	return s
}

func failedOf(l *judge.ArmLoad, side int) float64 {
	return float64(l.Failed[side]) / float64(max(l.Done[side], 1))
}

// signed is a difference of times.
func (l *language) signed(d time.Duration) string {
	switch {
	case d > 0:
		return "+" + l.latency(d)
	case d < 0:
		return "−" + l.latency(-d)
	}
	return "0 ms"
}

// shownArms is how many rows of a load the summary has.
const shownArms = 6

// textArms says what the experiment settles, with the actions that were compared at each load.
func (l *language) textArms(b *strings.Builder, r *judge.Result) {
	x := r.Arms
	if x == nil {
		return
	}
	b.WriteString("\n" + l.t("text.arms", l.either("arms.", x.Experiment)) + "\n")
	b.WriteString(wrap("  ", capital(l.say(x.Sentence))+"."))
	if len(x.Loads) == 0 {
		return
	}
	rows := [][]string{{l.t("col.users"), l.t("col.arm"), l.t("col.action"), "p95", l.t("col.difference"), "", l.t("col.errors")}}
	for i := range x.Loads {
		one := &x.Loads[i]
		failed := l.percent(failedOf(one, 0)) + " → " + l.percent(failedOf(one, 1))
		for k, a := range one.Actions {
			if k == shownArms {
				break
			}
			note := ""
			if a.D95.Clear {
				note = "✗"
			}
			rows = append(rows, []string{l.count(one.Users), l.armName(one.Arm), a.Action,
				l.latency(a.P95[0]) + " → " + l.latency(a.P95[1]), l.signed(a.D95.Low) + " – " + l.signed(a.D95.High), note, failed})
			failed = ""
		}
	}
	b.WriteString(aligned(rows, 0, 3, 4, 6))
}

// armsFile is the part of forecast.json on an experiment. Times are in seconds; pairs are as it is and changed.
type armsFile struct {
	Experiment string        `json:"experiment"`
	Found      judge.Finding `json:"in_the_way"` // yes, no or unknown
	Sentence   warningFile   `json:"sentence"`
	About      []string      `json:"about"` // causes that the experiment speaks for or against
	Loads      []armLoadFile `json:"loads"`
}

type armLoadFile struct {
	Users   int             `json:"users"`
	Arm     string          `json:"arm"`
	Stages  [2]int          `json:"stages"`
	Done    [2]uint64       `json:"done"`
	Failed  [2]uint64       `json:"failed"`
	Errors  bool            `json:"errors_differ"`
	Actions []armActionFile `json:"actions"`
}

type armActionFile struct {
	Action string         `json:"action"`
	Count  [2]uint64      `json:"count"`
	P50    [2]float64     `json:"p50"`
	P95    [2]float64     `json:"p95"`
	D50    differenceFile `json:"p50_difference"`
	D95    differenceFile `json:"p95_difference"`
}

type differenceFile struct {
	P05   float64 `json:"p05"`
	P50   float64 `json:"p50"`
	P95   float64 `json:"p95"`
	Clear bool    `json:"clear"`
}

// about are the causes that an experiment tells from others.
func about(experiment string) []string {
	switch experiment {
	case scenarios.Bypass:
		return []string{"slots", "uneven-backends", "uneven-sources", "session-hop", "listen"}
	case scenarios.BySource:
		return []string{"uneven-sources", "rate-limit"}
	case scenarios.OneGroup:
		return []string{"hot-shard"}
	}
	return []string{"copy"}
}

func armsOf(x *judge.Arms) *armsFile {
	if x == nil {
		return nil
	}
	f := &armsFile{Experiment: x.Experiment, Found: x.Found, Sentence: *messageOf(x.Sentence), About: about(x.Experiment), Loads: []armLoadFile{}}
	pair := func(d [2]time.Duration) [2]float64 { return [2]float64{micro(d[0].Seconds()), micro(d[1].Seconds())} }
	difference := func(d judge.Difference) differenceFile {
		return differenceFile{micro(d.Low.Seconds()), micro(d.Mid.Seconds()), micro(d.High.Seconds()), d.Clear}
	}
	for i := range x.Loads {
		l := &x.Loads[i]
		one := armLoadFile{Users: l.Users, Arm: l.Arm, Stages: l.Stages, Done: l.Done, Failed: l.Failed, Errors: l.Errors, Actions: []armActionFile{}}
		for _, a := range l.Actions {
			one.Actions = append(one.Actions, armActionFile{a.Action, a.Count, pair(a.P50), pair(a.P95), difference(a.D50), difference(a.D95)})
		}
		f.Loads = append(f.Loads, one)
	}
	return f
}
